"""Gemini's generateContent, as the Generative Language API and Vertex AI speak it.

Reference: https://ai.google.dev/api/generate-content. This file writes requests; ``gemini_answer`` reads
answers. Both APIs take every key in camelCase; the official SDK mixes it with snake_case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lokid.chat import (
    ChatRequest,
    Image,
    Message,
    NamedTool,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.dialects.base64_text import base64_text
from lokid.dialects.openai_pieces import known, system_text
from lokid.dialects.stored import holds
from lokid.dialects.traits import BUDGETS, Traits
from lokid.dialects.untrusted import mapping, text
from lokid.errors import Unsupported
from lokid.long_text import joined

KEY = "gemini"
"""Our key in ``opaque``: ``{origin, signature?, no_id?, part?}``."""

SKIP_SIGNATURE = "skip_thought_signature_validator"
"""Stands for the signature of a tool call that another model made: without any, Gemini 3 answers 400."""

MEDIA_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
}
"""Ending of a URL -> media type: Vertex AI wants one with every URL."""


def encode(request: ChatRequest, traits: Traits) -> dict[str, Any]:
    """The body, the same for streams. Raises ``Unsupported`` for what the model does not have."""
    traits.check(request)
    if request.parallel_tool_calls is False:
        raise Unsupported(
            f"{traits.model} may always call several tools at once", hint="leave out parallel_tool_calls"
        )
    contents = _Contents(traits)
    contents.system(system_text(request, traits))
    for message in request.messages:
        contents.add(message)
    wire, system = contents.close()
    body: dict[str, Any] = {"contents": wire}
    if system:
        body["systemInstruction"] = {"parts": [{"text": system}]}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in request.tools]}]
        if choice := _tool_choice(request):
            body["toolConfig"] = {"functionCallingConfig": choice}
    if config := _config(request, traits):
        body["generationConfig"] = config
    return body


def _config(request: ChatRequest, traits: Traits) -> dict[str, Any]:
    config = known(
        temperature=request.temperature,
        topP=request.top_p,
        maxOutputTokens=traits.max_tokens(request),
        stopSequences=list(request.stop) or None,
        thinkingConfig=_thinking(request, traits),
    )
    if schema := request.response_schema:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": schema.schema}
    return config


def _thinking(request: ChatRequest, traits: Traits) -> dict[str, Any] | None:
    """A budget of tokens up to Gemini 2.5, a level from 3 on; both together are refused. A level model that
    cannot be silent thinks as little as it can."""
    setting = request.reasoning
    effort = traits.effort(setting)
    if effort is None:
        return None
    off = setting in ("off", 0)
    if traits.thinking == "level":
        level = {"thinkingLevel": "MINIMAL" if off else effort.upper()}
        return level if off else {"includeThoughts": True, **level}
    if off:
        return {"thinkingBudget": 0}
    return {
        "includeThoughts": True,
        "thinkingBudget": setting if isinstance(setting, int) else BUDGETS[effort],
    }


def _declaration(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        **known(description=tool.description, parametersJsonSchema=tool.parameters or None),
    }


def _tool_choice(request: ChatRequest) -> dict[str, Any] | None:
    """``VALIDATED`` is ``AUTO`` with arguments that keep to the schema, which ``ANY`` always promises."""
    match request.tool_choice:
        case NamedTool(name):
            return {"mode": "ANY", "allowedFunctionNames": [name]}
        case "required":
            return {"mode": "ANY"}
        case "none":
            return {"mode": "NONE"}
    if any(tool.strict for tool in request.tools):
        return {"mode": "VALIDATED"}
    return {"mode": "AUTO"} if request.tool_choice else None


@dataclass(frozen=True, slots=True)
class _Called:
    """A tool call that came before its result. ``wire_id``: None if Gemini itself gave it none."""

    place: int
    name: str
    wire_id: str | None


class _Contents:
    """The turns while they grow.

    Results of one round of tool calls stand in one turn of the user, in the order of the calls, which is
    how they are matched where calls have no ids. They hold text only: their images follow in a turn of
    their own. System text that the model cannot take opens the next turn of the user.
    """

    def __init__(self, traits: Traits) -> None:
        self._traits = traits
        self._wire: list[dict[str, Any]] = []
        self._system: list[str] = []
        self._folded: list[str] = []
        self._results: list[ToolResult] = []
        self._calls: dict[str, _Called] = {}
        self._called = 0

    def system(self, words: str) -> None:
        """There is one place for system text, so later words join the first."""
        if words:
            (self._folded if self._traits.system_role == "none" else self._system).append(words)

    def add(self, message: Message) -> None:
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        self._results += results
        match message.role:
            case "system":
                self.system(message.text)
            case "assistant":
                self._flush()
                self._model(message)
            case _ if (parts := _content(message.parts)) or not results:
                self._flush()
                self._user(parts or [{"text": ""}])

    def close(self) -> tuple[list[dict[str, Any]], str]:
        self._flush()
        if self._folded:
            self._user([])
        return self._wire, joined(self._system, "\n\n")

    def _user(self, parts: list[dict[str, Any]]) -> None:
        if self._folded:
            words = joined([*self._folded, ""] if parts else self._folded, "\n\n")
            parts = [{"text": words}, *parts]
            self._folded.clear()
        self._wire.append({"role": "user", "parts": parts})

    def _flush(self) -> None:
        """The role is ``user``: Vertex AI answers 400 to ``function`` and ``tool``."""
        if not self._results:
            return
        unknown = _Called(self._called, "", None)  # comes last
        results = sorted(self._results, key=lambda result: self._calls.get(result.id, unknown).place)
        self._results = []
        self._wire.append({"role": "user", "parts": [self._response(result) for result in results]})
        if images := [part for result in results for part in _result_images(result)]:
            self._user(images)

    def _response(self, result: ToolResult) -> dict[str, Any]:
        called = self._calls.get(result.id, _Called(0, result.name, result.id))
        content = result.content
        said = content if isinstance(content, str) else joined(p.text for p in content if isinstance(p, Text))
        return {
            "functionResponse": {
                **known(id=called.wire_id),
                "name": result.name or called.name,
                # Always an object; these are the two keys of it that Gemini knows.
                "response": {"error" if result.is_error else "output": said},
            }
        }

    def _model(self, message: Message) -> None:
        parts: list[dict[str, Any]] = []
        first_call = True
        for part in message.parts:
            state = self._state(part)
            match part:
                case Text():
                    parts += _said({"text": part.text}, state)
                case Reasoning() if state:
                    kept = mapping(state.get("part"))
                    if holds(kept, _names_file):
                        continue
                    parts += [dict(kept)] if kept else _said({"text": part.text, "thought": True}, state)
                case ToolCall():
                    parts.append(self._call(part, state, first=first_call))
                    first_call = False
                case Image():
                    parts += _said(_image(part), state)
        if parts:  # an empty turn is refused
            self._wire.append({"role": "model", "parts": parts})

    def _state(self, part: Part) -> Mapping[str, Any]:
        """Opaque state goes back only to where it came from: elsewhere a signature is refused."""
        state = mapping(getattr(part, "opaque", {}).get(KEY))
        return state if state.get("origin") == self._traits.origin else {}

    def _call(self, call: ToolCall, state: Mapping[str, Any], *, first: bool) -> dict[str, Any]:
        """Of parallel calls only the first has a signature, and none may be invented for the others."""
        wire_id = None if state.get("no_id") else call.id or None
        self._calls[call.id] = _Called(self._called, call.name, wire_id)
        self._called += 1
        wire: dict[str, Any] = {
            "functionCall": {**known(id=wire_id), "name": call.name, "args": call.arguments}
        }
        signature = text(state.get("signature"))
        if not state and first and self._traits.thinking == "level":
            signature = SKIP_SIGNATURE
        return {**wire, "thoughtSignature": signature} if signature else wire


def _names_file(one: Mapping[str, Any]) -> bool:
    """Or is one that no model answers with: a film or a document, of which few bytes are many tokens. JSON of
    Google's takes both spellings of a key."""
    if "fileData" in one or "file_data" in one:
        return True
    inline = [one[key] for key in ("inlineData", "inline_data") if key in one]
    return not all(_is_answer(mapping(data)) for data in inline)


