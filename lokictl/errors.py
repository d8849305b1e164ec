"""What ``lokictl.client`` raises: one class for each thing that a program may do about it, as the exit
statuses of ``lokictl`` group them for a script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lokictl.failure import Failure
from lokid.rpc.codes import EXIT_STATUS


class LokidError(Exception):
    """``code``: one of docs/rpc.md. ``message``: what happened and why. ``hint``: the command or edit that
    mends it. ``client``: the configured client it is about. ``status``: HTTP status of the provider.
    ``retry_after_s``: seconds until it may work. ``request_id``: the provider's own."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        client: str | None = None,
        status: int | None = None,
        retry_after_s: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.client = client
        self.status = status
        self.retry_after_s = retry_after_s
        self.request_id = request_id

    def __str__(self) -> str:
        told = self.hint and self.hint not in self.message
        return f"{self.code}: {self.message}" + (f" ({self.hint})" if told else "")


class CallerError(LokidError):
    """The request makes no sense: ``invalid_params``, ``unknown_model``, ``unsupported``, ..."""


class ProviderError(LokidError):
    """The provider refused or failed, or its answer broke off: asking again the same way may not help."""


class TryLater(LokidError):
    """It may work later: ``rate_limited``, ``overloaded``, ``budget_exceeded``, ... See ``retry_after_s``."""


class CredentialError(LokidError):
    """A key or a login is missing or not accepted; ``hint`` is the command."""


class ConfigInvalid(LokidError):
    """The configuration, or the vault, has a problem."""


class TimedOut(LokidError):
    """The message says which: connect, first byte, idle or total."""


class Cancelled(LokidError):
    """By somebody else: ``lokictl cancel``, or the daemon's end."""


class DaemonUnavailable(LokidError):
    """No lokid runs and none could be started, or it ended."""


_KINDS: dict[int, type[LokidError]] = {
    1: ProviderError,
    2: CallerError,
    69: DaemonUnavailable,
    75: TryLater,
    77: CredentialError,
    78: ConfigInvalid,
    124: TimedOut,
    130: Cancelled,
}
"""Exit status of ``lokictl`` -> class: the same grouping."""


@contextmanager
def ours() -> Iterator[None]:
    """A ``Failure`` inside becomes the ``LokidError`` of its code."""
    try:
        yield
    except Failure as failure:
        facts = failure.facts
        kind = _KINDS.get(EXIT_STATUS.get(failure.code, 1), ProviderError)
        raise kind(
            failure.code,
            str(facts.get("message") or failure.message),
            hint=facts.get("hint") if facts else failure.hint,
            client=facts.get("client"),
            status=facts.get("status"),
            retry_after_s=facts.get("retry_after_s"),
            request_id=facts.get("request_id"),
        ) from None
