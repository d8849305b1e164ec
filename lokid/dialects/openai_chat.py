"""OpenAI Chat Completions, as OpenAI and everybody who says "OpenAI-compatible" speak it.

Reference: https://platform.openai.com/docs/api-reference/chat. Where servers differ from it, the comment
names who. This file writes requests; ``openai_chat_answer`` reads answers.
"""

from __future__ import annotations

from typing import Any

from lokid.chat import ChatRequest, Message, NamedTool, Reasoning, ToolCall, ToolResult
from lokid.dialects.openai_pieces import (
    arguments_text,
    contents,
    image_part,
    known,
    result_images,
    result_text,
    shortest,
    system_text,
    text_part,
    tools,
)
from lokid.dialects.traits import Traits
from lokid.dialects.untrusted import items, mapping, text

KEY = "openai_chat"
"""Our key in ``opaque``: other dialects' state is none of our business, and the other way round."""

REASONING_FIELDS = ("reasoning_content", "reasoning")
"""DeepSeek, llama.cpp, Moonshot; Groq, OpenRouter, Ollama. The first one there counts: some servers send
both while they rename it."""


def encode(request: ChatRequest, traits: Traits, *, stream: bool) -> dict[str, Any]:
    """The body. Raises ``Unsupported`` for what the model does not have."""
    traits.check(request)
    body: dict[str, Any] = {"model": traits.model, "messages": _messages(request, traits)}
    body |= known(
        temperature=request.temperature,
        top_p=request.top_p,
        stop=list(request.stop) or None,
        reasoning_effort=traits.effort(request.reasoning),
    )
    if (limit := traits.max_tokens(request)) is not None:
        body[traits.max_tokens_param] = limit
    if request.tools:
        body["tools"] = [{"type": "function", "function": tool} for tool in tools(request)]
        body |= known(
            tool_choice=_tool_choice(request, traits), parallel_tool_calls=request.parallel_tool_calls
        )
    if schema := request.response_schema:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": schema.name, "schema": schema.schema} | known(strict=schema.strict),
        }
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return body


def _tool_choice(request: ChatRequest, traits: Traits) -> Any:
    match request.tool_choice:
        case NamedTool(name):
            return {"type": "function", "function": {"name": name}}
        case "required":
            return traits.required_choice
        case choice:
            return choice


def _messages(request: ChatRequest, traits: Traits) -> list[dict[str, Any]]:
    messages = _Messages(traits)
    messages.system(system_text(request, traits))
    for message in request.messages:
        messages.add(message)
    messages.end()
    return messages.wire


class _Messages:
    """The list of messages while it grows.

    System text that the model cannot take as a message of its own opens the next user message. Results of
    one round of tool calls must follow the calls without a gap, and may only hold text: their images come
    in a user message after the last of them.
    """

    def __init__(self, traits: Traits) -> None:
        self.wire: list[dict[str, Any]] = []
        self._traits = traits
        self._folded: list[str] = []
        self._images: list[dict[str, Any]] = []

    def add(self, message: Message) -> None:
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        if self._images and not results:
            self._flush_images()
        for result in results:
            self._result(result)
        match message.role:
            case "system":
                self.system(message.text)
            case "assistant":
                self.wire.append(_assistant(message, self._traits))
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
            content = [text_part("\n\n".join(self._folded) + ("\n\n" if content else "")), *content]
            self._folded.clear()
        self.wire.append({"role": "user", "content": shortest(content)})

    def _result(self, result: ToolResult) -> None:
        self.wire.append({"role": "tool", "tool_call_id": result.id, "content": result_text(result)})
        if images := result_images(result):
            self._images += [text_part(f"Images of the tool call {result.id}:"), *map(image_part, images)]

    def _flush_images(self) -> None:
        self._user(self._images)
        self._images = []


def _assistant(message: Message, traits: Traits) -> dict[str, Any]:
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    wire: dict[str, Any] = {"role": "assistant", "content": message.text or (None if calls else "")}
    if calls:
        wire |= _reasoning(message, traits)
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": arguments_text(call)},
                **mapping(call.opaque.get(KEY)),
            }
            for call in calls
        ]
    return wire


def _reasoning(message: Message, traits: Traits) -> dict[str, Any]:
    """Reasoning goes back in the field it came in, only with the calls it led to (DeepSeek and Moonshot
    answer 400 without it there, older DeepSeek models 400 with it elsewhere), only to where it came from."""
    wire: dict[str, Any] = {}
    for part in message.parts:
        if isinstance(part, Reasoning):
            opaque = mapping(part.opaque.get(KEY))
            if opaque.get("origin") != traits.origin:
                continue
            if (field := text(opaque.get("field"))) in REASONING_FIELDS:
                wire[field] = wire.get(field, "") + part.text
            if details := items(opaque.get("details")):
                wire["reasoning_details"] = [*wire.get("reasoning_details", []), *details]
    return wire
