"""What a person may see of a request and of what a provider says about it: everything but secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from lokid import hiding, logs
from lokid.dialects.redaction import CUT
from lokid.errors import LokidError
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
                return logs.hide(hide.sub(SECRET, value), SECRET)
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
    return logs.forms(text) if len(text) >= SHORTEST else ()


def hide(error: LokidError, secrets: Iterable[SecretStr]) -> None:
    """Providers, and what is in between, quote the keys that they refuse, and as a request's id they may send
    anything. Dialects know what keys look like; here is known what the keys are: ``secrets``, which were
    sent, and all that the log must not show."""
    known = [form for secret in secrets for form in _forms(secret.get_secret_value())]
    known.sort(key=len, reverse=True)
    needles = hiding.Needles(hiding.needles(known))

    def clean(text: str) -> str:
        for form in known:
            text = text.replace(form, SECRET)
        text = logs.hide(hiding.hide(text, needles, SECRET), SECRET)
        return hiding.hide_rest(text, needles, SECRET, _TAKEN_OUT, SHORTEST)

    error.message = clean(error.message)
    error.args = (error.message,)
    error.hint = clean(error.hint) if error.hint else error.hint
    if error.request_id and clean(error.request_id) != error.request_id:
        error.request_id = None


REAL = 16
"""Characters of a key that was given to somebody. ``lm-studio`` may be a part of a model's name."""


def without(secrets: Iterable[SecretStr], names: Iterable[str]) -> tuple[str, ...]:
    """Those of ``names``, which a provider told, that hold none of ``secrets``, however they are written."""
    values = (secret.get_secret_value() for secret in secrets)
    needles = hiding.Needles(
        hiding.needles(form for value in values if len(value) >= REAL for form in logs.forms(value))
    )
    return tuple(name for name in names if not needles.within(hiding.bare(name)))


_TAKEN_OUT = re.compile(rf"\[redacted\]|{re.escape(SECRET)}|{CUT}")
"""Where a dialect took out what looked like a key, which may have been a part of it, or cut something off."""


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
