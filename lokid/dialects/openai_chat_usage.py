"""What Chat Completions say of tokens, under every name that servers have for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lokid.chat import Usage
from lokid.dialects.untrusted import count, counted, mapping

_INPUT = ("prompt_tokens", "input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")
_READ = (
    "prompt_cache_hit_tokens",  # DeepSeek
    "cached_tokens",  # Moonshot
    "num_cached_tokens",
    "cache_read_input_tokens",  # gateways to Claude
)
_WRITTEN = ("cache_write_tokens", "cache_creation_input_tokens")


def usage(chunk: Mapping[str, Any]) -> Usage | None:
    """The usage of an answer or of a chunk; None if it reports none.

    Some servers leave reasoning out of ``completion_tokens`` but not out of ``total_tokens`` (xAI, Gemini's
    compatible endpoint), so output is what the total leaves for it; and input where that is not told. A total
    alone (MiniMax) says of no token what it costs: neither is known.
    """
    found = mapping(chunk.get("usage")) or mapping(mapping(chunk.get("x_groq")).get("usage"))
    if not counted(found, *_INPUT, *_OUTPUT, "total_tokens"):
        return None
    prompt, completion = _first(found, *_INPUT), _first(found, *_OUTPUT)
    total = count(found.get("total_tokens"))
    if completion and not prompt:
        prompt = max(0, total - completion)
    if not (prompt or completion):
        return Usage()
    details = mapping(found.get("prompt_tokens_details")) or mapping(found.get("input_tokens_details"))
    inside = _first(details, "cached_tokens")
    read = inside or _first(found, *_READ)
    written = _first(details, *_WRITTEN) or _first(found, *_WRITTEN)
    prompt += _beside(prompt, completion, total, read, written, inside)
    reasoning = _first(mapping(found.get("completion_tokens_details")), "reasoning_tokens")
    return Usage(prompt, max(completion, total - prompt), read, written, reasoning)


def _beside(prompt: int, completion: int, total: int, read: int, written: int, inside: int) -> int:
    """Tokens of the cache that are not in ``prompt``: Claude's own habit, which some gateways keep.
    ``inside``: those that stand where OpenAI has a part of the prompt; LiteLLM had the others beside it."""
    cache = read + written
    more = total - prompt - completion
    if more > 0 and more in (cache, read, written):
        return more
    if cache > prompt:
        return written if 0 < inside <= prompt else cache
    return 0


def _first(found: Mapping[str, Any], *names: str) -> int:
    return next((number for name in names if (number := count(found.get(name)))), 0)
