from __future__ import annotations

import re
from typing import Any

import pytest

from lokid.providers.catalogue import NAMES, TABLE, complete, models
from lokid.providers.settings import ModelSettings


def known(provider: str, name: str, **said: Any) -> ModelSettings:
    return complete(provider, ModelSettings(name=name, **said))


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("gpt-5.6", {"chat_api": "responses", "sampling": False, "system_role": "developer"}),
        ("gpt-5.4-mini-2026-03-01", {"chat_api": "responses", "reasoning_style": "openai_effort"}),
        ("gpt-5.1", {"chat_api": None, "reasoning_efforts": ("none", "low", "medium", "high")}),
        ("gpt-5-mini", {"chat_api": None, "reasoning_efforts": ("minimal", "low", "medium", "high")}),
        ("gpt-5-chat-latest", {"sampling": True, "reasoning_style": "none"}),
        ("gpt-5-pro", {"chat_api": "responses", "reasoning_efforts": ("high",)}),
        ("gpt-5.1-codex", {"chat_api": "responses"}),
        ("o1-mini", {"system_role": "none", "supports_function_calling": False}),
        ("o3", {"max_tokens_param": "max_completion_tokens", "sampling": False}),
        ("o3-mini", {"supports_vision": False}),
        ("o3-pro", {"chat_api": "responses"}),
        ("gpt-4o-mini", {"sampling": True, "max_tokens_param": "max_completion_tokens"}),
        ("gpt-4-turbo", {"structured_outputs": False, "supports_vision": True}),
        ("gpt-3.5-turbo", {"supports_vision": False}),
        ("text-embedding-3-small", {"type": "embedding", "max_batch_size": 2048}),
        ("my-own", {"chat_api": None, "sampling": None, "type": "chat"}),
    ],
)
def test_what_is_known_about_openais_names(name: str, facts: dict[str, Any]) -> None:
    for provider in ("openai", "azure-openai"):
        model = known(provider, name)
        assert {key: getattr(model, key) for key in facts} == facts


ALL = ("low", "medium", "high", "xhigh", "max")
BUDGET = {"reasoning_style": "claude_budget", "reasoning_efforts": None}
ADAPTIVE = {"reasoning_style": "claude_adaptive", "sampling": False, "max_output_tokens": 128_000}


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("claude-2.1", {"reasoning_style": "none", "supports_vision": False, "max_output_tokens": 4096}),
        ("claude-3-opus-20240229", {"reasoning_style": "none", "max_output_tokens": 4096}),
        ("claude-3-5-haiku-latest", {"reasoning_style": "none", "max_output_tokens": 8192}),
        ("claude-3-7-sonnet-20250219", BUDGET | {"sampling": True, "structured_outputs": False}),
        ("claude-opus-4-20250514", BUDGET | {"sampling": True, "max_output_tokens": 32_000}),
        ("claude-4-opus-20250514", BUDGET | {"sampling": True, "max_output_tokens": 32_000}),
        ("claude-sonnet-4-0", BUDGET | {"sampling": True, "max_output_tokens": 64_000}),
        ("anthropic.claude-sonnet-4-20250514-v1:0", BUDGET | {"sampling": True}),
        ("claude-opus-4-1-20250805", BUDGET | {"sampling": "one", "max_output_tokens": 32_000}),
        ("claude-sonnet-4-5", BUDGET | {"sampling": "one", "structured_outputs": True}),
        ("claude-sonnet-4-5@20250929", BUDGET | {"sampling": "one"}),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", BUDGET | {"max_output_tokens": 64_000}),
        ("claude-opus-4-6", {"reasoning_style": "claude_adaptive", "sampling": "one"}),
        ("us.anthropic.claude-opus-4-6-v1", {"reasoning_style": "claude_adaptive", "sampling": "one"}),
        ("claude-opus-4-7", ADAPTIVE | {"reasoning_efforts": ("none", *ALL)}),
        ("claude-opus-4-10", ADAPTIVE),
        ("claude-sonnet-5", ADAPTIVE | {"reasoning_efforts": ("none", *ALL)}),
        ("claude-haiku-5-5", ADAPTIVE | {"reasoning_efforts": ("none", *ALL)}),
        ("claude-sonnet-5-5", ADAPTIVE | {"reasoning_efforts": ("minimal", *ALL)}),
        ("claude-opus-5-5", ADAPTIVE | {"reasoning_efforts": ALL}),
        ("claude-fable-5-1", ADAPTIVE | {"reasoning_efforts": ALL}),
        ("claude-mythos-preview", ADAPTIVE | {"reasoning_efforts": ALL}),
        ("claude-opus-7-2-20280101", ADAPTIVE),
        ("deepseek-chat", {"reasoning_style": None, "sampling": None, "max_output_tokens": None}),
    ],
)
def test_what_is_known_about_claudes_names(name: str, facts: dict[str, Any]) -> None:
    model = known("claude", name)
    assert {key: getattr(model, key) for key in facts} == facts


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("gpt-5.6", {"chat_api": None, "max_tokens_param": None}),
        ("jina-reranker-v2-base-multilingual", {"type": "reranker"}),
        ("rerank-2-lite", {"type": "reranker"}),
        ("nomic-embed-text:latest", {"type": "embedding"}),
        ("BAAI/bge-m3", {"type": "embedding"}),
        ("voyage-3-large", {"type": "embedding"}),
        ("Qwen/Qwen3-Embedding-0.6B", {"type": "embedding"}),
        ("Qwen/Qwen3-Reranker-0.6B", {"type": "reranker"}),
        ("qwen3:8b", {"reasoning_style": "think_tags", "type": "chat"}),
        ("deepseek-ai/DeepSeek-R1", {"reasoning_style": "think_tags"}),
        ("smollm2", {"reasoning_style": None, "type": "chat"}),
    ],
)
def test_compatible_servers_get_only_what_a_name_cannot_mean_otherwise(
    name: str, facts: dict[str, Any]
) -> None:
    model = known("openai-compatible", name)
    assert {key: getattr(model, key) for key in facts} == facts


