"""Pictures in answers, base64 in JSON in either alphabet; and how they go back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from lokid.chat import ChatRequest, Image, Message, Text, ToolResult
from lokid.dialects.untrusted import mapping, text
from lokid.errors import ProviderFailed

MAX_PICTURES = 100

SVG = "image/svg+xml"
"""The one kind that is written in letters."""


def inline(media_type: str, written: str) -> Image | None:
    """None: it is none. Raises ``ProviderFailed`` for one that cannot be read."""
    if not media_type.lower().startswith("image/"):
        return None
    letters = written.replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(letters, validate=True)
    except ValueError:
        data = _loosely(letters)
    return Image(media_type.lower(), data) if data else None


def _loosely(letters: str) -> bytes:
    """In lines, as mail has it, or without its padding."""
    letters = "".join(letters.split()).rstrip("=")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except ValueError:
        raise ProviderFailed("the provider's answer has a picture that cannot be read") from None


def linked(part: Mapping[str, Any]) -> Image | None:
    """Of ``{"image_url": {"url": ...}}``, as in a question: a ``data:`` URL or an address."""
    found = part.get("image_url")
    url = text(mapping(found).get("url")) or text(found)
    if url[:5].lower() != "data:":
        return Image(url=url) if url.startswith(("https:", "http:")) else None
    head, _, written = url[5:].partition(",")
    media_type, _, form = head.partition(";")
    if form.lower().endswith("base64"):
        return inline(media_type, unquote(written))
    return Image(SVG, unquote_to_bytes(written)) if media_type.lower() == SVG else None


def handed_back(request: ChatRequest) -> ChatRequest:
    """Pictures of earlier answers as the beginning of what the user says next: in an answer none but Gemini
    takes them back."""
    if not any(_paints(message) for message in request.messages):
        return request
    messages: list[Message] = []
    held: list[Image] = []
    for message in request.messages:
        if _paints(message):
            held += [part for part in message.parts if isinstance(part, Image)]
            rest = tuple(part for part in message.parts if not isinstance(part, Image))
            messages.append(replace(message, parts=rest or (Text("(a picture)"),)))
        elif held and message.role == "user" and not any(isinstance(p, ToolResult) for p in message.parts):
            messages.append(replace(message, parts=(_TITLE, *held, *message.parts)))
            held = []
        else:
            messages.append(message)
    if held:
        messages.append(Message("user", (_TITLE, *held)))
    return replace(request, messages=tuple(messages))


_TITLE = Text("Pictures of your answer:")


def _paints(message: Message) -> bool:
    return message.role == "assistant" and any(isinstance(part, Image) for part in message.parts)
