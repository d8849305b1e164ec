"""Files and URLs of ``-f``, and schemas: read here, because the daemon opens no path that a caller names."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING, Any

import lokid
from lokictl.failure import Failure, usage

if TYPE_CHECKING:
    from http.client import HTTPResponse

MAX_BYTES = 32 * 1024 * 1024
"""Of one file. The daemon takes 64 MiB in one message, and no provider takes more than 32 MB of images."""

FETCH_S = 30.0
"""For a URL, from the connection to the last byte."""


def load(source: str) -> tuple[str, str | bytes]:
    """``("text", text)`` or ``("image/png", bytes)``. Raises ``Failure`` (exit status 2) with what to do."""
    scheme, separator, _ = source.partition("://")
    data = _fetch(source) if separator and scheme.lower() in ("http", "https") else _read(source)
    if kind := media_type(data):
        return kind, data
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or text.startswith("%PDF-"):
        raise not_text(source, data)
    return "text", text


def not_text(source: str, data: bytes) -> Failure:
    """Of what a model would be sent as garbage, and somebody would pay for."""
    if data.startswith(b"%PDF-"):
        hint = "pdftotext FILE - | lokictl ask ..."
        return usage(f"{source} is a PDF, and only texts and images can be sent", hint)
    return usage(f"{source} is neither text in UTF-8 nor an image (PNG, JPEG, GIF, WebP)")


def media_type(data: bytes) -> str | None:
    """Of an image, by its first bytes: names and servers are often wrong."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def quoted(name: str, text: str) -> str:
    """``text`` under its name in a fence that nothing in it can close."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{name}:\n{fence}\n{text}{'' if text.endswith(chr(10)) else chr(10)}{fence}"


_TYPES = {
    "str": "string", "string": "string", "text": "string", "int": "integer", "integer": "integer",
    "float": "number", "number": "number", "bool": "boolean", "boolean": "boolean",
}  # fmt: skip


def schema(value: str) -> dict[str, Any]:
    """A JSON Schema: itself, the path of its file, or the fields of an object in short (``a, b int``)."""
    import json

    inline = value.lstrip().startswith("{")
    if not inline and not os.path.exists(os.path.expanduser(value)) and (short := _fields(value)):
        return short
    text = value if inline else _read(value).decode("utf-8", "replace")
    try:
        parsed = json.loads(text)
    except RecursionError:
        raise usage(f"the schema{'' if inline else ' in ' + value} is nested too deep") from None
    except ValueError as error:
        raise usage(f"the schema{'' if inline else ' in ' + value} is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise usage("a JSON Schema is an object: { ... }")
    return parsed


def _fields(value: str) -> dict[str, Any] | None:
    """The schema of ``name, age int, bio: one sentence``: fields, each with a type (else text) and, after
    a colon, what it means. None: it looks like a path. One field alone needs its type or a comma."""
    if "," not in value and " " not in value.strip():
        return None
    properties: dict[str, Any] = {}
    for field in filter(None, (part.strip() for part in value.replace("\n", ",").split(","))):
        named, _, meaning = field.partition(":")
        match named.split():
            case [name]:
                kind = "string"
            case [name, word] if word in _TYPES:
                kind = _TYPES[word]
            case _:
                hint = "name, age int, weight float, alive bool, bio: one sentence"
                raise usage(f"the schema has a field that makes no sense: {field}", f"--schema '{hint}'")
        properties[name] = {"type": kind} | ({"description": meaning.strip()} if meaning.strip() else {})
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_NO_FILES = {stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket"}


def _read(path: str) -> bytes:
    try:
        name = os.path.expanduser(path)
        # Before it is opened, which moves a tape and waits for a modem. A pipe has an end: <(command) is one.
        kind = stat.S_IFMT(os.stat(name).st_mode)
        if what := _NO_FILES.get(kind):
            hint = "standard input needs no -f: command | lokictl ask ..."
            raise usage(f"{path} is {what}, and only files and pipes are read", hint)
        with open(name, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        hint = f"name its files one by one: -f {path.rstrip('/')}/..."
        raise usage(f"{path} is a directory", hint) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise usage(f"cannot read {path}: {reason}") from None
    return _bounded(data, path)


def _bounded(data: bytes, source: str) -> bytes:
    if len(data) > MAX_BYTES:
        raise usage(f"{source} is larger than {MAX_BYTES // 1024 // 1024} MiB")
    return data


def _fetch(url: str) -> bytes:
    import http.client
    import urllib.error
    import urllib.parse
    import urllib.request

    def allowed(target: str) -> None:
        parts = urllib.parse.urlsplit(target)
        if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise usage(f"{url}: only https:// is fetched (plain http:// from this machine only)")

    class Redirects(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
            allowed(newurl)
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    deadline = time.monotonic() + FETCH_S
    try:
        allowed(url)
        request = urllib.request.Request(url, headers={"User-Agent": f"lokictl/{lokid.__version__}"})  # noqa: S310
        with urllib.request.build_opener(Redirects).open(request, timeout=FETCH_S) as answer:
            return _bounded(_drain(answer, deadline), url)
    except urllib.error.HTTPError as error:
        raise usage(f"cannot fetch {url}: HTTP status {error.code}") from None
    except TimeoutError:
        raise Failure("timeout", f"{url} did not arrive within {FETCH_S:.0f} s") from None
    except urllib.error.URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason  # without "[Errno ...]"
        raise usage(f"cannot fetch {url}: {reason}") from None
    except (OSError, ValueError) as error:
        raise usage(f"cannot fetch {url}: {error}") from None
    except http.client.HTTPException:
        raise usage(f"cannot fetch {url}: the answer broke off, or is not HTTP") from None


def _drain(answer: HTTPResponse, deadline: float) -> bytes:
    pieces, size = [], 0
    while size <= MAX_BYTES and (piece := answer.read1(65536)):
        pieces.append(piece)
        size += len(piece)
        if time.monotonic() > deadline:
            raise TimeoutError
    if size <= MAX_BYTES and answer.length:  # read1 says nothing of what is missing
        raise OSError("the answer broke off")
    return b"".join(pieces)
