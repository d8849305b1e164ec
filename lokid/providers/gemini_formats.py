"""Gemini's format as exchanges: what the types that Gemini can be asked through share (``gemini``,
``vertexai``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lokid.chat import Answer, ChatRequest
from lokid.dialects import gemini
from lokid.dialects.errors import listed_in
from lokid.dialects.gemini_answer import GeminiDecoder, whole_gemini_decoder
from lokid.dialects.stream import WholeDecoder
from lokid.dialects.traits import Traits
from lokid.dialects.untrusted import mapping, text
from lokid.protocols.http import HTTPRequest
from lokid.providers.base import Exchange
from lokid.providers.settings import ClientSettings, ModelSettings

MAX_MODELS = 1000
"""The most that one page of the list of models may have; there are a few dozen."""


def traits(client: ClientSettings, model: ModelSettings) -> Traits:
    """What the dialect must know of a model that the catalogue has completed; unknown means yes, and that
    the model is like the newest."""
    budget = model.reasoning_style == "gemini_budget"
    efforts = model.reasoning_efforts or ("none" if budget else "minimal", "low", "medium", "high")
    return Traits(
        model=model.wire_name,
        origin=f"{client.name}:{model.name}",
        system_role="none" if model.no_system_message or model.system_role == "none" else "system",
        system_prompt_prefix=model.system_prompt_prefix,
        needs_max_tokens=model.require_max_tokens,
        default_max_tokens=model.max_output_tokens,
        sampling=model.sampling is not False,
        images=model.supports_vision is not False,
        tools=model.supports_function_calling is not False,
        structured_outputs=model.structured_outputs is not False,
        efforts=() if model.reasoning_style == "none" else efforts,
        thinking="budget" if budget else "level",
    )


def generate(
    url: str, traits: Traits, request: ChatRequest, *, stream: bool, headers: Mapping[str, str]
) -> Exchange[Answer]:
    """``url``: of the model, to which the verb is added."""
    body = gemini.encode(request, traits)
    verb = ":streamGenerateContent?alt=sse" if stream else ":generateContent"
    return Exchange(
        HTTPRequest("POST", f"{url}{verb}", headers, body),
        (lambda: GeminiDecoder(traits)) if stream else lambda: whole_gemini_decoder(traits),
        streaming=stream,
        accept=("text/event-stream",) if stream else ("application/json",),
    )


def models(url: str, *, headers: Mapping[str, str]) -> Exchange[tuple[str, ...]]:
    """``url``: of the list. Names come as ``models/NAME`` or ``publishers/google/models/NAME``."""
    return Exchange(
        HTTPRequest("GET", f"{url}?pageSize={MAX_MODELS}", headers), lambda: WholeDecoder(_model_names)
    )


def _model_names(value: Any) -> tuple[str, ...]:
    found = listed_in(value, "models", "publisherModels")
    names = (text(mapping(entry).get("name")).rpartition("models/")[2] for entry in found)
    return tuple(dict.fromkeys(filter(None, names)))
