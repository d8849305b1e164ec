"""The name of a model as a part of a URL's path. It may come from the caller, who has no say in where a key
goes: ``..`` would lead to another place of the same host."""

from __future__ import annotations

from urllib.parse import quote

from lokid.errors import InvalidParams


def segment(name: str) -> str:
    """``name`` as one step: slashes in it are quoted. Raises ``InvalidParams`` if it leads elsewhere."""
    return _step(name, name, "")


def in_path(name: str) -> str:
    """The same for one of several steps: slashes stay."""
    return "/".join(_step(step, name, "@:") for step in name.split("/"))


def _step(step: str, name: str, safe: str) -> str:
    if step in ("", ".", ".."):
        raise InvalidParams(f"{name[:64]!r} cannot be the name of a model", hint="lokictl models")
    return quote(step, safe=safe)
