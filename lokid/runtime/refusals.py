"""Answers that are none: with another status, or of another type than was asked for."""

from __future__ import annotations

from contextlib import suppress
from email.utils import formatdate
from typing import Any

import anyio

from lokid.dialects.redaction import short
from lokid.dialects.refusal import says_why
from lokid.errors import LokidError, ProviderFailed
from lokid.providers.base import Exchange, Provider
from lokid.runtime.network.http import Response

MAX_BODY = 64 * 1024
"""Bytes that are read: enough for any error in JSON, little enough of a page in HTML."""

BODY_S = 10.0
"""Seconds for it. Who waits for an error has waited long enough."""

JSON = "application/json"

PAGE = "text/html"
"""What no model writes: a portal or a proxy has answered. Another type may be that of a paid answer."""


async def body_of(response: Response) -> bytes:
    """What can be had of it: the status says that the request failed, whatever becomes of the body."""
    body = b""
    response.patiently()
    with suppress(LokidError), anyio.move_on_after(BODY_S):
        while len(body) < MAX_BODY and (data := await response.read()):
            body += data
    return body[:MAX_BODY]


async def refusal(provider: Provider, response: Response) -> tuple[LokidError, bytes]:
    """What ``response``, which has another status than 2xx, means, and its body."""
    body = await body_of(response)
    return _error(provider, response, body), body


def _error(provider: Provider, response: Response, body: bytes) -> LokidError:
    # One without a date is as old as its arrival (RFC 9110, 6.6.1): a wait may end at a date.
    headers = {"date": formatdate(usegmt=True), **response.headers}
    return provider.error(response.status, headers, body)


def other_type(response: Response, exchange: Exchange[Any]) -> str | None:
    """That of an answer which is not what was asked for."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind if kind and kind not in exchange.accept else None


async def other_answer(
    provider: Provider, response: Response, exchange: Exchange[Any], kind: str
) -> LokidError:
    """A server may say with status 200 what is wrong, where a stream should be."""
    if exchange.streaming and kind == JSON:
        body = await body_of(response)
        if says_why(body):
            return _error(provider, response, body)
    return instead(response, exchange, kind)


def instead(response: Response, exchange: Exchange[Any], kind: str) -> ProviderFailed:
    hint = "something between lokid and the provider may have answered; check api_base"
    if exchange.streaming and kind == JSON:
        hint = "it may know no streams: set `no_stream: true` of the model; or check api_base"
    return ProviderFailed(
        f"{response.host} answered with {short(kind, 80)!r} instead of {' or '.join(exchange.accept)}",
        hint=hint,
        status=response.status,
        refused=kind == PAGE,
    )
