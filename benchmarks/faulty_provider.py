"""A provider that keeps failing in all the ways that providers and networks do, and an authorization server
that rotates its refresh tokens. Both in the event loop of whoever starts them.

It looks as well: a request whose two marks differ was made of two configurations, and a refresh token that
was used up before is what a server takes for theft.
"""

from __future__ import annotations

import json
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import anyio
from anyio.abc import SocketAttribute, SocketStream

WORDS = [f"w{number} " for number in range(20)]
TEXT = "".join(WORDS)

TOKEN_LIFE_S = 15
"""So that half an hour has a hundred refreshes."""

GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError)


def _event(delta: Mapping[str, str], finish: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "r", "model": "m", "choices": [choice], **more}).encode() + b"\n\n"


USAGE = {"prompt_tokens": 7, "completion_tokens": 20}
EVENTS = [
    *(_event({"content": word}) for word in WORDS),
    _event({}, "stop", usage=USAGE) + b"data: [DONE]\n\n",
]
WHOLE = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
BODY = json.dumps({"id": "r", "model": "m", "choices": [WHOLE], "usage": USAGE}).encode()
HUGE = json.dumps({"error": {"message": "x" * 300_000}}).encode()


@dataclass
class Request:
    """``streams``: the caller wants events. ``chance``: of what happens to it."""

    wire: SocketStream
    streams: bool
    chance: random.Random

    async def whole(self, status: int, body: bytes, **headers: str) -> None:
        await self.wire.send(_head(status, content_length=str(len(body)), **headers) + body)

    async def begin(self) -> None:
        await self.wire.send(_head(200, content_type="text/event-stream", transfer_encoding="chunked"))

    async def chunks(self, *chunks: bytes) -> None:
        await self.wire.send(b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks))

    async def until_gone(self) -> None:
        while True:
            await self.wire.receive()

    async def reset(self) -> None:
        raw = self.wire.extra(SocketAttribute.raw_socket)  # noqa: S610 - not of Django
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if transport := getattr(self.wire, "_transport", None):  # asyncio would send FIN first
            transport.abort()
        await self.wire.aclose()


