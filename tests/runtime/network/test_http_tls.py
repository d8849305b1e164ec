"""Whom lokid believes to be its provider."""

from __future__ import annotations

import datetime
import errno
import os
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import pytest
import trustme
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from pydantic import SecretStr

from lokid.errors import ConfigInvalid, IncompleteResponse, ProviderUnavailable
from lokid.protocols.http import HTTPRequest
from lokid.providers.settings import Extra
from lokid.runtime.network import trust
from lokid.runtime.network.http import HTTPClient, Timeouts
from lokid.runtime.network.tls import TLS
from tests.fakes.provider import FakeProvider, answer, slow

pytestmark = pytest.mark.anyio

PATIENT = Timeouts(5, 5, 5)


def served_by(ca: trustme.CA, *names: str, **options) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names, **options).configure_cert(context)
    return context


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return str(path)


async def post(http: HTTPClient, url: str) -> int:
    async with http.send(HTTPRequest("POST", url, {"x-api-key": "secret"}, {}), PATIENT) as response:
        while await response.read():
            pass
        return response.status


async def test_an_authority_of_ones_own_is_accepted_when_the_configuration_names_it(ca, ca_file, library):
    async with FakeProvider(tls=served_by(ca, "127.0.0.1"), default=answer()) as provider:
        http = HTTPClient(Extra(ca_file=ca_file), client="acme", library=library)
        await http.dial(provider.url)
        assert await post(http, provider.url) == 200
        assert provider.connections == 1
        await http.aclose()


YESTERDAY = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
TOMORROW = YESTERDAY + datetime.timedelta(days=2)


@pytest.mark.parametrize(
    "names, options, trusted, reason, hint",
    [
        (("127.0.0.1",), {"not_after": YESTERDAY}, True, "expired", "renew it; also check the clock"),
        (("127.0.0.1",), {"not_before": TOMORROW}, True, "not yet valid", "check the clock"),
        (("example.com",), {}, True, "IP address mismatch", "check api_base"),
        (("127.0.0.1",), {}, False, "unable to get local issuer", "set extra.ca_file"),
    ],
)
async def test_a_bad_certificate_is_named_and_nothing_is_sent(
    ca, ca_file, names, options, trusted, reason, hint, library
):
    async with FakeProvider(tls=served_by(ca, *names, **options)) as provider:
        http = HTTPClient(Extra(ca_file=ca_file if trusted else None), client="acme", library=library)
        with pytest.raises(ProviderUnavailable) as caught:
            await post(http, provider.url)
        await http.aclose()
    assert caught.value.message.startswith(f"the certificate of 127.0.0.1:{provider.port} was not accepted: ")
    assert reason in caught.value.message
    assert hint in caught.value.hint
    assert not caught.value.retryable
    assert provider.requests == []


async def test_a_server_without_tls_is_named(library):
    async def garbage(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, garbage)
        http = HTTPClient(Extra(), client="acme", library=library)
        with pytest.raises(
            ProviderUnavailable, match=f"to 127.0.0.1:{port}: what answers there does not speak TLS"
        ) as caught:
            await post(http, f"https://127.0.0.1:{port}")
        await http.aclose()
        group.cancel_scope.cancel()
    assert not caught.value.retryable


async def test_a_reset_within_the_handshake_is_told_as_one_and_may_be_tried_again(library):
    async def cut(stream: SocketStream) -> None:
        raw = stream.extra(SocketAttribute.raw_socket)
        await stream.receive()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await stream.aclose()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, cut)
        http = HTTPClient(Extra(), client="acme", library=library)
        with pytest.raises(ProviderUnavailable) as caught:
            await post(http, f"https://127.0.0.1:{port}")
        await http.aclose()
        group.cancel_scope.cancel()
    assert caught.value.message == f"no connection to 127.0.0.1:{port}: connection reset by peer"
    assert caught.value.retryable


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_demands_a_certificate_is_named(ca, ca_file, version, library):
    """With TLS 1.3 the handshake is over by then, and the question under way."""
    tls = served_by(ca, "127.0.0.1")
    tls.maximum_version = version
    tls.verify_mode = ssl.CERT_REQUIRED
    got = []

    def refuse() -> None:  # a thread: AnyIO's server does not send the alert
        sock = listener.accept()[0]
        with sock.dup() as unread:  # closed with something in it, it would take the alert back
            with suppress(ssl.SSLError), tls.wrap_socket(sock, server_side=True) as connection:
                got.append(connection.recv(1))
            with suppress(ConnectionError):
                while unread.recv(65536):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse)
        thread.start()
        http = HTTPClient(Extra(ca_file=ca_file), client="acme", library=library)
        with pytest.raises(ProviderUnavailable, match="it demands the certificate of a client") as caught:
            await post(http, f"https://127.0.0.1:{listener.getsockname()[1]}")
        await http.aclose()
        thread.join()
    assert not caught.value.retryable
    assert got == []


