"""What the last requests to a client said about the client itself: its key refused, its provider not reached.

Its state tells that until something works again. It keeps nothing from being sent (``breaker`` does that), so
a network that is back costs nobody anything, and it never chooses another client in this one's place.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from lokid.errors import (
    AuthenticationFailed,
    LoginRequired,
    LokidError,
    ProviderUnavailable,
    QuotaExceeded,
    SecretMissing,
    TimedOut,
)
from lokid.runtime.breaker import reached

_AWAY = (ProviderUnavailable, TimedOut)
_LOCKED_OUT = (AuthenticationFailed, LoginRequired, SecretMissing)
_TOLD = (*_LOCKED_OUT, QuotaExceeded, *_AWAY)
"""What is the client's and not the question's. Limits of requests pass by themselves in seconds. Anything
else is told too where it was all that came of asking for a token: no question can be sent then."""

_WORDS: tuple[tuple[type[LokidError], str], ...] = (
    (AuthenticationFailed, "does not accept the key"),
    (QuotaExceeded, "says that the quota is used up"),
    (LokidError, "could not answer"),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Facts of an error, not the error: that holds on to the frames, and so to the prompt. Nor the words of
    the provider, which may quote it. ``at``: seconds since the epoch. ``of_token``: none could be had."""

    kind: type[LokidError]
    message: str
    hint: str | None
    at: float
    of_token: bool = False


def _told(error: LokidError) -> str:
    if error.status is None:
        return error.message  # ours: nothing was answered
    said = next(words for kind, words in _WORDS if isinstance(error, kind))
    return f"the provider {said} (HTTP {error.status})"


class Outcome:
    """Of one open client. ``failure``: the last one since the last success."""

    __slots__ = ("failure",)

    def __init__(self) -> None:
        self.failure: Failure | None = None

    def ended(self, error: BaseException | None) -> None:
        """A request ended so. What says nothing about the client (it was cancelled, or refused for what is
        in it) leaves what is known, except that a provider which refuses is there."""
        if error is None:
            self.failure = None
        elif isinstance(error, _TOLD):
            self.failure = Failure(type(error), _told(error), error.hint, time.time())
        elif (
            self.failure is not None
            and issubclass(self.failure.kind, _AWAY)
            and isinstance(error, LokidError)
            and reached(error)
        ):
            self.failure = None

    def asked_for_token(self, error: LokidError | None) -> None:
        """A token, or the credentials of a cloud, were wanted for a request, and this came of it."""
        if error is not None:
            # Who gives tokens sees no prompt, and its words are chosen by lokid.
            self.failure = Failure(type(error), error.message, error.hint, time.time(), of_token=True)
        elif self.failure is not None and self.failure.of_token:
            self.failure = None

    @property
    def locked_out(self) -> bool:
        """The key, or the token, was refused or could not be had."""
        return self.failure is not None and issubclass(self.failure.kind, _LOCKED_OUT)

    def row(self) -> dict[str, Any]:
        """For ``clients.list``."""
        if self.failure is None:
            return {}
        kind, message, hint, at = self.failure.kind, self.failure.message, self.failure.hint, self.failure.at
        told = {"code": kind.code, "message": message, "at": at}
        return {"last_error": told if hint is None else told | {"hint": hint}}
