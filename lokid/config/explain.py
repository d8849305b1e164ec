"""pydantic's errors in plain words, with the place in the file. Never with the value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from lokid.config import nodes
from lokid.config.problem import ENVIRONMENT, MOST, Path, Problem, dotted

_MESSAGES = {
    "missing": "is required",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be {expected}",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must look like {pattern}",
    "finite_number": "must be a finite number",
    "union_tag_not_found": "must be a text, {{command: [...]}}, {{file: path}} or {{keyring: [...]}}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
}
"""pydantic's type of error -> what is said, with pydantic's own context."""

_WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "tuple_type": "a list",
    "list_type": "a list",
}
"""pydantic's type of error -> what must stand there instead."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean `x`?``, or nothing."""
    near = get_close_matches(word.lower(), sorted(known), 1, 0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def locate(root: nodes.Node, location: Iterable[str | int]) -> tuple[nodes.Node, Path]:
    """The deepest node that ``location`` leads to, and the way to it. pydantic's locations also name
    branches of unions and keys that are absent: those are passed over."""
    node = root
    way: list[str | int] = []
    for part in location:
        match node:
            case nodes.Mapping(entries=entries) if part in entries:
                node = entries[str(part)].node
                way.append(part)
            case nodes.Sequence(items=items) if isinstance(part, int) and part < len(items):
                node = items[part]
                way.append(part)
    return node, tuple(way)


def explain(
    error: ValidationError,
    root: nodes.Node,
    annotation: Any,
    *,
    path: str,
    base: Path = (),
    elsewhere: Mapping[str, str] = MappingProxyType({}),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> list[Problem]:
    """One problem per error. ``annotation``: the type that was validated, for the keys it knows;
    ``elsewhere``: keys that are known in another place -> a hint that says where; ``variables``: keys
    whose value came from the environment -> the variable."""
    problems: list[Problem] = []
    for detail in error.errors(include_url=False, include_input=False):
        location = detail["loc"]
        node, way = locate(root, location)
        line, column = node.line, node.column
        match detail["type"]:
            case "extra_forbidden":
                key = str(location[-1])
                owner, _ = locate(root, location[:-1])
                if isinstance(owner, nodes.Mapping):
                    line, column = owner.entries[key].line, owner.entries[key].column
                # Nobody is told of more, and the search for a hint takes 0.1 ms.
                hint = _hint(key, _keys(annotation, location[:-1]), elsewhere) if len(problems) < MOST else ""
                message = f"unknown key{hint}"
            case "missing":
                way = (*way, str(location[-1]))
                message = _MESSAGES["missing"]
            case kind if wanted := _WANTED.get(kind):
                message = f"must be {wanted}, and is {_found(node, wanted)}"
            case "value_error":
                message = str(detail["ctx"]["error"])
            case kind:
                message = _MESSAGES.get(kind, "is not valid here").format(**detail.get("ctx", {}))
        if variable := variables.get(str(location[0]) if location else ""):
            problems.append(Problem.of_whole(ENVIRONMENT, message, variable))
        else:
            problems.append(Problem(path, line, column, dotted((*base, *way)), message))
    return problems


def _hint(key: str, known: frozenset[str], elsewhere: Mapping[str, str]) -> str:
    return elsewhere.get(key) or did_you_mean(key, known) or f"; known are {', '.join(sorted(known))}"


def _found(node: nodes.Node, wanted: str) -> str:
    if not isinstance(node, nodes.Scalar) or node.value is None:
        return nodes.kind(node)
    return f"read as {nodes.kind(node)}{'; quote it' if wanted == 'text' else ''}"


def _keys(annotation: Any, location: Iterable[str | int]) -> frozenset[str]:
    """The keys that may stand at ``location`` in a value of type ``annotation``."""
    here = list(_members(annotation))
    for part in location:
        inner = [deeper for member in here for deeper in _inside(member, part)]
        here = inner or here  # no such key: the name of a union's branch
    models = [member for member in here if isinstance(member, type) and issubclass(member, BaseModel)]
    return frozenset(key for model in models for key in model.model_fields)


def _inside(member: Any, part: str | int) -> Iterable[Any]:
    """What a ``member`` holds under the key or index ``part``."""
    if isinstance(member, type) and issubclass(member, BaseModel):
        field = member.model_fields.get(str(part))
        return _members(field.annotation) if field else ()
    if get_origin(member) is dict:
        return _members(get_args(member)[1])
    if get_origin(member) is tuple:
        return _members(get_args(member)[0])
    return ()


def _members(annotation: Any) -> Iterable[Any]:
    """The alternatives of a union, without what annotates them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def textual(annotation: Any) -> bool:
    """Whether a value of this type may be written as one text: a string or a secret."""
    return any(member in (str, SecretStr) for member in _members(annotation))
