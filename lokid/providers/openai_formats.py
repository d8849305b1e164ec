"""OpenAI's formats as exchanges: what the types that speak them share (``openai``, ``openai-compatible``,
``azure-openai``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lokid.chat import Answer, ChatRequest, EmbedAnswer, EmbedRequest
from lokid.dialects import openai_chat, openai_embeddings, openai_responses
from lokid.dialects.errors import listed_in
from lokid.dialects.openai_chat_answer import StreamDecoder, whole_decoder
from lokid.dialects.openai_responses_answer import ResponsesDecoder, whole_responses_decoder
from lokid.dialects.stream import WholeDecoder
from lokid.dialects.traits import Traits
from lokid.dialects.untrusted import mapping, text
from lokid.errors import LokidError
from lokid.protocols.http import HTTPRequest
from lokid.protocols.merge_patch import merge
from lokid.providers.base import Exchange
from lokid.providers.settings import ClientSettings, ModelSettings

EVENTS = ("text/event-stream",)
JSON = ("application/json",)


def endpoint(base: str, path: str) -> str:
    """``path`` below ``base``."""
    return f"{base.rstrip('/')}/{path}"


def traits(client: ClientSettings, model: ModelSettings, *, required_choice: str = "required") -> Traits:
    """What the dialects must know of a model that the catalogue has completed; unknown means yes."""
    efforts = model.reasoning_efforts or ("none", "low", "medium", "high")
    return Traits(
        model=model.wire_name,
        origin=f"{client.name}:{model.name}",
        system_role="none" if model.no_system_message else model.system_role or "system",
        system_prompt_prefix=model.system_prompt_prefix,
        max_tokens_param=model.max_tokens_param or "max_tokens",
        needs_max_tokens=model.require_max_tokens,
        default_max_tokens=model.max_output_tokens,
        sampling=model.sampling is not False,
        images=model.supports_vision is not False,
        tools=model.supports_function_calling is not False,
        structured_outputs=model.structured_outputs is not False,
        efforts=() if model.reasoning_style == "none" else efforts,
        reasons=model.reasoning_style == "openai_effort",
        think_tags=model.reasoning_style in ("think_tags", "think_end"),
        think_opened=model.reasoning_style == "think_end",
        required_choice=required_choice,
    )


def chat(
    base: str,
    client: ClientSettings,
    model: ModelSettings,
    request: ChatRequest,
    *,
    headers: Mapping[str, str],
    required_choice: str = "required",
) -> Exchange[Answer]:
    """The chat API that the model has, both below ``base``."""
    known = traits(client, model, required_choice=required_choice)
    stream = request.stream and not model.no_stream
    if model.chat_api == "responses":
        return responses(endpoint(base, "responses"), known, request, stream=stream, headers=headers)
    return chat_completions(
        endpoint(base, "chat/completions"), known, request, stream=stream, headers=headers
    )


def chat_completions(
    url: str, traits: Traits, request: ChatRequest, *, stream: bool, headers: Mapping[str, str]
) -> Exchange[Answer]:
    """A server that does not know ``stream_options`` is asked again without: usage is then unknown."""
    body = openai_chat.encode(request, traits, stream=stream)
    return _exchange(
        url,
        body,
        headers,
        (lambda: StreamDecoder(traits)) if stream else lambda: whole_decoder(traits),
        stream=stream,
        without={"stream_options": {"stream_options": None}} if stream else {},
    )


def responses(
    url: str, traits: Traits, request: ChatRequest, *, stream: bool, headers: Mapping[str, str]
) -> Exchange[Answer]:
    """An organisation that is not verified may not have summaries of reasoning: asked again without."""
    body = openai_responses.encode(request, traits, stream=stream)
    summary = mapping(body.get("reasoning")).get("summary")
    return _exchange(
        url,
        body,
        headers,
        (lambda: ResponsesDecoder(traits)) if stream else lambda: whole_responses_decoder(traits),
        stream=stream,
        without={"reasoning.summary": {"reasoning": {"summary": None}}} if summary else {},
    )


def embeddings(
    url: str,
    model: ModelSettings,
    request: EmbedRequest,
    style: openai_embeddings.Style,
    *,
    headers: Mapping[str, str],
) -> Exchange[EmbedAnswer]:
    body = openai_embeddings.encode(request, model.wire_name, style)
    texts = len(request.texts)
    return _exchange(url, body, headers, lambda: openai_embeddings.decoder(texts), stream=False)


def models(url: str, *, headers: Mapping[str, str]) -> Exchange[tuple[str, ...]]:
    """``{data: [{id}]}``; also a bare list (Together, GitHub) and ``{models: [{name}]}``."""
    return Exchange(HTTPRequest("GET", url, headers), lambda: WholeDecoder(_model_names))


def _model_names(value: Any) -> tuple[str, ...]:
    found = map(mapping, listed_in(value, "data", "models"))
    names = (text(entry.get("id")) or text(entry.get("name")) for entry in found)
    return tuple(dict.fromkeys(filter(None, names)))


def _exchange(
    url: str,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    decoder: Callable[[], Any],
    *,
    stream: bool,
    without: Mapping[str, Any] | None = None,
    left_out: str = "",
) -> Exchange[Any]:
    """``without``: name of an optional field -> the merge patch that takes it out of the body, for a
    provider that refuses the request and names the field."""

    def amend(error: LokidError, answer: bytes) -> Exchange[Any] | None:
        if error.status not in (400, 422):  # 422: Mistral, FastAPI
            return None
        for field, patch in (without or {}).items():
            if field.encode() in answer:
                return _exchange(url, merge(body, patch), headers, decoder, stream=stream, left_out=field)
        return None

    return Exchange(
        HTTPRequest("POST", url, headers, body),
        decoder,
        streaming=stream,
        accept=EVENTS if stream else JSON,
        amend=amend if without else None,
        left_out=left_out,
    )
