"""Is this value of that shape? Shapes are the TypedDicts of ``methods``; errors name the place.

Checked: text, whole numbers, numbers (whole ones pass), true and false, bytes, lists, maps, ``Literal``,
``NotRequired``, unions, ``None``. Values are looked at, never changed, and never shown in an error: they
are prompts.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict


class ShapeError(Exception):
    """``place``: where, like ``messages[2].role``; empty for the value itself. ``message``: what is wrong."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.place = place
        self.message = message

    def inside(self, outer: str) -> ShapeError:
        """The same error seen from the map or list around it."""
        dot = "." if self.place and not self.place.startswith("[") else ""
        return ShapeError(f"{outer}{dot}{self.place}", self.message)


def named(params: list[object]) -> dict[str, Any]:
    """``params`` of a message as a map: ``[]`` or ``[map]``; raises ShapeError.

    ``[[]]`` passes too: an empty Lua table travels as an empty array.
    """
    match params:
        case [] | [[]]:
            return {}
        case [dict() as only]:
            return only
        case _:
            raise ShapeError("", "params must be [] or [map]: parameters have names here")


def check(value: object, shape: Any) -> None:
    """Raises ShapeError for the first place where ``value`` is not of ``shape``, a TypedDict or another
    type hint."""
    _apply(_rule(shape), value)


@dataclass(frozen=True, slots=True)
class _Rule:
    """``expects``: for the error. ``admits``: by its outermost type alone; then ``look_inside`` applies."""

    expects: str
    admits: Callable[[object], bool]
    look_inside: Callable[[Any], None] = lambda _: None


_SIMPLE = {
    Any: _Rule("anything", lambda _: True),
    object: _Rule("anything", lambda _: True),
    None: _Rule("nil", lambda value: value is None),
    types.NoneType: _Rule("nil", lambda value: value is None),
    str: _Rule("text", lambda value: isinstance(value, str)),
    bytes: _Rule("binary data", lambda value: isinstance(value, bytes)),
    bool: _Rule("true or false", lambda value: isinstance(value, bool)),
    # True is an int in Python; in MessagePack it is not.
    int: _Rule("a whole number", lambda value: type(value) is int),
    float: _Rule("a number", lambda value: type(value) in (int, float)),
}


@cache  # one entry per type hint in methods.py
def _rule(shape: Any) -> _Rule:
    if shape in _SIMPLE:
        return _SIMPLE[shape]
    if is_typeddict(shape):
        return _typed_dict(shape)
    origin, arguments = get_origin(shape), get_args(shape)
    if origin is Literal:
        return _literal(arguments)
    if origin in (Union, types.UnionType):
        return _union(tuple(_rule(argument) for argument in arguments))
    if origin is list:
        return _list(_rule(arguments[0]))
    if origin is dict:
        return _dict(_rule(arguments[1]))
    raise TypeError(f"shapes knows no rule for {shape!r}")


def _literal(options: tuple[str, ...]) -> _Rule:
    quoted = [f'"{option}"' for option in options]
    expects = quoted[0] if len(quoted) == 1 else f"one of {_either(quoted)}"

    def look_inside(value: str) -> None:
        if value not in options:
            near = get_close_matches(value[:40], options, n=1)
            meant = f', did you mean "{near[0]}"?' if near else ""
            raise ShapeError("", f"must be {expects}{meant}")

    return _Rule(expects, lambda value: isinstance(value, str), look_inside)


def _union(options: tuple[_Rule, ...]) -> _Rule:
    def look_inside(value: object) -> None:
        next(option for option in options if option.admits(value)).look_inside(value)

    return _Rule(
        _either([option.expects for option in options]),
        lambda value: any(option.admits(value) for option in options),
        look_inside,
    )


def _list(item: _Rule) -> _Rule:
    def look_inside(value: list[object]) -> None:
        index = 0
        try:
            for index, entry in enumerate(value):  # noqa: B007  # the error below names it
                _apply(item, entry)
        except ShapeError as error:
            raise error.inside(f"[{index}]") from None

    return _Rule("a list", lambda value: isinstance(value, list), look_inside)


def _dict(item: _Rule) -> _Rule:
    def look_inside(value: dict[object, object]) -> None:
        for key, entry in value.items():
            _look_at(_text(key), entry, item)

    return _Rule("a map", lambda value: isinstance(value, dict), look_inside)


def _typed_dict(shape: type) -> _Rule:
    # With annotations as text __required_keys__ counts NotRequired keys too, so they are read here.
    hints = get_type_hints(shape, include_extras=True)
    optional = {key for key, hint in hints.items() if get_origin(hint) is NotRequired}
    rules = {key: _rule(get_args(hint)[0] if key in optional else hint) for key, hint in hints.items()}
    required = [key for key in rules if key not in optional]

    def look_inside(value: dict[object, object]) -> None:
        for key, entry in value.items():
            name = _text(key)
            if name not in rules:
                raise ShapeError(_shown(name), f"unknown key, {_nearest(name, list(rules))}")
            _look_at(name, entry, rules[name])
        for name in required:
            if name not in value:
                raise ShapeError(name, "is required")

    return _Rule("a map", lambda value: isinstance(value, dict), look_inside)


def _apply(rule: _Rule, value: object) -> None:
    if not rule.admits(value):
        raise ShapeError("", f"must be {rule.expects}, not {_kind(value)}")
    rule.look_inside(value)


def _look_at(key: str, value: object, rule: _Rule) -> None:
    try:
        _apply(rule, value)
    except ShapeError as error:
        raise error.inside(_shown(key)) from None


def _text(key: object) -> str:
    if isinstance(key, str):
        return key
    raise ShapeError("", f"a key must be text, not {_kind(key)}")


def _shown(key: str) -> str:
    """A key in an error: it came from outside, so it is kept short and on one line."""
    return key if key.isidentifier() and len(key) <= 40 else f'"{ascii(key[:40])[1:-1]}"'


def _nearest(name: str, known: list[str]) -> str:
    if close := get_close_matches(name[:40], known, n=1):
        return f'did you mean "{close[0]}"?'
    return f"known are {', '.join(sorted(known))}" if known else "there are no parameters"


def _either(options: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(options[:-1]), options[-1])))


def _kind(value: object) -> str:
    """What a value is, in MessagePack's words."""
    match value:
        case None:
            return "nil"
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number with a fraction"
        case str():
            return "text"
        case bytes():
            return "binary data"
        case []:
            return "an empty list (an empty map in Lua is vim.empty_dict())"
        case list():
            return "a list"
        case _:
            return "a map"
