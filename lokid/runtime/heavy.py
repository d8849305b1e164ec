"""Requests with so much in them that everybody else would wait while they are written: they are written in
threads, in steps that are short enough for the event loop to get its turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import anyio
import anyio.to_thread

from lokid.chat import ChatRequest, Image, Text, ToolResult
from lokid.protocols.http import HTTPRequest
from lokid.protocols.json_pieces import STEP, encoded, is_light

T = TypeVar("T")

LARGE = 256 * 1024
"""Bytes of an answer that is read in a thread: 4 to 8 ms. A thread costs 0.1 ms."""

PARTS = 500
"""Of all messages: to write so many takes 5 ms."""


def is_heavy(request: ChatRequest) -> bool:
    messages = request.messages
    if len(messages) == 1 and len(only := messages[0].parts) == 1 and isinstance(only[0], Text):
        return len(only[0].text) > STEP  # a question from a shell
    parts = [part for message in messages for part in message.parts]
    size = sum(len(getattr(part, "text", "") or "") for part in parts)
    size += sum(len(part.data or b"") for part in parts if isinstance(part, Image))
    inside = any(isinstance(part, ToolResult) and not isinstance(part.content, str) for part in parts)
    return inside or len(parts) > PARTS or size > STEP


async def aside(func: Callable[[], T], *, heavy: bool, limiter: anyio.CapacityLimiter | None = None) -> T:
    """``func()``, in a thread if ``heavy``. ``limiter``: who waits for whom meanwhile."""
    return await anyio.to_thread.run_sync(func, limiter=limiter) if heavy else func()


async def written(request: HTTPRequest) -> HTTPRequest:
    """With its body as the bytes that ``content`` gives, if to make them takes long."""
    if request.body is None or isinstance(request.body, bytes) or is_light(request.body):
        return request
    return replace(request, body=await anyio.to_thread.run_sync(encoded, request.body))
