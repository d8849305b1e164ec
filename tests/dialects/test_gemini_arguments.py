"""Arguments of a tool call that come in pieces."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lokid.dialects.gemini_arguments import MAX_STEPS, Arguments
from lokid.errors import ProviderFailed


def read(*pieces: dict[str, Any]) -> dict[str, Any]:
    arguments = Arguments("t")
    for piece in pieces:
        arguments.take({"partialArgs": [piece]})
    return arguments.value()


def piece(path: Any, value: Any = "x", *, more: bool = False, kind: str = "stringValue") -> dict[str, Any]:
    return {"jsonPath": path, kind: value} | ({"willContinue": True} if more else {})


def test_values_of_every_kind_find_their_place() -> None:
    found = read(
        piece("$.a.b[0].c", 1.5, kind="numberValue"),
        piece("$.a.b[1].c", True, kind="boolValue"),
        piece("$.a.b[0].d", None, kind="nullValue"),
        piece("$['odd.key'][\"[0]\"]", "y"),
        piece("$.l[0]", "first"),
        piece("$.l[1]", "second"),
        piece("$.l[0]", "replaced"),
    )
    assert found == {
        "a": {"b": [{"c": 1.5, "d": None}, {"c": True}]},
        "odd.key": {"[0]": "y"},
        "l": ["replaced", "second"],
    }


def test_a_text_that_continues_is_joined_and_ends_with_another_place() -> None:
    found = read(
        piece("$.a", "1", more=True),
        piece("$.a", "2", more=True),
        piece("$.b", "x", more=True),
        piece("$.c", 3, kind="numberValue", more=True),
        piece("$.d", "begun", more=True),
    )
    assert found == {"a": "12", "b": "x", "c": 3, "d": "begun"}
    assert read(piece("$.a", "1"), piece("$.a", "2")) == {"a": "2"}


def test_joining_is_linear() -> None:
    arguments = Arguments("t")
    for _ in range(100_000):
        arguments.take({"partialArgs": [piece("$.a", "0123456789", more=True)]})
    assert len(arguments.value()["a"]) == 1_000_000


@pytest.mark.parametrize(
    "pieces",
    [
        [piece(5)],
        [piece("")],
        [piece("a")],
        [piece("$")],
        [piece("$[0]")],
        [piece("$.a[1]")],  # nothing is at 0
        [piece("$.a[99999999]")],
        [piece("$.a..b")],
        [piece("$.a b[")],
        [piece("$" + ".a" * (MAX_STEPS + 1))],
        [piece("$.a"), piece("$.a.b")],
        [piece("$.a"), piece("$.a[0]")],
        [piece("$.a[0]"), piece("$.a.b")],
        [piece("$.a", {"b": 1})],
        [piece("$.a", float("inf"), kind="numberValue")],
    ],
)
def test_a_place_that_cannot_be_is_the_providers_failure(pieces: list[dict[str, Any]]) -> None:
    with pytest.raises(ProviderFailed, match="'t'"):
        read(*pieces)


def test_the_deepest_place_can_be_given_back() -> None:
    assert json.dumps(read(piece("$" + ".a" * MAX_STEPS))).count("a") == MAX_STEPS
