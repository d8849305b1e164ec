from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from lokid.dialects.untrusted import MAX_DEPTH, count, fits, items, loads, mapping, text


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (b'{"a": [1, 2.5, null, "\xc3\xa9"]}', {"a": [1, 2.5, None, "é"]}),
        ('\ufeff{"a": 1}', {"a": 1}),
        (r'["\ud83d\ude00", "\ud83d x", "\uDE00"]', ["😀", "\ufffd x", "\ufffd"]),
        ("[18446744073709551615, -9223372036854775808]", [2**64 - 1, -(2**63)]),
        ("[18446744073709551616]", [float(2**64)]),
        ("[" + "9" * 100 + "]", [float("9" * 100)]),
    ],
)
def test_json_is_read_as_what_the_rest_of_lokid_can_carry(written: str | bytes, value: Any) -> None:
    assert loads(written) == value


@pytest.mark.parametrize(
    "written", ["", "{", "nope", "[NaN]", "[-Infinity]", "[" * 100_000, "{} {}", b"\xff", '{"a":1,}']
)
def test_what_is_no_json_is_a_value_error(written: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(written)


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def test_values_that_callers_can_carry_are_flat_enough_and_finite() -> None:
    assert fits(nested(MAX_DEPTH))
    assert not fits(nested(MAX_DEPTH + 1))
    assert not fits({"a": [1e999]})
    assert fits({})


def test_a_value_of_another_type_reads_as_nothing() -> None:
    assert (mapping([]), items({}), text(5)) == ({}, (), "")
    assert (mapping({"a": 1}), items([1]), text("a")) == ({"a": 1}, [1], "a")


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        (3, 3),
        (3.0, 3),
        (0, 0),
        (-1, 0),
        (True, 0),
        ("3", 0),
        (None, 0),
        (1e300, 0),
        (float("nan"), 0),
        (2**32, 0),
    ],
)
def test_a_count_is_never_negative_or_a_fraction(value: Any, tokens: int) -> None:
    assert count(value) == tokens


def test_half_a_pair_in_a_large_answer_costs_no_other_copies_of_it():
    body = b'{"\\ud83d": ["\xf0\x9f\x98\x80' + b"x" * 1_000_000 + b'\\ud83d", 1, null]}'
    tracemalloc.start()
    try:
        value = loads(body)
        assert tracemalloc.get_traced_memory()[1] < 14_000_000  # the text takes four
    finally:
        tracemalloc.stop()
    assert value == {"\ufffd": ["\N{GRINNING FACE}" + "x" * 1_000_000 + "\ufffd", 1, None]}
