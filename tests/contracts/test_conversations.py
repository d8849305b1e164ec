"""Every provider type answers every canonical request: with JSON, or with a sentence that says why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lokid.chat import EmbedRequest
from lokid.errors import InvalidParams, LokidError, Unsupported
from lokid.protocols.http import HTTPRequest
from lokid.providers.base import Exchange, Provider
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ModelSettings
from tests.fakes.answers import SAMPLES
from tests.fakes.canonical import (
    CONVERSATIONS,
    EMBEDDINGS,
    RERANKS,
    conversations,
    models_of,
    settings_of,
)

EACH = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=list(PROVIDERS))


def asked(provider: Provider) -> Iterator[tuple[str, ModelSettings, Any]]:
    """Name, model and what a canonical request becomes: an exchange or an error of ours."""
    client = settings_of(provider)
    made: list[tuple[str, ModelSettings, Any, Any]] = []
    for model in models_of(provider, "chat"):
        made += [(name, model, provider.chat, request) for name, request in conversations()]
    for model in models_of(provider, "embedding"):
        made += [(name, model, provider.embed, request) for name, request in EMBEDDINGS.items()]
    for model in models_of(provider, "reranker"):
        made += [(name, model, provider.rerank, request) for name, request in RERANKS.items()]
    for name, model, encode, request in made:
        if encode is not None:
            try:
                yield name, model, encode(client, model, request)
            except LokidError as error:
                yield name, model, error


def test_every_type_has_sample_answers() -> None:
    lacking = PROVIDERS.keys() - SAMPLES.keys()
    assert not lacking, f"tests/fakes/answers.py has no sample answers of {lacking}: add a row to SAMPLES"


@EACH
def test_a_request_is_json_or_refused_in_a_sentence(provider: Provider) -> None:
    for name, model, outcome in asked(provider):
        if isinstance(outcome, LokidError):
            assert isinstance(outcome, Unsupported | InvalidParams), (name, model.name, outcome)
            assert len(outcome.message.split()) > 2 and outcome.hint, (name, model.name)
            continue
        assert isinstance(outcome, Exchange) and isinstance(outcome.request, HTTPRequest)
        body = json.loads(outcome.request.content())
        assert body == json.loads(json.dumps(outcome.request.body)), (name, model.name)
        assert outcome.streaming == name.endswith(("streaming", "streamed")), name


@EACH
def test_what_is_asked_for_is_in_the_request(provider: Provider) -> None:
    """Nothing is dropped in silence: where the request is made, a word of what was asked for is in it."""
    words = {
        "system text": "Be brief.",
        "several turns": "And now?",
        "images as bytes": "iVBORw0KGgo",
        "images as URLs": "pictures.example/cat.png",
        "temperature": "0.5",
        "top_p": "0.5",
        "max_tokens": "100",
        "stop sequences": "END",
        "tools": "The sum.",
        "tool choice by name": '"add"',
        "parallel calls and their results": "noon",
        "tool results that are errors": "no clock",
        "tool results with images": "iVBORw0KGgo",
        "answer by a schema": '"city"',
        "rerank": "three",
    }
    for name, model, outcome in asked(provider):
        word = words.get(name.removesuffix(", streamed"))
        if word and isinstance(outcome, Exchange):
            text = outcome.request.content().decode().replace('\\"', '"')
            assert word in text, (name, model.name)


@EACH
def test_what_one_model_takes_the_settings_of_the_user_can_take_away(provider: Provider) -> None:
    assert provider.chat
    model = models_of(provider, "chat")[-1].model_copy(
        update={
            "supports_vision": False,
            "supports_function_calling": False,
            "structured_outputs": False,
            "sampling": False,
            "reasoning_style": "none",
        }
    )
    refused = (
        "images as bytes",
        "tools",
        "answer by a schema",
        "temperature",
        "top_p",
        "reasoning by effort",
        "reasoning by budget",
    )
    for name, request in conversations():
        if name.removesuffix(", streamed") in refused:
            with pytest.raises(Unsupported):
                provider.chat(settings_of(provider), model, request)


@EACH
def test_text_without_a_system_message_begins_what_the_user_says(provider: Provider) -> None:
    """``no_system_message``, and ``system_prompt_prefix`` before every system prompt."""
    assert provider.chat
    for model in models_of(provider, "chat"):
        told = model.model_copy(update={"no_system_message": True, "system_prompt_prefix": "Prefix."})
        request = provider.chat(settings_of(provider), told, CONVERSATIONS["system text"]).request
        text = request.content().decode()
        assert text.index("Prefix.") < text.index("Be brief.") < text.index("Hello, w"), model.name
        assert '"role":"system"' not in text and '"role":"developer"' not in text, model.name


@EACH
def test_a_model_that_cannot_stream_is_asked_for_the_whole_answer(provider: Provider) -> None:
    assert provider.chat
    for model in models_of(provider, "chat"):
        told = model.model_copy(update={"no_stream": True})
        assert not provider.chat(settings_of(provider), told, CONVERSATIONS["streaming"]).streaming


@EACH
def test_the_providers_own_name_of_a_model_is_what_is_sent(provider: Provider) -> None:
    assert provider.chat
    for model in models_of(provider, "chat"):
        told = model.model_copy(update={"name": "nickname", "real_name": model.name})
        request = provider.chat(settings_of(provider), told, CONVERSATIONS["whole answer"]).request
        assert "nickname" not in f"{request.url} {request.content().decode()}"


@EACH
def test_no_request_pretends_to_come_from_another_product(provider: Provider) -> None:
    """Nor names one: providers may answer their own products differently, and that is theirs to decide."""
    for name, model, outcome in asked(provider):
        if isinstance(outcome, Exchange):
            headers = " ".join(f"{key} {value}" for key, value in outcome.request.headers.items())
            text = f"{headers} {outcome.request.content().decode()}".lower()
            for word in ("claude code", "claude-cli", "user-agent", "x-stainless", "x-goog-api-client"):
                assert word not in text, (name, model.name)


@EACH
def test_texts_of_a_batch_are_all_in_it(provider: Provider) -> None:
    if provider.embed is None:
        return
    for model in models_of(provider, "embedding"):
        size = min(model.max_batch_size or provider.max_embed_batch, 3)
        texts = tuple(f"text-{number}" for number in range(size))
        body = provider.embed(settings_of(provider), model, EmbedRequest("", texts)).request.content()
        assert all(text.encode() in body for text in texts)
