"""What Chat Completions, Responses and Cohere's chat write alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from lokid.chat import ChatRequest, Image, Message, Part, Text, ToolCall, ToolResult
from lokid.dialects.base64_text import base64_text
from lokid.dialects.traits import Traits
from lokid.long_text import joined


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
    return base64_text(image.data, f"data:{image.media_type or 'application/octet-stream'};base64,")


def contents(
    parts: Sequence[Part],
    text: Callable[[str], dict[str, Any]],
    image: Callable[[Image], dict[str, Any]],
) -> list[dict[str, Any]]:
    """The texts and images among ``parts``, each written by its function."""
    found = []
    for part in parts:
        if isinstance(part, Text):
            found.append(text(part.text))
        elif isinstance(part, Image):
            found.append(image(part))
    return found


def text_part(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def image_part(image: Image) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": image_url(image)}}


def shortest(content: list[dict[str, Any]]) -> Any:
    """Text parts alone as one string: some compatible servers read nothing else."""
    if all(part["type"] == "text" for part in content):
        return joined([part["text"] for part in content])
    return content


def arguments_text(call: ToolCall) -> str:
    return json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"))


def result_text(result: ToolResult) -> str:
    """The text of a tool's answer. There is no field for a failed tool, so the text says it."""
    content = result.content
    said = content if isinstance(content, str) else joined(p.text for p in content if isinstance(p, Text))
    return joined(("Error: ", said)) if result.is_error and said[:5].lower() != "error" else said


def result_images(result: ToolResult) -> list[Image]:
    return [] if isinstance(result.content, str) else [p for p in result.content if isinstance(p, Image)]


def system_text(request: ChatRequest, traits: Traits) -> str:
    """The model's prefix and the caller's system prompt."""
    return joined(filter(None, (traits.system_prompt_prefix, request.system)), "\n\n")


def messages(
    request: ChatRequest,
    traits: Traits,
    *,
    assistant: Callable[[Message, Traits], list[dict[str, Any]]],
    result: Callable[[ToolResult], Any],
) -> list[dict[str, Any]]:
    """The conversation as ``messages``: of an assistant's turn ``assistant`` makes those that stand for it,
    of a tool's answer ``result`` makes the content."""
    found = _Messages(traits, assistant, result)
    found.system(system_text(request, traits))
    for message in request.messages:
        found.add(message)
    found.end()
    return found.wire


class _Messages:
    """The list while it grows.

    System text that the model cannot take as a message of its own opens the next user message. Results of
    one round of tool calls must follow the calls without a gap, and may only hold text: their images come
    in a user message after the last of them.
    """

    def __init__(
        self,
        traits: Traits,
        assistant: Callable[[Message, Traits], list[dict[str, Any]]],
        result: Callable[[ToolResult], Any],
    ) -> None:
        self.wire: list[dict[str, Any]] = []
        self._traits = traits
        self._assistant = assistant
        self._result = result
        self._folded: list[str] = []
        self._images: list[dict[str, Any]] = []

    def add(self, message: Message) -> None:
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        if self._images and not results:
            self._flush_images()
        for result in results:
            self._answered(result)
        match message.role:
            case "system":
                self.system(message.text)
            case "assistant":
                self.wire += self._assistant(message, self._traits)
            case _ if (content := contents(message.parts, text_part, image_part)) or not results:
                self._user(content)

    def end(self) -> None:
        if self._images or self._folded:
            self._flush_images()

    def system(self, words: str) -> None:
        if words and self._traits.system_role == "none":
            self._folded.append(words)
        elif words:
            self.wire.append({"role": self._traits.system_role, "content": words})

    def _user(self, content: list[dict[str, Any]]) -> None:
        if self._folded:
            content = [text_part(joined([*self._folded, ""] if content else self._folded, "\n\n")), *content]
            self._folded.clear()
        self.wire.append({"role": "user", "content": shortest(content)})

    def _answered(self, result: ToolResult) -> None:
        self.wire.append({"role": "tool", "tool_call_id": result.id, "content": self._result(result)})
        if images := result_images(result):
            self._images += [text_part(f"Images of the tool call {result.id}:"), *map(image_part, images)]

    def _flush_images(self) -> None:
        self._user(self._images)
        self._images = []