@pytest.mark.parametrize("content", [None, "not a certificate"])
async def test_a_ca_file_that_cannot_be_used_is_named(tmp_path, content, library):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    http = HTTPClient(Extra(ca_file=str(path)), client="acme", library=library)
    with pytest.raises(ConfigInvalid, match=r"extra\.ca_file of client 'acme'"):
        await post(http, "https://127.0.0.1:9")


async def test_a_pipe_in_the_place_of_authorities_is_not_waited_for(tmp_path, library):
    path = tmp_path / "ca.pem"
    os.mkfifo(path)
    http = HTTPClient(Extra(ca_file=str(path)), client="acme", library=library)
    with pytest.raises(ConfigInvalid, match=r"extra\.ca_file of client 'acme'"):
        await http.dial("https://127.0.0.1:9")


async def test_authorities_on_a_file_system_that_hangs_hold_up_nobody_who_leaves(monkeypatch):
    begun, ended = threading.Event(), threading.Event()
    over: list[bool] = []

    def hang(_ca_file: str | None) -> ssl.SSLContext:
        begun.set()
        over.append(ended.wait(5))
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr(trust, "_read_certificates", hang)
    trust._contexts.clear()
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(trust.tls_context, None)
            await anyio.to_thread.run_sync(begun.wait)
            group.cancel_scope.cancel()
        assert not over, "who left waited for it"
    finally:
        ended.set()


async def test_the_environment_changes_neither_trust_nor_key_log(ca, ca_file, tmp_path, monkeypatch, library):
    log = tmp_path / "keys"
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    async with FakeProvider(tls=served_by(ca, "127.0.0.1"), default=answer()) as provider:
        http = HTTPClient(Extra(), client="acme", library=library)
        with pytest.raises(ProviderUnavailable, match="certificate"):
            await post(http, provider.url)
        await http.aclose()
        own = HTTPClient(Extra(ca_file=ca_file), client="acme", library=library)
        assert await post(own, provider.url) == 200
        await own.aclose()
    assert not log.exists()


# --- Inside a proxy's tunnel


async def pipe(source: ByteStream, target: ByteStream) -> None:
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async for data in source:
            await target.send(data)
    await target.aclose()


@asynccontextmanager
async def tunnelling_proxy(seen: list[bytes]) -> AsyncIterator[int]:
    """A proxy for one CONNECT at a time, whose head it puts into ``seen``."""

    async def serve(client: SocketStream) -> None:
        async with client:
            seen.append(await client.receive())
            host, port = seen[-1].split()[1].decode().split(":")
            async with await anyio.connect_tcp(host, int(port)) as server, anyio.create_task_group() as group:
                await client.send(b"HTTP/1.1 200 Connected\r\n\r\n")
                group.start_soon(pipe, client, server)
                group.start_soon(pipe, server, client)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        yield listener.extra(SocketAttribute.local_port)
        group.cancel_scope.cancel()


async def test_a_request_goes_through_a_tunnel_without_showing_the_proxy_its_key(ca, ca_file):
    seen: list[bytes] = []
    async with (
        FakeProvider(tls=served_by(ca, "127.0.0.1"), default=answer()) as provider,
        tunnelling_proxy(seen) as port,
    ):
        proxy = SecretStr(f"http://user:password@127.0.0.1:{port}")
        http = HTTPClient(Extra(ca_file=ca_file, proxy=proxy), client="acme")
        assert await post(http, provider.url) == 200
        assert await post(http, provider.url) == 200
        await http.aclose()
    (connect,) = seen
    assert connect.startswith(b"CONNECT 127.0.0.1:")
    assert b"Proxy-Authorization: Basic " in connect
    assert b"secret" not in connect
    assert "proxy-authorization" not in provider.requests[0].headers
    assert [request.connection for request in provider.requests] == [0, 0]


