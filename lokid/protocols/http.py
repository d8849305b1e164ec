"""An HTTP request as a value. ``lokid.runtime.network.http`` sends it; its bytes are ``http1``'s."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What comes here came out of JSON or MessagePack, or was made of that: it holds no circles.
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class HTTPRequest:
    """``headers``: lower-case names. ``absent``: names that must not be added any more, because the user
    removed them. ``body``: a JSON value, bytes as they are (a form), or None for no body.

    The body stays a value until the last moment because patches merge into it and signing covers the
    exact bytes: only ``content`` turns it into bytes, and always into the same ones.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Any = field(default=None, repr=False)
    absent: frozenset[str] = frozenset()

    def adding(self, headers: Mapping[str, str]) -> HTTPRequest:
        """With those of ``headers`` (lower-case names) that are neither there already nor ``absent``."""
        absent = self.absent
        new = {name: value for name, value in headers.items() if name not in absent} if absent else headers
        # Not ``replace``, which takes five times as long; every question comes here twice.
        return HTTPRequest(self.method, self.url, {**new, **self.headers}, self.body, absent)

    def content(self) -> bytes:
        """Compact UTF-8 JSON; ``b""`` without a body."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        try:
            return _encode(self.body).encode()
        except UnicodeEncodeError:  # a lone surrogate, which only an escape can carry
            return json.dumps(self.body, separators=(",", ":")).encode()
