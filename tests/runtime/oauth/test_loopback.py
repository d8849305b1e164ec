"""A hostile browser, and everybody else on this machine, at the listener that a sign-in waits on."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.protocols.oauth2 import Stray
from lokid.runtime.oauth.loopback import MAX_CONNECTIONS, Loopback, Taken, Verdict, is_loopback, judge

HOST, PATH = "127.0.0.1:8123", "/random"


def head(line: str = f"GET {PATH}?a=b HTTP/1.1", *headers: str) -> bytes:
    return "\r\n".join((line, *(headers or (f"Host: {HOST}", "Accept: */*")))).encode()


class TestJudging:
    @pytest.mark.parametrize(
        ("request_", "status"),
        [
            (head("POST /random?a=b HTTP/1.1"), 405),
            (head("HEAD /random?a=b HTTP/1.1"), 405),
            (head("OPTIONS /random HTTP/1.1"), 405),
            (head("get /random HTTP/1.1"), 405),
            (head("GET / HTTP/1.1"), 404),
            (head("GET /favicon.ico HTTP/1.1"), 404),
            (head("GET /random/?a=b HTTP/1.1"), 404),
            (head("GET /random2?a=b HTTP/1.1"), 404),
            (head("GET //random?a=b HTTP/1.1"), 404),
            (head("GET /x/../random?a=b HTTP/1.1"), 404),
            (head(f"GET http://{HOST}/random?a=b HTTP/1.1"), 404),
            (head("GET /random?a=b HTTP/2"), 400),
            (head("GET /random?a=b"), 400),
            (head("GET  /random?a=b HTTP/1.1"), 400),
            (head("GET /random?a=é HTTP/1.1"), 400),
            (b"", 400),
            (b"\x16\x03\x01\x02\x00\x01\xff", 400),
            (head("GET /random?a=b HTTP/1.1", "Host: evil.example:8123"), 421),
            (head("GET /random?a=b HTTP/1.1", "Host: localhost:8123"), 421),
            (head("GET /random?a=b HTTP/1.1", "Host: 127.0.0.1"), 421),
            (head("GET /random?a=b HTTP/1.1", "Accept: */*"), 421),
            (head("GET /random?a=b HTTP/1.1", f"Host: {HOST}", "Host: evil.example"), 421),
        ],
    )
    def test_refuses_what_is_not_for_us(self, request_: bytes, status: int) -> None:
        assert judge(request_, HOST, PATH) == Verdict(status)

    def test_takes_the_query_of_the_one_address(self) -> None:
        assert judge(head(), HOST, PATH) == Verdict(200, "a=b")
        assert judge(head(f"GET {PATH} HTTP/1.1"), HOST, PATH) == Verdict(200, "")

    @given(request_=st.binary())
    def test_of_any_bytes_is_a_refusal(self, request_: bytes) -> None:
        assert judge(request_, HOST, PATH).query is None


@pytest.mark.parametrize(
    ("redirect", "is_it"),
    [
        ("http://127.0.0.1/cb", True),
        ("http://127.0.0.1:99/cb", True),
        ("http://127.8.9.1/cb", True),
        ("http://localhost:3000/", True),
        ("http://[::1]:80/", True),
        ("https://localhost/", False),
        ("https://elsewhere.example/", False),
        ("http://localhost.evil.example/", False),
    ],
)
def test_only_addresses_of_this_machine_are_listened_on(redirect: str, is_it: bool) -> None:
    assert is_loopback(redirect) is is_it


def test_the_address_is_literal_and_its_port_and_path_are_random() -> None:
    one, two = Loopback(None, "p1"), Loopback(None, "p2")
    try:
        first, second = urlsplit(one.redirect), urlsplit(two.redirect)
        assert first.hostname == "127.0.0.1" and first.port != second.port
        assert (first.path, second.path) == ("/p1", "/p2")
    finally:
        one.close()
        two.close()


def test_a_port_that_is_registered_and_taken_is_an_error_and_not_shared() -> None:
    first = Loopback(None, "p")
    port = urlsplit(first.redirect).port
    with pytest.raises(Taken, match=f"port {port} is taken"):
        Loopback(f"http://127.0.0.1:{port}/cb", "p")
    with pytest.raises(Taken):
        Loopback(f"http://localhost:{port}/cb", "p")
    first.close()
    again = Loopback(f"http://127.0.0.1:{port}/cb", "p")
    assert again.redirect == f"http://127.0.0.1:{port}/cb"
    again.close()


@dataclass
class Waiting:
    loopback: Loopback
    done: list[str] = field(default_factory=list)

    def take(self, query: str) -> tuple[str, Callable[[], None]]:
        if query != "state=good":
            raise Stray("does not belong to this sign-in")
        return "Done.", lambda: self.done.append(query)

    @property
    def port(self) -> int:
        return urlsplit(self.loopback.redirect).port or 80

    @property
    def path(self) -> str:
        return urlsplit(self.loopback.redirect).path

    async def ask(self, line: str, host: str | None = None, address: str = "127.0.0.1") -> str:
        name = host or urlsplit(self.loopback.redirect).netloc
        return await anyio.to_thread.run_sync(
            exchange, (address, self.port), f"{line} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()
        )


def exchange(address: tuple[str, int], data: bytes) -> str:
    with socket.create_connection(address, timeout=10) as sock:
        sock.sendall(data)
        answer = b""
        while more := sock.recv(4096):
            answer += more
        return answer.decode()


@asynccontextmanager
async def waiting(redirect: str | None = None) -> AsyncIterator[Waiting]:
    waits = Waiting(Loopback(redirect, "a-random-path"))
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(waits.loopback.serve, waits.take)
            yield waits
            group.cancel_scope.cancel()
    finally:
        waits.loopback.close()


@pytest.mark.anyio
class TestListening:
    async def test_a_browser_that_is_gone_at_once_has_brought_its_answer(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def gone(*_: object) -> None:
            raise ConnectionResetError

        monkeypatch.setattr("lokid.runtime.oauth.loopback._send", gone)
        async with waiting() as waits:
            await waits.ask(f"GET {waits.path}?state=good")
            with anyio.fail_after(5):
                while not waits.done:
                    await anyio.sleep(0.005)
        assert waits.done == ["state=good"]

    async def test_the_answer_is_taken_after_any_number_of_others(self) -> None:
        async with waiting() as waits:
            for line, status in (
                ("GET /", 404),
                ("GET /favicon.ico", 404),
                (f"POST {waits.path}?state=good", 405),
                (f"GET {waits.path}?state=forged", 400),
                (f"GET {waits.path}", 400),
            ):
                assert (await waits.ask(line)).startswith(f"HTTP/1.1 {status} ")
            rebound = await waits.ask(f"GET {waits.path}?state=good", host="evil.example")
            assert rebound.startswith("HTTP/1.1 421 ")
            assert waits.done == []
            assert (await waits.ask(f"GET {waits.path}?state=good")).startswith("HTTP/1.1 200 ")
            assert waits.done == ["state=good"]

    async def test_the_page_has_no_scripts_and_gives_its_address_to_nobody(self) -> None:
        async with waiting() as waits:
            page = await waits.ask(f"GET {waits.path}?state=good")
        assert "Referrer-Policy: no-referrer\r\n" in page
        assert "default-src 'none'" in page and "Cache-Control: no-store" in page
        assert "<script" not in page and "state=good" not in page

    async def test_connections_that_say_nothing_hold_up_nobody(self) -> None:
        async with waiting() as waits:
            silent = [
                await anyio.to_thread.run_sync(socket.create_connection, ("127.0.0.1", waits.port))
                for _ in range(MAX_CONNECTIONS + 4)
            ]
            try:
                assert (await waits.ask(f"GET {waits.path}?state=good")).startswith("HTTP/1.1 200 ")
            finally:
                for sock in silent:
                    sock.close()

    async def test_one_that_is_reset_or_too_long_hurts_nobody(self) -> None:
        async with waiting() as waits:

            def hostile() -> None:
                with socket.create_connection(("127.0.0.1", waits.port)) as sock:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    sock.send(b"GET ")

            await anyio.to_thread.run_sync(hostile)
            long = await waits.ask(f"GET {waits.path}?state=good&x={'y' * 20000}")
            assert long == "" or long.startswith("HTTP/1.1 400 ")
            assert waits.done == []
            assert (await waits.ask(f"GET {waits.path}?state=good")).startswith("HTTP/1.1 200 ")

    async def test_localhost_is_both_of_its_addresses(self) -> None:
        async with waiting("http://localhost/cb") as waits:
            addresses = ["127.0.0.1", *(["::1"] if has_ipv6() else [])]
            for address in addresses:
                page = await waits.ask("GET /cb?state=good", address=address)
                assert page.startswith("HTTP/1.1 200 ")
            assert (await waits.ask("GET /cb?state=good", host=f"127.0.0.1:{waits.port}")).startswith(
                "HTTP/1.1 421 "
            )

    async def test_afterwards_nobody_listens(self) -> None:
        async with waiting() as waits:
            port = waits.port
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True