async def test_what_tls_does_not_accept_in_mid_answer_breaks_it_off(ca, ca_file, library):
    broken = anyio.Event()
    never = anyio.Event()
    step = slow(b"one", b"two", go=never)
    async with FakeProvider(tls=served_by(ca, "127.0.0.1"), default=step) as provider:

        async def serve(client: SocketStream) -> None:
            async with (
                client,
                await anyio.connect_tcp("127.0.0.1", provider.port) as server,
                anyio.create_task_group() as group,
            ):
                group.start_soon(pipe, client, server)
                group.start_soon(pipe, server, client)
                await broken.wait()
                await client.send(b"\x17\x03\x03\0\x20" + b"x" * 32)

        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(SocketAttribute.local_port)
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, serve)
            http = HTTPClient(Extra(ca_file=ca_file), client="acme", library=library)
            request = HTTPRequest("GET", f"https://127.0.0.1:{port}")
            with pytest.raises(IncompleteResponse):
                async with http.send(request, PATIENT) as response:
                    assert await response.read() == b"one"
                    broken.set()
                    await response.read()
            await http.aclose()
            group.cancel_scope.cancel()


async def test_a_bad_certificate_inside_a_tunnel_is_the_providers(ca):
    async with FakeProvider(tls=served_by(ca, "127.0.0.1")) as provider, tunnelling_proxy([]) as port:
        http = HTTPClient(Extra(proxy=SecretStr(f"http://127.0.0.1:{port}")), client="acme")
        with pytest.raises(
            ProviderUnavailable, match=f"the certificate of 127.0.0.1:{provider.port} was not"
        ):
            await post(http, provider.url)
        await http.aclose()


async def test_tunnels_in_which_tls_came_to_nothing_take_up_no_place(ca, ca_file):
    asked = anyio.Event()

    async def silent(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            asked.set()
            with suppress(anyio.EndOfStream):
                await stream.receive()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with (
        FakeProvider(tls=served_by(trustme.CA(), "127.0.0.1")) as stranger,
        FakeProvider(tls=served_by(ca, "127.0.0.1"), default=answer()) as provider,
        tunnelling_proxy([]) as port,
        listener,
        anyio.create_task_group() as group,
    ):
        group.start_soon(listener.serve, silent)
        proxy = SecretStr(f"http://127.0.0.1:{port}")
        http = HTTPClient(Extra(ca_file=ca_file, proxy=proxy, max_connections=1), client="acme")
        with anyio.fail_after(10):
            for _ in range(2):
                with pytest.raises(ProviderUnavailable, match="certificate"):
                    await post(http, stranger.url)
            async with anyio.create_task_group() as asking:
                url = f"https://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
                asking.start_soon(post, http, url)
                await asked.wait()
                asking.cancel_scope.cancel()
            assert await post(http, provider.url) == 200
        await http.aclose()
        group.cancel_scope.cancel()


@pytest.mark.parametrize("own", [False, True])
async def test_without_a_free_descriptor_nobody_blames_the_configuration(ca_file, monkeypatch, own, library):
    def exhausted(path):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(trust, "_contexts", {})
    monkeypatch.setattr(trust, "_read_certificates", exhausted)
    http = HTTPClient(Extra(ca_file=ca_file if own else None), client="acme", library=library)
    with pytest.raises(ProviderUnavailable, match="cannot be read: too many open files"):
        await post(http, "https://127.0.0.1:9")


async def test_certificates_are_read_once_however_many_need_them_at_a_time(monkeypatch):
    """Forty clients at once took three seconds of processor, and healthy hosts waited for it."""
    read: list[str | None] = []

    def count(ca_file):
        read.append(ca_file)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr(trust, "_contexts", {})
    monkeypatch.setattr(trust, "_read_certificates", count)
    async with anyio.create_task_group() as group:
        for _ in range(40):
            group.start_soon(trust.tls_context, None)
    assert read == [None]


async def test_a_handshake_anew_on_an_idle_connection_loses_no_question(ca, ca_file, monkeypatch):
    """TLS 1.2 lets servers ask for one at any time, and takes no question before it is through."""
    write, asked = TLS.write, list[TLS]()

    def written(tls: TLS, data: memoryview) -> int:
        if tls in asked:
            raise ssl.SSLWantReadError
        asked.append(tls)
        return write(tls, data)

    monkeypatch.setattr(TLS, "write", written)
    async with FakeProvider(tls=served_by(ca, "127.0.0.1"), default=answer()) as provider:
        http = HTTPClient(Extra(ca_file=ca_file), client="acme")
        assert await post(http, provider.url) == 200
        assert await post(http, provider.url) == 200
        assert (provider.connections, len(provider.requests)) == (2, 2)
        await http.aclose()
