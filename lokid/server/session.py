"""One connection: a reader, a writer (the outbox), and a task for each question.

* Cheap methods are answered by the reader itself, in order; a task costs 64 microseconds and they less.
* A question gets a task with a cancel scope of its own. It answers exactly once, cancelled or not.
* End of file means that the client is gone, and its requests are cancelled at once. A client that only
  closed its sending half (``nc -N``) gets the answers of cheap methods, and ``cancelled`` for the rest:
  a vanished client, which costs money, cannot be told from a half-closed one.
* A malformed frame ends this connection and nothing else.
* While the daemon drains, cheap methods and cancelling go on. A new question is not taken: a client that
  asked for ``accepted`` sends it again elsewhere when this connection closes (after the last request in
  flight); any other is told to.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import anyio
from anyio.abc import TaskGroup

from lokid.chat import Event, encode
from lokid.errors import Cancelled, InvalidParams, LokidError, Overloaded, ProviderUnavailable
from lokid.rpc.connection import Connection, Limits
from lokid.rpc.messages import (
    Notification,
    ProtocolError,
    Request,
    Response,
    encode_notification,
    encode_response,
)
from lokid.server.faults import error_map, error_text, fault
from lokid.server.handlers import Inline, Params, Service, Spawned, handler_of, params_of
from lokid.server.outbox import Outbox
from lokid.server.peer import Connected, Peer
from lokid.server.requests import Running

log = logging.getLogger(__name__)

READ = 64 * 1024
"""Bytes per read: most requests in one piece, and a frame of 64 MiB in about a thousand."""

FRAME_S = 30.0
"""Silence within a frame; both ends are on this machine."""

LINGER_S = 5.0
"""For the rest of a frame that was refused for its size: 1 GiB on this machine takes about one second."""

MAX_IN_FLIGHT = 1024
"""Questions of one connection at a time; an editor has a few, a batch job some hundreds. A caller with
more is better told than queued: it can hold back, a queue here could not say how long it is."""

MAX_ANSWER = 512 * 1024 * 1024
"""Bytes of one answer. 10,000 vectors of 3,072 numbers as lists are 276 MiB; what is larger would be held
three times over here, and lokictl reads no more either."""

FAREWELL_S = 5.0
"""How long the last answers may take to leave. The client has gone or goes, systemd kills at 45 s."""


class Session:
    """``run`` returns when the connection is over and closes ``sock``.

    ``tasks`` runs its requests and its writer. It is shared by all connections, since a task group for each
    would double what an idle one costs; ``run`` waits for those of its own.
    """

    __slots__ = (
        "_connection",
        "_draining",
        "_idle",
        "_outbox",
        "_peer",
        "_program",
        "_reading",
        "_running",
        "_service",
        "_sock",
        "_tasks",
        "errors_as_map",
        "wants_accepted",
    )

    def __init__(self, sock: Connected, peer: Peer, service: Service, tasks: TaskGroup) -> None:
        self._sock = sock
        self._peer = peer
        self._program: str | None = None  # looked up for the first question
        self._service = service
        self._tasks = tasks
        self._connection = Connection(Limits(max_frame=service.runtime.max_frame()))
        self._outbox = Outbox(sock, tasks, self._lose)
        self._running: dict[int, Running] = {}  # by msgid
        self._reading = anyio.CancelScope()
        self._idle: anyio.Event | None = None  # while somebody waits for the last request
        self._draining = False
        # What `hello` sets.
        self.errors_as_map = False
        self.wants_accepted = False

    # --- what the listener does with a session

    def drain(self) -> None:
        """Takes no new question and ends with the last one that runs; at once if none does."""
        self._draining = True
        self._end_if_drained()

    async def run(self) -> None:
        try:
            await self._read()
            self._cancel_all(Cancelled(self._outbox.dead or "the connection was closed"))
            while self._running:
                self._idle = anyio.Event()
                await self._idle.wait()
            # Every request has queued its answer now.
            with anyio.move_on_after(FAREWELL_S):
                await self._outbox.flushed()
        finally:
            self._cancel_all(Cancelled("the connection was closed"))
            await self._outbox.close()
            self._sock.close()

    # --- the reader

    async def _read(self) -> None:
        """Returns at the end of the connection, whoever ends it."""
        with self._reading:
            try:
                while data := await self._receive():
                    for message in self._connection.feed(data):
                        await self._take(message)
                    self._connection.check()
                self._connection.eof()
            except ProtocolError as error:
                await self._refuse_frame(error)

    async def _receive(self) -> bytes:
        """The next bytes, b"" at the end; raises ProtocolError for silence within a frame."""
        if not self._is_inside_frame():
            return await self._receive_any()
        with anyio.move_on_after(FRAME_S):
            return await self._receive_any()
        raise ProtocolError(f"the rest of a frame did not come within {FRAME_S:g} seconds")

    async def _receive_any(self) -> bytes:
        """Waits first: after an answer there is rarely something yet, and a client that never pauses must not
        keep the other connections from their turn."""
        while True:
            await anyio.wait_readable(self._sock)
            try:
                return self._sock.recv(READ)
            except (BlockingIOError, InterruptedError):
                continue
            except OSError:  # reset: a client that left without reading
                return b""

    def _is_inside_frame(self) -> bool:
        """An idle connection may be silent for ever, but half a frame is memory that waits for its rest."""
        try:
            self._connection.eof()
        except ProtocolError:
            return True
        return False

    async def _refuse_frame(self, error: ProtocolError) -> None:
        log.warning("closed a connection of pid %d: %s", self._peer.pid, error)
        if error.msgid is not None:
            await self._answer(error.msgid, self._error(InvalidParams(str(error))), None)
            # The client may still be sending what was refused: closing now would break its send, and take
            # the answer, which says why, from it.
            with anyio.move_on_after(LINGER_S):
                while await self._receive_any():
                    pass

    async def _take(self, message: Request | Response | Notification) -> None:
        match message:
            case Request(msgid, method, params):
                await self._take_request(msgid, method, params)
            case Notification("cancel", [int(msgid)]):
                if (running := self._running.get(msgid)) is not None:
                    running.cancel(Cancelled("the client cancelled the request"))
            case Notification() | Response():
                # Neovim, for one, tells its peers about errors of its own (nvim_error_event).
                pass

    async def _take_request(self, msgid: int, method: str, params: list[object]) -> None:
        try:
            handler = handler_of(method)
            if msgid in self._running:
                raise InvalidParams(f"message id {msgid} belongs to a request that still runs")
            checked = params_of(method, params)
            match handler:
                case Inline(answer):
                    frame = encode_response(msgid, None, answer(self._service, self, checked))
                case Spawned():
                    self._check_room()
                    if self._draining and self.wants_accepted:
                        return
                    if self._draining:
                        raise _shutting_down()
                    self._spawn(msgid, method, handler, checked)
                    return
        except Exception as error:  # the task of a cheap request is the reader's
            frame = encode_response(msgid, self._error(fault(error, method)), None)
        await self._outbox.send(frame)

    def _check_room(self) -> None:
        if len(self._running) >= MAX_IN_FLIGHT:
            raise Overloaded(
                f"{MAX_IN_FLIGHT} requests of this connection run already: wait for some of them",
                retry_after_s=1.0,
            )

    # --- the task of one question

    def _spawn(self, msgid: int, method: str, handler: Spawned, params: Params) -> None:
        model = params.get("model")
        running = self._service.requests.add(
            msgid, method, model if isinstance(model, str) else None, self._peer, self._program
        )
        self._program = running.asker.program
        self._running[msgid] = running
        self._tasks.start_soon(self._work, running, handler, params)

    async def _work(self, running: Running, handler: Spawned, params: Params) -> None:
        call = _Call(self, running)
        error: LokidError | None = None
        frame = b""
        try:
            try:
                with running.scope:
                    result = await handler.answer(self._service, call, params)
                    frame = _bounded(encode_response(running.msgid, None, result))
            except Exception as raised:
                # The one broad except of a request. Around the scope, which lets out what failed *while* it
                # was cancelled; nothing may reach the task group, it is everybody's.
                error = fault(raised, running.method)
            if running.scope.cancelled_caught:
                error = running.why
            if error is not None:
                frame = encode_response(running.msgid, self._error(error), None)
            await self._outbox.send(frame)
        finally:
            del self._running[running.msgid]
            self._service.requests.remove(running)
            if not self._running and self._idle is not None:
                self._idle.set()
            self._end_if_drained()

    async def send_events(self, msgid: int, events: Sequence[Event]) -> None:
        """All events of one network read in one write."""
        await self._outbox.send(
            b"".join(encode_notification("chat.event", [msgid, encode.event(event)]) for event in events)
        )

    async def send_accepted(self, msgid: int) -> None:
        """Returns when the notification has left; from here on the client must not send again."""
        if self.wants_accepted:
            await self._outbox.send(encode_notification("accepted", [msgid]))
            await self._outbox.flushed()

    # --- the end

    def _lose(self, why: str) -> None:
        """The outbox found the client gone or stalled."""
        log.info("closed a connection of pid %d: %s", self._peer.pid, why)
        self._cancel_all(Cancelled(why))
        self._reading.cancel()

    def _cancel_all(self, why: LokidError) -> None:
        for running in self._running.values():
            running.cancel(why)

    def _end_if_drained(self) -> None:
        if self._draining and not self._running:
            self._reading.cancel()

    # --- answers

    def _error(self, error: LokidError) -> object:
        return error_map(error) if self.errors_as_map else error_text(error)

    async def _answer(self, msgid: int, error: object, result: object) -> None:
        await self._outbox.send(encode_response(msgid, error, result))


class _Call:
    """What a spawned handler may do besides answering."""

    __slots__ = ("_msgid", "_session", "asker")

    def __init__(self, session: Session, running: Running) -> None:
        self._session = session
        self._msgid = running.msgid
        self.asker = running.asker

    async def emit(self, events: Sequence[Event]) -> None:
        if events:
            await self._session.send_events(self._msgid, events)

    async def accepted(self) -> None:
        await self._session.send_accepted(self._msgid)


def _bounded(frame: bytes) -> bytes:
    if len(frame) > MAX_ANSWER:
        raise InvalidParams(
            f"the answer is larger than {MAX_ANSWER} bytes",
            hint="ask for fewer texts at a time, or for embeddings with encoding f32",
        )
    return frame


def _shutting_down() -> ProviderUnavailable:
    return ProviderUnavailable("lokid is shutting down: send the request again", retry_after_s=1.0)
