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
from collections.abc import Awaitable, Sequence

import anyio
from anyio.abc import TaskGroup

from lokid.chat import Event
from lokid.errors import Cancelled, InvalidParams, LokidError, Overloaded
from lokid.rpc.large import LargeFrame
from lokid.rpc.messages import (
    Message,
    Notification,
    ProtocolError,
    Request,
    Response,
    encode_notification,
    encode_response,
)
from lokid.rpc.methods import EventMap, Topic
from lokid.server.access import FULL, Access
from lokid.server.calling import SessionCall, framed
from lokid.server.event_frames import EventFrames
from lokid.server.faults import error_map, error_text, refused
from lokid.server.feed import Subscription
from lokid.server.handlers import Handler, Inline, Spawned, params_of
from lokid.server.intake import SMALL, Crowded, weight
from lokid.server.outbox import LIMIT, Outbox
from lokid.server.pace import Pace
from lokid.server.peer import Connected, Peer, called, program_of
from lokid.server.reader import Reader
from lokid.server.requests import Running, shutting_down
from lokid.server.service import Params, Service

log = logging.getLogger(__name__)

LINGER_S = 5.0
"""For the rest of a frame that was refused for its size: 1 GiB on this machine takes about one second."""

MAX_IN_FLIGHT = 1024
"""Questions of one process at a time, on all its connections; an editor has a few, a batch job some hundreds.
A caller with more is better told than queued: it can hold back, a queue here could not say how long it is.
Each takes a descriptor to its provider too, so sixteen such processes are all that ``LimitNOFILE`` allows."""

NO_MEMORY = "lokid has no memory left for this request"

UNREAD = "too many bytes of answers wait to be read: read them, or ask for less at a time"

FAREWELL_S = 5.0
"""How long the last answers may take to leave. The client has gone or goes, systemd kills at 45 s."""


Admitted = tuple[Handler, Params] | Exception


