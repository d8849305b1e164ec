"""What runs now, in the whole daemon: for ``requests.list`` and ``requests.cancel``.

Its size is bounded by the listener (connections per process) times the session (requests per connection).
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from dataclasses import dataclass, field

import anyio

from lokid.errors import IncompleteResponse, LokidError, ProviderUnavailable
from lokid.rpc.methods import RequestMap
from lokid.runtime.usage.asker import Asker
from lokid.server.peer import Peer, program_of

QUESTIONS = ("chat", "embed", "rerank")

PAID = "the provider may have been paid for it, so it was not sent again"


def shutting_down() -> ProviderUnavailable:
    return ProviderUnavailable("lokid is shutting down: send the request again", retry_after_s=1.0)


@dataclass(slots=True, eq=False)
class Running:
    """One request with a task of its own.

    ``id`` is the daemon's, ``msgid`` the client's. ``scope`` is around the work, not around the answer: a
    cancelled request still answers. ``why`` is what it answers then, if somebody said so.
    """

    id: int
    msgid: int
    method: str
    model: str | None
    asker: Asker
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    why: LokidError | None = None
    accepted: bool = False
    """Its provider may have it from now on."""
    started_at: float = field(default_factory=time.time)
    started: float = field(default_factory=time.monotonic)

    def cancel(self, why: LokidError) -> None:
        """The first reason stays."""
        if not self.scope.cancel_called:
            self.why = why
            self.scope.cancel()

    def cut(self, *, resends: bool) -> None:
        """lokid ends, and waits no longer. ``resends``: whoever asked sends again what was not accepted, so
        that ends without an answer."""
        if self.method in QUESTIONS and self.accepted:
            self.cancel(IncompleteResponse("lokid is shutting down: the answer was cut off", hint=PAID))
            return
        self.asker.left = resends and self.method in QUESTIONS
        self.cancel(shutting_down())

    def describe(self) -> RequestMap:
        return {
            "id": self.id,
            "method": self.method,
            "state": "waiting" if self.asker.waiting else "running",
            "model": self.asker.model or self.model,
            "pid": self.asker.pid,
            "program": self.asker.shown,
            "started_at": self.started_at,
            # The wall clock may jump, the age of a request does not.
            "elapsed_s": round(time.monotonic() - self.started, 3),
        }


class Requests:
    def __init__(self) -> None:
        self._running: dict[int, Running] = {}
        self._of_process: Counter[int] = Counter()
        self._ids = itertools.count(1)
        self.moves = 0
        """How many began or ended so far."""
        self._moved: anyio.Event | None = None  # while somebody waits for the next

    def __len__(self) -> int:
        return len(self._running)

    def add(
        self,
        msgid: int,
        method: str,
        model: str | None,
        peer: Peer,
        program: str | None = None,
        *,
        restricted: bool = False,
    ) -> Running:
        """``program``: the name of the peer's, if it is known already. ``restricted``: it came over the
        extra socket."""
        name = program_of(peer.pid) if program is None else program
        asker = Asker(peer.pid, name, restricted=restricted)
        running = Running(next(self._ids), msgid, method, model, asker)
        self._running[running.id] = running
        self._of_process[peer.pid] += 1
        self._move()
        return running

    def remove(self, running: Running) -> None:
        del self._running[running.id]
        pid = running.asker.pid
        self._of_process[pid] -= 1
        if not self._of_process[pid]:
            del self._of_process[pid]
        self._move()

    def count(self) -> tuple[int, int]:
        """How many run, and how many wait for their turn."""
        waiting = sum(running.asker.waiting for running in self._running.values())
        return len(self._running) - waiting, waiting

    async def moved(self, since: int) -> None:
        """Returns when ``moves`` is not ``since`` any more."""
        while self.moves == since:
            if self._moved is None:
                self._moved = anyio.Event()
            await self._moved.wait()

    def _move(self) -> None:
        self.moves += 1
        if self._moved is not None:
            self._moved.set()
            self._moved = None

    def of(self, pid: int) -> int:
        """How many of this process run."""
        return self._of_process[pid]

    def find(self, identifier: int) -> Running | None:
        return self._running.get(identifier)

    def describe(self) -> list[RequestMap]:
        """Oldest first."""
        return [running.describe() for running in self._running.values()]
