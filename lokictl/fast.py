"""The command line of ``ask`` without click, whose import costs four times the start of Python.

``parse`` returns None for everything that it does not fully understand (an unknown option, a value that
is no number, ``--help``): click then parses the same line and says what is wrong. A test holds that
both read every line alike.
"""

from __future__ import annotations

from lokictl.options import ASK, empty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Options = dict[str, tuple[str, str]]
    Values = dict[str, object]

_CONVERT: dict[str, Callable[[str], object]] = {"text": str, "many": str, "whole": int, "number": float}


def parse(arguments: list[str]) -> tuple[dict[str, object], list[str]] | None:
    """What follows ``ask``: the options' values by key, and the words. None: ask click."""
    options = {name: (key, kind) for key, names, kind, _, _ in ASK for name in names}
    values = empty()
    words: list[str] = []
    rest = iter(arguments)
    try:
        for argument in rest:
            if argument == "--":
                words += rest
            elif argument == "-" or not argument.startswith("-"):
                words.append(argument)
            elif argument.startswith("--"):
                name, equals, value = argument.partition("=")
                key, kind = options[name]
                if kind == "flag" and equals:
                    return None
                _set(values, key, kind, value if equals else None, rest)
            else:
                _short(argument, options, values, rest)
    except (KeyError, ValueError, StopIteration):
        return None
    return values, words


def _short(argument: str, options: Options, values: Values, rest: Iterator[str]) -> None:
    """``-c``, ``-cu``, ``-m model``, ``-mmodel``, ``-cm model``."""
    for at in range(1, len(argument)):
        key, kind = options["-" + argument[at]]
        if kind != "flag":
            _set(values, key, kind, argument[at + 1 :] or None, rest)
            return
        values[key] = True


def _set(values: Values, key: str, kind: str, value: str | None, rest: Iterator[str]) -> None:
    if kind == "flag":
        values[key] = True
        return
    converted = _CONVERT[kind](next(rest) if value is None else value)
    if kind == "many":
        before = values[key]
        assert isinstance(before, tuple)
        values[key] = (*before, converted)
    else:
        values[key] = converted
