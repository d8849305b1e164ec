"""What Chat Completions and Responses write alike."""

from __future__ import annotations

import base64
import json
from typing import Any

from lokid.chat import ChatRequest, Image, Text, ToolCall, ToolResult
from lokid.dialects.traits import Traits


def known(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def tools(request: ChatRequest) -> list[dict[str, Any]]:
    """The functions, in the form that Chat Completions nests and Responses has flat. ``parameters`` is
    always there: compatible servers answer 400 without it although the reference calls it optional."""
    return [
        {
            "name": tool.name,
            **known(description=tool.description),
            "parameters": tool.parameters or {"type": "object", "properties": {}},
            **known(strict=tool.strict),
        }
        for tool in request.tools
    ]


def image_url(image: Image) -> str:
    if image.url is not None:
        return image.url
    data = base64.b64encode(image.data or b"").decode()
    return f"data:{image.media_type or 'application/octet-stream'};base64,{data}"


def arguments_text(call: ToolCall) -> str:
    return json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"))


def result_text(result: ToolResult) -> str:
    """The text of a tool's answer. There is no field for a failed tool, so the text says it."""
    content = result.content
    said = content if isinstance(content, str) else "".join(p.text for p in content if isinstance(p, Text))
    return f"Error: {said}" if result.is_error and not said.lower().startswith("error") else said


def result_images(result: ToolResult) -> list[Image]:
    return [] if isinstance(result.content, str) else [p for p in result.content if isinstance(p, Image)]


def system_text(request: ChatRequest, traits: Traits) -> str:
    """The model's prefix and the caller's system prompt."""
    return "\n\n".join(filter(None, (traits.system_prompt_prefix, request.system)))