def test_what_the_user_says_stays() -> None:
    model = known("openai", "gpt-5.6", chat_api="chat_completions", sampling=True, type="chat")
    assert (model.chat_api, model.sampling, model.system_role) == ("chat_completions", True, "developer")


def test_the_name_that_the_provider_knows_decides() -> None:
    assert known("openai", "fast", real_name="gpt-5.6").chat_api == "responses"


def test_a_type_without_a_table_knows_nothing() -> None:
    model = ModelSettings(name="x")
    assert complete("ninth", model) == model
    assert models("ninth") == ()


def test_the_names_on_offer_are_known_and_the_first_one_chats() -> None:
    for provider, names in NAMES.items():
        offered = models(provider)
        assert [model.name for model in offered] == list(names)
        assert offered[0].type == "chat"
        assert all(any(re.fullmatch(pattern, name) for pattern, _ in TABLE[provider]) for name in names)


def test_every_fact_is_one_that_a_user_could_have_written() -> None:
    for rows in TABLE.values():
        for _, facts in rows:
            ModelSettings.model_validate({"name": "x", **facts})


def test_a_name_of_any_length_is_looked_up_at_once() -> None:
    assert known("openai-compatible", "a-" * 1_000_000).type == "chat"


def test_what_the_user_says_beats_the_table_and_the_table_beats_the_list_of_facts() -> None:
    model = known("openai", "text-embedding-3-small")
    assert model.max_tokens_per_chunk == 8191  # the table; the list says 8192
    assert (model.input_price, model.output_price) == (0.02, None)
    said = known("openai", "text-embedding-3-small", max_tokens_per_chunk=100, input_price=1)
    assert (said.max_tokens_per_chunk, said.input_price) == (100, 1)


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("gemini", "models/gemini-2.5-pro"),
        ("vertexai", "google/gemini-2.5-pro"),
        ("vertexai", "publishers/google/models/gemini-2.5-pro"),
    ],
)
def test_a_model_costs_the_same_by_its_whole_path(provider: str, name: str) -> None:
    model = ModelSettings(name=name)
    assert (
        complete(provider, model).input_price
        == complete(provider, ModelSettings(name="gemini-2.5-pro")).input_price
    )
    assert complete(provider, model).input_price
    assert complete("openai", ModelSettings(name="x/gpt-4o")).input_price is None


def test_a_price_of_null_is_no_price() -> None:
    model = known("claude", "claude-sonnet-5", input_price=None)
    assert (model.input_price, model.output_price, model.max_input_tokens) == (None, None, 1_000_000)


def test_a_type_that_the_user_gives_decides_what_a_context_window_is() -> None:
    model = known("openai", "text-embedding-3-small", type="chat")
    assert model.max_input_tokens == 8192


def test_completing_twice_changes_nothing_more() -> None:
    once = known("openai", "gpt-5.6")
    assert complete("openai", once) == once
