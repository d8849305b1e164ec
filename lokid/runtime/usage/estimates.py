"""How many tokens a request may have, before and unless the provider says: for ``tokens_per_minute``, and for
an answer that breaks off, which is paid for all the same. Whatever is sent counts: a budget that only saw
prompts would be none for what comes in tools, their results or a schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lokid.chat import ChatRequest, Image, Reasoning, Text, ToolCall, ToolResult
from lokid.chat.vocabulary import Part

BYTES_PER_TOKEN = 4
"""Of English text in today's vocabularies."""

IMAGE_TOKENS = 1600
"""Of a large photograph. Anthropic counts width * height / 750 up to here and makes what is larger smaller;
its models with high resolution go up to 4,784 (https://platform.claude.com/docs/en/build-with-claude/vision).
OpenAI counts squares of 32 pixels, 1,536 at most, or 85 and 170 for each square of 512: of a photograph 1,105
at most (https://platform.openai.com/docs/guides/images-vision). Gemini counts 258 for each square of 768
(https://ai.google.dev/gemini-api/docs/tokens). The size is not looked for: an image may be an address."""


SAMPLE = 4096
"""Characters that are looked at of a longer text: megabytes of it would take as many milliseconds."""


def size(text: str) -> int:
    """Bytes of it in UTF-8, nearly: other letters than those of English have more than one, and as many more
    tokens."""
    if text.isascii():
        return len(text)
    step = len(text) // SAMPLE + 1
    return min(len(text[::step].encode(errors="replace")) * step, 4 * len(text))


def tokens_of(texts: Iterable[str]) -> int:
    return sum(map(size, texts)) // BYTES_PER_TOKEN


def chat_tokens(request: ChatRequest) -> int:
    parts = [part for message in request.messages for part in message.parts]
    total = sum(map(_part, parts))
    total += size(request.system or "") + _length(request.extra_body or {})
    for tool in request.tools:
        total += size(tool.name) + size(tool.description or "") + _length(tool.parameters)
    if request.response_schema is not None:
        total += _length(request.response_schema.schema)
    return total // BYTES_PER_TOKEN


def _part(part: Part) -> int:
    match part:
        case Text() | Reasoning():
            return size(part.text) + _length(part.opaque)
        case Image():
            return IMAGE_TOKENS * BYTES_PER_TOKEN
        case ToolCall():
            return size(part.name) + _length(part.arguments) + _length(part.opaque)
        case ToolResult():
            content = part.content
            return size(content) if isinstance(content, str) else sum(map(_part, content))


def _length(value: Any) -> int:
    """Bytes of all texts and keys in a JSON value, nearly."""
    total = 0
    left = [value]
    while left:
        one = left.pop()
        # By what is there most often: a request has a hundred thousand of them at most.
        if isinstance(one, str):
            total += size(one)
        elif one is None or isinstance(one, (int, float)):
            total += 1
        # What is abstract comes last: it takes ten times as long to ask for.
        elif isinstance(one, list) or not isinstance(one, (dict, Mapping)):
            # A hundred thousand numbers, one at a time, are 20 ms.
            if _NUMBERS.issuperset(map(type, one)):
                total += len(one)
            else:
                left += one
        else:
            left += one
            left += one.values()
    return total


_NUMBERS = frozenset((int, float, bool, type(None)))
