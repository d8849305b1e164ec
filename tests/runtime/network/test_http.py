"""The door to the network against a provider that misbehaves, on both event loops."""

from __future__ import annotations

import socket
import ssl

import anyio
import pytest
import trustme

from lokid.errors import ConfigInvalid, IncompleteResponse, ProviderFailed, ProviderUnavailable, TimedOut
from lokid.protocols.http import HTTPRequest
from lokid.providers.settings import Extra
from lokid.runtime.network.http import HTTPClient, Timeouts
from tests.fakes.asking import HEAD, PATIENT, ask, failure, read_all
from tests.fakes.provider import (
    answer,
    close,
    endless,
    raw,
    refusing_port,
    reset,
    slow,
    stall,
    stream,
)

pytestmark = pytest.mark.anyio


async def test_a_request_goes_out_as_it_was_made(http, provider):
    provider.will(answer(200, b'{"ok":1}'))
    assert await ask(http, provider.url) == (200, b'{"ok":1}')
    (request,) = provider.requests
    assert (request.method, request.target) == ("POST", "/v1/ask")
    assert request.body == '{"a":"é"}'.encode()
    assert request.headers["authorization"] == "Bearer sk-very-secret"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"].startswith("lokid/")


async def test_connections_are_used_again_and_cookies_are_not_kept(http, provider):
    provider.will(answer(set_cookie="a=b"), answer(), answer())
    for _ in range(3):
        await ask(http, provider.url)
    assert [request.connection for request in provider.requests] == [0, 0, 0]
    assert not any("cookie" in request.headers for request in provider.requests)


async def test_chunks_are_handed_on_as_they_come(http, provider):
    go = anyio.Event()
    provider.will(slow(b"one", b"two", go=go))
    async with http.send(HTTPRequest("GET", provider.url), PATIENT) as response:
        assert await response.read() == b"one"
        go.set()
        assert await read_all(response) == b"two"
        assert await response.read() == b""


async def test_an_error_status_is_an_answer_like_any_other(http, provider):
    provider.will(answer(529, b"busy", retry_after="3"))
    async with http.send(HTTPRequest("GET", provider.url), PATIENT) as response:
        assert (response.status, response.headers["retry-after"]) == (529, "3")
        assert await read_all(response) == b"busy"


# --- Time


async def test_silence_before_the_head_is_a_first_byte_timeout(http, provider):
    provider.will(stall())
    error = await failure(http, provider.url, Timeouts(5, 0.1, 5))
    assert isinstance(error, TimedOut)
    assert error.message.startswith("first byte timeout: 127.0.0.1")
    assert "0.1 s" in error.message
    assert error.hint == "raise extra.first_byte_timeout of client 'acme'"
    assert not error.retryable


async def test_silence_after_the_head_is_a_first_byte_timeout_too(http, provider):
    provider.will(stall(HEAD))
    error = await failure(http, provider.url, Timeouts(5, 0.1, 5))
    assert error.message.startswith("first byte timeout")


async def test_silence_in_the_body_is_an_idle_timeout(http, provider):
    provider.will(stall(HEAD + b"x"))
    error = await failure(http, provider.url, Timeouts(5, 5, 0.1))
    assert isinstance(error, TimedOut)
    assert error.message.startswith("idle timeout: 127.0.0.1 fell silent for 0.1 s")


async def test_a_connection_that_timed_out_is_closed_and_the_next_request_works(http, provider):
    provider.will(stall(HEAD + b"x"), answer())
    await failure(http, provider.url, Timeouts(5, 5, 0.1))
    await provider.until(provider.calls[0].gone.is_set)
    assert (await ask(http, provider.url))[0] == 200
    assert [request.connection for request in provider.requests] == [0, 1]


async def test_a_host_that_does_not_answer_the_connection_is_a_connect_timeout(http):
    # The backlog of this listener is full, so the kernel leaves further connections waiting.
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        held = [socket.socket() for _ in range(4)]
        for each in held:
            each.setblocking(False)
            each.connect_ex(deaf.getsockname())
        try:
            error = await failure(http, f"http://127.0.0.1:{deaf.getsockname()[1]}", Timeouts(0.1, 5, 5))
        finally:
            for each in held:
                each.close()
    assert isinstance(error, TimedOut)
    assert error.message.startswith("connect timeout: no connection to 127.0.0.1:")
    assert error.retryable


# --- Broken connections


async def test_a_refused_connection_says_so(http):
    async with refusing_port() as port:
        error = await failure(http, f"http://127.0.0.1:{port}")
    assert isinstance(error, ProviderUnavailable)
    assert error.message == f"no connection to 127.0.0.1:{port}: connection refused"
    assert error.hint == "nothing listens there: start it, or check the network and api_base"
    assert error.retryable
    assert error.__cause__ is not None


