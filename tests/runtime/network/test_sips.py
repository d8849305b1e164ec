"""What comes behind an answer, or instead of one, is nobody's; and none keeps others waiting."""

from __future__ import annotations

import ssl
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trustme

from lokid.errors import IncompleteResponse, ProviderFailed
from lokid.providers.settings import Extra
from lokid.runtime.network.http import HTTPClient
from lokid.runtime.network.sips import FEW, GULP, SIP, Gulps, Sipping, Sips
from tests.fakes.asking import ask, failure
from tests.fakes.provider import Call, FakeProvider, answer, raw, reset

pytestmark = pytest.mark.anyio

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nconte"
INTERIM = b"HTTP/1.1 103 Early Hints\r\n\r\n"


async def test_what_comes_behind_an_answer_is_not_the_answer_to_the_next_question(http, provider):
    provider.will(raw(WHOLE + b"one" + WHOLE + b"old"), raw(WHOLE + b"two"))
    assert await ask(http, provider.url) == (200, b"one")
    assert await ask(http, provider.url) == (200, b"two")
    assert provider.connections == 2


@pytest.mark.parametrize("size", [SIP, 2**14, 2**18], ids=["read", "record", "segment"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_nor_is_what_was_taken_from_the_socket_and_not_read(tls, size, library, tmp_path):
    """``size``: of the answer, where one read, one record of TLS and one read of asyncio end."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
    if context:
        ca.issue_cert("127.0.0.1").configure_cert(context)
    async with FakeProvider(tls=context, default=raw(WHOLE + b"two")) as provider:
        http = HTTPClient(Extra(ca_file=str(tmp_path / "ca.pem")), client="acme", library=library)
        # A head of a fixed length: the rest fills up.
        head = b"HTTP/1.1 200 OK\r\ncontent-length: %08d\r\n\r\n"
        left = size - len(head % 0)
        provider.will(raw(head % left + b"." * left + WHOLE + b"old"))
        assert len((await ask(http, provider.url))[1]) == left
        assert await ask(http, provider.url) == (200, b"two")
        assert await ask(http, provider.url) == (200, b"two")
        assert provider.connections == 2, "the one that was quiet is used again"
        await http.aclose()


@pytest.mark.parametrize("begin", [HEAD, INTERIM, INTERIM + HEAD], ids=["head", "interim", "both"])
async def test_an_answer_that_breaks_off_in_its_head_is_not_asked_for_again(http, provider, begin):
    async def close(call: Call) -> None:
        await call.send(begin)
        await call.stream.aclose()

    provider.will(answer(200, b"warm"), close, reset(begin))
    await ask(http, provider.url)
    for _ in range(2):
        assert isinstance(await failure(http, provider.url), IncompleteResponse)
    assert len(provider.requests) == 3


async def test_another_protocol_is_no_answer(http, provider):
    provider.will(raw(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"))
    assert isinstance(await failure(http, provider.url), ProviderFailed)


async def test_interim_answers_without_end_are_no_answer(http, provider):
    provider.will(raw(INTERIM * 10_000))
    with anyio.fail_after(20):
        error = await failure(http, provider.url)
    assert isinstance(error, ProviderFailed)
    assert "does not answer with HTTP" in error.message
    assert len(provider.requests) == 1


class Plain:
    """A connection that has as much as it is asked for, and then it all again."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.asked: list[int] = []

    async def connect_tcp(self, host: str, port: int, **_: Any) -> Plain:
        return self

    async def start_tls(self, *_: Any) -> Plain:
        return self

    def get_extra_info(self, _: str) -> Any:
        return self

    def setsockopt(self, *_: Any) -> None:
        pass

    async def read(self, size: int, **_: Any) -> bytes:
        self.asked.append(size)
        data = self.data[self.at : self.at + size]
        self.at = (self.at + len(data)) % len(self.data)
        return data

    async def write(self, data: bytes, **_: Any) -> None:
        pass


@pytest.mark.parametrize("data, size", [(b"1\r\nx\r\n" * 20_000, SIP), (b"x" * 99 * 1024, GULP)])
async def test_others_have_their_turn_after_a_little_also_within_tls(data, size):
    plain, sizes, turns = Plain(data), list[int](), set[int]()
    connection: Sips = await (await Sipping(plain).connect_tcp("h", 1)).start_tls()
    await connection.write(b"question")
    connection.answered()

    async def other() -> None:
        while True:
            turns.add(len(sizes))
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(other)
        for _ in range(100):
            sizes.append(len(await connection.read(2**16)))
        tasks.cancel_scope.cancel()
    assert max(sizes[1:]) == size
    assert len(turns) > 50


async def test_what_came_before_does_not_say_how_much_is_read():
    tiny = b"1\r\n\n\r\n" * 4 * GULP
    for few in (GULP - SIP, GULP, SIP):
        plain = Plain(b"x" * few + tiny[:GULP] + b"x" * SIP + tiny[:SIP])
        connection: Sips = await Sipping(plain).connect_tcp("h", 1)
        connection.answered()
        read = [await connection.read(2**16) for _ in range(200)]
        assert all(len(data) <= SIP or data.count(b"\n") * FEW < len(data) for data in read)
        whole = b"".join(read)
        assert whole == (plain.data * 100)[: len(whole)]


async def test_what_has_left_the_socket_and_was_not_read_is_readable():
    connection: Sips = await Sipping(Plain(b"1\r\nx\r\n" * GULP)).connect_tcp("h", 1)
    await connection.read(2**16)
    assert connection.get_extra_info("is_readable") is True


async def test_beneath_tls_a_little_is_read_at_a_time(library, tmp_path, monkeypatch):
    """Tickets of TLS are nothing for who reads above it, so that his size says nothing of them."""
    sizes: list[int] = []
    receive = Gulps.receive

    async def counted(self: Gulps, max_bytes: int = 2**16) -> bytes:
        data = await receive(self, max_bytes)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(Gulps, "receive", counted)
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 400  # 100 KB, behind the handshake
    ca.issue_cert("127.0.0.1").configure_cert(context)
    async with FakeProvider(tls=context, default=raw(WHOLE + b"one")) as provider:
        http = HTTPClient(Extra(ca_file=str(tmp_path / "ca.pem")), client="acme", library=library)
        assert await ask(http, provider.url) == (200, b"one")
        await http.aclose()
    assert max(sizes, default=0) <= GULP
    assert sum(sizes) > 3 * GULP or not sizes  # Trio has an own stream
