"""Messages and their parts from RPC form: the half of ``decode`` that looks inside conversations."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from math import isfinite
from typing import Any, TypeVar, cast

from lokid.chat.vocabulary import Image, Message, Part, Reasoning, Role, Text, ToolCall, ToolResult
from lokid.errors import InvalidParams

T = TypeVar("T")

_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_DATA_URL = re.compile(r"data:(?P<media_type>[\w.+-]+/[\w.+-]+);base64,(?P<data>[^,]+)", re.ASCII)


def invalid(place: str, problem: str) -> InvalidParams:
    return InvalidParams(f"{place}: {problem}")


def message(value: Mapping[str, Any], place: str = "message") -> Message:
    """One message: ``role`` is one of the four, ``content`` is text or a list; raises InvalidParams."""
    role, content = cast("Role", value["role"]), value["content"]
    where = f"{place}.content"
    if isinstance(content, str):
        if role == "tool":
            raise invalid(where, "a tool message holds a list of tool_result parts")
        parts: tuple[Part, ...] = (Text(content),) if content else ()
    else:
        parts = tuple(_part(part, f"{where}[{index}]", role) for index, part in enumerate(content))
    # A model may answer nothing, and its answer comes back here in the next request.
    if not parts and role != "assistant":
        raise invalid(where, "is empty")
    return Message(role, parts)


def json_map(value: dict[str, Any], place: str) -> dict[str, Any]:
    """``value``, if JSON can hold it: it goes into a provider's JSON as it is."""
    if not _is_sound(value) and (fault := _fault(value)):
        raise invalid(f"{place}{fault[0]}", fault[1])
    return value


def _is_sound(value: object) -> bool:
    """Whether ``_fault`` finds nothing. Level by level: twenty thousand lists take 2 ms, in which everybody
    waits; to go to the place of each takes 18."""
    level = [value]
    while level:
        kinds = set(map(type, level))
        if not kinds <= _JSON:
            return False
        if float in kinds and not all(map(isfinite, [one for one in level if type(one) is float])):
            return False
        inner: list[object] = []
        for one in level if kinds & _HOLDING else ():
            if type(one) is list:
                if one:
                    inner += one
            elif type(one) is dict:
                if not _TEXT.issuperset(map(type, one)):
                    return False
                inner += one.values()
        level = inner
    return True


_HOLDING = frozenset((list, dict))
_TEXT = frozenset((str,))
_JSON = frozenset((str, int, bool, type(None), float, list, dict))

_PLAIN = frozenset((str, int, bool, type(None)))
"""What JSON always holds. A request may have a hundred thousand of them, and one call for each is 20 ms."""


def _fault(value: object) -> tuple[str, str] | None:
    """The first place that JSON cannot hold, and why. As deep as the RPC's limit on nesting at most."""
    match value:
        case float():
            return None if isfinite(value) else ("", "must be a finite number")
        case list() if not _PLAIN.issuperset(map(type, value)):
            for index, entry in enumerate(value):
                kind = type(entry)
                if kind in _PLAIN or (kind is float and isfinite(entry)):
                    continue
                if fault := _fault(entry):
                    return f"[{index}]{fault[0]}", fault[1]
        case dict():
            for key, entry in value.items():
                if not isinstance(key, str):
                    return "", "a key must be text"
                if type(entry) not in _PLAIN and (fault := _fault(entry)):
                    return f".{shown(key)}{fault[0]}", fault[1]
        case bytes():
            return "", "binary data has no JSON form"
    return None


def shown(key: str) -> str:
    """A key in an error: it came from outside, so it is kept short and on one line."""
    return key if key.isidentifier() and len(key) <= 40 else f'"{ascii(key[:40])[1:-1]}"'


