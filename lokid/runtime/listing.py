"""The rows of ``models.list``, and asking a provider for its models."""

from __future__ import annotations

from typing import Any

import anyio

from lokid.errors import TimedOut, Unsupported
from lokid.providers import catalogue
from lokid.providers.settings import ModelSettings
from lokid.runtime.call import MAX_ERROR_BODY
from lokid.runtime.clients import OpenClient
from lokid.runtime.http import Timeouts

REFRESH_S = 15.0
"""Seconds for one provider's list; whoever waits for all of them waits for the slowest."""


def listed(client: OpenClient, model: ModelSettings) -> dict[str, Any]:
    """Every setting of DESIGN 1.5 but the patch, which may hold keys in headers."""
    row = model.model_dump(mode="json", exclude={"patch"})
    return {"id": f"{client.name}:{model.name}", "client": client.name, **row}


async def refreshed(client: OpenClient) -> tuple[ModelSettings, ...]:
    """The models that the catalogue names, then those that only the provider does. A client with a list
    of models has exactly these, so its provider is not asked. Raises any LokidError."""
    known = client.models
    if client.settings.models is not None:
        return known
    if client.provider.list_models is None:
        raise Unsupported(f"providers of type {client.provider.name} do not list models", client=client.name)
    seen = {model.name for model in known}
    new = (ModelSettings(name=name) for name in await _ask(client) if name not in seen)
    return (*known, *(catalogue.complete(client.provider.name, model) for model in new))


async def _ask(client: OpenClient) -> tuple[str, ...]:
    assert client.provider.list_models is not None
    credentials = await client.credentials()
    with anyio.move_on_after(REFRESH_S):
        async with client.use() as settings:
            exchange = client.provider.list_models(settings)
            request = client.provider.authorize(settings, credentials, exchange.request)
            timeouts = Timeouts(settings.extra.connect_timeout, REFRESH_S, REFRESH_S)
            async with client.http.send(request, timeouts) as response:
                if 200 <= response.status < 300:
                    decoder = exchange.decoder()
                    while data := await response.read():
                        decoder.feed(data)
                    return decoder.close()
                body = b""
                while len(body) < MAX_ERROR_BODY and (data := await response.read()):
                    body += data
                error = client.provider.error(response.status, response.headers, body[:MAX_ERROR_BODY])
        for secret in credentials.secrets.values():  # some providers quote the key that they refuse
            error.message = error.message.replace(secret.get_secret_value(), "***")
        error.client = client.name
        raise error
    raise TimedOut(f"{client.name} did not list its models within {REFRESH_S:g} s", client=client.name)
