"""One request through the door to the network, as tests make it."""

from __future__ import annotations

import pytest

from lokid.errors import LokidError
from lokid.protocols.http import HTTPRequest
from lokid.runtime.network.http import HTTPClient, Response, Timeouts

PATIENT = Timeouts(connect=5, first_byte=5, idle=5)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\n"


async def read_all(response: Response) -> bytes:
    body = bytearray()
    while data := await response.read():
        body += data
    return bytes(body)


async def ask(
    http: HTTPClient, url: str, timeouts: Timeouts = PATIENT, body: object = None
) -> tuple[int, bytes]:
    request = HTTPRequest(
        "POST", f"{url}/v1/ask", {"authorization": "Bearer sk-very-secret"}, body or {"a": "é"}
    )
    async with http.send(request, timeouts) as response:
        return response.status, await read_all(response)


async def failure(http: HTTPClient, url: str, timeouts: Timeouts = PATIENT) -> LokidError:
    with pytest.raises(LokidError) as caught:
        await ask(http, url, timeouts)
    assert caught.value.client == "acme"
    assert "sk-very-secret" not in f"{caught.value} {caught.value.hint}"
    return caught.value
