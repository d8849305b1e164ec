"""Connections that end, lie or lead elsewhere, seen from a whole call with its retries. What one request does
alone is in ``tests/runtime/network/test_http*.py``."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import pytest
import trustme
from anyio.abc import ByteStream, SocketAttribute, SocketStream

from lokid.chat import ChatRequest, ChatResult, Event, Message, Text, TextDelta
from lokid.errors import IncompleteResponse, LokidError, ProviderUnavailable
from lokid.runtime.chat import chat
from tests.fakes.client import KEY, LINES, FakeOpenClient, open_client
from tests.fakes.provider import FakeProvider, Step, answer, close, refusing_port, reset, stream

pytestmark = pytest.mark.anyio

GOOD = stream(b"t hello\nend\n", kind=LINES)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/x-lines\r\ntransfer-encoding: chunked\r\n\r\n"
PROMPT = "the prompt that nobody else may read"


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


async def ask(client: FakeOpenClient, heard: list[Event] | None = None) -> ChatResult:
    async def emit(events: Sequence[Event]) -> None:
        if heard is not None:
            heard.extend(events)

    async def accepted() -> None:
        pass

    request = ChatRequest("acme:m", (Message("user", (Text(PROMPT),)),), stream=True)
    return await chat(client, request, emit=emit, accepted=accepted)


async def failure(client: FakeOpenClient, heard: list[Event] | None = None) -> LokidError:
    with pytest.raises(LokidError) as caught:
        await ask(client, heard)
    return caught.value


@pytest.mark.parametrize("end", [reset(), close()])
async def test_a_pooled_connection_that_died_never_shows_and_is_replaced_once(
    provider: FakeProvider, end: Step
) -> None:
    provider.will(GOOD, end, GOOD)
    async with open_client(provider.url) as client:
        await ask(client)
        heard: list[Event] = []
        result = await ask(client, heard)
    assert heard == [TextDelta("hello")]  # no notice of a retry
    assert result.attempts == 1
    assert [request.connection for request in provider.requests] == [0, 0, 1]


@pytest.mark.parametrize(
    "begun", [b"H", b"HTTP/1.1 200 OK\r\nx-request-id: 1", b"HTTP/1.1 103 Early\r\n\r\n"]
)
@pytest.mark.parametrize("pooled", [True, False])
async def test_after_the_first_byte_of_a_head_nothing_is_ever_sent_twice(
    provider: FakeProvider, begun: bytes, pooled: bool
) -> None:
    """The provider has read the request, so the model may have run, and be paid for."""
    async with open_client(provider.url) as client:
        if pooled:
            provider.will(GOOD)
            await ask(client)
        sent = len(provider.requests)

        async def step(call) -> None:
            await call.send(begun)
            await call.close()

        provider.will(step)
        error = await failure(client)
    assert isinstance(error, IncompleteResponse)
    assert not error.retryable
    assert len(provider.requests) == sent + 1


@pytest.mark.parametrize("end", [reset, close])
async def test_what_broke_off_never_passes_for_whole_and_is_never_asked_again(
    provider: FakeProvider, end
) -> None:
    async def cut(call) -> None:
        await call.send(HEAD)
        await call.chunk(b"t so far\n")
        await read.wait()
        await end()(call)

    read = anyio.Event()
    heard: list[Event] = []

    async def emit(events: Sequence[Event]) -> None:
        heard.extend(events)
        read.set()

    async def accepted() -> None:
        pass

    provider.will(cut)
    async with open_client(provider.url) as client:
        request = ChatRequest("acme:m", (Message("user", (Text(PROMPT),)),), stream=True)
        with pytest.raises(IncompleteResponse):
            await chat(client, request, emit=emit, accepted=accepted)
    assert heard == [TextDelta("so far")]
    assert len(provider.requests) == 1


# --- TLS and proxies: whatever fails, nothing goes another way


@asynccontextmanager
async def recorder(target: int) -> AsyncIterator[tuple[int, list[bytearray]]]:
    """In front of the port ``target``: what came over each connection, as it came."""
    seen: list[bytearray] = []

    async def pipe(source: ByteStream, sink: ByteStream, record: bytearray) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            async for data in source:
                record += data
                await sink.send(data)
        await sink.aclose()

    async def serve(client: SocketStream) -> None:
        seen.append(bytearray())
        server = await anyio.connect_tcp("127.0.0.1", target)
        async with client, server, anyio.create_task_group() as group:
            group.start_soon(pipe, client, server, seen[-1])
            group.start_soon(pipe, server, client, bytearray())

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        yield listener.extra(SocketAttribute.local_port), seen
        group.cancel_scope.cancel()


async def test_a_certificate_that_is_not_trusted_never_gets_a_second_try_nor_a_word_in_the_clear() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with (
        FakeProvider(tls=context) as provider,
        recorder(provider.port) as (port, seen),
        open_client(f"https://127.0.0.1:{port}") as client,
    ):
        error = await failure(client)
    assert "certificate" in error.message
    assert provider.requests == []
    (bytes_,) = seen
    assert bytes_.startswith(b"\x16\x03")  # a handshake of TLS
    assert KEY.encode() not in bytes_
    assert PROMPT.encode() not in bytes_


@pytest.mark.parametrize("refusal", [None, answer(407, b"no"), answer(502, b"no")])
async def test_a_proxy_that_does_not_help_is_never_gone_around(
    tmp_path: Path, provider: FakeProvider, refusal: Step | None
) -> None:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(ca_file)
    async with FakeProvider(tls=context, default=GOOD) as target, refusing_port() as nobody:
        provider.default = refusal
        proxy = f"http://127.0.0.1:{nobody if refusal is None else provider.port}"
        async with open_client(target.url, proxy=proxy, ca_file=str(ca_file), max_retries=1) as client:
            error = await failure(client)
        assert isinstance(error, ProviderUnavailable)
        assert "the proxy 127.0.0.1" in error.message
        assert target.connections == 0
    assert all(KEY not in str(request.headers) for request in provider.requests)
