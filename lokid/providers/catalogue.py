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

_EFFORTS_CLAUDE = ("none", "low", "medium", "high", "xhigh", "max")
_CLAUDE_3 = {
    "sampling": True,
    "reasoning_style": "none",
    "structured_outputs": False,
    "supports_vision": True,
    "supports_function_calling": True,
}
_CLAUDE_4 = {**_CLAUDE_3, "reasoning_style": "claude_budget"}
_CLAUDE_4_5 = {**_CLAUDE_4, "sampling": "one", "structured_outputs": True, "max_output_tokens": 64_000}
_CLAUDE = {
    **_CLAUDE_4_5,
    "sampling": False,  # "`temperature` is deprecated for this model"
    "reasoning_style": "claude_adaptive",
    "reasoning_efforts": _EFFORTS_CLAUDE,
    "max_output_tokens": 128_000,
}
_ALWAYS_THINKS = {**_CLAUDE, "reasoning_efforts": _EFFORTS_CLAUDE[1:]}

_NAMED = r"(.*[./])?claude-"  # Bedrock has us.anthropic.claude-..., and ARNs
_DATED = r"(-\d{8}|-latest|-0)?([-@:](v\d|\d{8}|latest|default).*)?"

CLAUDE: tuple[tuple[str, Mapping[str, Any]], ...] = (
    (rf"{_NAMED}(2|instant)([.-].*)?", {**_CLAUDE_3, "supports_vision": False, "max_output_tokens": 4096}),
    (rf"{_NAMED}3-7-.*", {**_CLAUDE_4, "max_output_tokens": 64_000}),
    (rf"{_NAMED}3-5-.*", {**_CLAUDE_3, "max_output_tokens": 8192}),
    (rf"{_NAMED}3-.*", {**_CLAUDE_3, "max_output_tokens": 4096}),
    (rf"{_NAMED}(opus-4|4-opus){_DATED}", {**_CLAUDE_4, "max_output_tokens": 32_000}),
    (rf"{_NAMED}(sonnet-4|4-sonnet){_DATED}", {**_CLAUDE_4, "max_output_tokens": 64_000}),
    # From here on temperature and top_p are refused together.
    (rf"{_NAMED}opus-4-1{_DATED}", {**_CLAUDE_4, "sampling": "one", "max_output_tokens": 32_000}),
    (rf"{_NAMED}[a-z]+-4-5{_DATED}", _CLAUDE_4_5),
    (
        rf"{_NAMED}[a-z]+-4-6{_DATED}",
        {
            **_CLAUDE_4_5,
            "reasoning_style": "claude_adaptive",
            "reasoning_efforts": ("none", "low", "medium", "high", "max"),
        },
    ),
    (rf"{_NAMED}(fable|mythos)-.*|{_NAMED}opus-5-5{_DATED}", _ALWAYS_THINKS),
    # Not thinking at all is refused, only what comes before the first tool can be turned off.
    (rf"{_NAMED}sonnet-5-5{_DATED}", {**_CLAUDE, "reasoning_efforts": ("minimal", *_EFFORTS_CLAUDE[1:])}),
    (rf"{_NAMED}[a-z]+-\d.*", _CLAUDE),
)
"""Facts of https://platform.claude.com/docs/en/about-claude/models and of each model's migration guide, as of
2026-11. The last row: what is new is like the newest."""

TABLE: Mapping[str, tuple[tuple[str, Mapping[str, Any]], ...]] = {
    "openai": OPENAI,
    "azure-openai": OPENAI,  # deployments are often named for their model
    "openai-compatible": COMPATIBLE,
    "claude": CLAUDE,
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
    "claude": (
        "claude-sonnet-5-5",
        "claude-opus-5-5",
        "claude-haiku-5-5",
        "claude-fable-5-2",
        "claude-fable-5-1",
        "claude-sonnet-5",
        "claude-opus-5",
        "claude-opus-4-8",
        "claude-opus-4-7",
        "claude-opus-4-6",
        "claude-sonnet-4-6",
        "claude-opus-4-5",
        "claude-sonnet-4-5",
        "claude-haiku-4-5",
    ),
}
"""What a client without a ``models`` list offers; the first chat model is its default."""


MAX_NAME = 200
"""Characters of a name that is looked up. Names come from callers, and patterns take time with length."""


def complete(provider_name: str, model: ModelSettings) -> ModelSettings:
    """``model`` with what is known about its name; everything the user has said stays."""
    for pattern, known in TABLE.get(provider_name, ()):
        if re.fullmatch(pattern, model.wire_name[:MAX_NAME]):
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
