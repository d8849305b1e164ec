"""Two texts of one answer, as large as a provider may send them, are compared."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from lokid.dialects.ending import MOST_GAPS, STEP, alike
from lokid.dialects.openai_responses_answer import ResponsesDecoder
from lokid.dialects.traits import Traits
from lokid.errors import IncompleteResponse

LONG = "ab " * STEP


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", ""),
        ("", " \n"),
        ("one", "one\n"),
        (" one", "one"),
        ("one\r\ntwo\r\n" * 100, "one\ntwo\n" * 100),
        ("one" + " " * 1000 + "two", "one two"),
        (LONG, LONG.strip()),
        (f"{LONG}\n\n{LONG}", f"{LONG}{LONG}"),
        ("\N{GRINNING FACE} one", "\N{GRINNING FACE}  one"),
    ],
)
def test_spaces_make_no_difference(one, other):
    assert alike(one, other)
    assert alike(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", "one"),
        ("one", "two"),
        ("one two", "one"),
        ("one two", "two one"),
        (f"{LONG}x", f"{LONG}y"),
        (f"{LONG}x{LONG}", f"{LONG}{LONG}"),
        ("a " * (MOST_GAPS + 1), "a  " * (MOST_GAPS + 1)),
    ],
)
def test_anything_else_does(one, other):
    assert not alike(one, other)
    assert not alike(other, one)


@pytest.mark.parametrize("other", ["zz", LONG * 100 + "x", LONG * 100 + " ", "abc " * STEP * 75])
def test_it_takes_no_memory(other):
    one = LONG * 100
    tracemalloc.start()
    alike(one, other)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * STEP


def test_nor_does_a_stream_that_is_not_the_answer_at_its_end():
    decoder = ResponsesDecoder(Traits("m"))
    tracemalloc.start()
    for _ in range(16):
        decoder.feed(_event("output_text.delta", delta=LONG * 16))
    said = {"type": "message", "content": [{"type": "output_text", "text": "zz"}]}
    with pytest.raises(IncompleteResponse):
        decoder.feed(_event("completed", response={"status": "completed", "output": [said]}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 256 * len(LONG), "the text twice, and one event"


def _event(kind, **data):
    return b"data: " + json.dumps({"type": f"response.{kind}", **data}).encode() + b"\n\n"
