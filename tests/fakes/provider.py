"""A provider that misbehaves on command: raw HTTP over TCP, so that every byte and every cut is ours.

    async with FakeProvider() as provider:
        provider.will(answer(200, b"{}"), reset(), stall())     # one step per request, in this order
        ...                                                     # provider.url, provider.requests

A step is an ``async def step(call: Call)``; when it returns, the connection waits for its next request.
Nothing here sleeps: what has to wait, waits for an event.
"""

from __future__ import annotations

import ctypes
import gzip
import json
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import anyio
from anyio.abc import ByteStream, SocketAttribute, TaskGroup
from anyio.streams.tls import TLSListener

SO_ATTACH_FILTER = 26
"""asm-generic/socket.h"""


@dataclass(frozen=True)
class Received:
    """One request. ``connection``: the number, from 0, of the connection that it came over."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Call:
    """What a step works with: the request and the wire."""

    def __init__(self, request: Received, stream: ByteStream, gone: anyio.Event) -> None:
        self.request = request
        self.gone = gone
        """Set when lokid has closed the connection."""
        self.stream = stream
        self.sent = 0

    async def send(self, data: bytes) -> None:
        await self.stream.send(data)
        self.sent += len(data)

    async def head(self, status: int = 200, **headers: str) -> None:
        await self.send(_head(status, headers))

    async def chunk(self, data: bytes) -> None:
        """One chunk of a body with ``transfer_encoding="chunked"``; ``b""`` ends the body."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def close(self) -> None:
        await self.stream.aclose()

    async def reset(self) -> None:
        """RST instead of FIN."""
        raw = self.stream.extra(SocketAttribute.raw_socket)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if transport := getattr(self.stream, "_transport", None):  # asyncio would send FIN first
            transport.abort()
        await self.stream.aclose()


Step = Callable[[Call], Awaitable[None]]