def _head(status: int, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", *(f"{name.replace('_', '-')}: {v}" for name, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


# --- What may happen to a request.


async def _well(request: Request) -> None:
    if not request.streams:
        await request.whole(200, BODY, content_type="application/json")
        return
    await request.begin()
    for event in EVENTS:
        await request.chunks(event)
    await request.wire.send(b"0\r\n\r\n")


async def _slowly(request: Request) -> None:
    if not request.streams:
        await _well(request)
        return
    await request.begin()
    for event in EVENTS:
        half = len(event) // 2
        await request.chunks(event[:half], event[half:])
        await anyio.sleep(request.chance.uniform(0, 0.05))
    await request.wire.send(b"0\r\n\r\n")


async def _reset_before(request: Request) -> None:
    await request.reset()


async def _reset_amid(request: Request) -> None:
    await request.begin()
    await request.chunks(*EVENTS[: request.chance.randrange(1, 20)])
    await request.reset()


async def _cut(request: Request) -> None:
    """The body ends well, but the answer in it does not."""
    await request.begin()
    await request.chunks(*EVENTS[: request.chance.randrange(0, 20)], b"")
    await request.wire.aclose()


async def _torn(request: Request) -> None:
    """In the middle of an event."""
    await request.begin()
    await request.wire.send(b"%x\r\n%b" % (len(EVENTS[0]), EVENTS[0][:9]))
    await request.wire.aclose()


async def _stall_before(request: Request) -> None:
    await request.until_gone()


async def _stall_amid(request: Request) -> None:
    await request.begin()
    await request.chunks(*EVENTS[:3])
    await request.until_gone()


async def _limited(request: Request) -> None:
    body = b'{"error": {"message": "slow down", "type": "rate_limit"}}'
    await request.whole(429, body, content_type="application/json", retry_after="0")


async def _overloaded(request: Request) -> None:
    await request.whole(529, b'{"error": {"message": "overloaded"}}', content_type="application/json")


async def _broken(request: Request) -> None:
    await request.whole(500, HUGE, content_type="application/json")


async def _nonsense(request: Request) -> None:
    await request.wire.send(b"SSH-2.0-OpenSSH_9.2\r\n")
    await request.wire.aclose()


async def _not_json(request: Request) -> None:
    await request.begin()
    await request.chunks(b"data: {nonsense\n\n", b"")
    await request.wire.aclose()


Fate = Callable[[Request], Awaitable[None]]

FATES: dict[Fate, int] = {
    _well: 60,
    _slowly: 8,
    _reset_before: 4,
    _reset_amid: 4,
    _cut: 4,
    _torn: 2,
    _stall_before: 1,
    _stall_amid: 1,
    _limited: 5,
    _overloaded: 5,
    _broken: 2,
    _nonsense: 2,
    _not_json: 2,
}
"""What happens, and how often of a hundred times."""


@dataclass
class Provider:
    """``fates``: how often each happened. ``wrong``: what must never be seen here. ``busy``: requests that
    are not over."""

    chance: random.Random
    port: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    refreshes: int = 0
    wrong: list[str] = field(default_factory=list)
    busy: int = 0
    calm: bool = False
    """Everything goes well from now on."""
    _token: int = 0

    def tokens(self) -> tuple[str, str]:
        return f"soak-access-{self._token}", f"soak-refresh-{self._token}"

    async def serve(self, wire: SocketStream) -> None:
        waiting = b""
        with suppress(*GONE):  # whoever is gone, is gone
            async with wire:
                while True:
                    while b"\r\n\r\n" not in waiting:
                        waiting += await wire.receive()
                    head, _, waiting = waiting.partition(b"\r\n\r\n")
                    first, *lines = head.decode().split("\r\n")
                    headers = {a.lower(): b.strip() for a, _, b in (line.partition(":") for line in lines)}
                    length = int(headers.get("content-length", "0"))
                    while len(waiting) < length:
                        waiting += await wire.receive()
                    body, waiting = waiting[:length], waiting[length:]
                    self.busy += 1
                    try:
                        await self._answer(first.split()[1], headers, body, wire)
                    finally:
                        self.busy -= 1

    async def _answer(self, target: str, headers: Mapping[str, str], body: bytes, wire: SocketStream) -> None:
        if target == "/token":
            await self._refresh(Request(wire, False, self.chance), body)
            return
        if not body:  # a look at whether the connection works, or at the models
            await Request(wire, False, self.chance).whole(200, b'{"data": []}')
            return
        said = json.loads(body)
        if headers.get("x-mark") != said.get("mark"):
            self.wrong.append("a request was made of two configurations")
        if headers.get("authorization", "").startswith("Bearer soak-access-"):
            number = int(headers["authorization"].rsplit("-", 1)[1])
            if not self._token - 1 <= number <= self._token:
                self.wrong.append("an access token of long ago was used")
        fate = _well if self.calm else self.chance.choices(list(FATES), list(FATES.values()))[0]
        self.fates[fate.__name__.strip("_")] += 1
        await fate(Request(wire, bool(said.get("stream")), self.chance))

    async def _refresh(self, request: Request, body: bytes) -> None:
        if not self.calm and self.chance.random() < 0.2:
            await request.whole(503, b"{}")
            return
        used = parse_qs(body.decode())["refresh_token"][0]
        if used != self.tokens()[1]:
            self.wrong.append("a refresh token was used twice")
            await request.whole(400, b'{"error": "invalid_grant"}')
            return
        self._token += 1
        self.refreshes += 1
        access, refresh = self.tokens()
        answer = {"access_token": access, "refresh_token": refresh, "expires_in": TOKEN_LIFE_S}
        await request.whole(200, json.dumps(answer | {"token_type": "Bearer"}).encode())


@asynccontextmanager
async def provider(seed: int) -> AsyncIterator[Provider]:
    """On a free port of 127.0.0.1."""
    made = Provider(random.Random(seed))  # noqa: S311 - the same faults in every run
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    made.port = listener.extra(SocketAttribute.local_port)  # noqa: S610
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, made.serve)
        yield made
        tasks.cancel_scope.cancel()
    await listener.aclose()
