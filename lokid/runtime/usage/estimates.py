"""How many tokens a request may have, before and unless the provider says: for ``tokens_per_minute``, and for
an answer that breaks off, which is paid for all the same. Whatever is sent counts: a budget that only saw
prompts would be none for what comes in tools, their results or a schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import SystemRandom
from typing import Any

from lokid.chat import ChatRequest, Image, Reasoning, RerankRequest, Text, ToolCall, ToolResult
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

AROUND = 16
"""Bytes for what is around a message and around a tool: its role, and where it begins and ends. OpenAI counts
three tokens and one for the role (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken)."""

EACH = 4
"""Bytes of a text at least: it has a token, if only where it ends."""

FLOAT = 20
"""Bytes of a fraction, nearly the most it can have: to write it takes longer than to send it."""


randrange = SystemRandom().randrange


def size(text: str) -> int:
    """Bytes of it in UTF-8, nearly: other letters than those of English have more than one, and as many more
    tokens."""
    if text.isascii():
        return len(text)
    step = len(text) // SAMPLE + 1
    # From anywhere, or a text could be made whose other letters are never looked at.
    return min(len(text[randrange(step) :: step].encode(errors="replace")) * step, 4 * len(text))


def tokens_of(texts: Iterable[str]) -> int:
    return sum(size(text) + EACH for text in texts) // BYTES_PER_TOKEN


def rerank_tokens(request: RerankRequest) -> int:
    """The query is read with every document, and Voyage and Jina count it as often."""
    return tokens_of(request.documents) + tokens_of([request.query]) * len(request.documents)


def chat_tokens(request: ChatRequest) -> int:
    total = AROUND * (len(request.messages) + len(request.tools))
    total += sum(_part(part) for message in request.messages for part in message.parts)
    total += size(request.system or "") + _length(request.extra_body or {})
    for tool in request.tools:
        total += size(tool.name) + size(tool.description or "") + _length(tool.parameters)
    if request.response_schema is not None:
        total += _length(request.response_schema.schema)
    return total // BYTES_PER_TOKEN


def _part(part: Part) -> int:
    match part:
        case Text() | Reasoning():
            return EACH + size(part.text) + _length(part.opaque)
        case Image():
            return IMAGE_TOKENS * BYTES_PER_TOKEN
        case ToolCall():
            return size(part.id) + size(part.name) + _length(part.arguments) + _length(part.opaque)
        case ToolResult():
            content = part.content
            inside = size(content) if isinstance(content, str) else sum(map(_part, content))
            return size(part.id) + size(part.name) + inside


def _length(value: Any) -> int:
    """Bytes of a JSON value, nearly; an empty one is left out."""
    total = 0
    left = [value] if value else []
    while left:
        one = left.pop()
        # By what is there most often: a request has a hundred thousand of them at most.
        if isinstance(one, str):
            total += size(one) + 3  # quotes and a comma
        elif isinstance(one, int):
            total += one.bit_length() * 3 // 10 + 2
        elif one is None or isinstance(one, float):
            total += FLOAT
        # What is abstract comes last: it takes ten times as long to ask for.
        elif isinstance(one, list) or not isinstance(one, (dict, Mapping)):
            total += 3
            # A hundred thousand numbers, one at a time, are 20 ms.
            if one and _NUMBERS.issuperset(map(type, one)):
                total += len(one) * _widest(one)
            else:
                left += one
        else:
            total += 3
            left += one
            left += one.values()
    return total


_NUMBERS = frozenset((int, float, bool, type(None)))
_WHOLE = frozenset((int, bool))


def _widest(numbers: list[Any]) -> int:
    """Bytes of the longest of them, at most."""
    if not _WHOLE.issuperset(map(type, numbers)):
        return FLOAT
    return max(map(int.bit_length, (max(numbers), min(numbers)))) * 3 // 10 + 2
