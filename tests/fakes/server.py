"""A listener with a fake runtime on a real socket, and a client that speaks MessagePack-RPC."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import SocketStream

from lokid.rpc.connection import ANSWERS, Connection
from lokid.rpc.messages import (
    Message,
    Notification,
    Response,
    encode_notification,
    encode_request,
)
from lokid.server.endpoint import open_endpoint
from lokid.server.listener import Listener
from lokid.server.service import Service
from tests.fakes.runtime import FakeRuntime


@dataclass
class Client:
    """``notifications``: all that came while a response was waited for."""

    stream: SocketStream
    notifications: list[Notification] = field(default_factory=list)
    _connection: Connection = field(default_factory=lambda: Connection(ANSWERS))
    _waiting: list[Message] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    async def send(self, method: str, msgid: int | None = None, /, **params: Any) -> int:
        msgid = next(self._ids) if msgid is None else msgid
        await self.stream.send(encode_request(msgid, method, [params] if params else []))
        return msgid

    async def notify(self, method: str, *params: Any) -> None:
        await self.stream.send(encode_notification(method, list(params)))

    async def message(self) -> Message:
        """The next one; raises EndOfStream."""
        with anyio.fail_after(10):
            while not self._waiting:
                self._waiting += self._connection.feed(await self.stream.receive())
        return self._waiting.pop(0)

    async def response(self) -> Response:
        while True:
            match await self.message():
                case Response() as response:
                    return response
                case Notification() as notification:
                    self.notifications.append(notification)

    async def ask(self, method: str, /, **params: Any) -> Response:
        msgid = await self.send(method, **params)
        response = await self.response()
        assert response.msgid == msgid
        return response

    async def ended(self) -> bool:
        """Whether the server closed the connection; waits for it."""
        try:
            await self.message()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return True
        return False


@asynccontextmanager
async def connected(path: str) -> AsyncIterator[Client]:
    async with await anyio.connect_unix(path) as stream:
        yield Client(stream)


@dataclass
class Served:
    path: str
    runtime: FakeRuntime
    listener: Listener
    service: Service

    def client(self) -> Any:
        return connected(self.path)

    def requests(self) -> int:
        return len(self.service.requests)


@asynccontextmanager
async def served(directory: Path, **options: Any) -> AsyncIterator[Served]:
    endpoint = open_endpoint(str(directory / "lokid" / "rpc.sock"))
    runtime = FakeRuntime()
    service = Service(runtime, endpoint.path, 1.5)
    listener = Listener(endpoint, service, **options)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.run)
            await anyio.wait_all_tasks_blocked()
            yield Served(endpoint.path, runtime, listener, service)
            tasks.cancel_scope.cancel()
    finally:
        endpoint.close()


async def until(condition: Any, limit_s: float = 5.0) -> None:
    """For what has no event to wait on."""
    with anyio.fail_after(limit_s):
        while not condition():
            await anyio.sleep(0.002)
