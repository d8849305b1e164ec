"""The metadata servers of clouds: plain HTTP to the host that the machine runs on, no proxy, short waits."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing

import anyio

from lokid.errors import ProviderUnavailable
from lokid.protocols.http import HTTPRequest
from lokid.providers.settings import Extra
from lokid.runtime.network.http import HTTPClient, Timeouts

WITHIN = 10.0
"""Seconds for the whole request. The server is the next hop, but it may have to ask for the token."""

_TIMEOUTS = Timeouts(connect=2.0, first_byte=8.0, idle=5.0)
"""Where there is no such server, packets to it vanish: two seconds are what a person waits to learn that."""

MAX_ANSWER = 64 * 1024


async def get(url: str, headers: Mapping[str, str], client: str) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body. Raises what ``HTTPClient.send`` raises."""
    async with aclosing(HTTPClient(Extra(), client=client, metadata=True)) as http:
        with anyio.move_on_after(WITHIN):
            async with http.send(HTTPRequest("GET", url, headers), _TIMEOUTS) as response:
                body = b""
                while len(body) <= MAX_ANSWER and (data := await response.read()):
                    body += data
                return response.status, response.headers, body[:MAX_ANSWER]
    raise ProviderUnavailable(f"the metadata server did not answer within {WITHIN:g} s", client=client)
