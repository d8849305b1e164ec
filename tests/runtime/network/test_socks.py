"""Through a SOCKS proxy: by the book, bounded in time, and never blamed on the provider."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import pytest
import trustme
from anyio.abc import SocketAttribute, SocketStream
from pydantic import SecretStr

from lokid.errors import ConfigInvalid, ProviderUnavailable, TimedOut
from lokid.providers.settings import Extra
from lokid.runtime.network.http import HTTPClient, Timeouts
from lokid.runtime.network.socks import Refused, Socks
from lokid.runtime.network.transport import HungUp
from tests.fakes.asking import ask, failure
from tests.fakes.provider import FakeProvider, answer

pytestmark = pytest.mark.anyio

AT = b"\0\0\0\0\0\0"
GOOD = b"\5\0" + b"\5\0\0\1" + AT
AUTH = (b"user", b"pa55word")


class Wire:
    """Both ends: a backend whose only connection gives ``said``, a byte at a time."""

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.sent = b""
        self.closed = False

    async def connect_tcp(self, host: str, port: int, **options: Any) -> Wire:
        assert (host, port, options) == ("proxy", 1080, {"timeout": None})
        return self

    async def read(self, size: int) -> bytes:
        assert size > 0
        said, self.said = self.said[:1], self.said[1:]
        return said

    async def write(self, data: bytes) -> None:
        self.sent += data

    async def aclose(self) -> None:
        self.closed = True


async def connect(wire: Wire, host: str = "h.example", auth: tuple[bytes, bytes] | None = None) -> None:
    await Socks(wire, "proxy", 1080, auth).connect_tcp(host, 443, timeout=None)


@pytest.mark.parametrize(
    "host, address",
    [
        ("h.example", b"\3\x09h.example"),
        ("127.0.0.1", b"\1\x7f\0\0\1"),
        ("::1", b"\4" + b"\0" * 15 + b"\1"),
        ("a" * 999, b"\3\xff" + b"a" * 255),
    ],
)
async def test_the_proxy_looks_names_up_and_gets_addresses_as_they_are(host: str, address: bytes) -> None:
    wire = Wire(GOOD + b"of the provider")
    await connect(wire, host)
    assert wire.sent == b"\5\1\0" + b"\5\1\0" + address + b"\1\xbb"
    assert wire.said == b"of the provider"
    assert not wire.closed


@pytest.mark.parametrize("at", [b"\1" + AT, b"\3\4name\0\0", b"\3\0\0\0", b"\4" + b"\0" * 18])
async def test_where_it_is_connected_from_does_not_matter(at: bytes) -> None:
    wire = Wire(b"\5\0\5\0\0" + at)
    await connect(wire)
    assert not wire.said


async def test_a_user_name_and_password_are_given_where_they_are_wanted_and_nowhere_else() -> None:
    asked, open_to_all = Wire(b"\5\2\1\0" + GOOD[2:]), Wire(GOOD)
    await connect(asked, auth=AUTH)
    await connect(open_to_all, auth=AUTH)
    assert asked.sent.startswith(b"\5\2\0\2" + b"\1\4user\x08pa55word" + b"\5\1\0\3")
    assert open_to_all.sent.startswith(b"\5\2\0\2" + b"\5\1\0\3")


@pytest.mark.parametrize(
    "said, auth, why",
    [
        (b"\4\0", None, "it does not speak SOCKS 5"),
        (b"\5\2", None, "it wants a user name and password"),
        (b"\5\xff", None, "it wants a user name and password"),
        (b"\5\xff", AUTH, "it wants another way to sign in"),
        (b"\5\2\1\1", AUTH, "it does not accept the user name and password"),
        (b"\5\0\4\0\0\1", None, "it does not speak SOCKS 5"),
        (b"\5\0\5\0\0\2", None, "it does not speak SOCKS 5"),
        (b"\5\0\5\5\0\1", None, "connection refused"),
        (b"\5\0\5\x99\0\1", None, "it does not say why"),
    ],
)
async def test_who_refuses_is_asked_no_more(said: bytes, auth: Any, why: str) -> None:
    wire = Wire(said)
    with pytest.raises(Refused, match=why):
        await connect(wire, auth=auth)
    assert wire.closed


@pytest.mark.parametrize("said", [GOOD[:end] for end in range(len(GOOD))])
async def test_one_that_hangs_up_has_hung_up(said: bytes) -> None:
    wire = Wire(said)
    with pytest.raises(HungUp):
        await connect(wire)
    assert wire.closed


@asynccontextmanager
async def proxy(said: Callable[[], bytes]) -> AsyncIterator[HTTPClient]:
    """A client with room for one connection, through a proxy that answers ``said`` and leads to the provider
    that is asked for if that is all of it."""

    async def pipe(source: SocketStream, target: SocketStream) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            async for data in source:
                await target.send(data)

    async def serve(client: SocketStream) -> None:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            async with client:
                await client.receive()
                answer = said()
                await client.send(answer[:2])
                port = int.from_bytes((await client.receive())[-2:], "big")
                await client.send(answer[2:])
                server = await anyio.connect_tcp("127.0.0.1", port)
                async with server, anyio.create_task_group() as group:
                    group.start_soon(pipe, client, server)
                    await pipe(server, client)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        port = listener.extra(SocketAttribute.local_port)
        extra = Extra(proxy=SecretStr(f"socks5h://127.0.0.1:{port}"), max_connections=1)
        http = HTTPClient(extra, client="acme")
        yield http
        await http.aclose()
        group.cancel_scope.cancel()


async def test_questions_go_through_it_over_one_connection(provider) -> None:
    provider.will(answer(200, b"one"), answer(200, b"two"))
    async with proxy(lambda: GOOD) as http:
        assert await ask(http, provider.url) == (200, b"one")
        assert await ask(http, provider.url) == (200, b"two")
    assert provider.connections == 1
    assert provider.requests[0].target == "/v1/ask"


async def test_its_refusal_is_told_as_one_of_the_proxy(provider) -> None:
    async with proxy(lambda: b"\5\0\5\5\0\1") as http:
        error = await failure(http, provider.url)
    assert isinstance(error, ProviderUnavailable)
    assert error.message == "the proxy 127.0.0.1 refused a tunnel to 127.0.0.1: connection refused"
    assert error.hint == "check extra.proxy"


async def test_one_that_is_silent_is_not_waited_for_and_takes_up_no_place(provider) -> None:
    said = [b"\5", b"\5\0\5", GOOD]
    async with proxy(lambda: said.pop(0)) as http:
        with anyio.fail_after(10):
            for _ in range(2):
                error = await failure(http, provider.url, Timeouts(0.2, 5, 5))
                assert isinstance(error, TimedOut)
                assert error.message.startswith("connect timeout: no connection to the proxy 127.0.0.1")
            provider.will(answer(200, b"well again"))
            assert await ask(http, provider.url) == (200, b"well again")


async def test_a_bad_certificate_behind_it_is_the_providers() -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    async with FakeProvider(tls=tls) as provider, proxy(lambda: GOOD) as http:
        error = await failure(http, provider.url)
    assert error.message.startswith(f"the certificate of 127.0.0.1:{provider.port} was not accepted")


async def test_a_password_that_is_too_long_is_no_proxy() -> None:
    http = HTTPClient(Extra(proxy=SecretStr(f"socks5://u:{'p' * 256}@127.0.0.1")), client="acme")
    error = await failure(http, "http://127.0.0.1:9")
    assert isinstance(error, ConfigInvalid)
    assert "ppp" not in str(error)
