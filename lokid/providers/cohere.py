"""``type: cohere``: Cohere's API v2, https://docs.cohere.com/reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from lokid.chat import Answer, ChatRequest, EmbedAnswer, EmbedRequest, RerankAnswer, RerankRequest
from lokid.dialects import cohere_chat, cohere_embeddings
from lokid.dialects import rerank as rerank_dialect
from lokid.dialects.cohere_chat_answer import CohereDecoder, whole_cohere_decoder
from lokid.dialects.errors import classify, listed_in
from lokid.dialects.stream import WholeDecoder
from lokid.dialects.untrusted import mapping, text
from lokid.errors import BadRequest, ContentFiltered, LokidError, QuotaExceeded
from lokid.protocols.http import HTTPRequest
from lokid.providers import openai_formats
from lokid.providers.base import Exchange, Provider
from lokid.providers.keys import bearer
from lokid.providers.openai_formats import EVENTS, JSON, endpoint
from lokid.providers.settings import ClientSettings, ModelSettings

API_BASE = "https://api.cohere.com"

MAX_MODELS = 1000
"""The most that one page of the list of models may have; there are a few dozen."""


class CohereSettings(ClientSettings):
    type: Literal["cohere"]


def base_url(client: CohereSettings) -> str:
    """Without the version, which differs from path to path; files of Loki's users have it in ``api_base``."""
    return re.sub(r"/v[12]$", "", client.api_base or API_BASE)


def chat(client: CohereSettings, model: ModelSettings, request: ChatRequest) -> Exchange[Answer]:
    traits = openai_formats.traits(client, model)
    stream = request.stream and not model.no_stream
    body = cohere_chat.encode(request, traits, stream=stream)
    return Exchange(
        HTTPRequest("POST", endpoint(base_url(client), "v2/chat"), {}, body),
        (lambda: CohereDecoder(traits)) if stream else lambda: whole_cohere_decoder(traits),
        streaming=stream,
        accept=EVENTS if stream else JSON,
    )


def embed(client: CohereSettings, model: ModelSettings, request: EmbedRequest) -> Exchange[EmbedAnswer]:
    body = cohere_embeddings.encode(request, model.wire_name)
    texts = len(request.texts)
    url = endpoint(base_url(client), "v2/embed")
    return Exchange(HTTPRequest("POST", url, {}, body), lambda: cohere_embeddings.decoder(texts))


def rerank(client: CohereSettings, model: ModelSettings, request: RerankRequest) -> Exchange[RerankAnswer]:
    body = rerank_dialect.encode(request, model.wire_name)
    url = endpoint(base_url(client), "v2/rerank")
    return Exchange(HTTPRequest("POST", url, {}, body), lambda: rerank_dialect.decoder(request))


def list_models(client: CohereSettings) -> Exchange[tuple[str, ...]]:
    url = endpoint(base_url(client), f"v1/models?page_size={MAX_MODELS}")
    return Exchange(HTTPRequest("GET", url), lambda: WholeDecoder(_model_names))


def _model_names(value: Any) -> tuple[str, ...]:
    found = map(mapping, listed_in(value, "models"))
    names = (text(entry.get("name")) for entry in found if entry.get("is_deprecated") is not True)
    return tuple(dict.fromkeys(filter(None, names)))


def error(status: int, headers: Mapping[str, str], body: bytes) -> LokidError:
    """What Cohere means by statuses and words that mean something else elsewhere."""
    found = classify(status, headers, body)
    for applies, words, kind, said, hint in _MEANINGS:
        if applies == status and re.search(words, found.message, re.IGNORECASE):
            _, _, reason = found.message.partition(": ")
            return kind(
                f"{said} (HTTP {status}): {reason}",
                hint=hint,
                status=status,
                request_id=found.request_id,
                retryable=False,
                refused=True,
            )
    return found


_MEANINGS: tuple[tuple[int, str, type[LokidError], str, str], ...] = (
    # Status, words of the message, what it is, how it begins, what to do.
    (
        498,  # "a request or response contains a deny-listed token"; Groq has another meaning for it
        "",
        ContentFiltered,
        "the provider's content filter refused this",
        "change the words that the provider does not want",
    ),
    (
        400,
        "max.tokens must be less",  # it says "too many tokens" first, as for a long conversation
        BadRequest,
        "the provider refused the request",
        "ask for fewer max_tokens",
    ),
    (
        429,
        "calls ?/ ?month|monthly",
        QuotaExceeded,
        "the account's quota or credit is used up",
        "check the plan and billing of this account",
    ),
)


COHERE = Provider(
    name="cohere",
    settings=CohereSettings,
    base_url=base_url,
    authorize=bearer,
    error=error,
    chat=chat,
    embed=embed,
    rerank=rerank,
    list_models=list_models,
    max_embed_batch=96,  # documented limit of texts in one request
)
