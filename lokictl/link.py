"""One connection with one request on it, sent again only while that is safe. ``lokictl.client`` is what
programs use; this is beneath it, and imports nothing that costs a millisecond.

The rule (docs/rpc.md): before ``accepted`` nothing has left for the provider, so a request whose connection
ends may be sent again, and a restart of the daemon loses nothing. After it, never.
"""

import _socket  # the socket module on top of it costs as much as starting Python
import os
import sys
import time

import lokid
from lokictl.failure import Failure, NotRunning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from typing import Any

    from lokictl import wire

    Message = list[Any]
    Events = list[Mapping[str, Any]]
    Steps = Generator[Events, None, Any]
    """The events of one read at a time, and in the end the result."""

RESEND_S = 5.0
"""How long a request is sent again while the daemon restarts. It binds its socket within 0.1 s; the rest
is for a slow machine. An endless crash loop ends in an error."""

RESEND_PAUSE_S = 0.05

SILENT_S = 45.0
"""The daemon answers ``hello`` in less than a millisecond. One that ends under systemd lets its requests
finish for 30 s, and then the next one starts and answers. Nothing within this time: it hangs or is stopped
(a suspended laptop wakes well within it)."""

GRACE_S = 5.0
"""The daemon tells of a timeout itself. One that is stopped does not, and is not waited for much longer."""

LOOK_S = 2.5
"""How often it is asked whether systemd starts a daemon anew again and again. The second look can tell."""

HELLO, REQUEST = 0, 1
"""Message ids: a connection carries one request."""

heard: "dict[str, Any]" = {}
"""Of a daemon's last ``call``: its ``version``, the ``method``, the last ``events``, the ``result``. Only
``nonsense`` looks at it, after a failure."""


class Lost(Exception):
    """The connection ended, or was never made, before the response."""


class Hangs(Failure):
    """Somebody listens and does not answer. ``pid``: who made the socket; under socket activation that is
    systemd, whoever serves it."""

    def __init__(self, pid: int) -> None:
        super().__init__(
            "daemon_unavailable",
            f"lokid runs but has not answered for {SILENT_S:.0f} s",
            "lokictl daemon restart",
        )
        self.pid = pid


