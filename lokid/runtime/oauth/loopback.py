"""Where the browser brings the answer of a sign-in to: an HTTP server on this machine for one request.

It is bound before anybody knows its address and stays so until the answer has come; on a literal address,
so that nobody's name service has a say; on a port and a path that nobody can guess, unless the user had to
register them. What else comes is refused and changes nothing: other methods, paths and names (``Host``,
against DNS rebinding), and answers that do not belong to this sign-in.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

import anyio

from lokid.protocols.oauth2 import Stray

MAX_HEAD = 16 * 1024
"""Bytes of a request's head: a code of 4 KiB and a browser's headers."""

HEAD_S, REPLY_S = 5.0, 5.0
"""Both ends are on this machine."""

MAX_CONNECTIONS = 16
"""A browser opens one or two. The oldest goes when another one comes, so that nobody can take all."""

PORT_TRIES = 8  # for a port that is free on 127.0.0.1 and on [::1]

EMFILE_PAUSE_S = 0.1

Take = Callable[[str], tuple[str, Callable[[], None]]]
"""Gets the query of a request. Returns a sentence for the person and what to do once it was sent; raises
``Stray`` for an answer that is not ours."""

PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>lokid</title></head>'
    "<body><p>{}</p></body></html>\n"
)

HEADERS = (
    "Content-Type: text/html; charset=utf-8",
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy: no-referrer",  # the address of the page holds the code
    "X-Content-Type-Options: nosniff",
    "Cache-Control: no-store",
    "Connection: close",
)

REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    421: "Misdirected Request",
}


class Taken(Exception):
    """The port of the redirect is not to be had. The text is the end of a sentence."""


def is_loopback(redirect: str) -> bool:
    """Whether a browser on this machine ends here with it. TLS it cannot be: nobody has the certificate."""
    parts = urlsplit(redirect)
    return parts.scheme == "http" and bool(_addresses(parts))


def _addresses(parts: SplitResult) -> tuple[str, ...]:
    if parts.hostname == "localhost":
        return ("127.0.0.1", "::1")
    with suppress(ValueError):
        if parts.hostname and ipaddress.ip_address(parts.hostname).is_loopback:
            return (parts.hostname,)
    return ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """``query`` is None unless the request is one for ``take``."""

    status: int
    query: str | None = None


def judge(head: bytes, host: str, path: str) -> Verdict:
    """What is to be thought of a request with this ``head``."""
    try:
        line, *headers = head.decode("ascii").split("\r\n")
        method, target, version = line.split(" ")
    except ValueError:  # UnicodeDecodeError is one
        return Verdict(400)
    hosts = [
        value.strip()
        for name, _, value in (header.partition(":") for header in headers)
        if name.lower() == "host"
    ]
    if not version.startswith("HTTP/1."):
        return Verdict(400)
    if hosts != [host]:
        return Verdict(421)
    if method != "GET":
        return Verdict(405)
    asked, _, query = target.partition("?")
    return Verdict(200, query) if asked == path else Verdict(404)


class Loopback:
    """``redirect``: the address to send the browser back to. ``close`` is safe at any time."""

    def __init__(self, redirect: str | None, random_path: str) -> None:
        """``redirect``: as registered; without a port any free one is taken. Raises Taken."""
        parts = urlsplit(redirect or f"http://127.0.0.1/{random_path}")
        self._sockets = _bind(_addresses(parts), parts.port or 0)
        port = self._sockets[0].getsockname()[1]
        name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        self._host = f"{name}:{port}" if port != 80 else str(name)
        self._path = parts.path or "/"
        self._open: list[anyio.CancelScope] = []
        # A registered address is compared letter by letter, so its path stays even when it is empty.
        self.redirect = urlunsplit(parts._replace(netloc=self._host))

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()

    async def serve(self, take: Take) -> None:
        """Until cancelled."""
        async with anyio.create_task_group() as group:
            for sock in self._sockets:
                group.start_soon(self._accept, sock, take, group)

    async def _accept(self, sock: socket.socket, take: Take, group: anyio.abc.TaskGroup) -> None:
        while True:
            await anyio.wait_readable(sock)
            try:
                connection, _ = sock.accept()
            except (BlockingIOError, ConnectionAbortedError):
                continue
            except OSError:  # no descriptor is free
                await anyio.sleep(EMFILE_PAUSE_S)
                continue
            connection.setblocking(False)
            if len(self._open) >= MAX_CONNECTIONS:
                self._open.pop(0).cancel()
            scope = anyio.CancelScope()
            self._open.append(scope)
            group.start_soon(self._serve, connection, take, scope)

    async def _serve(self, connection: socket.socket, take: Take, scope: anyio.CancelScope) -> None:
        try:
            with scope, suppress(OSError):
                with anyio.fail_after(HEAD_S):
                    head = await _head(connection)
                status, sentence, done = self._answer(head, take)
                try:
                    with anyio.move_on_after(REPLY_S):
                        await _send(connection, _page(status, sentence))
                finally:  # a browser that has gone has brought its answer all the same
                    done()
        finally:
            connection.close()
            if scope in self._open:
                self._open.remove(scope)

    def _answer(self, head: bytes, take: Take) -> tuple[int, str, Callable[[], None]]:
        verdict = judge(head, self._host, self._path)
        if verdict.query is None:
            return verdict.status, "This is not the page that you look for.", _nothing
        try:
            sentence, done = take(verdict.query)
        except Stray as stray:
            return 400, f"This answer {stray}. The sign-in still waits for its own.", _nothing
        return 200, sentence, done


def _nothing() -> None:
    pass


def _bind(addresses: tuple[str, ...], port: int) -> list[socket.socket]:
    for _ in range(PORT_TRIES):
        sockets: list[socket.socket] = []
        chosen = port
        try:
            for address in addresses:
                sock = _listening(address, chosen)
                if sock is not None:
                    sockets.append(sock)
                    chosen = chosen or sock.getsockname()[1]
        except OSError:
            for sock in sockets:
                sock.close()
            if port:
                break
            continue
        if sockets:
            return sockets
    raise Taken(f"port {port} is taken by another program" if port else "no port is free")


def _listening(address: str, port: int) -> socket.socket | None:
    """None on a machine without IPv6. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    except OSError:
        if family == socket.AF_INET6:
            return None
        raise
    try:
        sock.setblocking(False)
        # A former sign-in's connections may still linger on a registered port. It does not let two listen.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(MAX_CONNECTIONS)
    except OSError as error:
        sock.close()
        if family == socket.AF_INET6 and error.errno == errno.EADDRNOTAVAIL:
            return None
        raise
    return sock


async def _head(connection: socket.socket) -> bytes:
    """Up to the empty line; what is longer ends in the middle and is refused for that."""
    data = b""
    while b"\r\n\r\n" not in data and len(data) < MAX_HEAD:
        await anyio.wait_readable(connection)
        with suppress(BlockingIOError):
            more = connection.recv(4096)
            if not more:
                break
            data += more
    head, end, _ = data.partition(b"\r\n\r\n")
    return head if end else b""


async def _send(connection: socket.socket, data: bytes) -> None:
    left = memoryview(data)
    while left:
        try:
            left = left[connection.send(left) :]
        except BlockingIOError:
            await anyio.wait_writable(connection)
    connection.shutdown(socket.SHUT_WR)


def _page(status: int, sentence: str) -> bytes:
    body = PAGE.format(sentence).encode()
    lines = (f"HTTP/1.1 {status} {REASONS[status]}", *HEADERS, f"Content-Length: {len(body)}", "", "")
    return "\r\n".join(lines).encode() + body
