"""Answers of Gemini's generateContent, and what lokid reads of them in every way they may be cut."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from lokid.chat import Answer
from lokid.dialects.gemini_answer import GeminiDecoder, whole_gemini_decoder
from lokid.dialects.traits import Traits
from tests.fakes.feeding import Fed, fed

TRAITS = Traits("gemini-x", origin="c:m", thinking="level", efforts=("minimal", "low", "medium", "high"))
BUDGET = replace(TRAITS, thinking="budget", efforts=("none", "low", "medium", "high"))

USAGE = {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12}


def chunk(*parts: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a stream, or a whole answer."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "responseId": "r1", "modelVersion": "m-1", **more}


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, **more}


def thought(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "thought": True, **more}


def call(name: str, args: Any = None, signature: str | None = None, **more: Any) -> dict[str, Any]:
    wire = {"name": name, **({} if args is None else {"args": args}), **more}
    return {"functionCall": wire} | ({"thoughtSignature": signature} if signature else {})


STOP = chunk(said(""), finish="STOP", usageMetadata=USAGE)


def stream(*chunks: Any) -> bytes:
    """As Google sends it: lines end in CR LF, there is no [DONE]."""
    return b"".join(b"data: " + json.dumps(one).encode() + b"\r\n\r\n" for one in chunks)


def read(*chunks: Any, traits: Traits = TRAITS) -> Fed[Answer]:
    return fed(lambda: GeminiDecoder(traits), stream(*chunks))


def whole(value: Any, traits: Traits = TRAITS) -> Fed[Answer]:
    return fed(lambda: whole_gemini_decoder(traits), json.dumps(value).encode())
