"""Requests through a proxy that misbehaves; tunnels with TLS are in ``test_http_tls``."""

from __future__ import annotations

import sys
import threading
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from lokid.errors import ConfigInvalid, ProviderUnavailable
from lokid.providers.settings import Extra
from lokid.runtime import network
from lokid.runtime.network import library
from lokid.runtime.network.http import LIBRARY, HTTPClient, Timeouts
from tests.fakes.asking import ask, failure
from tests.fakes.provider import answer, raw, refusing_port, stall

pytestmark = pytest.mark.anyio


def through(port: int, **extra: object) -> HTTPClient:
    proxy = SecretStr(f"http://user:pa55word@127.0.0.1:{port}")
    return HTTPClient(Extra(proxy=proxy, **extra), client="acme")


async def test_a_proxy_gets_the_request_and_its_password(provider):
    http = through(provider.port)
    provider.will(answer(200, b"proxied"))
    assert await ask(http, "http://127.0.0.1:9") == (200, b"proxied")
    (request,) = provider.requests
    assert request.target == "http://127.0.0.1:9/v1/ask"
    assert request.headers["proxy-authorization"].startswith("Basic ")
    await http.aclose()


async def test_the_library_is_loaded_where_nobody_waits_for_it(
    provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_in: list[bool] = []

    class Transport(httpx2.AsyncHTTPTransport):
        def __init__(self, **options: Any) -> None:
            made_in.append(threading.current_thread() is threading.main_thread())
            super().__init__(**options)

    monkeypatch.setattr(httpx2, "AsyncHTTPTransport", Transport)
    monkeypatch.setattr(network, "library", library)  # as it was, at the end
    monkeypatch.delitem(sys.modules, LIBRARY)
    for _ in range(2):
        http = through(provider.port)
        provider.will(answer(200, b"proxied"))
        await ask(http, "http://127.0.0.1:9")
        await http.aclose()
    assert made_in == [False, True]


async def test_a_proxy_that_is_down_is_named_as_the_proxy():
    async with refusing_port() as port:
        http = through(port)
        error = await failure(http, "https://api.example.com")
        await http.aclose()
    assert isinstance(error, ProviderUnavailable)
    assert error.message == "no connection to the proxy 127.0.0.1: connection refused"
    assert error.hint == "nothing listens there: start it, or check extra.proxy"
    assert "pa55word" not in str(error)


@pytest.mark.parametrize("status", [407, 403])
async def test_a_proxy_that_refuses_the_tunnel_is_named(provider, status):
    http = through(provider.port)
    provider.will(answer(status, b"no"))
    error = await failure(http, "https://api.example.com")
    await http.aclose()
    assert isinstance(error, ProviderUnavailable)
    assert error.message == f"the proxy 127.0.0.1 refused a tunnel to api.example.com: {status} Because"
    assert not error.retryable
    assert provider.requests[0].method == "CONNECT"


async def test_a_forwarding_proxy_that_wants_a_password_is_named(provider):
    http = through(provider.port)
    provider.will(answer(407, b"no"))
    error = await failure(http, "http://127.0.0.1:9")
    await http.aclose()
    assert error.message.startswith("the proxy of client 'acme' wants a user name")


async def test_a_silent_proxy_is_a_connect_timeout(provider):
    http = through(provider.port)
    provider.will(stall())
    error = await failure(http, "https://api.example.com", Timeouts(0.1, 5, 5))
    await http.aclose()
    assert error.message.startswith("connect timeout: no connection to the proxy 127.0.0.1")


async def test_plain_http_does_not_leave_this_machine_through_a_proxy():
    http = HTTPClient(Extra(proxy=SecretStr("http://proxy.example.com:3128")), client="acme")
    assert isinstance(await failure(http, "http://127.0.0.1:9"), ConfigInvalid)


async def test_no_proxy_is_taken_from_the_environment(monkeypatch, http, provider):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    provider.will(answer())
    assert (await ask(http, provider.url))[0] == 200


async def test_what_a_proxy_says_is_one_short_line(provider):
    http = through(provider.port)
    provider.will(raw(b"HTTP/1.1 403 \x1b]0;x\x07" + b"No. " * 5_000 + b"\r\n\r\n"))
    error = await failure(http, "https://api.example.com")
    await http.aclose()
    assert "tunnel to api.example.com: 403 ]0;x No. No. No. No." in error.message
    assert len(error.message) < 500 and error.message.isprintable()
