"""Accepts connections, refuses strangers, starts a session for each of the others, and drains.

``anyio``'s own listeners are not used: ``create_unix_listener`` unlinks a live socket, and ``serve()``
dies on the first EMFILE.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import resource
from collections import Counter
from math import inf

import anyio
from anyio.abc import TaskGroup

from lokid.logs import place
from lokid.runtime.watch import Watch, places
from lokid.server.access import FULL, Access
from lokid.server.endpoint import Endpoint, EndpointBusy, EndpointError
from lokid.server.peer import Connected, Peer, peer_of
from lokid.server.selector import BEHIND
from lokid.server.service import Service
from lokid.server.session import Session

log = logging.getLogger(__name__)

MAX_PER_PROCESS = 512
"""Connections of one process: an editor or a test runner has some tens, a loop gone wild 20,000."""

BURST = 16
"""Connections accepted before the others get their turn again: 2 ms."""

FEW = 2
"""The same of the extra socket: who came and went there all the time made a question of the user's own take
thirty times as long."""

PAUSE_S = 0.1
"""After a failed accept (no descriptor is free): long enough not to spin, short enough not to be felt."""

RESERVE = 1024
"""Descriptors that are not for clients, or a quarter of them if they are few: a connection to a provider for
each of a thousand requests. Whoever connects beyond that waits."""

STARVING_S = 1.0
"""Between two log lines about connections that could not be accepted."""

SHARE = 4
"""The extra socket has a quarter of them at most, by however many processes its other end is: those that
wait because there is none left would be the user's own programs."""

CHECK_S = 5.0
"""Between two looks whether our path still leads to us, where the kernel does not say at once that it is
gone."""

DRAIN_S = 30.0
"""What requests in flight get after SIGTERM. TimeoutStopSec=45 in lokid.service leaves 15 for the rest."""

LAST_WORDS_S = 10.0
"""For the sessions to send their last answers: twice ``session.FAREWELL_S``."""

GONE = {errno.EBADF, errno.ENOTSOCK, errno.EINVAL}
"""The socket that we listen at is none any more. All else may pass: no descriptor, no memory and no place in
epoll is free, or a security module says no."""


