"""Chunks and answers of Chat Completions, and what lokid reads of them in every way they may be cut."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from lokid.chat import Answer
from lokid.dialects.openai_chat_answer import StreamDecoder, whole_decoder
from lokid.dialects.traits import Traits
from tests.fakes.feeding import Fed, fed

TRAITS = Traits("m", origin="c:m")
THINKS = replace(TRAITS, think_tags=True)


def chunk(delta: Any = None, finish: Any = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "r1", "object": "chat.completion.chunk", "model": "m-1", "choices": [choice], **more}


def read(data: bytes, traits: Traits = TRAITS) -> Fed[Answer]:
    return fed(lambda: StreamDecoder(traits), data)


def whole(message: Any, finish: Any = "stop", **more: Any) -> Fed[Answer]:
    value = {
        "id": "r1",
        "model": "m-1",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    return fed(lambda: whole_decoder(TRAITS), json.dumps(value | more).encode())


def calls(*entries: Any, finish: Any = None) -> dict[str, Any]:
    return chunk({"tool_calls": list(entries)}, finish)


def entry(index: Any = None, call_id: Any = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    made: dict[str, Any] = {"function": function} if function else {}
    return made | ({} if index is None else {"index": index}) | ({} if call_id is None else {"id": call_id})


STOP = chunk({}, "stop")
CALLS = chunk({}, "tool_calls")
USAGE = {"id": "r1", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}}
