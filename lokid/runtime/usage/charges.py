"""What one request to a provider costs, whatever becomes of it.

A question is one such request, an ``embed`` one for each of its batches; trying it again makes no other. What
the provider has counted to the end is its cost. Else that is estimated, where the provider works, or may,
and so charges for it: from its yes on, or from when all of the request had left until nobody waited any more.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lokid.chat import Counted, Event, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from lokid.dialects.errors import GAVE_UP
from lokid.errors import LokidError
from lokid.runtime.retry import WORKED_S
from lokid.runtime.usage.estimates import BYTES_PER_TOKEN, size

if TYPE_CHECKING:
    from lokid.runtime.usage.turns import Turn

ABANDONED = ("cancelled", "timeout", "incomplete_response")
"""How a request ends that its provider may be working on. Of one that it refused it is not."""

UNSEEN_PER_S = 50
"""Tokens of an answer that its provider writes for each second in which nothing of it is to be seen, for one
that broke off: it was to come as a whole, or began with thoughts that are not shown. An assumption; models
write 30 to 150, the dear ones less."""


class Charge:
    """``turn``: of the whole. ``share``: what of its whole input goes with this request. ``counted``: by the
    provider. ``left``: the request, or a part of it, has left at any attempt; ``admitted``: its provider said
    yes, so from there on the model runs, and costs."""

    def __init__(self, turn: Turn, share: float = 1.0) -> None:
        self.turn = turn
        self.share = share
        self.counted: Counted | None = None
        self.left = self.admitted = False
        self._went = self._refused = self._whole = False
        self._heard = self._came = 0  # bytes: of its parts, and of a whole answer that could not be read
        self._sent_at = 0.0
        self._unseen_s: float | None = None

    def sent(self) -> None:
        """Just before an attempt goes to the provider."""
        self.turn.sent()
        self._went = False  # this time
        self._sent_at = time.monotonic()
        self._unseen_s = None

    def went(self, *, whole: bool) -> None:
        """It has left, or a part of it. The ``whole`` may be paid for, whatever becomes of the answer."""
        self._went, self.left = whole, True

    def over(self, *, abandoned: bool) -> None:
        """The attempt has failed. ``abandoned``: its provider may go on working on it."""
        self._went &= abandoned
        self._unseen_s = time.monotonic() - self._sent_at  # what comes now is a pause

    def gave_up(self, error: LokidError) -> bool:
        """Whether ``error`` is of a gateway that waits no longer for the provider behind it. That goes on,
        and is paid."""
        return _gave_up(error) and time.monotonic() - self._sent_at >= WORKED_S

    def heard(self, events: Sequence[Event]) -> None:
        """These parts of the answer came."""
        for event in events:
            if isinstance(event, (TextDelta, ReasoningDelta)):
                self._heard += size(event.text)
            elif isinstance(event, ToolCallDelta):
                self._heard += size(event.arguments or "")

    def came(self, size: int) -> None:
        """So many bytes of a whole answer came, and could not be read."""
        self._came += size

    def answered(self) -> None:
        """All of it."""
        self._whole = True

    def failed(self, error: LokidError) -> None:
        """For good. A request that was cancelled has no error."""
        self._went &= error.code in ABANDONED or _gave_up(error)
        self._refused = error.refused

    def usage(self, input_tokens: int, most_output: float) -> Usage | None:
        """``input_tokens``: of the whole, estimated; ``most_output``: that the answer may have. None if it
        costs nothing."""
        estimated = round(input_tokens * self.share)
        told = None
        if (counted := self.counted) is not None:
            told = counted.usage
            if not any(told.read) and (any(told.written) or not counted.final):  # nobody writes of nothing
                told = replace(told, input_tokens=estimated, billed=None)
            if counted.final:
                return told
        if not (self._is_paid if self.admitted else self._went):
            return None
        output = self._output(most_output)
        if told is not None:
            return replace(told, output_tokens=max(told.output_tokens, output))
        return Usage(estimated, output)

    @property
    def _is_paid(self) -> bool:
        return not self._refused or self._heard > 0

    def _output(self, most: float) -> int:
        output = -(-(self._heard + self._came) // BYTES_PER_TOKEN)
        # Who is at the other end of the extra socket may have had a word, and thoughts unseen behind it.
        if not self._whole and (not output or self.turn.restricted):
            unseen_s = time.monotonic() - self._sent_at if self._unseen_s is None else self._unseen_s
            output = max(output, round(min(unseen_s * UNSEEN_PER_S, most)))
        return output


def _gave_up(error: LokidError) -> bool:
    return error.status in GAVE_UP and not error.refused
