"""What is known about models by their names, so that a configuration need not say it.

What the user says comes first, then the table here: provider type, pattern on the name that the provider
knows (matched as a whole), settings; the first row that matches counts. It holds capabilities. Prices and
context windows come last, from ``lokid.providers.facts``, which a program writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from lokid.providers import facts, vendors
from lokid.providers.settings import ClientSettings, ModelSettings

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

_WITH_PATHS = ("gemini", "vertexai")
"""Types that know a model by ``_GOOGLE`` too; it costs the same."""

_GEMINI = {"structured_outputs": True, "supports_vision": True, "supports_function_calling": True}
_GEMINI_2 = {**_GEMINI, "reasoning_style": "none", "max_output_tokens": 8192}
_GEMINI_2_5 = {**_GEMINI, "reasoning_style": "gemini_budget", "max_output_tokens": 65_536}
_GEMINI_3 = {**_GEMINI, "reasoning_style": "gemini_level", "max_output_tokens": 65_536}
_EFFORTS_LEVEL = ("low", "medium", "high")
_GOOGLE = r"(.*/)?"  # models/..., publishers/google/models/..., google/...

GEMINI: tuple[tuple[str, Mapping[str, Any]], ...] = (
    (rf"{_GOOGLE}gemini-embedding-2(-.*)?", {"type": "embedding", "max_tokens_per_chunk": 8192}),
    (rf"{_GOOGLE}(.*embedding.*|textembedding-.*)", {"type": "embedding", "max_tokens_per_chunk": 2048}),
    (rf"{_GOOGLE}gemini-(1\.|2\.0|pro(-vision)?$).*", _GEMINI_2),
    (
        rf"{_GOOGLE}gemini-2\.5-.*(image|tts|live|audio).*",
        {**_GEMINI_2, "structured_outputs": False, "supports_function_calling": False},
    ),
    (rf"{_GOOGLE}gemini-2\.5-pro(-.*)?", {**_GEMINI_2_5, "reasoning_efforts": _EFFORTS_LEVEL}),
    (rf"{_GOOGLE}gemini-2\.5-.*", {**_GEMINI_2_5, "reasoning_efforts": ("none", *_EFFORTS_LEVEL)}),
    (rf"{_GOOGLE}gemini-3-pro(-.*)?", {**_GEMINI_3, "reasoning_efforts": ("low", "high")}),
    (
        rf"{_GOOGLE}gemini-(3(\.[1-6])?-flash|(\d+(\.\d+)?-)?flash-lite)(-.*)?",
        {**_GEMINI_3, "reasoning_efforts": ("minimal", *_EFFORTS_LEVEL)},
    ),
    (rf"{_GOOGLE}gemini-.*", {**_GEMINI_3, "reasoning_efforts": _EFFORTS_LEVEL}),
    (
        rf"{_GOOGLE}gemma-?[123].*",  # "Developer instruction is not enabled", nor tools, nor JSON
        {
            "reasoning_style": "none",
            "system_role": "none",
            "structured_outputs": False,
            "supports_function_calling": False,
        },
    ),
)
"""Facts of https://ai.google.dev/gemini-api/docs/thinking and /models as of 2026-11."""

VERTEXAI: tuple[tuple[str, Mapping[str, Any]], ...] = (
    (
        rf"{_GOOGLE}gemini-embedding-2(-.*)?",
        {"type": "embedding", "max_tokens_per_chunk": 8192, "max_batch_size": 1},
    ),
    (
        rf"{_GOOGLE}gemini-embedding-001",
        {"type": "embedding", "max_tokens_per_chunk": 2048, "max_batch_size": 1},
    ),
    # A request may have 20 000 tokens: nine of the longest texts.
    (
        rf"{_GOOGLE}(.*embedding.*|textembedding-.*)",
        {"type": "embedding", "max_tokens_per_chunk": 2048, "max_batch_size": 9},
    ),
    *CLAUDE,
    *GEMINI,
)

_EMBEDS_ONE = {"type": "embedding", "max_batch_size": 1, "max_tokens_per_chunk": 8192}
_NOVA = {"reasoning_style": "none", "supports_vision": True, "supports_function_calling": True}
_BEDROCK = r"(.*[./])?"  # the prefix of a region's inference profile, or an ARN

BEDROCK: tuple[tuple[str, Mapping[str, Any]], ...] = (
    (rf"{_BEDROCK}(amazon|cohere)\.rerank-.*", {"type": "reranker"}),
    (rf"{_BEDROCK}cohere\.embed-v4.*", {"type": "embedding", "max_tokens_per_chunk": 128_000}),
    (rf"{_BEDROCK}cohere\.embed-.*", {"type": "embedding", "max_tokens_per_chunk": 512}),
    (rf"{_BEDROCK}amazon\.(titan-embed|nova.*-embed).*", _EMBEDS_ONE),
    *CLAUDE,
    (rf"{_BEDROCK}amazon\.nova-micro-.*", {**_NOVA, "supports_vision": False}),
    (rf"{_BEDROCK}amazon\.nova-(lite|pro|premier)-v1.*", _NOVA),
    (
        rf"{_BEDROCK}amazon\.nova-2-(lite|pro|omni)-.*",
        {**_NOVA, "reasoning_style": "nova_effort", "reasoning_efforts": _EFFORTS},
    ),
    (
        rf"{_BEDROCK}openai\.gpt-oss-.*",
        {
            "reasoning_style": "openai_effort",
            "reasoning_efforts": ("low", "medium", "high"),
            "supports_vision": False,
        },
    ),
    (
        rf"{_BEDROCK}deepseek\.r1-.*",
        {"reasoning_style": "none", "supports_vision": False, "supports_function_calling": False},
    ),
)
"""Facts of https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html and the pages of the
models' parameters, as of 2026-11. Which of them an account has in its region only the user knows."""

