"""When a provider fails again and again, what is asked next is not sent, but for one request at a time.

Decisions only, as in ``retry``: nothing here waits or reads a clock. The retry budget bounds what lokid adds
to the load that callers make; this takes from it.

Per model of a client, because that is what providers limit and what overloads: behind one key of a router
there are hundreds of them. What counts are calls that failed in the end, one after another, on a provider
that was reached: a network that is down costs nobody anything and is asked again at once when it is back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from lokid.errors import (
    LokidError,
    Overloaded,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    TimedOut,
    TryLater,
)

FAILURES, WINDOW_S = 10, 10.0
"""So many calls in a row within this time, with no answer between them. One person who tries again does not
get there, a loop or a row of programs does at once."""

PAUSES_S = (1.0, 2.0, 4.0)
"""Between two requests that find out whether it works again: at first, and after one and more of them
failed. The last one is what a recovery that nobody announced is noticed with, hence below five seconds."""

PATIENCE_S = 60.0
"""A provider that asks for a longer pause than ours gets it, up to this."""

QUOTA_S = 300.0
"""Pause when it is the account's credit that is used up: somebody has to pay first. Who did so need not
wait: a new key, a new configuration and a reload end it."""

MOST_MODELS = 64
"""Models of one client whose failures are remembered. Callers may name models that nobody knows."""

FORCE = "lokictl config reload lets the next one through at once"

_FAILING = (RateLimited, Overloaded, QuotaExceeded, ProviderUnavailable)


@dataclass(slots=True)
class _Model:
    failed_at: deque[float] = field(default_factory=lambda: deque(maxlen=FAILURES))
    opened: int = 0
    """How often in a row; 0 while everything may go."""
    next_at: float = 0.0
    """When the next request may go, if it is not open to all."""
    probe: int | None = None
    """The one that went."""
    error: LokidError | None = None
    """The last one."""
    said_until: float = 0.0
    """A pause that the provider asked for, whether or not that kept anything from being sent."""


@dataclass(frozen=True, slots=True)
class Cooling:
    """``reason``: what the provider said last. ``ends_in_s``: seconds until it may be asked again."""

    reason: str
    ends_in_s: float


class Breakers:
    """Of one open client, for all its models. ``now``, everywhere: seconds of any monotonic clock."""

    def __init__(self) -> None:
        self._models: dict[str, _Model] = {}
        self._probes = 0
        self._share: Breakers | None = None

    @property
    def share(self) -> Breakers:
        """Of the extra socket. Who is at its other end finds questions that a provider fails at, and ten of
        them would stop the user's own."""
        if self._share is None:
            self._share = Breakers()
        return self._share

    def __contains__(self, model: str) -> bool:
        """Whether something failed lately; else everything may go, and nobody need look at a clock."""
        return model in self._models

    def admit(self, model: str, now: float) -> int | None:
        """Before each request. None: it may go, as any other. A number: it is the one that finds out whether
        the model works again, and hands the number back. Raises what kept failing, with the wait, for one
        that may not go."""
        state = self._models.get(model)
        if state is None or not state.opened:
            return None
        if now < state.next_at:
            raise _refusal(model, state, now)
        # Should it take long, the next one does not wait for it: a model may think for minutes.
        state.next_at = now + _pause(state)
        self._probes += 1
        state.probe = self._probes
        return self._probes

    def answered(self, model: str) -> None:
        """The provider answers: everything may go."""
        self._models.pop(model, None)

    def failed(self, model: str, error: LokidError, now: float, probe: int | None = None) -> None:
        """A call failed in the end, and not because the provider refused just this one."""
        counts = reached(error) is False
        if not (counts or error.retry_after_s):
            return
        state = self._models.setdefault(model, _Model())
        if len(self._models) > MOST_MODELS:
            del self._models[next(iter(self._models))]
        if error.retry_after_s:
            state.said_until = max(state.said_until, now + error.retry_after_s)
            state.error = _remembered(error)
        if not counts:
            return
        if state.opened and probe is None:
            return  # it went before the others were stopped, and says nothing new
        state.error = _remembered(error)
        state.failed_at.append(now)
        full = len(state.failed_at) == FAILURES and now - state.failed_at[0] <= WINDOW_S
        if full or state.opened:
            state.opened += 1
            state.next_at = now + _pause(state)
            state.probe = None

    def release(self, model: str, probe: int | None) -> None:
        """A request that found nothing out (its caller left, or it never got there): the next one may."""
        state = self._models.get(model)
        if probe is not None and state is not None and state.probe == probe:
            state.probe, state.next_at = None, 0.0

    def reset(self) -> None:
        """Somebody says that it works now."""
        self._models.clear()
        self._share = None

    def cooling(self, now: float) -> Cooling | None:
        """Of the model that takes longest."""
        found: Cooling | None = None
        for model, state in self._models.items():
            left = (state.next_at if state.opened else state.said_until) - now
            if state.error is not None and left > (found.ends_in_s if found else 0.0):
                found = Cooling(f"{model}: {state.error.message}", left)
        return found


def _remembered(error: LokidError) -> LokidError:
    """Without the frames that it will be raised through: they hold the whole question."""
    return replace(error)


def reached(error: LokidError) -> bool | None:
    """Whether the provider is up, by an error of one attempt: True, it refused this request; False, it could
    not answer it; None, that cannot be told."""
    if isinstance(error, TimedOut):
        # The other limit, that of the connection, may be tried again: nobody was reached.
        return None if error.retryable else False
    if error.status == 407:  # the proxy
        return None
    if error.status is None and not error.refused:
        return None
    return not isinstance(error, _FAILING)


def _pause(state: _Model) -> float:
    if isinstance(state.error, QuotaExceeded):
        return QUOTA_S
    own = PAUSES_S[min(max(state.opened, 1), len(PAUSES_S)) - 1]
    asked = (state.error.retry_after_s or 0.0) if state.error is not None else 0.0
    return max(own, min(asked, PATIENCE_S))


def _refusal(model: str, state: _Model, now: float) -> LokidError:
    error = state.error
    assert error is not None
    left = state.next_at - now
    kind = type(error) if isinstance(error, TryLater) else ProviderUnavailable
    when = f"{left:.0f} s" if left >= 1 else "a second"
    return kind(
        f"not sent, as {model} failed {FAILURES} times in a row and the next try is in {when}: "
        f"{error.message}",
        hint=f"ask another model; {FORCE}",
        client=error.client,
        retry_after_s=round(max(left, 0.001), 3),
        retryable=False,
    )
