"""What is known about models by their names, so that a configuration need not say it.

One table: provider type, pattern on the name that the provider knows (matched as a whole), settings. The
first row that matches fills in what the user left open. Facts here are capabilities; prices are the
user's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lokid.providers.settings import ModelSettings

_REASONS = {
    "max_tokens_param": "max_completion_tokens",
    "sampling": False,  # "Unsupported parameter: 'temperature'"
    "system_role": "developer",
    "reasoning_style": "openai_effort",
    "structured_outputs": True,
    "supports_vision": True,
    "supports_function_calling": True,
}
_ANSWERS = {
    "max_tokens_param": "max_completion_tokens",
    "sampling": True,
    "system_role": "system",
    "reasoning_style": "none",
    "structured_outputs": True,
    "supports_vision": True,
    "supports_function_calling": True,
}
_EMBEDS = {"type": "embedding", "max_batch_size": 2048, "max_tokens_per_chunk": 8191}

_EFFORTS = ("none", "low", "medium", "high")
_EFFORTS_X = (*_EFFORTS, "xhigh")

OPENAI: tuple[tuple[str, Mapping[str, Any]], ...] = (
    # From gpt-5.4 on, Chat Completions refuses tools together with reasoning.
    (r"gpt-5\.([4-9]|\d\d)(-.*)?", {**_REASONS, "chat_api": "responses", "reasoning_efforts": _EFFORTS_X}),
    (r"gpt-5(\.\d)?-chat(-.*)?", _ANSWERS),
    (r"gpt-5(\.\d)?-pro(-.*)?", {**_REASONS, "chat_api": "responses", "reasoning_efforts": ("high",)}),
    (
        r"gpt-5(\.\d)?-codex(-.*)?",
        {**_REASONS, "chat_api": "responses", "reasoning_efforts": ("low", "medium", "high")},
    ),
    (r"gpt-5\.[1-3](-.*)?", {**_REASONS, "reasoning_efforts": _EFFORTS}),
    (r"gpt-5(-.*)?", {**_REASONS, "reasoning_efforts": ("minimal", "low", "medium", "high")}),
    (
        r"o1-(mini|preview)(-.*)?",  # "does not support 'developer'", nor 'system', tools, images, efforts
        {
            **_REASONS,
            "system_role": "none",
            "reasoning_style": "none",
            "structured_outputs": False,
            "supports_vision": False,
            "supports_function_calling": False,
        },
    ),
    (
        r"o\d-(pro|deep-research)(-.*)?|o\d-mini-deep-research(-.*)?|codex-.*|computer-use-.*",
        {**_REASONS, "chat_api": "responses", "reasoning_efforts": ("low", "medium", "high")},
    ),
    (
        r"o3-mini(-.*)?",
        {**_REASONS, "supports_vision": False, "reasoning_efforts": ("low", "medium", "high")},
    ),
    (r"o\d+(-.*)?", {**_REASONS, "reasoning_efforts": ("low", "medium", "high")}),
    (r"(gpt-4o|gpt-4\.[15]|chatgpt-4o)(-.*)?", _ANSWERS),
    (r"gpt-4-turbo(-.*)?", {**_ANSWERS, "structured_outputs": False}),
    (r"(gpt-4|gpt-3\.5)(-.*)?", {**_ANSWERS, "structured_outputs": False, "supports_vision": False}),
    (r"text-embedding-.*", _EMBEDS),
)

COMPATIBLE: tuple[tuple[str, Mapping[str, Any]], ...] = (
    (r"(?i)(.*[/-])?(.*rerank.*)", {"type": "reranker"}),
    (r"(?i)(.*[/_.-])?(.*embed.*|bge-.*|gte-.*|e5-.*|all-minilm.*|voyage-.*)", {"type": "embedding"}),
    (r"(?i)(.*/)?(deepseek-r1|qwq|qwen3|magistral|smollm3).*", {"reasoning_style": "think_tags"}),
)
"""Servers and vendors name models as they like: only what a name cannot mean otherwise."""

TABLE: Mapping[str, tuple[tuple[str, Mapping[str, Any]], ...]] = {
    "openai": OPENAI,
    "azure-openai": OPENAI,  # deployments are often named for their model
    "openai-compatible": COMPATIBLE,
}

NAMES: Mapping[str, tuple[str, ...]] = {
    "openai": (
        "gpt-5.6",
        "gpt-5.5",
        "gpt-5.4",
        "gpt-5.4-mini",
        "gpt-5.4-nano",
        "gpt-5.1",
        "gpt-5",
        "gpt-5-mini",
        "gpt-5-nano",
        "gpt-4.1",
        "gpt-4.1-mini",
        "gpt-4.1-nano",
        "gpt-4o",
        "gpt-4o-mini",
        "o3",
        "o4-mini",
        "text-embedding-3-small",
        "text-embedding-3-large",
    ),
}
"""What a client without a ``models`` list offers; the first chat model is its default."""


def complete(provider_name: str, model: ModelSettings) -> ModelSettings:
    """``model`` with what is known about its name; everything the user has said stays."""
    for pattern, known in TABLE.get(provider_name, ()):
        if re.fullmatch(pattern, model.wire_name):
            return model.model_copy(update=dict(_unsaid(model, known)))
    return model


def models(provider_name: str) -> tuple[ModelSettings, ...]:
    """The models of a provider type, completed; empty where only the user can know them."""
    names = NAMES.get(provider_name, ())
    return tuple(complete(provider_name, ModelSettings(name=name)) for name in names)


def _unsaid(model: ModelSettings, known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in known.items():
        if key not in model.model_fields_set:
            yield key, value
