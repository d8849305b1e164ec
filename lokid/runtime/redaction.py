"""What a request looks like to a person: everything but its secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

from pydantic import SecretStr

from lokid.protocols.http import HTTPRequest

SECRET = "<secret>"  # noqa: S105 - the opposite of one

SHORTEST = 4
"""Shorter values are not searched for: they are found everywhere, and hiding them tells what they are."""

_SECRET_NAME = re.compile(
    r"(^|[-_.])(authorization|cookie|api-?key|key|token|secret|password|signature|sig|code)($|[-_.])",
    re.IGNORECASE,
)


def redacted(
    request: HTTPRequest, origins: Mapping[str, str], secrets: Iterable[SecretStr]
) -> dict[str, Any]:
    """``request`` as ``DryRunResult``. Hidden are the values of ``secrets`` wherever they are, and the
    values of headers and URL parameters that are named like a key's."""
    values = {form for secret in secrets for form in _forms(secret.get_secret_value())}
    # The longest first: one secret may be a part of another.
    hide = re.compile("|".join(map(re.escape, sorted(values, key=len, reverse=True))) or r"(?!)")

    def clean(value: Any) -> Any:
        match value:
            case str():
                return hide.sub(SECRET, value)
            case Mapping():
                return {clean(key): clean(item) for key, item in value.items()}
            case list() | tuple():
                return [clean(item) for item in value]
        return value

    return {
        "method": request.method,
        "url": clean(_url(request.url)),
        "headers": {name: clean(_header(name, value)) for name, value in request.headers.items()},
        "body": clean(request.body),
        "origins": dict(origins),
    }


def _forms(text: str) -> tuple[str, ...]:
    """How a secret may be written in a request: as it is, and as a part of a URL."""
    return (text, quote(text, safe=""), quote_plus(text)) if len(text) >= SHORTEST else ()


def _header(name: str, value: str) -> str:
    if not _SECRET_NAME.search(name):
        return value
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {SECRET}" if space and scheme.isalpha() else SECRET


def _url(url: str) -> str:
    parts = urlsplit(url)
    pairs = [pair.partition("=") for pair in parts.query.split("&")]
    query = "&".join(
        f"{name}={SECRET}" if equals and _SECRET_NAME.search(name) else f"{name}{equals}{value}"
        for name, equals, value in pairs
    )
    return urlunsplit(parts._replace(query=query))
