"""One task that renews something ahead of its end, for any number of callers: tokens of a sign-in and the
credentials of cloud identities.

Strategy: the task does every renewal, so any number of callers wait for one, and none of them can break it
off. It begins ahead of expiry; callers go on with what is live meanwhile, and while nothing new can be had.
It looks at least every 30 s, as its sleep stands still while the machine is suspended.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio

from lokid import logs
from lokid.errors import CredentialError, LokidError, ProviderUnavailable
from lokid.runtime.launching.launch import Spawn
from lokid.runtime.network.transport import NoConnection
from lokid.runtime.oauth.held import Clock

RECHECK_S = 30.0
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 5.0, 300.0
UNSENT_S = 5.0
"""Who asks has a try so long after one that found no way to the server: the network may be back."""
PAUSE_S = 30.0  # between two renewals that nobody waits for, whatever lives the server gives
OWED_S = 1.0  # the same, while a new token is not on disk
RENEWAL_S = 60.0
"""A 401 costs one renewal; a provider that refuses the new one too is not believed again so soon."""

log = logging.getLogger("lokid.tokens")

_random = random.SystemRandom()


class Refresher:
    """``due_in``: seconds until there is something to do, ``inf`` for nothing. ``renew``: does it, and
    nothing if it is done already; raises LokidError. ``look``: notices what changed meanwhile.
    ``prepare``: once, before the first. ``owes``: whether something must be done even after ``close``."""

    def __init__(
        self,
        client: str,
        *,
        due_in: Callable[[], float],
        renew: Callable[[], Awaitable[None]],
        look: Callable[[], None],
        prepare: Callable[[], Awaitable[None]] | None = None,
        owes: Callable[[], bool] = lambda: False,
        clock: Clock,
    ) -> None:
        self._client = client
        self._owes = owes
        self._due_in, self._renew, self._look, self._prepare = due_in, renew, look, prepare
        self._clock = clock
        self.failure: LokidError | None = None
        """Of the last try, unless it worked."""
        self._failures = 0
        self._not_before = -math.inf
        self._refused_until = -math.inf  # not later than that
        self._renewed_at = -math.inf
        self._demanded = self._begun = self._closed = False
        self._wake = anyio.Event()
        self._round = anyio.Event()  # set when the attempt that runs, or the next one, has ended
        self._over = anyio.Event()

    def begin(self, spawn: Spawn) -> None:
        """Renews from now on, until ``close``."""
        self._begun = True
        spawn(self._run)

    def close(self) -> None:
        """Nothing is renewed any more that nobody waits for."""
        self._closed = True
        self._wake.set()

    async def closed(self) -> None:
        """After ``close``: when nothing runs any more."""
        if self._begun:
            await self._over.wait()

    def reset(self) -> None:
        """What failed may work now: the next try waits for nothing."""
        self.failure, self._failures = None, 0
        self._not_before = self._refused_until = -math.inf
        self._wake.set()

    async def wait(self) -> None:
        """For the attempt that runs, or one that begins now; raises at once during the pause after one that
        failed. Whether it brought anything, the caller sees."""
        if self.failure is not None and self.pause() > 0:
            raise self.unavailable()
        if not self._begun:
            why = "lokid was locked or stops, or the client changed" if self._closed else "lokid starts"
            raise ProviderUnavailable(
                f"client {self._client!r} gets no token now: {why}",
                hint="ask again; lokictl status says whether lokid is locked",
                client=self._client,
                retryable=False,
            )
        self._demanded = True
        self._wake.set()
        await self._round.wait()

    def unavailable(self) -> LokidError:
        """What to tell a caller who needs it now."""
        if self.failure is None:
            name = self._client
            return ProviderUnavailable(f"no token for client {name!r} could be had", client=name)
        after = None if isinstance(self.failure, CredentialError) else self.pause() or None
        return replace(self.failure, retry_after_s=after)

    def pause(self) -> float:
        """Seconds for which callers are still told of the last failure."""
        return max(self._refused_until - self._clock.running(), 0.0)

    def distrusts(self) -> bool:
        """A provider refused what was renewed last. Whether to renew once more because of that; then counts
        as done."""
        if self._clock.running() < self._renewed_at + RENEWAL_S:
            return False
        self._renewed_at = self._clock.running()
        return True

    async def _run(self) -> None:
        try:
            if self._prepare is not None:
                await self._prepare()
            while not self._closed or self._demanded or self._owes():
                due = max(self._due_in(), self._not_before - self._clock.running())
                pause = 0.0 if self._demanded else due
                if pause > 0:
                    owed = self._owes()
                    with anyio.move_on_after(min(pause, RECHECK_S)):
                        await self._wake.wait()
                    self._wake = anyio.Event()
                    self._look()
                    if owed and not self._owes():
                        self.reset()  # that of another generation has saved it
                else:
                    await self._attempt()
        finally:
            self._begun = False
            self._round.set()
            self._over.set()

    async def _attempt(self) -> None:
        """One renewal, good or bad. Ends the waiting of all callers."""
        try:
            await self._renew()
        except LokidError as error:
            self._failed(error)
        except Exception as error:  # the task is the runtime's: one client must not end them all
            log.error("token of %s: %s", self._client, logs.place(error))  # noqa: TRY400
            said = f"no token for client {self._client!r}, by a bug of lokid; its log says where"
            self._failed(ProviderUnavailable(said, client=self._client, retryable=False))
        else:
            self._failures, self.failure = 0, None
            self._not_before = self._clock.running() + (OWED_S if self._owes() else PAUSE_S)
        finally:
            # Who asked while it ran waited for it, and is told how it ended.
            self._demanded = False
            ended, self._round = self._round, anyio.Event()
            ended.set()

    def _failed(self, error: LokidError) -> None:
        self._failures += 1
        pause = min(FIRST_BACKOFF_S * 2.0 ** min(self._failures - 1, 10), LONGEST_BACKOFF_S)
        now, part = self._clock.running(), _random.uniform(0.8, 1.0)
        self._not_before = now + pause * part
        self._refused_until = now + (min(pause, UNSENT_S) if _is_unsent(error) else pause) * part
        self.failure = error
        log.warning("token of %s not refreshed, next try in %.0f s: %s", self._client, pause, error.message)


def _is_unsent(error: LokidError) -> bool:
    """Whether no connection could be made, which was found out at once and may be otherwise in a moment. Or
    this machine had no room, or no file that it needs."""
    cause = error.__cause__
    return isinstance(cause, OSError) or (isinstance(cause, NoConnection) and error.retryable is True)
