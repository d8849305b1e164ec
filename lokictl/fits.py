"""Whether an answer is the JSON that ``--schema`` asked for. Providers promise it and some do not keep it: a
limit of tokens cuts it off, a model refuses in words, a small one writes a fence around it.

Strategy: of JSON Schema what holds shapes together (``type``, ``enum``, ``const``, ``required``,
``properties``, ``additionalProperties: false``, ``items``), at every depth. Other words (patterns, ranges,
``anyOf``, ``$ref``) are the provider's to keep: what is refused here is surely wrong, what passes fits in
shape. A whole validator is a dependency more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lokictl.failure import Failure

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def check(text: str, asked: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """Raises ``Failure`` (exit status 1) if ``text``, which is printed already, is not what ``asked``, the
    ``response_schema`` of the question, says. ``result``: the answer that it is of."""
    try:
        value = json.loads(text, parse_constant=_no_number)
        schema = asked if asked.keys() - {"name", "schema", "strict"} else asked.get("schema", asked)
        wrong = next(_wrong(value, schema, ""), None)
    except RecursionError:
        wrong = "it is nested too deep"
    except ValueError:
        message = "the answer is printed, and is not the JSON that --schema wants"
        raise Failure("provider_error", message, _mended(text, result)) from None
    if wrong is not None:
        message = f"the answer is printed, and is JSON that does not fit --schema: {wrong}"
        raise Failure(
            "provider_error", message, "say in the question what each field is, or ask another model"
        )


def _no_number(name: str) -> Any:
    """``NaN`` and ``Infinity``: Python's, and nobody else's."""
    raise ValueError(name)


def _mended(text: str, result: Mapping[str, Any]) -> str | None:
    """By what, if that can be seen."""
    if result.get("finish_reason") == "length":
        return "a larger --max-tokens"
    if result.get("finish_reason") != "stop":
        return None
    if "```" in text:
        return "-c prints only the block of code in an answer"
    return "not every model answers by a schema: docs/providers.md says of which providers they do"


def _wrong(value: object, schema: object, at: str) -> Iterator[str]:
    """What does not fit, with its place. Nothing of a value is said, and of what is no schema nothing."""
    if not isinstance(schema, dict):
        return
    here = at or "it"
    kinds = schema.get("type")
    allowed = [kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str)]
    if value is None and schema.get("nullable") is True:  # OpenAPI's word, and Gemini's
        return
    if allowed and not any(_is(value, kind) for kind in allowed):
        yield f"{here} is not of the type {' or '.join(allowed)}"
    if isinstance(choices := schema.get("enum"), list) and not any(_same(value, one) for one in choices):
        yield f"{here} is none of the values in enum"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{here} is not the value of const"
    if isinstance(value, dict):
        yield from _wrong_fields(value, schema, at)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _wrong(one, schema.get("items"), f"{at}[{number}]")


def _wrong_fields(value: Mapping[str, object], schema: Mapping[str, Any], at: str) -> Iterator[str]:
    before = f"{at}." if at else ""
    required = schema.get("required")
    for name in required if isinstance(required, list) else ():
        if isinstance(name, str) and name not in value:
            yield f"{before}{name} is missing"
    properties = schema.get("properties")
    known: Mapping[str, object] = properties if isinstance(properties, dict) else {}
    for name, one in value.items():
        if name in known:
            yield from _wrong(one, known[name], f"{before}{name}")
        elif schema.get("additionalProperties") is False and "patternProperties" not in schema:
            yield f"{at or 'it'} has a field that the schema does not know"


def _is(value: object, kind: str) -> bool:
    """Of ``type``. What JSON Schema does not know is not judged."""
    if kind == "integer":
        return (type(value) is float and value.is_integer()) or type(value) is int
    if isinstance(value, bool):  # a number for Python
        return kind == "boolean" or kind not in _TYPES
    return kind not in _TYPES or isinstance(value, _TYPES[kind])


def _same(one: object, other: object) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other
