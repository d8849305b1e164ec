from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.dialects import untrusted
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


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)


def read(text: str) -> tuple[str, Any]:
    try:
        return "value", loads(text)
    except ValueError:
        return "no JSON", None


@given(
    VALUES,
    st.sampled_from([None, 1, "\t"]),
    st.integers(0, 30),
    st.sampled_from(["", "}", "]", ",", '"', ":", " ", "\f", "\\", "1", "-"]),
    st.sampled_from([4, 16, untrusted.RUN]),
)
def test_what_is_large_is_read_in_steps_and_the_same(value, indent, at, put, run):
    """Also when a character was put in, or taken out."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(untrusted, "RUN", run)
        for wrong in (text, text[:at] + put + text[at:], text[:at] + text[at + 1 :], text[:at]):
            patch.setattr(untrusted, "LARGE", 1 << 30)
            whole = read(wrong)
            patch.setattr(untrusted, "LARGE", -1)
            assert read(wrong) == whole


@pytest.mark.parametrize("dense", ["1.5", '"ab"', "[]", "{}", "[1, 2]", "null", '"k%d": 1', '"k%d": []'])
def test_what_is_dense_takes_few_steps(monkeypatch, dense):
    """A step for each of its values took 20 s of an answer, and so long the large ones of others waited."""
    steps = 0

    def counted(*arguments):
        nonlocal steps
        steps += 1
        return step(*arguments)

    step = untrusted._step
    monkeypatch.setattr(untrusted, "_step", counted)
    many = ",".join(dense % number if "%" in dense else dense for number in range(200_000))
    text = f"{{{many}}}" if "%" in dense else f"[{many}]"
    assert loads(text) == json.loads(text)
    assert steps < 100


def test_the_vectors_of_a_large_answer_are_read_a_few_at_a_time(monkeypatch):
    longest = 0

    class Decoder(json.JSONDecoder):
        def raw_decode(self, s, idx=0):
            nonlocal longest
            value, end = super().raw_decode(s, idx)
            longest = max(longest, end - idx)
            return value, end

    monkeypatch.setattr(untrusted, "_DECODER", Decoder())
    answer = {"object": "list", "data": [{"index": i, "embedding": [0.125] * 1000} for i in range(100)]}
    assert loads(json.dumps(answer)) == answer
    assert longest < untrusted.RUN + 10


def test_half_a_pair_in_a_large_answer_costs_no_other_copies_of_it():
    body = b'{"\\ud83d": ["\xf0\x9f\x98\x80' + b"x" * 1_000_000 + b'\\ud83d", 1, null]}'
    tracemalloc.start()
    try:
        value = loads(body)
        assert tracemalloc.get_traced_memory()[1] < 14_000_000  # the text takes four
    finally:
        tracemalloc.stop()
    assert value == {"\ufffd": ["\N{GRINNING FACE}" + "x" * 1_000_000 + "\ufffd", 1, None]}
