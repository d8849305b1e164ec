"""An event that is like the one before but for its text is read as any other would be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.dialects.openai_chat_answer import StreamDecoder
from lokid.dialects.template import TRIES, Template
from lokid.dialects.traits import Traits
from lokid.dialects.untrusted import loads

TRAITS = Traits(model="m", origin="c:m")


def event(content: Any, **more: Any) -> dict[str, Any]:
    return {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": content}}], **more}


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("ascii_only", [True, False])
@given(first=st.text(), second=st.text())
def test_the_text_is_what_a_reader_of_all_of_it_finds(
    separators: tuple[str, str], ascii_only: bool, first: str, second: str
) -> None:
    one, two = (
        json.dumps(event(text), separators=separators, ensure_ascii=ascii_only) for text in (first, second)
    )
    template = Template()
    template.learn(one, loads(one))
    assert template.text(two) in (second, None)


def test_what_differs_elsewhere_is_read_whole() -> None:
    template = Template()
    template.learn(json.dumps(event("a")), event("a"))
    assert template.text(json.dumps(event("b"))) == "b"
    for other in (event("b", usage={}), event(None), event("b") | {"model": "n"}, event({"content": "b"})):
        assert template.text(json.dumps(other)) is None
    for cut in ('{"id', json.dumps(event("b"))[:-1], json.dumps(event("b")) + "}"):
        assert template.text(cut) is None


@pytest.mark.parametrize(
    "data",
    [
        # Another text with that key before it; the key written in another way; the choices of before count.
        '{"content":"x","choices":[{"delta":{"content":"a"}}]}',
        '{"choices":[{"delta":{"c\\u006fntent":"a"}}],"content":"x"}',
        '{"choices":[{"delta":{"content":"x"}}],"choices":[{"delta":{"content":"a"}}]}',
    ],
)
def test_a_text_that_is_not_the_answers_is_not_taken_for_it(data: str) -> None:
    template = Template()
    template.learn(data, loads(data))
    assert template.text(data.replace("x", "y")) is None
    assert template.text(data) is None


def test_a_stream_whose_events_all_differ_is_not_learnt_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    def counted(text: str) -> Any:
        nonlocal read
        read += 1
        return loads(text)

    monkeypatch.setattr("lokid.dialects.template.loads", counted)
    template = Template()
    for number in range(50):
        data = json.dumps(event("a", obfuscation=str(number)))
        assert template.text(data) is None
        template.learn(data, loads(data))
    assert read == TRIES


# What may come between two events that are alike; each leaves its trace in the answer.
BETWEEN: tuple[dict[str, Any], ...] = (
    event("b", usage={"prompt_tokens": 1, "completion_tokens": 2}),
    event("b", choices=[]),
    event("b", choices=[{"index": 1, "delta": {"content": "other"}}]),
    event("b", choices=[{"index": 0, "delta": {"content": "b"}, "finish_reason": "length"}]),
    event("b", choices=[{"index": 0, "delta": {"reasoning": "hm", "content": "b"}}]),
)


@pytest.mark.parametrize("between", BETWEEN)
def test_a_stream_means_the_same_with_and_without(
    between: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = [event("a"), event("\ud83d"), between, event("c"), between, event("d"), event("d")]
    stream = b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"

    def answered() -> tuple[object, object]:
        decoder = StreamDecoder(TRAITS)
        return decoder.feed(stream), decoder.close()

    with_it = answered()
    monkeypatch.setattr(Template, "text", lambda *_: None)
    assert with_it == answered()
