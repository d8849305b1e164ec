"""``type: gemini``: Google's Generative Language API, https://ai.google.dev/api."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lokid.chat import Answer, ChatRequest, EmbedAnswer, EmbedRequest
from lokid.dialects import gemini_embeddings
from lokid.dialects.errors import classify
from lokid.protocols.http import HTTPRequest
from lokid.providers import gemini_formats
from lokid.providers.base import Exchange, Provider
from lokid.providers.keys import key_in
from lokid.providers.paths import in_path
from lokid.providers.settings import ClientSettings, ModelSettings

# v1beta and not v1: preview models and features exist only there.
API_BASE = "https://generativelanguage.googleapis.com/v1beta"


class GeminiSettings(ClientSettings):
    """``quota_project_id``: the Google Cloud project that pays, with ``auth: oauth`` (a key has its own)."""

    type: Literal["gemini"]
    quota_project_id: str | None = Field(None, pattern=r"^[a-z0-9.:-]+$")


def base_url(client: GeminiSettings) -> str:
    return client.api_base or API_BASE


def chat(client: GeminiSettings, model: ModelSettings, request: ChatRequest) -> Exchange[Answer]:
    return gemini_formats.generate(
        f"{base_url(client)}/{_resource(model)}",
        gemini_formats.traits(client, model),
        request,
        stream=request.stream and not model.no_stream,
        headers=_headers(client),
    )


def embed(client: GeminiSettings, model: ModelSettings, request: EmbedRequest) -> Exchange[EmbedAnswer]:
    resource = _resource(model)
    texts = len(request.texts)
    return Exchange(
        HTTPRequest(
            "POST",
            f"{base_url(client)}/{resource}:batchEmbedContents",
            _headers(client),
            gemini_embeddings.batch(request, resource),
        ),
        lambda: gemini_embeddings.decoder(texts),
    )


def list_models(client: GeminiSettings) -> Exchange[tuple[str, ...]]:
    return gemini_formats.models(f"{base_url(client)}/models", headers=_headers(client))


def _resource(model: ModelSettings) -> str:
    """``models/NAME``; a name may also say so itself, and ``tunedModels/NAME`` are others."""
    name = model.wire_name
    return in_path(name if name.startswith(("models/", "tunedModels/")) else f"models/{name}")


def _headers(client: GeminiSettings) -> dict[str, str]:
    """Here and not in ``authorize``, so that patches see them."""
    return {"x-goog-user-project": client.quota_project_id} if client.quota_project_id else {}


# The key travels in a header and never as ?key=, because URLs are logged along the way.
GEMINI = Provider(
    name="gemini",
    settings=GeminiSettings,
    base_url=base_url,
    authorize=key_in("x-goog-api-key"),
    error=classify,
    chat=chat,
    embed=embed,
    list_models=list_models,
    max_embed_batch=100,  # documented limit of requests in one batch
)
