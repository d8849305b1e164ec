"""What of a client's settings counts on the way to its authorization server."""

from __future__ import annotations

import anyio
import pytest

from lokid.errors import ProviderUnavailable, TimedOut
from lokid.protocols.http import HTTPRequest
from lokid.providers.registry import PROVIDERS
from lokid.runtime.oauth import token_requests
from tests.fakes.provider import Call, FakeProvider, stall

pytestmark = pytest.mark.anyio


async def test_a_connection_has_the_time_that_the_client_allows() -> None:
    async with FakeProvider(default=stall()) as proxy:  # which never opens its tunnel
        settings = PROVIDERS["openai-compatible"].settings.model_validate(
            {
                "type": "openai-compatible",
                "name": "mine",
                "api_base": "http://127.0.0.1:9",
                "extra": {"connect_timeout": 0.1, "proxy": proxy.url},
            }
        )
        request = HTTPRequest("POST", "https://login.example.com/token", {}, b"")
        with anyio.fail_after(8), pytest.raises(TimedOut, match="connect timeout"):
            await token_requests.post(settings, request)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{"])
async def test_one_that_was_taken_and_not_answered_may_be_made_again(
    monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """Nobody pays for it, and the question that waits for the token was not sent."""
    monkeypatch.setattr("lokid.runtime.network.http.WORKED_S", 0.1)

    async def gives_up(call: Call) -> None:
        await anyio.sleep(0.3)
        await call.send(said)
        await call.close()

    async with FakeProvider(default=gives_up) as server:
        settings = PROVIDERS["openai-compatible"].settings.model_validate(
            {"type": "openai-compatible", "name": "mine", "api_base": "http://127.0.0.1:9"}
        )
        with pytest.raises(ProviderUnavailable) as caught:
            await token_requests.post(settings, HTTPRequest("POST", server.url, {}, b""))
    assert caught.value.retryable
    assert "`oauth`" in str(caught.value.hint)
