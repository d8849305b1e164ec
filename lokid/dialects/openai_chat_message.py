"""What messages and deltas of Chat Completions say, and of a message behind deltas what they did not.

Some servers end a stream with the whole message, or send nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lokid.dialects.ending import alike, spliced
from lokid.dialects.openai_chat import REASONING_FIELDS
from lokid.dialects.parts import listed
from lokid.dialects.reasoning_state import FIELDS
from lokid.dialects.think_tags import CLOSE, OPEN, apart
from lokid.dialects.untrusted import items, mapping, text

REASONING = (*REASONING_FIELDS, *FIELDS)

SAYS = ("content", "tool_calls", *REASONING, "refusal", "images", "function_call", "error")


def says(delta: Mapping[str, Any]) -> bool:
    """Whether it holds more than the role of who speaks."""
    return any(delta.get(key) for key in SAYS)


def length(message: Mapping[str, Any]) -> int:
    """Characters of its text and thoughts."""
    apart = sum(len(text(message.get(key))) for key in ("refusal", *REASONING_FIELDS))
    return apart + sum(len(piece) for _, piece in pieces(message.get("content")))


def has_tag(message: Mapping[str, Any]) -> bool:
    """Of thoughts, in its text."""
    said = "".join(piece for _, piece in pieces(message.get("content")))
    return CLOSE in said or said.lstrip().startswith(OPEN)


def calls(message: Mapping[str, Any]) -> Sequence[Any]:
    """Those before ``tool_calls`` existed too."""
    function = mapping(message.get("function_call"))
    return listed(message.get("tool_calls"), "tool calls") or ([{"function": function}] if function else ())


def rest(
    message: Mapping[str, Any],
    told: str,
    *,
    tags: bool,
    opened: bool,
    reasoned: bool,
    stated: bool,
    refused: bool,
) -> Mapping[str, Any]:
    """A delta with what ``message`` says, apart from its calls, and deltas did not: ``told`` is their text.
    ``tags``: may have thoughts in them, which the template has ``opened``; ``reasoned``, ``stated``,
    ``refused``: there were thoughts in deltas, or state of them, or a refusal. Raises ``IncompleteResponse``
    for the message of another answer."""
    content = message.get("content")
    found: Sequence[tuple[str, str]] = [*pieces(content)]
    if tags:
        found = apart("".join(piece for kind, piece in found if kind == "text"), opened=opened)
    said = "".join(piece for kind, piece in found if kind == "text")
    thought = "".join(piece for kind, piece in found if kind == "reasoning")
    refusal = text(message.get("refusal"))
    return {
        "content": [
            {"type": "thinking", "thinking": "" if reasoned or stated else thought},
            _more(said, refusal, told, refused),
        ],
        "images": [*items(content), *listed(message.get("images"), "images")],
        "error": message.get("error"),
        **({} if reasoned or stated else {key: message.get(key) for key in REASONING_FIELDS}),
        **({} if stated else {key: message.get(key) for key in FIELDS}),
    }


def _more(said: str, refusal: str, told: str, refused: bool) -> str:
    whole = said + refusal
    if whole.startswith(told):
        return whole[len(told) :]
    if alike(whole, told):
        return ""
    if said:
        raise spliced()
    return "" if refused else refusal  # a message with nothing but calls or pictures does not repeat the text


def pieces(content: Any) -> Iterator[tuple[str, str]]:
    """A string, or a list of typed parts (Mistral)."""
    if isinstance(content, str):
        yield "text", content
        return
    for part in listed(content, "parts of its content"):
        if isinstance(part, str):
            yield "text", part
        elif mapping(part).get("type") == "thinking":
            thinking = part.get("thinking")
            said = [text(mapping(piece).get("text")) for piece in items(thinking)]
            yield "reasoning", thinking if isinstance(thinking, str) else "".join(said)
        else:
            yield "text", text(mapping(part).get("text"))