AZURE: tuple[tuple[str, Mapping[str, Any]], ...] = (
    *OPENAI,
    (r"gpt-35(-.*)?", {**_ANSWERS, "structured_outputs": False, "supports_vision": False}),  # gpt-3.5
    *CLAUDE,
    (r"(?i)(cohere-)?embed-v.*|.*-embed(ding)?s?(-.*)?", {"type": "embedding"}),
)
"""Deployments are often named for their model."""

_COMMAND = {
    "reasoning_style": "none",
    "structured_outputs": True,
    "supports_vision": False,
    "supports_function_calling": True,
    "max_output_tokens": 8192,
}
_COMMAND_R = {**_COMMAND, "max_output_tokens": 4096}

COHERE: tuple[tuple[str, Mapping[str, Any]], ...] = (
    (r"rerank-.*", {"type": "reranker"}),
    (r"embed-v4.*", {"type": "embedding", "max_batch_size": 96, "max_tokens_per_chunk": 128_000}),
    (r"embed-.*", {"type": "embedding", "max_batch_size": 96, "max_tokens_per_chunk": 512}),
    (
        r"command-a-reasoning-.*",
        {**_COMMAND, "reasoning_style": "cohere_budget", "max_output_tokens": 32_768},
    ),
    (r"command-a-vision-.*", {**_COMMAND, "supports_vision": True, "supports_function_calling": False}),
    (r"command-a-plus-.*", {"supports_vision": True}),
    (r"command-a-translate-.*", {**_COMMAND, "supports_function_calling": False}),
    (r"command-a-\d.*", _COMMAND),
    (r"command-r.*", _COMMAND_R),
    (r"c4ai-aya-vision-.*", {**_COMMAND_R, "supports_vision": True, "supports_function_calling": False}),
    (r"c4ai-aya-.*", {**_COMMAND_R, "supports_function_calling": False}),
)
"""Facts of https://docs.cohere.com/docs/models as of 2026-11."""

TABLE: Mapping[str, tuple[tuple[str, Mapping[str, Any]], ...]] = {
    "openai": OPENAI,
    "azure-openai": AZURE,
    "openai-compatible": COMPATIBLE,
    "claude": CLAUDE,
    "gemini": GEMINI,
    "vertexai": VERTEXAI,
    "bedrock": BEDROCK,
    "cohere": COHERE,
}

_GEMINI_NAMES = (
    "gemini-3.8-flash",
    "gemini-3.7-flash",
    "gemini-3.6-flash",
    "gemini-3.5-flash",
    "gemini-3.5-flash-lite",
    "gemini-3.1-pro-preview",
    "gemini-3.1-flash-lite",
    "gemini-2.5-pro",
    "gemini-2.5-flash",
    "gemini-2.5-flash-lite",
    "gemini-embedding-2",
    "gemini-embedding-001",
)

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
    "gemini": _GEMINI_NAMES,
    "vertexai": _GEMINI_NAMES,
    "cohere": (
        "command-a-03-2025",
        "command-a-reasoning-08-2025",
        "command-a-vision-07-2025",
        "command-r7b-12-2024",
        "command-r-plus-08-2024",
        "command-r-08-2024",
        "embed-v4.0",
        "embed-multilingual-v3.0",
        "embed-english-v3.0",
        "rerank-v4.0-pro",
        "rerank-v4.0-fast",
        "rerank-v3.5",
    ),
}
"""What a client without a ``models`` list offers; the first chat model is its default."""


MAX_NAME = 200
"""Characters of a name that is looked up. Names come from callers, and patterns take time with length."""


_compiled = cache(re.compile)
"""The patterns of ``TABLE``, and nothing else: ``re`` would look each up for each of ten thousand models."""


def vendor(settings: ClientSettings) -> str:
    """The vendor behind a client whose type does not say it; empty if unknown."""
    if settings.type != "openai-compatible":
        return ""
    return vendors.at(settings.name, settings.api_base)


def complete(provider_name: str, model: ModelSettings, vendor: str = "") -> ModelSettings:
    """``model`` with what is known about its name; everything the user has said stays. ``vendor``: what
    ``vendor`` says of the client."""
    name = model.wire_name[:MAX_NAME]
    said = model.model_fields_set
    rows = TABLE.get(provider_name, ())
    flags = next((row for pattern, row in rows if _compiled(pattern).fullmatch(name)), {})
    kind = model.type if "type" in said else flags.get("type", model.type)
    sources = facts.SOURCES.get(provider_name) or vendors.VENDORS.get(vendor, vendors.OTHER).facts
    found = facts.settings(sources, name, kind, said)
    if not found and provider_name in _WITH_PATHS:
        found = facts.settings(sources, name.rpartition("/")[2], kind, said)
    known = {**found, **flags}
    update = {key: value for key, value in known.items() if key not in said}
    return model.model_copy(update=update) if update else model


def models(provider_name: str, vendor: str = "") -> tuple[ModelSettings, ...]:
    """The models of a provider type, completed; empty where only the user can know them."""
    names = NAMES.get(provider_name) or vendors.VENDORS.get(vendor, vendors.OTHER).models
    return tuple(complete(provider_name, ModelSettings(name=name), vendor) for name in names)
