"""What a provider calls the end of an answer, where its word is in no list of ours.

Most such words are names for an end like any other (``eos``), so they are no error. But servers that give up
on an answer say so in the same place and then end it as if it were whole (vLLM: ``abort``, TensorRT-LLM:
``timeout`` and ``cancelled``), and others write one word into every event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lokid.chat import FinishReason
from lokid.dialects.redaction import clean, short
from lokid.errors import IncompleteResponse

NOT_YET = ("", "null", "none", "not_finished", "unfinished", "in_progress", "finish_reason_unspecified")
"""In lower case. ``null`` as a text was in each event of KoboldCpp."""

_BROKEN_OFF = re.compile(
    r"abort|cancel|incomplete|^other$|time_?limit|timed?_?out|interrupt|preempt|fail|error|malformed|disconnect|shut_?down|overload",
    re.IGNORECASE,
)
_FILTERED = re.compile(r"filter|safety|block|prohibit|moderat|sensitive|recitation", re.IGNORECASE)
_OTHERS: tuple[tuple[re.Pattern[str], FinishReason], ...] = (
    (re.compile(r"context", re.IGNORECASE), "context_overflow"),
    (_FILTERED, "content_filter"),
    (re.compile(r"max|length|limit|exceed|truncated", re.IGNORECASE), "length"),
)


def spliced() -> IncompleteResponse:
    """A gateway that lost its upstream may begin again: two answers are never made one."""
    return IncompleteResponse(
        "the provider began another answer in the middle of one",
        hint="ask again; what arrived so far is the beginning of an answer",
    )


def unfinished(word: str) -> bool:
    """Whether the answer goes on, whatever the place in which that is said."""
    return word.lower() in NOT_YET


def meaning(word: str, known: Mapping[str, FinishReason]) -> FinishReason:
    """``known``: the provider's list. Raises ``IncompleteResponse`` for a word that says that the answer was
    broken off."""
    if (found := known.get(word) or known.get(word.lower())) is not None:
        return found
    if _BROKEN_OFF.search(word):
        raise IncompleteResponse(
            f"the provider broke its answer off ({short(clean(word), 100)})",
            hint="ask again; what arrived so far is the beginning of an answer",
        )
    return next((reason for pattern, reason in _OTHERS if pattern.search(word)), "stop")


LONGEST_WORD = 200
"""Characters. Honest ones have thirty."""


def ended_by(before: str, word: str, known: Mapping[str, FinishReason]) -> str:
    """Of two words the one that counts: a server that ends twice has cut the answer if it ever said so."""
    if not word:
        return before
    word = word[:LONGEST_WORD]  # it is read again for each that follows
    return before if before and meaning(before, known) not in ("stop", "tool_calls") else word


STEP = 4096
"""Characters that are compared at once."""

MOST_GAPS = 10_000
"""Places where two texts may differ in their spaces: the ends of the lines of a long answer."""

_SPACES = re.compile(r"\s{0,64}")


def alike(one: str, other: str) -> bool:
    """Whether two texts are the same but for spaces. Takes no memory to speak of, and 50 ms at most, also for
    the 60 MiB that a provider may send: the words of those, made apart, would be 1.3 GB."""
    at = there = 0
    for _ in range(MOST_GAPS):
        same = _alike_for(one, at, other, there)
        at, there = at + same, there + same
        behind, behind_there = _behind_spaces(one, at), _behind_spaces(other, there)
        if (behind, behind_there) == (at, there):
            return at == len(one) and there == len(other)
        at, there = behind, behind_there
    return False


def _behind_spaces(text: str, at: int) -> int:
    found = _SPACES.match(text, at)
    assert found is not None
    return found.end()


def _alike_for(one: str, at: int, other: str, there: int) -> int:
    """How many characters, from there on."""
    begin, size = at, STEP
    while size:
        piece = one[at : at + size]
        if piece and piece == other[there : there + size]:
            at, there = at + len(piece), there + len(piece)
        else:
            size //= 2
    return at - begin