class Session:
    """``run`` returns when the connection is over and closes ``sock``.

    ``tasks`` runs its requests and its writer. It is shared by all connections, since a task group for each
    would double what an idle one costs; ``run`` waits for those of its own.
    """

    __slots__ = (
        "_access",
        "_draining",
        "_idle",
        "_intake",
        "_line",
        "_outbox",
        "_peer",
        "_program",
        "_reader",
        "_reading",
        "_running",
        "_service",
        "_sock",
        "_subscription",
        "_tasks",
        "_unread",
        "errors_as_map",
        "wants_accepted",
    )

    def __init__(
        self, sock: Connected, peer: Peer, service: Service, tasks: TaskGroup, access: Access = FULL
    ) -> None:
        self._sock = sock
        self._peer = peer
        self._program: str | None = None  # looked up for the first question
        self._service = service
        self._tasks = tasks
        self._access = access
        self._intake = service.intake.share if access.restricted else service.intake
        self._unread = service.unread.share if access.restricted else service.unread
        largest = service.runtime.max_frame()
        self._line = service.extra_line if access.restricted else service.line
        self._reader = Reader(sock, peer.pid, largest, self._intake, self._line, last=access.restricted)
        self._outbox = Outbox(sock, tasks, self._lose, self._stall, count=self._unread.add)
        self._running: dict[int, Running] = {}  # by msgid
        self._reading = anyio.CancelScope()
        self._idle: anyio.Event | None = None  # while somebody waits for the last request
        self._subscription: Subscription | None = None
        self._draining = False
        # What `hello` sets.
        self.errors_as_map = False
        self.wants_accepted = False

    # --- what the listener does with a session

    def drain(self) -> None:
        """Takes no new question and ends with the last one that runs; at once if none does."""
        self._draining = True
        self._end_if_drained()

    def cut(self, *, goes_on: bool = False) -> int:
        """Cancels what runs, and says how much that was. ``goes_on``: lokid does, and only this socket is
        closed, so that no other lokid will listen here."""
        for running in self._running.values():
            running.cut(resends=self.wants_accepted and not goes_on)
        return len(self._running)

    # --- what `hello` and `events.subscribe` do with it

    def introduce(self, name: str) -> None:
        self._program = called(program_of(self._peer.pid), name)

    def subscribe(self, topics: Sequence[Topic]) -> list[EventMap]:
        if self._subscription is not None:
            self._subscription.scope.cancel()
        self._subscription = Subscription(self._service, topics) if topics else None
        return self._subscription.now() if self._subscription is not None else []

    async def run(self) -> None:
        try:
            # Here and not in a function of its own: ten thousand idle connections wait in this line.
            with self._reading:
                try:
                    # Not held while the next ones are waited for: 64 KiB of lists make four MB of objects.
                    while await self._take_all(await self._reader.read()):
                        pass
                except ProtocolError as error:
                    await self._refuse_frame(error)
                except MemoryError:
                    # A limit of the unit or of the shell. What the message took is free again.
                    await self._refuse_frame(Crowded(NO_MEMORY))
                finally:
                    self._reader.release()
            self._cancel_all(Cancelled(self._outbox.dead or "the connection was closed"))
            while self._running:
                self._idle = anyio.Event()
                await self._idle.wait()
            # Every request has queued its answer now.
            with anyio.move_on_after(FAREWELL_S):
                await self._outbox.flushed()
        finally:
            self._cancel_all(Cancelled("the connection was closed"))
            if self._subscription is not None:
                self._subscription.scope.cancel()
            await self._outbox.close()
            self._reader.close()
            self._sock.close()

    # --- the reader

    async def _take_all(self, messages: list[Message | LargeFrame]) -> bool:
        """Whether there were any."""
        pace = Pace()
        for message in messages:
            if pace.is_over():
                await self._line.turn()
                pace.begin()
            if isinstance(message, LargeFrame):
                await self._take_large(message)
            elif await self._take(message):
                pace.question()
        self._reader.check()
        return bool(messages)

    async def _refuse_frame(self, error: ProtocolError) -> None:
        told = self._access.fault(refused(error), "")
        self._service.seldom(log.warning, "closed a connection of pid %d: %s", self._peer.pid, told.message)
        self._reader.release()
        if error.msgid is not None:
            await self._answer(error.msgid, self._error(told), None)
            # The client may still be sending what was refused: closing now would break its send, and take
            # the answer, which says why, from it.
            with anyio.move_on_after(LINGER_S):
                await self._reader.drop()

    async def _take(self, message: Request | Response | Notification) -> bool:
        """Whether a task has begun."""
        match message:
            case Request() as request:
                return await self._take_request(request, self._admitted(request))
            case Notification("cancel", [int(msgid)]):
                if (running := self._running.get(msgid)) is not None:
                    running.cancel(Cancelled("the client cancelled the request"))
            case Notification() | Response():
                # Neovim, for one, tells its peers about errors of its own (nvim_error_event).
                pass
        return False

    async def _take_large(self, frame: LargeFrame) -> None:
        """In a thread: to decode and to check 64 MiB takes longer than anybody else should wait."""
        intake, size = self._intake, len(frame)
        intake.add(size)
        try:
            message, admitted, taken = await intake.aside(self._peer.pid, lambda: self._opened(frame))
            if taken > size:
                intake.add(taken - size)
                size = taken
                intake.check(self._service.runtime.max_frame(), frame.msgid, size)
            if admitted is None:
                await self._take(message)
            elif isinstance(message, Request) and await self._take_request(message, admitted, size):
                size = 0  # its task gives it back
        finally:
            intake.add(-size)

    def _opened(self, frame: LargeFrame) -> tuple[Message, Admitted | None, int]:
        try:
            message = frame.decode()
        except MemoryError:
            raise Crowded(NO_MEMORY, frame.msgid) from None
        if not isinstance(message, Request):
            return message, None, 0
        return message, self._admitted(message), weight(message.params)

    def _admitted(self, request: Request) -> Admitted:
        """What is to be done, or why not."""
        try:
            handler = self._access.handler_of(request.method)
            params = params_of(request.method, request.params)
            self._access.check(request.method, params)
        except Exception as error:  # told to whoever asked, by ``_take_request``
            return error
        return handler, params

    async def _take_request(self, request: Request, admitted: Admitted, size: int = 0) -> bool:
        """``size``: of a large frame. Whether a task has begun, which then answers for it."""
        msgid, method = request.msgid, request.method
        try:
            if msgid in self._running:
                raise InvalidParams(f"message id {msgid} belongs to a request that still runs")
            if isinstance(admitted, Exception):
                try:
                    raise admitted
                finally:
                    del admitted  # it holds this frame now, which would hold it
            handler, checked = admitted
            match handler:
                case Inline(answer):
                    frame = encode_response(msgid, None, answer(self._service, self, checked))
                case Spawned():
                    if self._reader.is_over():  # whoever asked has gone, while this waited to be read
                        raise Cancelled("the connection was closed")
                    self._check_room()
                    if self._draining and self.wants_accepted:
                        return False
                    if self._draining:
                        raise shutting_down()
                    self._spawn(msgid, method, handler, checked, size)
                    return True
        except Exception as error:  # the task of a cheap request is the reader's
            frame = encode_response(msgid, self._error(self._access.fault(error, method)), None)
        await self._outbox.send(frame)
        # What has changed is told after how it was.
        if (subscription := self._subscription) is not None and not subscription.begun:
            subscription.begun = True
            self._tasks.start_soon(subscription.run, self._outbox)
        return False

    def _check_room(self) -> None:
        if self._service.requests.of(self._peer.pid) >= MAX_IN_FLIGHT:
            raise Overloaded(
                f"{MAX_IN_FLIGHT} requests of this process run already: wait for some of them",
                retry_after_s=1.0,
            )

    # --- the task of one question

    def _spawn(self, msgid: int, method: str, handler: Spawned, params: Params, size: int) -> None:
        model = params.get("model")
        running = self._service.requests.add(
            msgid,
            method,
            model if isinstance(model, str) else None,
            self._peer,
            self._program,
            restricted=self._access.restricted,
        )
        self._program = running.asker.program
        self._running[msgid] = running
        self._tasks.start_soon(self._work, running, handler, params, size)

    async def _work(self, running: Running, handler: Spawned, params: Params, size: int) -> None:
        call = SessionCall(self, running)
        error: LokidError | None = None
        frame: bytes | bytearray = b""
        try:
            try:
                with running.scope:
                    frame = framed(running.msgid, await handler.answer(self._service, call, params))
            except Exception as raised:
                # The one broad except of a request. Around the scope, which lets out what failed *while* it
                # was cancelled; nothing may reach the task group, it is everybody's.
                error = self._access.fault(raised, running.method)
            if running.scope.cancelled_caught:
                error = running.why or Cancelled("the request was cancelled")
            if error is not None:
                frame = encode_response(running.msgid, self._error(error), None)
                error = None  # it holds this frame, which would hold it
            if not running.asker.left:
                ready, frame = [frame], b""  # only who delivers it has it, and may give it up
                await self._deliver(running.msgid, ready.pop())
        finally:
            self._intake.add(-size)
            del self._running[running.msgid]
            self._service.requests.remove(running)
            if not self._running and self._idle is not None:
                self._idle.set()
            self._end_if_drained()

    async def _deliver(self, msgid: int, frame: bytes | bytearray) -> None:
        """A large answer is lost if too many wait for slow readers already."""
        size = len(frame)
        if size <= SMALL and self._outbox.size < LIMIT:
            self._outbox.put(frame)
            return
        self._unread.add(size)
        try:
            own = 0 if self._access.restricted else size
            self._unread.check(self._service.runtime.max_frame(), own=own)
        except Crowded:
            error = self._access.fault(Overloaded(UNREAD, retry_after_s=1.0), "")
            frame = encode_response(msgid, self._error(error), None)
        try:
            await self._outbox.send(frame, last=True)
        finally:
            self._unread.add(-size)

    def send_events(self, frames: EventFrames, events: Sequence[Event]) -> Awaitable[None] | None:
        """All events of one network read in one write; to be awaited if the client does not keep up."""
        return self._outbox.put(frames.joined(self._access.events(events)))

    async def send_accepted(self, msgid: int) -> None:
        """Returns when the notification has left; from here on the client must not send again."""
        if self.wants_accepted:
            await self._outbox.send(encode_notification("accepted", [msgid]))
            await self._outbox.flushed()

    # --- the end

    def _lose(self, why: str) -> None:
        """The outbox found the client gone, or given it up."""
        self._service.seldom(log.info, "closed a connection of pid %d: %s", self._peer.pid, why)
        self._cancel_all(Cancelled(why))
        self._reading.cancel()

    def _stall(self, why: str) -> None:
        self._service.seldom(log.info, "stopped the requests of pid %d: %s", self._peer.pid, why)
        # Said to it too, behind what it has not read yet: it may only have been stopped.
        self._cancel_all(Cancelled(f"client_stalled: {why}, so lokid stopped asking"))

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
