"""A long text is put together in steps, and is the same as in one."""

from __future__ import annotations

import sys
import tracemalloc
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid import long_text
from lokid.long_text import STEP, assembled, is_blank, joined

WIDEST = ["x", "\xe9", "\u4e2d", "\uffff", "\U00010000", "\N{GRINNING FACE}"]


def same(text: str, other: str) -> bool:
    """Also in memory: a text that is kept wider than it needs would not be equal to itself read again."""
    return (text, hash(text), sys.getsizeof(text)) == (other, hash(other), sys.getsizeof(other))


@pytest.mark.parametrize("widest", WIDEST)
@pytest.mark.parametrize("place", [0, STEP - 1, STEP, 2 * STEP + 5])
def test_a_text_is_as_wide_as_its_widest_character_wherever_that_is(widest: str, place: int) -> None:
    def written() -> list[str]:  # anew: the first of two equal ones may hold more, from how it was compared
        before, after = "x" * place, "y" * (2 * STEP + 5 - place)
        return [before, widest, after]

    assert same(joined(written()), "".join(written()))
    assert same(joined(written(), "\n\n"), "\n\n".join(written()))


@given(texts=st.lists(st.text(max_size=40) | st.text("xyé", max_size=40)), between=st.text(max_size=3))
def test_it_is_what_join_gives(texts: list[str], between: str) -> None:
    assert same(joined(texts, between), between.join(texts))
    # Whatever is long enough to be put together in steps, in pieces of every width.
    pieces = [piece for text in texts for piece in (text, between)]
    assert same(assembled(partial(iter, pieces)), "".join(pieces))


def test_a_lone_surrogate_stays_one() -> None:
    assert joined(["x" * STEP, "\ud800"])[-1] == "\ud800"


def test_one_long_text_is_not_copied() -> None:
    text = "x" * (2 * STEP)
    assert joined([text]) is text
    assert joined(iter(["", text])) == text


@pytest.mark.untraced
def test_no_step_is_as_long_as_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    kind = long_text._kind
    monkeypatch.setattr(long_text, "_kind", lambda piece: looked.append(len(piece)) or kind(piece))
    text = "x" * (16 * STEP)
    tracemalloc.start()
    try:
        whole = joined([text, "\N{GRINNING FACE}"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(whole) == 16 * STEP + 1
    assert max(looked) <= STEP
    assert peak < sys.getsizeof(whole) + 4 * STEP, "once, and a step of it"


@given(text=st.text(" \n\t\u2003x\N{GRINNING FACE}", max_size=4))
def test_blank_is_what_strip_leaves_nothing_of(text: str) -> None:
    assert is_blank(text) == (not text.strip())