class Link:
    """One connection with one request on it."""

    def __init__(
        self, sock: "_socket.socket", on_hello: "Callable[[Mapping[str, Any]], None]", *, large: bool = False
    ) -> None:
        self._sock = sock
        self._on_hello = on_hello
        self._large = large
        self._reader: wire.Reader | None = None  # made when the question has left
        self._greeted = False
        self._timeout_s: float | None = None
        self._began = 0.0
        self.accepted = False
        self._rest: list[Message] = []  # read together with the response

    def fileno(self) -> int:
        return self._sock.fileno()

    def request(
        self,
        method: str,
        params: "Mapping[str, Any]",
        on_wait: "Callable[[], float | None]",
        name: "str | None" = None,
        began: "float | None" = None,
    ) -> "Steps":
        """Raises ``Failure`` for an error response, ``Lost`` when the connection ends first. Closing it
        before its end cancels the request.

        ``on_wait`` is called while nothing comes and says how many seconds later to call it again (None: no
        more). ``name``: what ``hello`` says. ``began``: when ``timeout_s`` did.
        """
        from lokictl.packing import encode  # while the daemon accepts the connection

        self._timeout_s, self._began = params.get("timeout_s"), began or time.monotonic()
        hello = {"client": name or _name(), "errors": "map", "accepted": True}
        # One write for both: hello is answered before the request is looked at.
        self._send(
            encode([0, HELLO, "hello", [hello]]) + encode([0, REQUEST, method, [params] if params else []])
        )
        try:
            while True:
                events: list[Mapping[str, Any]] = []
                rest = self._sort(self._receive(on_wait), events)
                if events:
                    yield events
                if rest:
                    end, *self._rest = rest
                    return self._result(end)
        except (Failure, Lost):
            raise
        except BaseException:
            # Ctrl-C, a closed pipe, a full disk: nobody wants the answer. The daemon would also notice that
            # the connection closes; to say so makes the error in its log "cancelled".
            self._cancel()
            raise

    def _sort(self, messages: "list[Any]", events: "Events") -> "list[Any]":
        """Adds to ``events``. What ends the request, and all behind it: its response, or what is no message
        and may have been meant as one, so that nothing better would come. Empty: it goes on."""
        for at, message in enumerate(messages):
            match message:
                case [1, 0, error, result]:
                    self._greet(error, result)
                case [2, "accepted", [1]]:
                    self.accepted = True
                case [2, "chat.event", [1, event]]:
                    self.accepted = True
                    events.append(event)
                case [2, str(), list()]:
                    pass  # of a later version: not for us
                case _:
                    return messages[at:]
        return []

    def _result(self, end: "Any") -> "Any":
        match end:
            case [1, 1, error, result] if self._greeted:
                if error is not None:
                    raise Failure.from_error(error)
                return result
        raise self._unreadable()

    def follow(self, on_wait: "Callable[[Link], None]") -> "Iterator[Mapping[str, Any]]":
        """After ``events.subscribe`` was answered: what changes. Raises ``Lost`` at the end."""
        while True:
            for message in self._rest:
                match message:
                    case [2, "event", [dict() as event]]:
                        yield event
                    case [2, str() as name, list()] if name != "event":
                        pass
                    case _:
                        raise self._unreadable()
            on_wait(self)
            self._rest = self._receive(lambda: None)

    def _send(self, data: bytes) -> None:
        self._sock.settimeout(SILENT_S)
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise Hangs(peer(self._sock)[0]) from None
        except OSError as error:
            raise Lost(str(error)) from None

    def _receive(self, on_wait: "Callable[[], float | None]") -> "list[Message]":
        from lokictl import wire  # the daemon works meanwhile

        if self._reader is None:
            self._reader = wire.bulk_reader() if self._large else wire.Reader()
        waiting_since = looked_at = time.monotonic()
        crashes = None
        while True:
            pause = on_wait()
            if not self._greeted:
                pause = min(pause or LOOK_S, LOOK_S)
            if (left := self._left()) is not None:
                pause = min(pause or SILENT_S, max(left, RESEND_PAUSE_S))
            self._sock.settimeout(pause)
            try:
                data = self._sock.recv(65536)
            except TimeoutError:
                now = time.monotonic()
                if left is not None and left <= 0:
                    what = f"lokid runs but has not answered within {self._timeout_s:g} s"
                    raise Failure("timeout", what, "lokictl daemon restart") from None
                if not self._greeted and now - waiting_since >= SILENT_S:
                    raise Hangs(peer(self._sock)[0]) from None
                if not self._greeted and now - looked_at >= LOOK_S:
                    from lokictl.crashes import Watch

                    crashes, looked_at = crashes or Watch(peer(self._sock)[0]), now
                    crashes.look()
                continue
            except OSError as error:
                raise Lost(str(error)) from None
            if not data:
                raise Lost("lokid closed the connection")
            try:
                return self._reader.feed(data)
            except wire.Malformed as error:
                raise self._unreadable(f" ({error})") from None

    def _left(self) -> "float | None":
        """Seconds until nobody waits any more."""
        if self._timeout_s is None:
            return None
        return self._began + self._timeout_s + (GRACE_S if self._greeted else 0.0) - time.monotonic()

    def _greet(self, error: "Any", result: "Any") -> None:
        if error is not None or not isinstance(result, dict) or result.get("server") != "lokid":
            raise self._unreadable()
        self._greeted = True
        heard["version"] = result.get("version")
        self._on_hello(result)

    def _unreadable(self, why: str = "") -> Failure:
        from lokictl.nonsense import unreadable

        return unreadable(why, greeted=self._greeted)

    def _cancel(self) -> None:
        from lokictl.packing import encode

        try:
            self._sock.settimeout(0)  # never wait here: the user wants to leave
            self._sock.send(encode([2, "cancel", [REQUEST]]))
        except OSError:
            pass

    def close(self) -> None:
        self._sock.close()


def call(
    method: str,
    params: "Mapping[str, Any] | None" = None,
    *,
    start: bool = True,
    on_events: "Callable[[Sequence[Mapping[str, Any]]], None]" = lambda _: None,
    on_wait: "Callable[[], float | None]" = lambda: None,
    large: bool = True,
    on_hello: "Callable[[Mapping[str, Any]], None]" = lambda _: None,
) -> "Any":
    """Asks the daemon, starting it if need be (``start``, unless LOKICTL_AUTOSTART=0). Raises ``Failure``.

    ``on_events`` gets all events of one read at once; what it raises cancels the request. ``on_wait``: see
    ``Link.request``. ``large``: msgpack reads the answer from its first byte, which pays for large results.
    """
    asking = steps(method, params, start=start, on_wait=on_wait, large=large, on_hello=on_hello)
    heard.clear()
    heard["method"] = method
    try:
        while True:
            try:
                events = heard["events"] = next(asking)
            except StopIteration as end:
                heard["result"] = end.value
                return end.value
            on_events(events)
    finally:
        asking.close()


