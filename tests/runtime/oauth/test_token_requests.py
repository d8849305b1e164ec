"""What of a client's settings counts on the way to its authorization server."""

from __future__ import annotations

import anyio
import pytest

from lokid.errors import TimedOut
from lokid.protocols.http import HTTPRequest
from lokid.providers.registry import PROVIDERS
from lokid.runtime.oauth import token_requests
from tests.fakes.provider import FakeProvider, stall

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
