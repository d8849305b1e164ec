"""One request to an authorization server, and its refusals as our errors."""

from __future__ import annotations

from contextlib import aclosing
from urllib.parse import urlsplit

import anyio

from lokid import logs
from lokid.errors import (
    AuthenticationFailed,
    IncompleteResponse,
    LoginRequired,
    LokidError,
    ProviderFailed,
    ProviderUnavailable,
)
from lokid.protocols.http import HTTPRequest
from lokid.protocols.oauth2_answers import Refusal
from lokid.providers.settings import ClientSettings
from lokid.runtime import refused_keys
from lokid.runtime.network.http import HTTPClient, Timeouts

WITHIN = 30.0
"""Seconds for the whole request. A token endpoint answers within one; who asks a model waits for it."""

FIRST_BYTE_S, IDLE_S = 25.0, 10.0

MAX_ANSWER = 64 * 1024
"""Bytes: two tokens of 16 Ki characters, an id token, and little else."""


async def post(settings: ClientSettings, request: HTTPRequest) -> tuple[int, bytes]:
    """Status and body. Raises what ``HTTPClient.send`` raises: no redirects, https or loopback only.

    The client's proxy and authorities, but a connection of its own: on one from the pool that turns out to
    be dead a request goes out twice, and here the second one is a replay that may end the sign-in.
    """
    timeouts = Timeouts(settings.extra.connect_timeout, FIRST_BYTE_S, IDLE_S)
    async with aclosing(HTTPClient(settings.extra, client=settings.name)) as http:
        with anyio.move_on_after(WITHIN):
            try:
                async with http.send(request, timeouts) as response:
                    body = b""
                    while len(body) <= MAX_ANSWER and (data := await response.read()):
                        body += data
                    return response.status, body[:MAX_ANSWER]
            except IncompleteResponse as error:
                # Of a question that would be paid for twice; a token request may be made again.
                raise ProviderUnavailable(
                    error.message, hint=_check(settings), client=settings.name
                ) from error
            except LokidError as error:
                # The door to the network speaks of the provider's address and of prompts.
                error.hint = _check(settings)
                raise
    raise ProviderUnavailable(
        f"{host(request.url)} did not answer a token request within {WITHIN:g} s", client=settings.name
    )


def error(refusal: Refusal, url: str, settings: ClientSettings) -> LokidError:
    """Of a token request to ``url``. Says the server's word for it and nothing else that it sent, unless
    that word is one of our own secrets."""
    where, name, code = host(url), settings.name, logs.hide(refusal.code)
    again = f"lokictl auth login {name}"
    alone = settings.oauth is not None and settings.oauth.grant == "client_credentials"
    match refusal.kind:
        case "denied" | "expired" | "grant" if alone:
            return AuthenticationFailed(
                f"{where} gives the application of client {name!r} no token ({code})",
                hint=refused_keys.of_application(name),
                client=name,
            )
        case "temporary":
            return ProviderUnavailable(
                f"{where} gives no tokens at the moment ({code})", client=name, retryable=False
            )
        case "client":
            return AuthenticationFailed(
                f"{where} does not know the client id or its secret ({code})",
                hint=f"check oauth.client_id, oauth.client_secret and oauth.client_auth of client {name!r}",
                client=name,
            )
        case "denied":
            return LoginRequired(f"the sign-in at {where} was refused ({code})", hint=again, client=name)
        case "expired" | "grant":
            return LoginRequired(
                f"{where} does not take this sign-in (any more): {code}", hint=again, client=name
            )
    return ProviderFailed(
        f"{where} refused a token request: {code}",
        hint=f"check the `oauth` settings of client {name!r}",
        client=name,
    )


def _check(settings: ClientSettings) -> str:
    return f"check the network, and the addresses in `oauth` of client {settings.name!r}"


def host(url: str) -> str:
    return urlsplit(url).hostname or "the authorization server"
