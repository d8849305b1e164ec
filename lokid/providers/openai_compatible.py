"""``type: openai-compatible``: vendors and servers that speak OpenAI's Chat Completions, embeddings and the
rerank API that Jina and Cohere made common. ``vendors`` has their addresses and differences."""

from __future__ import annotations

from typing import Literal

from lokid.chat import (
    Answer,
    ChatRequest,
    EmbedAnswer,
    EmbedRequest,
    RerankAnswer,
    RerankRequest,
)
from lokid.dialects import rerank as rerank_dialect
from lokid.dialects.errors import classify
from lokid.protocols.http import HTTPRequest
from lokid.providers import openai_formats
from lokid.providers.addresses import PORT
from lokid.providers.base import Exchange, Provider
from lokid.providers.keys import bearer
from lokid.providers.openai_formats import endpoint
from lokid.providers.settings import ClientSettings, Launch, ModelSettings
from lokid.providers.vendors import OTHER, VENDORS, Vendor


class OpenAICompatibleSettings(ClientSettings):
    """``api_base`` may be left out if ``name`` is a vendor's, or with ``launch``."""

    type: Literal["openai-compatible"]
    launch: Launch | None = None

    def lacking(self) -> tuple[str, ...]:
        return () if base_url(self) else ("api_base",)


def vendor(client: OpenAICompatibleSettings) -> Vendor:
    return VENDORS.get(client.name, OTHER)


def base_url(client: OpenAICompatibleSettings) -> str:
    """Empty if it is not known: the client then lacks its ``api_base`` and is not used."""
    if client.api_base:
        return client.api_base
    if client.launch:
        return f"http://127.0.0.1:{PORT}/v1"
    return vendor(client).api_base or ""


def chat(client: OpenAICompatibleSettings, model: ModelSettings, request: ChatRequest) -> Exchange[Answer]:
    choice = vendor(client).required_choice
    return openai_formats.chat(base_url(client), client, model, request, headers={}, required_choice=choice)


def embed(
    client: OpenAICompatibleSettings, model: ModelSettings, request: EmbedRequest
) -> Exchange[EmbedAnswer]:
    url = endpoint(base_url(client), "embeddings")
    return openai_formats.embeddings(url, model, request, vendor(client).embeddings, headers={})


def rerank(
    client: OpenAICompatibleSettings, model: ModelSettings, request: RerankRequest
) -> Exchange[RerankAnswer]:
    row = vendor(client)
    body = rerank_dialect.encode(request, model.wire_name, top_n=row.top_n)
    body |= row.rerank_more
    url = endpoint(base_url(client), row.rerank_path)
    return Exchange(HTTPRequest("POST", url, {}, body), lambda: rerank_dialect.decoder(request))


def list_models(client: OpenAICompatibleSettings) -> Exchange[tuple[str, ...]]:
    return openai_formats.models(endpoint(base_url(client), "models"), headers={})


OPENAI_COMPATIBLE = Provider(
    name="openai-compatible",
    settings=OpenAICompatibleSettings,
    base_url=base_url,
    authorize=bearer,
    error=classify,
    chat=chat,
    embed=embed,
    rerank=rerank,
    list_models=list_models,
    optional_secrets=("api_key",),
)
