from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.dialects import json_steps, untrusted
from lokid.dialects.untrusted import loads

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.text('[]{}",:\\', max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=6),
    max_leaves=60,
)


def read(text: str) -> tuple[str, Any]:
    try:
        return "value", loads(text)
    except ValueError:
        return "no JSON", None


@given(
    VALUES,
    st.sampled_from([None, 1, "\t"]),
    st.integers(0, 60),
    st.sampled_from(["", "}", "]", ",", ",,", '"', ":", " ", "\f", "\\", "1", "-", "["]),
    st.sampled_from([(4, 1, 1), (16, 4, 2), (64, 16, 3), (json_steps.RUN, json_steps.SHORTEST, 9)]),
)
def test_what_is_large_is_read_in_steps_and_the_same(value, indent, at, put, sizes):
    """Also when a character was put in, or taken out."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    with pytest.MonkeyPatch.context() as patch:
        for name, size in zip(("RUN", "SHORTEST", "PAUSE"), sizes, strict=True):
            patch.setattr(json_steps, name, size)
        for wrong in (text, text[:at] + put + text[at:], text[:at] + text[at + 1 :], text[:at]):
            patch.setattr(untrusted, "LARGE", 1 << 30)
            whole = read(wrong)
            patch.setattr(untrusted, "LARGE", -1)
            assert read(wrong) == whole


class Counting(json.JSONDecoder):
    """How often it was asked, and for how much at most."""

    def __init__(self) -> None:
        super().__init__()
        self.times = self.longest = 0

    def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
        value, end = super().raw_decode(s, idx)
        self.times += 1
        self.longest = max(self.longest, end - idx)
        return value, end


def like(one: str) -> Any:
    """A token and what else it could have been, as a server of OpenAI's kind says."""
    token = {"token": one, "logprob": -0.25, "bytes": [*one.encode()]}
    return token | {"top_logprobs": [token] * 20}


@pytest.mark.parametrize("levels", [0, 5, 40])
@pytest.mark.parametrize(
    "entries",
    [
        [1.5] * 200_000,
        ["ab"] * 200_000,
        [[]] * 200_000,
        [{}] * 200_000,
        [[[]]] * 200_000,
        [[1, 2], None, {"a": {}}] * 60_000,
        {f"k{number}": 1 for number in range(100_000)},
        {f"k{number}": [{}] for number in range(100_000)},
        [{"index": number, "embedding": [0.125] * 1000} for number in range(200)],
        [like(token) for token in ("a", "[", "{", '"', "],", "\\") * 200],
    ],
    ids=[
        "floats",
        "texts",
        "lists",
        "maps",
        "nested",
        "mixed",
        "pairs",
        "maps-of-lists",
        "vectors",
        "logprobs",
    ],
)
def test_what_is_dense_is_read_in_few_steps_none_of_which_is_long(levels, entries):
    """A step for each value took 20 s of an answer, and so long the large ones of others waited. What stood
    deeper was read in one go, and all of lokid waited for a second."""
    counting = Counting()
    text = '{"a":[' * levels + json.dumps(entries) + "]}" * levels
    value = json_steps.decoded(text, counting)
    for _ in range(levels):
        value = value["a"][0]
    assert value == entries
    assert counting.longest <= json_steps.RUN + 2
    assert counting.times < len(text) / 4096 + 1000


def test_one_long_text_is_one_step_and_nothing_looks_at_it_again_and_again(monkeypatch):
    looked = []
    monkeypatch.setattr(json_steps, "_texts", Looks(json_steps._texts, looked))
    text = json.dumps({"message": "a, [b" * 1_000_000})
    assert json_steps.decoded(text, json.JSONDecoder()) == json.loads(text)
    assert sum(looked) < 4 * json_steps.RUN


class Looks:
    def __init__(self, pattern: Any, looked: list[int]) -> None:
        self.pattern, self.looked = pattern, looked

    def sub(self, by: str, text: str) -> str:
        self.looked.append(len(text))
        return self.pattern.sub(by, text)


def test_what_is_nested_for_ever_is_no_json():
    with pytest.raises(RecursionError):
        json_steps.decoded("[1," * 100_000, json.JSONDecoder())


@pytest.mark.parametrize(
    "text", ["{1: 2}", '{"a": 1, 2: 3}', '{"a" 1}', '{"a": 1 "b": 2}', "[1 2]", "[1, ", '{"a": 1, ']
)
def test_what_is_broken_is_no_json_in_steps_either(monkeypatch, text):
    for name in ("RUN", "SHORTEST", "PAUSE"):
        monkeypatch.setattr(json_steps, name, 1)
    with pytest.raises(ValueError):
        json_steps.decoded(text, json.JSONDecoder())
