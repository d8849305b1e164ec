"""When a failed attempt is worth another one. Decisions only: nothing here waits or reads a clock.

Three bounds hold together: the attempts of one call (``extra.max_retries``), the time its caller gives
it, and the retry budget of the client, so that many calls cannot turn a provider's bad minute into a
storm. The numbers are those of the providers' own SDKs and of botocore's retry quota.
"""

from __future__ import annotations

from lokid.errors import LokidError, RateLimited

BASE_S = 0.5
"""The first wait is somewhere between 0 and this; each further ceiling is twice as high."""
CEILING_S = 8.0
PATIENCE_S = 60.0
"""The longest ``retry-after`` that is waited for; a longer one goes to the caller, who can do better."""

WORKED_S = 10.0
"""Who took a question and gives up without an answer, or hangs up, has worked on it if that took longer: the
model may have, and then it is paid for. Sooner it could not reach what is behind it."""

CAPACITY = 100.0
TRANSIENT_COST = 14.0
"""Seven failures in a row empty the bucket: by then the provider is down, not unlucky."""
THROTTLE_COST = 5.0
"""A provider that says "slower" is alive, and says when."""
SUCCESS_REFILL = 1.0
FLOOR_S = 10.0
"""With an empty bucket one retry in this time is allowed still, or a client that is used twice a day
would never retry again."""


class RetryBudget:
    """A bucket of retry tokens, one per open client, shared by its calls."""

    def __init__(self) -> None:
        self._tokens = CAPACITY
        self._last_at = float("-inf")
        self._share: RetryBudget | None = None

    @property
    def share(self) -> RetryBudget:
        """Of the extra socket, so that its failures leave the retries of the user's own questions alone."""
        if self._share is None:
            self._share = RetryBudget()
        return self._share

    @property
    def tokens(self) -> float:
        return self._tokens

    def take(self, error: LokidError, now: float) -> bool:
        """Whether ``error`` may be followed by a retry, which is then paid for. ``now``: seconds of any
        monotonic clock."""
        cost = THROTTLE_COST if isinstance(error, RateLimited) else TRANSIENT_COST
        if self._tokens >= cost:
            self._tokens -= cost
        elif now - self._last_at < FLOOR_S:
            return False
        self._last_at = now
        return True

    def succeeded(self) -> None:
        """A call succeeded at its first attempt."""
        self._tokens = min(CAPACITY, self._tokens + SUCCESS_REFILL)


def delay(
    attempt: int, error: LokidError, uniform: float, *, max_retries: int, remaining_s: float
) -> float | None:
    """Seconds to wait before the next attempt, or None for no further attempt.

    ``attempt``: the number, from 1, of the attempt that failed; ``uniform``: a random number in [0, 1),
    so that callers that failed together do not come back together; ``remaining_s``: what is left of the
    caller's time. What the provider asks for is a minimum.
    """
    if not error.retryable or attempt > max_retries:
        return None
    asked = error.retry_after_s or 0.0
    if asked > PATIENCE_S:
        return None
    after = asked + uniform * min(CEILING_S, BASE_S * 2.0 ** (attempt - 1))
    return after if after < remaining_s else None
