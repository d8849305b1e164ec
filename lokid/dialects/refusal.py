"""What the body of a refusal says, whatever its shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lokid.dialects.untrusted import items, loads, mapping, text

PER_DAY = "quota_per_day"
"""Our word among the codes, for a limit that waiting a while does not lift."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a body says, whatever its shape. ``codes``: most specific first, lower case."""

    message: str = ""
    codes: tuple[str, ...] = ()
    status: int | None = None
    retry_after_s: float | None = None


def read_body(body: bytes) -> Refusal:
    try:
        return read(loads(body))
    except ValueError:
        return Refusal()


def says_why(body: bytes) -> bool:
    """Whether ``body``, of an answer with status 200, is a refusal and no answer."""
    try:
        value = loads(body)
    except ValueError:
        return False
    if "choices" in (whole := mapping(value)) and not whole.get("error"):
        return False  # beside {"code": 200, "message": "OK"}, for one
    return bool(read(value).message)


SAID = ("message", "msg", "error_msg", "Message", "Msg")


def read(value: Any) -> Refusal:
    """From ``{error: {message, type, code, status}}``, ``{error: "text"}``, ``{message, code}``,
    ``{detail: "text" | [{loc, msg}]}``, ``{errors: [{code, message}]}``, ``{fault: {faultstring}}``,
    ``[{error: {..}}]``, ``"text"``."""
    match value:
        case str():
            return Refusal(value)
        case [dict() | str() as first, *_]:
            return read(first)
        case (
            {"error": dict() as error} | {"error": [dict() as error, *_]} | {"errors": [dict() as error, *_]}
        ):
            return _fields(error)
        case {"fault": {"faultstring": str() as said}}:  # Apigee
            return Refusal(said)
        case {"error": str() as word} if text(value.get("message")) or text(value.get("error_description")):
            said = text(value.get("message")) or text(value.get("error_description"))
            return Refusal(said, (word.lower(), *_fields(value).codes))
        case {"error": str() as said}:
            return Refusal(said, _fields(value).codes)
        case {"errors": [str() as said, *_]}:
            return Refusal(said, _fields(value).codes)
        case {"detail": detail} if detail:
            return Refusal(_detail(detail), _fields(value).codes)
        case {"ErrorMsg": dict() | str() as inner} | {
            "Response": {"Error": dict() | str() as inner}
        }:  # Tencent
            return read(inner)
        case {"base_resp": {"status_msg": str() as said, "status_code": int() as code}} if code:  # MiniMax
            return Refusal(said)
        case dict():
            return _fields(value)
    return Refusal()


def _fields(error: Mapping[str, Any]) -> Refusal:
    inner = mapping(error.get("innererror"))
    details = [mapping(detail) for detail in items(error.get("details"))]
    words = (
        PER_DAY if any(map(_per_day, details)) else None,
        *(detail.get("reason") for detail in details),  # Google: ErrorInfo
        inner.get("code"),
        error.get("code"),
        error.get("type"),
        error.get("error_type"),
        error.get("status"),
    )
    status = next((number for word in words if (number := _status(word))), None)
    codes = tuple(word.lower() for word in words if isinstance(word, str) and word and not word.isdecimal())
    said = next((said for word in SAID if (said := text(error.get(word)))), "")
    raw = text(mapping(error.get("metadata")).get("raw"))  # OpenRouter: what the provider behind it said
    waits = [_seconds(detail.get("retryDelay")) for detail in details]  # Google: RetryInfo
    return Refusal(f"{said}: {raw}" if said and raw else said, codes, status, max(waits, default=0.0) or None)


def _per_day(detail: Mapping[str, Any]) -> bool:
    """Google's QuotaFailure names the quota: ``GenerateRequestsPerDayPerProjectPerModel-FreeTier``."""
    names = (text(mapping(violation).get("quotaId")) for violation in items(detail.get("violations")))
    return any("perday" in name.lower() for name in names)


def _seconds(duration: Any) -> float:
    """``34.4s``."""
    return float(duration[:-1]) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?s", text(duration)) else 0.0


def _status(word: Any) -> int | None:
    """OpenRouter and llama.cpp give the status as a number, Azure as text."""
    if isinstance(word, str) and word.isdecimal() and len(word) == 3:
        word = int(word)
    return word if isinstance(word, int) and not isinstance(word, bool) and 400 <= word <= 599 else None


def _detail(detail: Any) -> str:
    if isinstance(detail, str):
        return detail
    if isinstance(detail, Mapping):
        return _fields(detail).message
    lines = []
    for entry in map(mapping, items(detail)):
        place = ".".join(str(step) for step in items(entry.get("loc")))
        lines.append(f"{place}: {text(entry.get('msg'))}" if place else text(entry.get("msg")))
    return "; ".join(lines)