@dataclass
class FakeProvider:
    """Listens on a free port of 127.0.0.1. ``tls``: the server's side of TLS. ``default``: the step for
    requests that ``will`` has not provided for."""

    tls: ssl.SSLContext | None = None
    default: Step | None = None
    requests: list[Received] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    """Connections that neither side has closed."""
    port: int = 0
    _script: list[Step] = field(default_factory=list)
    _group: TaskGroup | None = None
    _changed: anyio.Event = field(default_factory=anyio.Event)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def will(self, *steps: Step) -> None:
        self._script += steps

    async def until(self, condition: Callable[[], bool], *, within: float = 5.0) -> None:
        """Waits until ``condition()`` holds; looked at whenever something happens here."""
        with anyio.fail_after(within):
            while not condition():
                await self._changed.wait()

    async def __aenter__(self) -> Self:
        self._group = anyio.create_task_group()
        group = await self._group.__aenter__()
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        self.port = listener.extra(SocketAttribute.local_port)
        serving = TLSListener(listener, self.tls, standard_compatible=False) if self.tls else listener

        async def serve() -> None:
            async with listener:
                await serving.serve(self._connection)

        group.start_soon(serve)
        return self

    async def __aexit__(self, *raised: object) -> None:
        assert self._group is not None
        self._group.cancel_scope.cancel()
        await self._group.__aexit__(*raised)

    async def _connection(self, stream: ByteStream) -> None:
        number, self.connections = self.connections, self.connections + 1
        self.open += 1
        self._happened()
        gone = anyio.Event()
        requests, incoming = anyio.create_memory_object_stream[Received](100)

        async def read() -> None:
            buffer = b""
            try:
                async with requests:
                    while True:
                        while parsed := _parse(buffer, number):
                            request, buffer = parsed
                            await requests.send(request)
                        buffer += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass
            finally:
                gone.set()
                self.open -= 1
                self._happened()

        async with stream, anyio.create_task_group() as group:
            group.start_soon(read)
            async with incoming:
                async for request in incoming:
                    self.requests.append(request)
                    call = Call(request, stream, gone)
                    self.calls.append(call)
                    self._happened()
                    step = self._script.pop(0) if self._script else self.default
                    assert step is not None, "a request that the test did not expect"
                    if (
                        _QUESTION.search(request.target)
                        and request.headers.get("content-type") != "application/json"
                    ):
                        step = answer(415, b"not JSON")  # as who looks: vLLM, FastAPI, Express
                    try:
                        await step(call)
                    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                        break
            group.cancel_scope.cancel()

    def _happened(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Because"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _parse(buffer: bytes, connection: int) -> tuple[Received, bytes] | None:
    head, separator, rest = buffer.partition(b"\r\n\r\n")
    if not separator:
        return None
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    if len(rest) < length:
        return None
    return Received(method, target, headers, rest[:length], connection), rest[length:]


_QUESTION = re.compile(
    r"/chat/completions|/messages|/responses|/embeddings|/rerank|/v2/chat|/v2/embed|[gG]enerateContent|/converse"
    r"|:predict|:(batch)?[eE]mbed|:rawPredict|:streamRawPredict|/invoke"
)


# --- Steps


def answer(status: int = 200, body: bytes = b"{}", kind: str = "application/json", **headers: str) -> Step:
    """A complete answer with its length."""

    async def step(call: Call) -> None:
        content = b"" if call.request.method == "HEAD" else body
        await call.send(
            _head(status, {"content-type": kind, "content-length": str(len(body)), **headers}) + content
        )

    return step


def raw(data: bytes) -> Step:
    """Exactly these bytes; the connection stays open."""

    async def step(call: Call) -> None:
        await call.send(data)

    return step


def stream(*chunks: bytes, kind: str = "text/event-stream", end: bool = True, **headers: str) -> Step:
    """A chunked answer, one chunk per network write. Without ``end`` the connection is closed in the
    middle of the body."""

    async def step(call: Call) -> None:
        await call.head(content_type=kind, transfer_encoding="chunked", **headers)
        for chunk in chunks:
            await call.chunk(chunk)
        if end:
            await call.chunk(b"")
        else:
            await call.close()

    return step


def slow(*chunks: bytes, go: anyio.Event, kind: str = "text/event-stream") -> Step:
    """The first chunk at once, the others after ``go``."""

    async def step(call: Call) -> None:
        await call.head(content_type=kind, transfer_encoding="chunked")
        await call.chunk(chunks[0])
        await go.wait()
        for chunk in (*chunks[1:], b""):
            await call.chunk(chunk)

    return step


def endless(chunk: bytes, kind: str = "text/event-stream", **headers: str) -> Step:
    """Sends until lokid has enough of it."""

    async def step(call: Call) -> None:
        await call.head(content_type=kind, transfer_encoding="chunked", **headers)
        while True:
            await call.chunk(chunk)

    return step


def stall(before: bytes = b"") -> Step:
    """``before``, then silence until lokid closes the connection."""

    async def step(call: Call) -> None:
        if before:
            await call.send(before)
        await call.gone.wait()

    return step


def reset(before: bytes = b"") -> Step:
    """``before``, then RST."""

    async def step(call: Call) -> None:
        if before:
            await call.send(before)
        await call.reset()

    return step


def close() -> Step:
    """FIN without an answer."""

    async def step(call: Call) -> None:
        await call.close()

    return step


def deaf(step: Step) -> Step:
    """``step``, and from then on nothing that lokid sends over this connection arrives."""

    async def steps(call: Call) -> None:
        await step(call)
        deafen(call.stream.extra(SocketAttribute.raw_socket))

    return steps


def deafen(raw: socket.socket) -> None:
    """Nothing that is sent to it arrives, and nothing tells so: the kernel drops it unread, as with what
    was connected before a suspend. (Classic BPF on the socket, which needs no rights: one instruction,
    "return 0".)"""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    raw.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


def redirect(location: str, status: int = 307) -> Step:
    return answer(status, b"", location=location)


def bomb(size: int = 80 * 2**20) -> Step:
    """A small gzip body that unpacks to ``size`` bytes, although nobody asked for compression."""
    return answer(200, _zeros(size), content_encoding="gzip")


@cache
def _zeros(size: int) -> bytes:
    return gzip.compress(b"\0" * size, 1)


@asynccontextmanager
async def refusing_port() -> AsyncIterator[int]:
    """A port of 127.0.0.1 where nobody listens, kept from being given to others."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