class Listener:
    """Serves ``endpoint`` until ``drain``; ``uid`` is the only one that may connect. ``access``: to what."""

    def __init__(
        self, endpoint: Endpoint, service: Service, *, access: Access = FULL, uid: int | None = None
    ) -> None:
        self._endpoint = endpoint
        self._service = service
        self._access = access
        self._uid = os.geteuid() if uid is None else uid
        self._sessions: set[Session] = set()
        self._per_process: Counter[int] = Counter()
        self._accepting = anyio.CancelScope()
        self._draining = False
        self._deaf = ""  # why nobody can reach us; said once in the log
        self._starving = False  # the last accept failed
        self._starving_said = False  # and the log has it
        self._starving_due = 0.0  # when it may have the next one
        self._serving = endpoint.sock
        self._patience = anyio.CancelScope()
        self._empty = anyio.Event()

    # --- life

    async def run(self) -> None:
        """Accepts until ``drain`` or cancellation; ends with the last session."""
        async with anyio.create_task_group() as sessions:
            while not self._draining:
                sock = self._serving = self._endpoint.sock
                if self._access.restricted:
                    BEHIND.add(sock.fileno())
                # Left for a new turn when the socket was bound again, for good when draining. Closed only
                # here: nobody waits for it any more.
                try:
                    with anyio.CancelScope() as self._accepting:
                        await self._accept_for_ever(sock, sessions)
                finally:
                    BEHIND.discard(sock.fileno())
                with contextlib.suppress(OSError):
                    # Bound again: what waits in the old backlog connected in good faith.
                    while not self._draining:
                        self._accept(sock, sessions)
                sock.close()

    async def watch(self, every_s: float = CHECK_S) -> None:
        """Notices when somebody removes or replaces the socket's file, so that nobody stays deaf. Returns
        when there is nothing left to do here: another daemon took our place."""
        with Watch() as watching:
            while not self._draining:
                # Armed anew each time, and before the look: the directory may be another one by now.
                watching.arm(places((self._endpoint.path,)))
                if not self.check():
                    return
                with anyio.move_on_after(every_s):
                    await watching.wait()

    def check(self) -> bool:
        """One look, see ``watch``; False if another daemon took our place."""
        if self._draining or self._endpoint.is_reachable():
            return True
        path, inherited, lost = self._endpoint.path, self._endpoint.inherited, self._endpoint.sock
        try:
            self._endpoint.bind_again()
        except EndpointError as error:
            if str(error) != self._deaf:
                log.warning("the socket %s is gone or not ours: %s", path, error)
            self._deaf = str(error)
            return not isinstance(error, EndpointBusy)
        self._deaf = ""
        if lost is not self._serving:  # removed again before anybody accepted there
            lost.close()
        self._service.seldom(log.warning, "the socket %s was removed; made a new one", path)
        if inherited:
            log.warning("systemd still holds the old one: `systemctl --user restart lokid.socket lokid`")
        self._accepting.cancel()
        return True

    async def drain(self, limit_s: float = DRAIN_S, *, goes_on: bool = False) -> None:
        """Stops accepting, lets what runs finish for ``limit_s``, cancels the rest with a last answer.

        Our own socket goes at once: a client then sees that nobody serves it, and may start a successor.
        The one of systemd stays, and keeps connections waiting for the successor.
        """
        self._draining = True
        self._endpoint.withdraw()
        self._accepting.cancel()
        for session in list(self._sessions):
            session.drain()
        with anyio.move_on_after(limit_s) as self._patience:
            await self._wait_until_empty()
            return
        # Only those that came in here: the extra socket also closes while everything else goes on.
        running = sum(session.cut(goes_on=goes_on) for session in self._sessions)
        log.warning("stopping: cancelled %d requests that did not finish in time", running)
        with anyio.move_on_after(LAST_WORDS_S):
            await self._wait_until_empty()

    def hurry(self) -> None:
        """The drain that runs waits no longer."""
        if self._draining:
            self._patience.cancel()

    async def _wait_until_empty(self) -> None:
        while self._sessions:
            if self._empty.is_set():
                self._empty = anyio.Event()  # others may wait for the one that there is
            await self._empty.wait()

    # --- connections

    async def _accept_for_ever(self, sock: Connected, sessions: TaskGroup) -> None:
        while True:
            try:
                await anyio.wait_readable(sock)
                for _ in range(FEW if self._access.restricted else BURST):
                    _check_room(sock)
                    self._accept(sock, sessions)
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                continue
            except OSError as error:
                if error.errno in GONE:
                    raise
                if not self._starving:
                    self._starve(error)
                await anyio.sleep(PAUSE_S)

    def _accept(self, sock: Connected, sessions: TaskGroup) -> None:
        """One waiting connection; raises what ``accept`` raises, BlockingIOError if none waits."""
        connection, _ = sock.accept()
        if self._starving:
            self._starving = False
            if self._starving_said:
                log.warning("lokid accepts connections again")
        connection.setblocking(False)
        try:
            peer = peer_of(connection)
        except OSError:
            connection.close()
            raise
        if not self._admits(peer):
            connection.close()
            return
        session = Session(connection, peer, self._service, sessions, self._access)
        self._sessions.add(session)
        sessions.start_soon(self._serve, session, peer)

    def _starve(self, error: OSError) -> None:
        """At the limit it may come and go with every client, and the log would be the damage."""
        now = anyio.current_time()
        self._starving, self._starving_said = True, now >= self._starving_due
        if self._starving_said:
            log.warning("cannot accept a connection: %s; trying on", error.strerror)
            self._starving_due = now + STARVING_S

    def _admits(self, peer: Peer) -> bool:
        whose = None
        if peer.uid != self._uid:
            whose = f"uid {peer.uid} (pid {peer.pid}): only uid {self._uid} may connect"
        elif self._per_process[peer.pid] >= MAX_PER_PROCESS:
            whose = f"pid {peer.pid}: it has {MAX_PER_PROCESS} already"
        elif self._access.restricted and len(self._sessions) >= (most := _for_clients() / SHARE):
            whose = f"pid {peer.pid}: the extra socket has {most:.0f} already"
        if whose is not None:
            self._service.seldom(log.warning, "refused a connection of %s", whose)
            return False
        # Counted here, before the session's task runs: a burst is accepted without a pause.
        self._per_process[peer.pid] += 1
        return True

    async def _serve(self, session: Session, peer: Peer) -> None:
        try:
            await session.run()
        except Exception as error:
            # A bug in one connection is not the end of the others.
            self._service.seldom(log.error, "bug in a connection: %s", place(error))  # never its text
        finally:
            self._sessions.discard(session)
            self._per_process[peer.pid] -= 1
            if not self._per_process[peer.pid]:
                del self._per_process[peer.pid]
            if not self._sessions:
                self._empty.set()


def _check_room(sock: Connected) -> None:
    """Raises EMFILE while so many descriptors are open that those of requests in flight, to their providers
    and to files, could not be had any more."""
    free = os.dup(sock.fileno())  # the kernel gives the lowest
    os.close(free)
    if free >= _for_clients():
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def _for_clients() -> float:
    """Descriptors that connections of clients may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return inf if soft == resource.RLIM_INFINITY else soft - min(RESERVE, soft // 4)