def _is_answer(data: Mapping[str, Any]) -> bool:
    kinds = [data[key] for key in ("mimeType", "mime_type") if key in data]
    return bool(kinds) and all(text(kind).lower().startswith(("image/", "audio/")) for kind in kinds)


def _said(wire: dict[str, Any], state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A text may be empty only for its signature: it often comes alone, at the end of a stream."""
    if signature := text(state.get("signature")):
        return [{**wire, "thoughtSignature": signature}]
    return [] if wire.get("text") == "" else [wire]


def _content(parts: Sequence[Part]) -> list[dict[str, Any]]:
    content = []
    for part in parts:
        if isinstance(part, Text) and part.text:
            content.append({"text": part.text})
        elif isinstance(part, Image):
            content.append(_image(part))
    return content


def _result_images(result: ToolResult) -> list[dict[str, Any]]:
    images = [] if isinstance(result.content, str) else [p for p in result.content if isinstance(p, Image)]
    return [{"text": f"Images of the tool call {result.id}:"}, *map(_image, images)] if images else []


def _image(image: Image) -> dict[str, Any]:
    if image.url is not None:
        ending = re.search(r"\.(\w+)(?:[?#].*)?$", image.url)
        media_type = image.media_type or (MEDIA_TYPES.get(ending[1].lower()) if ending else None)
        return {"fileData": {**known(mimeType=media_type), "fileUri": image.url}}
    data = base64_text(image.data)
    return {"inlineData": {"mimeType": image.media_type or "application/octet-stream", "data": data}}
