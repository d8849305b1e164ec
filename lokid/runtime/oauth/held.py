"""What is known of a client's token without asking anybody: the record in its file, and how long it lives.

Expiry is judged by a clock that runs through a suspend and that nobody sets. The wall clock counts once,
when a token is read from its file.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lokid import logs
from lokid.protocols.oauth2 import Server
from lokid.runtime.network import suspend
from lokid.runtime.oauth import token_file
from lokid.runtime.oauth.token_file import Record, Unusable

AHEAD_S, AHEAD = 600.0, 0.2
"""A refresh begins 10 minutes before expiry, or in the last fifth of a life shorter than 50 minutes."""

MARGIN_S, MARGIN = 5.0, 0.05
"""A token this close to its end is not sent: the request has to travel, and clocks differ."""

TICK_S = 1.0
"""Servers count in whole seconds: what they say lives for 3 s ends after 2.1 s if it was made late in one."""


def margin(life: float) -> float:
    """Seconds before the end of a token with that life in which it is not sent."""
    return min(MARGIN_S, max(MARGIN * life, min(TICK_S, life / 2)))


def ahead(life: float) -> float:
    """Seconds before its end when a refresh begins."""
    return min(AHEAD_S, max(AHEAD * life, 2 * margin(life)))


@dataclass(frozen=True, slots=True)
class Clock:
    """``running``: seconds since some moment, those of a suspend included. ``wall``: since the epoch."""

    running: Callable[[], float] = suspend.running
    wall: Callable[[], float] = time.time


class Held:
    """``alone``: the client gets tokens without a person. ``lacks``: what the configuration lacks, see
    ``oauth_presets.lacking``."""

    def __init__(
        self,
        path: str,
        server: Server | None,
        client_id: str,
        *,
        alone: bool = False,
        lacks: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.path = path
        self.record: Record | None = None
        self.refused: str | None = None
        """An access token that the provider did not take."""
        self._server = server
        self._client_id = client_id
        self._alone = alone
        self._lacks = lacks
        self._clock = clock or Clock()
        self._fault: str | None = None
        self._mark: token_file.Mark = None
        self._left = self._since = 0.0
        self.look()

    def look(self) -> None:
        """Takes what is in the file, if it is another one than before."""
        mark = token_file.mark(self.path)
        if mark is not None and mark == self._mark:
            return
        fault = None
        try:
            record = token_file.read(self.path)
        except Unusable as error:
            record, fault = None, str(error)
        self._mark = mark
        if record is not None and not self.is_ours(record):
            fault = "is of another client id or token_url than the configuration says now"
            record = None
        self.take(record)
        self._fault = fault

    def take(self, record: Record | None) -> None:
        """``record`` is what holds from now on."""
        before, self.record, self._fault = self.record, record, None
        if record is None or record.token.expires_at is None:
            return
        token = record.token
        if before is None or before.token != token:  # else its clock runs already
            # A wall clock that was set back must not make it live longer than it was given.
            self._left = min(record.token.expires_at - self._clock.wall(), self.life())
            self._since = self._clock.running()

    async def save(self, record: Record) -> None:
        """To disk, under the lock; then it holds. Raises OSError."""
        await token_file.save(self.path, record)
        self._mark = token_file.mark(self.path)
        self.take(record)

    def is_ours(self, record: Record) -> bool:
        """Whether the configuration still says what it was given for."""
        return (
            self._server is not None
            and record.token_url == self._server.token_url
            and record.client_id == self._client_id
        )

    def life(self) -> float:
        """Of the token, in all. Infinite for a key."""
        if self.record is None or self.record.token.expires_at is None:
            return math.inf
        return self.record.token.expires_at - self.record.token.obtained_at

    def lives_for(self) -> float:
        if self.record is None:
            return -math.inf
        if self.record.token.expires_at is None:
            return math.inf
        return self._left - (self._clock.running() - self._since)

    def is_live(self) -> bool:
        """Whether it can be sent now."""
        record = self.record
        if record is None or record.token.access_token.get_secret_value() == self.refused:
            return False
        return self.lives_for() > margin(self.life())

    def due_in(self) -> float:
        """Seconds until it should be refreshed."""
        if not self.is_live():
            return 0.0
        return max(self.lives_for() - ahead(self.life()), 0.0)

    def can_refresh(self) -> bool:
        """Without a person."""
        record = self.record
        if self._lacks is not None:
            return False
        return self._alone or (
            record is not None and record.token.refresh_token is not None and record.refused_at is None
        )

    def reason(self) -> str | None:
        """Why a person must sign in, as the end of a sentence; None: nobody must."""
        record = self.record
        if self._lacks is not None:
            return self._lacks
        if self.is_live() or self.can_refresh():
            return None
        if record is None:
            return f"{self.path} {self._fault}" if self._fault else "nobody signed in"
        if record.refused_at is not None and (at := token_file.lost(record)) is not None:
            when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            return f"the sign-in was lost at {when}, when lokid ended in the middle of a refresh"
        if record.refused_at is not None:
            return "the sign-in was revoked or has run out (invalid_grant)"
        return "the sign-in has run out"

    def facts(self) -> dict[str, Any]:
        """For ``auth.status``: about the token, never the token."""
        why = self.reason()
        facts: dict[str, Any] = {
            "state": "signed_in" if why is None else "needs_login",
            "refreshes": self.can_refresh(),
        }
        if why is not None:
            facts["reason"] = why
        if self.record is not None:
            token = self.record.token
            scope = None if token.scope is None else logs.hide(token.scope)
            facts |= {"scope": scope, "obtained_at": token.obtained_at, "expires_at": token.expires_at}
        return facts