async def test_who_reaches_itself_is_refused_and_leaves_the_port_free(http, monkeypatch):
    """A local server that is down, at a port that Linux gives to those who connect."""
    async with refusing_port() as port:
        pass
    connect = socket.socket.connect_ex

    def to_itself(sock, address):
        sock.bind(address)
        return connect(sock, address)

    with monkeypatch.context() as patched:
        patched.setattr(socket.socket, "connect_ex", to_itself)
        error = await failure(http, f"http://127.0.0.1:{port}")
    assert error.message == f"no connection to 127.0.0.1:{port}: connection refused"
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))


async def test_an_unknown_host_says_so(http):
    error = await failure(http, "https://no-such-host.invalid")
    assert isinstance(error, ProviderUnavailable)
    assert "cannot be resolved" in error.message


@pytest.mark.parametrize("step", [close(), reset()])
async def test_a_connection_that_ends_without_an_answer_may_be_tried_again(http, provider, step):
    provider.will(step)
    error = await failure(http, provider.url)
    assert isinstance(error, ProviderUnavailable)
    assert "without an answer" in error.message
    assert error.retryable


@pytest.mark.parametrize("step", [close(), reset()])
async def test_a_connection_that_died_while_idle_is_replaced_without_a_word(http, provider, step):
    provider.will(answer(), step, answer(200, b"second"))
    await ask(http, provider.url)
    assert await ask(http, provider.url) == (200, b"second")
    assert [request.connection for request in provider.requests] == [0, 0, 1]


async def test_a_connection_that_the_provider_closed_while_it_was_idle_is_not_used(http, provider):
    async def answer_and_close(call) -> None:
        await answer()(call)
        await call.close()

    provider.will(answer_and_close, answer(200, b"second"))
    await ask(http, provider.url)
    await provider.until(lambda: provider.open == 0)
    assert await ask(http, provider.url) == (200, b"second")
    assert [request.connection for request in provider.requests] == [0, 1]


async def test_the_pool_tells_what_is_open_and_what_waits(http, provider):
    assert http.pool() == {"open": 0, "idle": 0, "max": 64}
    provider.will(answer(), stall())
    await ask(http, provider.url)
    assert http.pool() == {"open": 1, "idle": 1, "max": 64}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, http, provider.url)
        await provider.until(lambda: len(provider.requests) == 2)
        assert http.pool() == {"open": 1, "idle": 0, "max": 64}
        tasks.cancel_scope.cancel()


async def test_replacing_the_pool_does_not_disturb_answers_under_way(http, provider):
    go = anyio.Event()
    provider.will(answer(), slow(b"one", b"two", go=go), answer(), reset(), answer(200, b"fresh"))
    await ask(http, provider.url)
    async with http.send(HTTPRequest("GET", provider.url), PATIENT) as response:
        assert await response.read() == b"one"
        await ask(http, provider.url)
        assert (await ask(http, provider.url))[1] == b"fresh"
        go.set()
        assert await read_all(response) == b"two"
    await provider.until(lambda: provider.open == 1)


async def test_a_dead_connection_is_replaced_once_only(http, provider):
    provider.will(answer(), reset(), reset())
    await ask(http, provider.url)
    error = await failure(http, provider.url)
    assert isinstance(error, ProviderUnavailable)
    assert len(provider.requests) == 3


async def test_who_hangs_up_after_a_while_had_the_question_and_is_not_asked_again(
    http, provider, monkeypatch
):
    monkeypatch.setattr("lokid.runtime.network.http.STALE_S", 0.0)
    provider.will(answer(), reset(), answer())
    await ask(http, provider.url)
    assert isinstance(await failure(http, provider.url), ProviderUnavailable)
    assert len(provider.requests) == 2


@pytest.mark.parametrize("step", [stream(b"half", end=False), reset(HEAD + b"half")])
async def test_a_body_that_breaks_off_is_incomplete_and_not_retryable(http, provider, step):
    provider.will(step)
    error = await failure(http, provider.url)
    assert isinstance(error, IncompleteResponse)
    assert not error.retryable


async def test_what_is_not_http_says_so(http, provider):
    provider.will(raw(b"220 smtp.example.com ESMTP\r\n\r\n"))
    error = await failure(http, provider.url)
    assert isinstance(error, ProviderFailed)
    assert "does not answer with HTTP" in error.message


# --- Leaving early


@pytest.mark.parametrize("step", [stall(), stall(HEAD), stall(HEAD + b"x"), endless(b"x" * 1000)])
async def test_cancelling_closes_the_connection_at_once_and_leaves_the_pool_usable(http, provider, step):
    provider.will(step, answer())
    async with anyio.create_task_group() as group:
        group.start_soon(ask, http, provider.url)
        await provider.until(lambda: bool(provider.requests))
        group.cancel_scope.cancel()
    await provider.until(lambda: provider.open == 0, within=1)
    assert (await ask(http, provider.url))[0] == 200


async def test_cancelling_while_connecting_leaves_the_pool_usable(provider, library):
    http = HTTPClient(Extra(max_connections=1), client="acme", library=library)
    provider.will(answer())
    for _ in range(3):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await ask(http, provider.url)
    assert (await ask(http, provider.url))[0] == 200
    await http.aclose()


