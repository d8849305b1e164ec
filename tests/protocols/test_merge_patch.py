from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.protocols.merge_patch import merge, origins

# RFC 7396, appendix A
TABLE: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), TABLE)
def test_the_table_of_the_rfc(target: Any, patch: Any, result: Any) -> None:
    assert merge(target, patch) == result


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
)


@given(VALUES, VALUES)
def test_merging_leaves_its_arguments_alone(target: Any, patch: Any) -> None:
    before = repr((target, patch))
    merge(target, patch)
    assert repr((target, patch)) == before


@given(VALUES, st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3))
def test_a_patch_applied_twice_changes_no_more(target: Any, patch: Any) -> None:
    once = merge(target, patch)
    assert merge(once, patch) == once


def test_origins_name_each_value_that_is_set_or_removed() -> None:
    patch = {"max_tokens": None, "options": {"a": 1, "b": {"c": [1, 2]}}, "empty": {}}
    assert origins(patch, "model", "body") == {
        "body.max_tokens": "model",
        "body.options.a": "model",
        "body.options.b.c": "model",
        "body.empty": "model",
    }
    assert origins({"a": 1}, "model") == {"a": "model"}
    assert origins({}, "model") == {}


def test_the_origins_of_a_patch_never_weigh_much_more_than_the_patch() -> None:
    patch: dict[str, Any] = {f"leaf{number}": 1 for number in range(1000)}
    for _ in range(40):
        patch = {"k" * 20_000: patch}
    assert sum(map(len, origins(patch, "extra_body", "body"))) < 1_000_000
    assert origins({"k" * 300: {"a": 1, "b": 2}}, "model", "body") == {f"body.{'k' * 300}": "model"}
