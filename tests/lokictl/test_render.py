"""Nothing that could steer a terminal, or fool an eye, gets through."""

from __future__ import annotations

import os
import sys
import threading
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokictl import render, reply
from lokictl.failure import ClosedPipe
from lokictl.tables import duration


def test_no_control_character_but_newline_and_tab_survives_of_all_code_points():
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    survivors = {c for c in render.clean(everything) if unicodedata.category(c) in ("Cc", "Cs")}
    assert survivors == {"\n", "\t"}


def test_bidi_controls_separators_and_tags_are_replaced():
    bad = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    bad += "\u2028\u2029\U000e0041\U000e007f"
    assert render.clean(bad) == "\ufffd" * len(bad)


def test_ordinary_text_of_all_scripts_passes():
    text = "Ünïcode — 漢字 עברית हिन्दी 👩‍👩‍👧 ✓\t|\n"
    assert render.clean(text) == text


@given(st.text(), st.lists(st.integers(0, 100)))
def test_pieces_are_cleaned_as_the_whole_would_be(text, cuts):
    read, write = os.pipe()
    answer = reply.Answer(write, terminal=True)
    at = 0
    for cut in [*sorted({c % (len(text) + 1) for c in cuts}), len(text)]:
        answer.feed(text[at:cut])
        at = cut
    answer.end()
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        out = pipe.read().decode()
    assert out == render.clean(text.rstrip("\r\n")) + "\n"


def test_one_line_holds_no_line_break():
    assert render.one_line(" a\n b\r\nc\x1b ") == "a b c\ufffd"


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, False),
    ],
)
def test_colour_in_a_pipe_only_if_forced(environ, wanted):
    read, write = os.pipe()
    assert render.colour(write, environ) is wanted
    os.close(read)
    os.close(write)


def test_a_non_blocking_reader_gets_everything():
    read, write = os.pipe()
    os.set_blocking(write, False)
    text = "x" * 1_000_000
    writer = threading.Thread(target=lambda: (render.write(write, text), os.close(write)))
    writer.start()
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read().decode() == text
    writer.join()


def test_nobody_reading_is_a_closed_pipe():
    read, write = os.pipe()
    os.close(read)
    with pytest.raises(ClosedPipe):
        render.write(write, "x")
    os.close(write)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.0s"), (0.44, "0.4s"), (12.9, "12s"), (185, "3m05s"), (7620, "2h07m"), (273600, "3d04h")],
)
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text