def only(part: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    """Refuses keys that are not ``known``."""
    for key in part:
        if key not in known:
            hint = nearest(key, known) or f", known are {', '.join(known)}"
            raise invalid(f"{place}.{shown(key)}", f"unknown key{hint}")


def nearest(name: str, known: Sequence[str]) -> str:
    """The end of a sentence about an unknown name; empty if nothing is like it."""
    close = get_close_matches(name[:40], known, n=1)
    return f', did you mean "{close[0]}"?' if close else ""


def _part(value: object, place: str, holder: str) -> Part:
    part = text_map(value, place)
    kind = field(part, place, "type", str, "text")
    if kind not in _PARTS:
        raise invalid(f"{place}.type", f"must be one of {', '.join(_PARTS)}")
    name, allowed = _HOLDS[holder]
    if kind not in allowed:
        raise invalid(place, f"{name} holds {', '.join(allowed)} parts, not {kind}")
    return _PARTS[kind](part, place)


def text_map(value: object, place: str) -> dict[str, Any]:
    """``value``, if it is a map whose keys are text."""
    if not isinstance(value, dict):
        raise invalid(place, "must be a map")
    if not all(isinstance(key, str) for key in value):
        raise invalid(place, "a key must be text")
    return value


def field(part: Mapping[str, Any], place: str, key: str, kind: type[T], called: str) -> T:
    """The value of a key that must be there and of this type, named ``called`` in the error."""
    if key not in part:
        raise invalid(f"{place}.{key}", "is required")
    value = part[key]
    if not isinstance(value, kind):
        raise invalid(f"{place}.{key}", f"must be {called}")
    return value


def _opaque(part: Mapping[str, Any], known: tuple[str, ...], place: str) -> dict[str, Any]:
    """What a provider attached to a part of its answer: kept, and sent back to it."""
    return json_map({key: value for key, value in part.items() if key not in known}, place)


def _text(part: Mapping[str, Any], place: str) -> Text:
    return Text(field(part, place, "text", str, "text"), _opaque(part, ("type", "text"), place))


def _reasoning(part: Mapping[str, Any], place: str) -> Reasoning:
    return Reasoning(field(part, place, "text", str, "text"), _opaque(part, ("type", "text"), place))


_OF_IMAGE = ("type", "media_type", "data", "url")


def _image(part: Mapping[str, Any], place: str) -> Image:
    # Of a picture in an answer; of a question's own it may be a slip.
    opaque = {key: value for key, value in part.items() if isinstance(value, dict)}
    only({key: value for key, value in part.items() if key not in opaque}, _OF_IMAGE, place)
    opaque = _opaque(opaque, _OF_IMAGE, place)
    if ("data" in part) == ("url" in part):
        raise invalid(place, "an image has either data (and media_type) or url")
    media_type = None
    if "media_type" in part or "data" in part:
        media_type = field(part, place, "media_type", str, "text")
        if not _MEDIA_TYPE.fullmatch(media_type):
            raise invalid(f"{place}.media_type", "must look like image/png")
    if "data" in part:
        data = field(part, place, "data", bytes, "binary data (MessagePack bin), not base64 text")
        if not data:
            raise invalid(f"{place}.data", "is empty")
        return Image(media_type=media_type, data=data, opaque=opaque)
    url = field(part, place, "url", str, "text")
    if url.startswith("data:"):
        return _data_url(url, f"{place}.url")
    if not url:
        raise invalid(f"{place}.url", "is empty")
    return Image(media_type=media_type, url=url)


def _data_url(url: str, place: str) -> Image:
    """A ``data:`` URL as the bytes it holds: not every provider takes such URLs, and Lua in Neovim has no
    other way to send bytes."""
    if match := _DATA_URL.fullmatch(url):
        try:
            return Image(media_type=match["media_type"], data=b64decode(match["data"], validate=True))
        except NotBase64:
            pass
    raise invalid(place, "a data URL must look like data:image/png;base64,...")


def _tool_call(part: Mapping[str, Any], place: str) -> ToolCall:
    return ToolCall(
        id=field(part, place, "id", str, "text"),
        name=field(part, place, "name", str, "text"),
        arguments=json_map(field(part, place, "arguments", dict, "a map"), f"{place}.arguments"),
        opaque=_opaque(part, ("type", "id", "name", "arguments"), place),
    )


def _tool_result(part: Mapping[str, Any], place: str) -> ToolResult:
    only(part, ("type", "id", "name", "content", "is_error"), place)
    content = field(part, place, "content", object, "")
    if not isinstance(content, (str, list)):
        raise invalid(f"{place}.content", "must be text or a list of text and image parts")
    return ToolResult(
        id=field(part, place, "id", str, "text"),
        name=field(part, place, "name", str, "text"),
        content=content if isinstance(content, str) else _result_parts(content, f"{place}.content"),
        is_error=field(part, place, "is_error", bool, "true or false") if "is_error" in part else False,
    )


def _result_parts(content: list[object], place: str) -> tuple[Text | Image, ...]:
    parts = (_part(part, f"{place}[{index}]", "tool_result") for index, part in enumerate(content))
    return cast("tuple[Text | Image, ...]", tuple(parts))


_PARTS: dict[str, Callable[[Mapping[str, Any], str], Part]] = {
    "text": _text,
    "image": _image,
    "reasoning": _reasoning,
    "tool_call": _tool_call,
    "tool_result": _tool_result,
}

# Who may hold which parts.
_HOLDS = {
    "system": ("a system message", ("text",)),
    "user": ("a user message", ("text", "image")),
    "assistant": ("an assistant message", ("text", "image", "reasoning", "tool_call")),
    "tool": ("a tool message", ("tool_result",)),
    "tool_result": ("a tool result", ("text", "image")),
}
