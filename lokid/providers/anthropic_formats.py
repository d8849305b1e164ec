"""Anthropic Messages as exchanges: what the types that Claude can be asked through share (``claude``,
``azure-openai``, ``vertexai``, ``bedrock``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lokid.chat import Answer, ChatRequest
from lokid.dialects import anthropic_messages
from lokid.dialects.anthropic_messages_answer import MessagesDecoder, whole_messages_decoder
from lokid.dialects.traits import Traits
from lokid.errors import Unsupported
from lokid.protocols.http import HTTPRequest
from lokid.providers.base import Exchange
from lokid.providers.settings import ClientSettings, ModelSettings

VERSION = "2026-10-21"
"""What is sent unless ``FORMER_VERSION`` is needed."""

FORMER_VERSION = "2023-06-01"
"""The last version that takes sampling parameters; Vertex AI and Bedrock have other names for it."""

SAMPLING = ("temperature", "top_p", "top_k")


def traits(client: ClientSettings, model: ModelSettings, *, image_urls: bool = True) -> Traits:
    """What the dialect must know of a model that the catalogue has completed; unknown means yes.

    A model of unknown ``reasoning_style`` is asked to think in the form that is understood longest.
    """
    efforts = model.reasoning_efforts or ("none", "low", "medium", "high")
    return Traits(
        model=model.wire_name,
        origin=f"{client.name}:{model.name}",
        system_role="none" if model.no_system_message else "system",
        system_prompt_prefix=model.system_prompt_prefix,
        default_max_tokens=model.max_output_tokens,
        sampling=model.sampling is not False,
        one_sampling=model.sampling == "one",
        images=model.supports_vision is not False,
        image_urls=image_urls,
        tools=model.supports_function_calling is not False,
        structured_outputs=model.structured_outputs is not False,
        efforts=() if model.reasoning_style == "none" else efforts,
        thinking="adaptive" if model.reasoning_style == "claude_adaptive" else "budget",
    )


def version(
    client: ClientSettings,
    model: ModelSettings,
    request: ChatRequest,
    *,
    chosen: str | None = None,
    former: str = FORMER_VERSION,
) -> str:
    """The version of the API: ``chosen`` by the user, else the current one, else ``former`` if the request
    samples, which the current one refuses even at the default values.

    Patches count as well. Raises ``Unsupported`` if the caller samples and the user chose a version without.
    """
    if chosen is None:
        return former if any(_sampled(client, model, request)) else VERSION
    if chosen >= VERSION:
        for name, value in (("temperature", request.temperature), ("top_p", request.top_p)):
            if value is not None:
                raise Unsupported(
                    f"{model.name} does not accept {name} with the api_version of this client",
                    hint=f"leave out {name}, or remove api_version from the configuration",
                )
    return chosen


def messages(
    url: str,
    traits: Traits,
    request: ChatRequest,
    *,
    stream: bool,
    headers: Mapping[str, str],
    hosted: str | None = None,
) -> Exchange[Answer]:
    """``hosted``: the version, for a cloud that wants it in the body and the model in the path."""
    body = anthropic_messages.encode(request, traits, stream=stream)
    if hosted is not None:
        body = anthropic_messages.hosted(body, hosted)
    return Exchange(
        HTTPRequest("POST", url, headers, body),
        (lambda: MessagesDecoder(traits)) if stream else lambda: whole_messages_decoder(traits),
        streaming=stream,
        accept=("text/event-stream",) if stream else ("application/json",),
    )


def _sampled(client: ClientSettings, model: ModelSettings, request: ChatRequest) -> Iterator[bool]:
    yield request.temperature is not None or request.top_p is not None
    patches = client.patch.chat_completions.items()
    applying = next((patch for pattern, patch in patches if re.fullmatch(pattern, model.name)), None)
    bodies: list[Mapping[str, Any] | None] = [request.extra_body]
    bodies += [patch.body for patch in (model.patch, applying) if patch]
    for body in bodies:
        yield any((body or {}).get(name) is not None for name in SAMPLING)
