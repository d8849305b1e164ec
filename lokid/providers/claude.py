"""``type: claude``: Anthropic's Messages API, https://platform.claude.com/docs/en/api/messages.

Betas are headers that a patch sets: ``patch: {chat_completions: {".*": {headers: {anthropic-beta: ...}}}}``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lokid.chat import Answer, ChatRequest
from lokid.dialects.errors import classify
from lokid.providers import anthropic_formats, openai_formats
from lokid.providers.base import Exchange, Provider
from lokid.providers.keys import key_in
from lokid.providers.openai_formats import endpoint
from lokid.providers.settings import ClientSettings, ModelSettings

API_BASE = "https://api.anthropic.com/v1"

MAX_MODELS = 1000
"""The most that one page of the list of models may have; there are a few dozen."""


class ClaudeSettings(ClientSettings):
    """``api_version``: the ``anthropic-version`` header; unset, lokid picks what the request needs."""

    type: Literal["claude"]
    api_version: str | None = Field(None, pattern=r"^\d{4}-\d{2}-\d{2}$")


def base_url(client: ClaudeSettings) -> str:
    return client.api_base or API_BASE


def chat(client: ClaudeSettings, model: ModelSettings, request: ChatRequest) -> Exchange[Answer]:
    version = anthropic_formats.version(client, model, request, chosen=client.api_version)
    return anthropic_formats.messages(
        endpoint(base_url(client), "messages"),
        anthropic_formats.traits(client, model),
        request,
        stream=request.stream and not model.no_stream,
        headers=_headers(version),
    )


def list_models(client: ClaudeSettings) -> Exchange[tuple[str, ...]]:
    url = endpoint(base_url(client), f"models?limit={MAX_MODELS}")
    return openai_formats.models(url, headers=_headers(client.api_version or anthropic_formats.VERSION))


def _headers(version: str) -> dict[str, str]:
    """Here and not in ``authorize``, so that patches see it."""
    return {"anthropic-version": version}


CLAUDE = Provider(
    name="claude",
    settings=ClaudeSettings,
    base_url=base_url,
    authorize=key_in("x-api-key"),
    error=classify,
    chat=chat,
    list_models=list_models,
)
