"""Checks of parameters: what passes, and how an error names its place."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.rpc.methods import METHODS, Empty, HelloParams
from lokid.rpc.questions import ChatParams
from lokid.rpc.shapes import ShapeError, check, named


class Inner(TypedDict):
    kind: Literal["a", "b"]
    only: NotRequired[Literal["x"] | None]


class Outer(TypedDict):
    text: NotRequired[str]
    whole: NotRequired[int]
    number: NotRequired[float]
    flag: NotRequired[bool]
    blob: NotRequired[bytes]
    texts: NotRequired[list[str]]
    inner: NotRequired[list[Inner]]
    free: NotRequired[dict[str, Any]]
    counts: NotRequired[dict[str, int]]
    either: NotRequired[str | list[Inner] | None]
    anything: NotRequired[object]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"text": "", "whole": -1, "number": 1.5, "flag": False, "blob": b"", "texts": [], "free": {}},
        {"number": 1},
        {
            "texts": ["a", "b"],
            "inner": [{"kind": "a"}, {"kind": "b", "only": None}, {"kind": "b", "only": "x"}],
        },
        {"free": {"a": None, "b": [b""]}, "counts": {"a": 1}},
        {"either": "a"},
        {"either": None},
        {"either": [{"kind": "a"}]},
        {"anything": b""},
    ],
)
def test_what_is_of_the_shape_passes(value: object) -> None:
    check(value, Outer)


@pytest.mark.parametrize(
    ("value", "place", "message"),
    [
        ({"text": 1}, "text", "must be text, not a whole number"),
        ({"text": None}, "text", "must be text, not nil"),
        ({"text": b"x"}, "text", "must be text, not binary data"),
        ({"blob": "x"}, "blob", "must be binary data, not text"),
        ({"whole": True}, "whole", "must be a whole number, not true or false"),
        ({"whole": 1.0}, "whole", "must be a whole number, not a number with a fraction"),
        ({"number": True}, "number", "must be a number, not true or false"),
        ({"flag": 1}, "flag", "must be true or false, not a whole number"),
        ({"texts": {}}, "texts", "must be a list, not a map"),
        ({"texts": ["a", ["b"]]}, "texts[1]", "must be text, not a list"),
        ({"inner": [{"kind": "a"}, {"kind": "c"}]}, "inner[1].kind", 'must be one of "a" or "b"'),
        ({"inner": [{"kind": 1}]}, "inner[0].kind", 'must be one of "a" or "b", not a whole number'),
        ({"inner": [{"kind": "a", "only": "y"}]}, "inner[0].only", 'must be "x"'),
        ({"inner": [{}]}, "inner[0].kind", "is required"),
        ({"inner": [7]}, "inner[0]", "must be a map, not a whole number"),
        ({"free": []}, "free", "must be a map, not an empty list (an empty map in Lua is vim.empty_dict())"),
        ({"free": {b"k": 1}}, "free", "a key must be text, not binary data"),
        ({"counts": {"a b": "x"}}, 'counts."a b"', "must be a whole number, not text"),
        ({"either": 1}, "either", "must be text, a list or nil, not a whole number"),
        ({"either": [{"kind": "a"}, {"kind": "z"}]}, "either[1].kind", 'must be one of "a" or "b"'),
        ({"txet": 1}, "txet", 'unknown key, did you mean "text"?'),
        ({"inner": [{"kind": "a", "zzz": 1}]}, "inner[0].zzz", "unknown key, known are kind, only"),
        ({b"text": "a"}, "", "a key must be text, not binary data"),
        ([1], "", "must be a map, not a list"),
    ],
)
def test_an_error_names_the_place_and_what_would_be_right(value: object, place: str, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        check(value, Outer)
    assert (caught.value.place, caught.value.message) == (place, message)
    assert str(caught.value) == (f"{place}: {message}" if place else message)


def test_a_method_without_parameters_says_so() -> None:
    check({}, Empty)
    with pytest.raises(ShapeError, match="there are no parameters"):
        check({"verbose": True}, Empty)


def test_an_unknown_key_is_shown_short_and_on_one_line() -> None:
    with pytest.raises(ShapeError) as caught:
        check({"key\n\x1b[31m" + "x" * 5000: 1}, Outer)
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


def test_other_type_hints_are_shapes_too() -> None:
    check([1, None], list[int | None])
    with pytest.raises(ShapeError, match=r"^\[1\]: must be a whole number or nil, not text$"):
        check([1, "a"], list[int | None])


def test_a_hint_without_a_rule_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no rule"):
        check({}, set[str])


def test_params_are_nothing_or_one_map() -> None:
    assert named([]) == {}
    assert named([{"a": 1}]) == {"a": 1}
    assert named([[]]) == {}, "an empty Lua table travels as an empty array"
    for params in ([1], [{}, {}], ["model"], [None]):
        with pytest.raises(ShapeError, match=r"must be \[\] or \[map\]"):
            named(params)


def test_every_shape_of_the_api_has_its_rules() -> None:
    for params, result in METHODS.values():
        for shape in filter(None, (params, result)):
            with pytest.raises(ShapeError, match="must be a map"):
                check(None, shape)


def test_the_api_is_checked_as_it_is_written() -> None:
    check(
        {"model": "a:b", "messages": [{"role": "user", "content": [1]}], "stop": ["x"], "top_p": 1},
        ChatParams,
    )
    check({"errors": "map", "accepted": True}, HelloParams)
    with pytest.raises(ShapeError, match=r"^model: is required$"):
        check({"prompt": "x"}, ChatParams)
    with pytest.raises(
        ShapeError, match=r'^messages\[0\].role: must be one of "system", "user", "assistant" or "tool"$'
    ):
        check({"model": "", "messages": [{"role": "bot", "content": ""}]}, ChatParams)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["model", "messages", "role", "content", "tools", "name"]) | st.text(), inner
        )
    ),
)


@given(ANY, st.sampled_from(sorted(METHODS)))
def test_any_value_passes_or_is_a_shape_error(value: object, method: str) -> None:
    try:
        check(value, METHODS[method][0])
    except ShapeError as error:
        assert len(str(error)) < 600
