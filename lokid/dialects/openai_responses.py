"""OpenAI Responses: how a request is written; ``openai_responses_answer`` reads answers.

Reference: https://platform.openai.com/docs/api-reference/responses. Nothing is stored at OpenAI
(``store: false``), so reasoning travels encrypted and must come back in front of the call or the text
that it led to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lokid.chat import ChatRequest, Image, Message, NamedTool, Reasoning, Text, ToolCall, ToolResult
from lokid.dialects.openai_pieces import (
    arguments_text,
    contents,
    image_url,
    known,
    result_images,
    result_text,
    system_text,
    tools,
)
from lokid.dialects.pictures import handed_back
from lokid.dialects.traits import Traits
from lokid.dialects.untrusted import mapping
from lokid.errors import Unsupported

KEY = "openai_responses"
"""Our key in ``opaque``."""


def encode(request: ChatRequest, traits: Traits, *, stream: bool) -> dict[str, Any]:
    """The body. Raises ``Unsupported`` for what the model or this API does not have."""
    traits.check(request)
    request = handed_back(request)
    if request.stop:
        raise Unsupported(
            "the Responses API has no stop sequences",
            hint="leave out stop, or set chat_api: chat_completions for the model",
        )
    body: dict[str, Any] = {"model": traits.model}
    system = system_text(request, traits)
    folded = traits.system_role == "none"
    if system and not folded:
        body["instructions"] = system
    body["input"] = _input(request, traits, system if folded else "")
    body |= known(
        temperature=request.temperature,
        top_p=request.top_p,
        max_output_tokens=traits.max_tokens(request),
        reasoning=_reasoning(traits.effort(request.reasoning)),
    )
    if request.tools:
        body["tools"] = [{"type": "function", **tool} for tool in tools(request)]
        body |= known(tool_choice=_tool_choice(request), parallel_tool_calls=request.parallel_tool_calls)
    if schema := request.response_schema:
        body["text"] = {
            "format": {
                "type": "json_schema",
                "name": schema.name,
                **known(strict=schema.strict),
                "schema": schema.schema,
            }
        }
    body["store"] = False
    if traits.reasons:
        body["include"] = ["reasoning.encrypted_content"]
    if stream:
        body["stream"] = True
    return body


def _reasoning(effort: str | None) -> dict[str, Any] | None:
    if effort is None:
        return None
    return {"effort": effort} if effort in ("none", "minimal") else {"effort": effort, "summary": "auto"}


def _tool_choice(request: ChatRequest) -> Any:
    choice = request.tool_choice
    return {"type": "function", "name": choice.name} if isinstance(choice, NamedTool) else choice


def _input(request: ChatRequest, traits: Traits, folded: str) -> list[dict[str, Any]]:
    """``folded``: system text that has to open the first user message."""
    found: list[dict[str, Any]] = []
    pending = [folded] if folded else []
    for message in request.messages:
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        found += map(_result, results)
        match message.role:
            case "system" if traits.system_role == "none":
                pending.append(message.text)
            case "system":
                found.append({"role": traits.system_role, "content": message.text})
            case "assistant":
                found += _assistant(message, traits)
            case _ if (content := contents(message.parts, _text, _image)) or not results:
                found.append({"role": "user", "content": _shortest([*map(_text, pending), *content])})
                pending.clear()
    if pending:
        found.append({"role": "user", "content": _shortest([*map(_text, pending)])})
    return found


def _assistant(message: Message, traits: Traits) -> list[dict[str, Any]]:
    """In the order of the answer. A reasoning item with nothing after it is left out: it may only stand
    "with its required following item"."""
    found: list[dict[str, Any]] = []
    reasoning: list[dict[str, Any]] = []
    for part in message.parts:
        item: dict[str, Any]
        opaque = mapping(part.opaque.get(KEY)) if isinstance(part, Reasoning | Text) else {}
        if isinstance(part, Reasoning):
            reasoning += _echo(opaque, traits)
            continue
        if isinstance(part, Text):
            item = {"role": "assistant", "content": part.text, **known(phase=opaque.get("phase"))}
        else:
            assert isinstance(part, ToolCall)  # pictures have been handed back
            item = {
                "type": "function_call",
                "call_id": part.id,
                "name": part.name,
                "arguments": arguments_text(part),
            }
        found += [*reasoning, item]
        reasoning = []
    return found


def _echo(opaque: Mapping[str, Any], traits: Traits) -> list[dict[str, Any]]:
    """Only to where it came from: elsewhere it cannot be decrypted and is refused."""
    item = mapping(opaque.get("item"))
    if item.get("type") != "reasoning" or opaque.get("origin") != traits.origin:
        return []
    # Nothing else: an item of a caller's own could name what is stored there for others.
    return [reasoning_item(item)]


def reasoning_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Of a reasoning item what is kept, and goes back."""
    return {key: item[key] for key in ("type", "id", "summary", "encrypted_content") if key in item}


def _result(result: ToolResult) -> dict[str, Any]:
    output: Any = result_text(result)
    if images := result_images(result):
        output = [*([_text(output)] if output else []), *map(_image, images)]
    return {"type": "function_call_output", "call_id": result.id, "output": output}


def _text(words: str) -> dict[str, Any]:
    return {"type": "input_text", "text": words}


def _image(image: Image) -> dict[str, Any]:
    return {"type": "input_image", "image_url": image_url(image), "detail": "auto"}


def _shortest(content: list[dict[str, Any]]) -> Any:
    if not content:
        return ""
    return content[0]["text"] if [part["type"] for part in content] == ["input_text"] else content
