"""Whether a server that lokid has started takes questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lokid.errors import LokidError
from lokid.protocols.http import HTTPRequest
from lokid.runtime.network.http import Timeouts

if TYPE_CHECKING:
    from lokid.runtime.clients import OpenClient

PROBE = Timeouts(connect=2.0, first_byte=5.0, idle=5.0)
"""Of one look; the next follows within a quarter of a second."""

LOADING = 503


async def ready(client: OpenClient, api_base: str) -> bool:
    """Whether it lists its models, and does not say at ``/health`` that it is loading one: llama.cpp's server
    lists them meanwhile, vLLM and text-generation-inference do not. Refused connections and 503 mean not yet;
    an answer of any other kind comes from a server that is up, and many have no ``/health``."""
    settings = client.settings.model_copy(update={"api_base": api_base})
    assert client.provider.list_models is not None  # only openai-compatible clients have `launch`
    request = client.provider.list_models(settings).request
    try:
        request = client.provider.authorize(settings, await client.credentials(), request)
        if await _status(client, request) >= 500:
            return False
    except LokidError:
        return False
    health = HTTPRequest("GET", f"{api_base.removesuffix('/v1')}/health", request.headers)
    try:
        return await _status(client, health) != LOADING
    except LokidError:  # something that hangs there, say
        return True


async def _status(client: OpenClient, request: HTTPRequest) -> int:
    async with client.http.send(request, PROBE) as response:
        while await response.read():
            pass
        return response.status
