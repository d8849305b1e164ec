"""Whether a server that lokid has started takes questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from lokid.errors import LokidError
from lokid.protocols.http import HTTPRequest
from lokid.runtime.network.http import Timeouts

if TYPE_CHECKING:
    from lokid.runtime.clients import OpenClient

PROBE = Timeouts(connect=2.0, first_byte=5.0, idle=5.0)
"""Of one look; the next follows within a quarter of a second."""

LOADING = 503
LLAMA_CPP = "llama.cpp"
"""What that server calls itself."""


async def ready(client: OpenClient, api_base: str) -> bool:
    """Whether it lists its models. Refused connections and 5xx mean not yet; any other answer comes from a
    server that is up. llama.cpp's lists them while it loads one, and says at ``/health`` that it does; vLLM
    and text-generation-inference do not. Nobody else is asked there: LiteLLM sends a question to each of its
    models then, which costs."""
    settings = client.settings.model_copy(update={"api_base": api_base})
    assert client.provider.list_models is not None  # only openai-compatible clients have `launch`
    request = client.provider.list_models(settings).request
    try:
        request = client.provider.authorize(settings, await client.credentials(), request)
        status, server = await _asked(client, request)
        if status >= 500:
            return False
    except LokidError:
        return False
    if server != LLAMA_CPP:
        return True
    health = HTTPRequest("GET", f"{api_base.removesuffix('/v1')}/health", request.headers)
    try:
        return (await _asked(client, health))[0] != LOADING
    except LokidError:  # something that hangs there, say
        return True


async def _asked(client: OpenClient, request: HTTPRequest) -> tuple[int, str]:
    """The status, and who says it."""
    async with client.http.send(request, PROBE) as response:
        with anyio.move_on_after(PROBE.idle):  # what never ends has said enough
            while await response.read():
                pass
        return response.status, response.headers.get("server", "")