async def test_cancelling_at_any_moment_leaks_no_connection(provider, library):
    provider.default = stream(b"one", b"two")
    http = HTTPClient(Extra(max_connections=1), client="acme", library=library)
    for turns in range(60):
        async with anyio.create_task_group() as group:
            group.start_soon(ask, http, provider.url)
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
    with anyio.fail_after(5):  # a leaked connection would be the only one
        assert await ask(http, provider.url) == (200, b"onetwo")
    await http.aclose()
    await provider.until(lambda: provider.open == 0)


async def test_leaving_an_answer_unread_closes_its_connection(http, provider):
    provider.will(endless(b"x" * 1000), answer())
    async with http.send(HTTPRequest("GET", provider.url), PATIENT) as response:
        await response.read()
    await provider.until(lambda: provider.open == 0, within=1)
    assert (await ask(http, provider.url))[0] == 200


async def test_an_error_of_the_reader_closes_the_connection(http, provider):
    provider.will(endless(b"x" * 1000))
    with pytest.raises(ZeroDivisionError):
        async with http.send(HTTPRequest("GET", provider.url), PATIENT) as response:
            await response.read()
            raise ZeroDivisionError
    await provider.until(lambda: provider.open == 0, within=1)


async def test_a_reader_that_does_not_read_stops_the_provider(http, provider):
    provider.will(endless(b"x" * 65536))
    async with http.send(HTTPRequest("GET", provider.url), PATIENT) as response:
        await response.read()
        await anyio.wait_all_tasks_blocked()
        (call,) = provider.calls
        before = call.sent
        await anyio.wait_all_tasks_blocked()
        assert call.sent == before < 5 * 2**20  # what fits into the kernel's two buffers


async def test_connections_are_bounded_and_requests_wait_for_one(provider, library):
    http = HTTPClient(Extra(max_connections=1), client="acme", library=library)
    go = anyio.Event()
    provider.will(slow(b"one", b"two", go=go), answer(200, b"next"))
    done: list[bytes] = []

    async def run() -> None:
        done.append((await ask(http, provider.url))[1])

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await provider.until(lambda: len(provider.requests) == 1)
        group.start_soon(run)
        await anyio.wait_all_tasks_blocked()
        assert len(provider.requests) == 1
        go.set()
    assert done == [b"onetwo", b"next"]
    assert provider.connections == 1
    await http.aclose()


async def test_a_slow_upload_of_a_large_request_works(http, provider):
    provider.will(answer())
    await ask(http, provider.url, body={"image": "x" * 5_000_000})
    assert len(provider.requests[0].body) > 5_000_000


@pytest.mark.parametrize("tls", [False, True])
async def test_an_answer_before_the_end_of_the_question_is_read_and_ends_the_connection(tls, tmp_path):
    """A server that has read enough answers and closes; why, it says in that answer. Only ours: asyncio's
    streams, which the library uses, are closed as a whole when a write fails."""
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    http = HTTPClient(Extra(ca_file=str(tmp_path / "ca.pem")), client="acme")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            # Else the answer waits until the tickets before it are acknowledged, and goes with the reset.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with context.wrap_socket(connection, server_side=True) if tls else connection as connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 413 Large\r\ncontent-length: 3\r\n\r\nbig")

        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, serve)
            url = f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}"
            assert await ask(http, url, body={"image": "x" * 30_000_000}) == (413, b"big")
    assert http.pool()["open"] == 0


# --- Dialling ahead


async def test_dialling_ahead_makes_a_warm_connection_and_says_nothing(http, provider):
    provider.default = answer()
    assert not http.is_warm()
    await http.dial(f"{provider.url}/v1")
    assert http.is_warm()
    await ask(http, provider.url)
    *dialled, asked = provider.requests
    assert (asked.connection, provider.connections) == (0, 1)
    # The library, behind a proxy, cannot do without a request, which then has no credentials.
    assert [(request.method, request.target) for request in dialled] == (
        [] if http.dials_in_silence else [("HEAD", "/v1")]
    )
    assert not any("authorization" in request.headers for request in dialled)


async def test_dialling_ahead_says_what_can_never_work(http):
    with pytest.raises(ConfigInvalid):
        await http.dial("http://api.example.com")


async def test_dialling_ahead_keeps_quiet_about_a_provider_that_is_down(http):
    async with refusing_port() as port:
        await http.dial(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(("size", "whole"), [(1000, True), (20_000_000, False)])
async def test_of_a_question_that_is_cancelled_one_knows_whether_all_of_it_went(http, size, whole):
    """A server that reads nothing: the kernel takes what fits into its buffers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sending = http.send(
            HTTPRequest("POST", f"http://127.0.0.1:{server.getsockname()[1]}/", {}, b"x" * size), PATIENT
        )
        assert not sending.whole
        with anyio.move_on_after(1):
            async with sending:
                pytest.fail("nobody answers")
        assert sending.sent
        assert sending.whole is whole
