"""``type: openai``: https://platform.openai.com/docs/api-reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from lokid.chat import Answer, ChatRequest, EmbedAnswer, EmbedRequest
from lokid.dialects.errors import classify
from lokid.dialects.openai_embeddings import Style
from lokid.providers import openai_formats
from lokid.providers.base import Exchange, Provider
from lokid.providers.keys import bearer
from lokid.providers.openai_formats import endpoint
from lokid.providers.settings import ClientSettings, ModelSettings

API_BASE = "https://api.openai.com/v1"
EMBEDDINGS = Style(encoding_format="base64")


class OpenAISettings(ClientSettings):
    type: Literal["openai"]
    organization_id: str | None = None
    project_id: str | None = None


def base_url(client: OpenAISettings) -> str:
    return client.api_base or API_BASE


def chat(client: OpenAISettings, model: ModelSettings, request: ChatRequest) -> Exchange[Answer]:
    return openai_formats.chat(base_url(client), client, model, request, headers=_headers(client))


def embed(client: OpenAISettings, model: ModelSettings, request: EmbedRequest) -> Exchange[EmbedAnswer]:
    url = endpoint(base_url(client), "embeddings")
    return openai_formats.embeddings(url, model, request, EMBEDDINGS, headers=_headers(client))


def list_models(client: OpenAISettings) -> Exchange[tuple[str, ...]]:
    return openai_formats.models(endpoint(base_url(client), "models"), headers=_headers(client))


def _headers(client: OpenAISettings) -> Mapping[str, str]:
    """Which account pays. Here and not in ``authorize``, so that patches see them."""
    chosen = {"openai-organization": client.organization_id, "openai-project": client.project_id}
    return {name: value for name, value in chosen.items() if value}


OPENAI = Provider(
    name="openai",
    settings=OpenAISettings,
    base_url=base_url,
    authorize=bearer,
    error=classify,
    chat=chat,
    embed=embed,
    list_models=list_models,
    max_embed_batch=2048,  # documented limit of inputs in one request
)