def steps(
    method: str,
    params: "Mapping[str, Any] | None" = None,
    *,
    start: bool = True,
    on_wait: "Callable[[], float | None]" = lambda: None,
    large: bool = True,
    on_hello: "Callable[[Mapping[str, Any]], None]" = lambda _: None,
    name: "str | None" = None,
) -> "Steps":
    """``call`` for who wants to be in the middle of it: closing it cancels the request."""
    params, began, start = params or {}, time.monotonic(), start and may_start()
    give_up_at: float | None = None
    while True:
        dialled = time.monotonic()
        try:
            sock = dial(start=start, on_wait=on_wait, timeout_s=params.get("timeout_s"))
        except NotRunning:
            if give_up_at is None or time.monotonic() > give_up_at:
                raise
            time.sleep(RESEND_PAUSE_S)  # it ended under our request: whoever keeps it restarts it
            continue
        link = Link(sock, on_hello, large=large)
        try:
            return (yield from link.request(method, params, on_wait, name, began))
        except Lost:
            if link.accepted:
                raise Failure(
                    "incomplete_response",
                    "the connection to lokid was lost in the middle of the answer",
                    "the provider may have seen the request, so it was not sent again",
                ) from None
            now = time.monotonic()
            if give_up_at is None or now - dialled > RESEND_S:  # that one waited long, and was left
                from lokictl.crashes import Log

                give_up_at, log = now + RESEND_S, Log()
            if now > give_up_at:
                raise log.again_and_again(RESEND_S) from None
            time.sleep(RESEND_PAUSE_S)
        finally:
            link.close()


def may_start() -> bool:
    return os.environ.get("LOKICTL_AUTOSTART") != "0"


def dial(
    *, start: bool, on_wait: "Callable[[], float | None]" = lambda: None, timeout_s: "float | None" = None
) -> "_socket.socket":
    """A connection to our own daemon. Raises ``Failure``: none there, or it is somebody else's."""
    path = path_of_socket()
    sock = connect(path, timeout_s)
    if sock is None:
        if not start:
            from lokictl import ending

            # As docs/security.md has it set. One that is started here is in the way of the forwarded one.
            raise ending.not_running(path, afar=bool(os.environ.get("LOKID_SOCK") and not may_start()))
        from lokictl import autostart

        sock = autostart.started(lambda: connect(path, timeout_s), path, on_wait, timeout_s=timeout_s)
    return sock


def path_of_socket() -> str:
    from lokid.rpc import address

    try:
        return address.socket_path(os.environ)
    except address.NoHome as error:
        raise Failure("daemon_unavailable", str(error)) from None


def connect(path: str, timeout_s: "float | None" = None) -> "_socket.socket | None":
    """A connection to the socket ``path``, None when nobody listens there. Raises ``Failure``."""
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK)
    try:
        try:
            sock.connect(path)
        except BlockingIOError:
            from lokictl import ending

            ending.stand_in_line(sock, path, timeout_s)
        check_peer(sock, path)
    except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError):
        sock.close()
        return None
    except PermissionError:
        from lokictl import kept_out

        sock.close()
        raise kept_out.forbidden(path) from None
    except OSError as error:
        sock.close()
        raise Failure("daemon_unavailable", f"cannot connect to {path}: {error.strerror or error}") from None
    except Failure:
        sock.close()
        raise
    return sock


def check_peer(sock: "_socket.socket", path: str) -> None:
    """A prompt goes to nobody's daemon but our own: not from root to a user, nor the other way round."""
    if peer(sock)[1] != os.geteuid():
        from lokictl import kept_out

        raise kept_out.foreign(path)


def peer(sock: "_socket.socket") -> "tuple[int, int]":
    """Process and user at the other end, when it began to listen."""
    credentials = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)  # struct ucred: pid, uid, gid
    return int.from_bytes(credentials[:4], sys.byteorder), int.from_bytes(credentials[4:8], sys.byteorder)


def _name() -> str:
    """Who asks through lokictl may say so, as a path too: ``LOKICTL_PROGRAM=$0``."""
    return os.environ.get("LOKICTL_PROGRAM", "").rpartition("/")[2] or f"lokictl/{lokid.__version__}"
