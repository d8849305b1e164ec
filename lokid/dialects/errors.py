"""From a provider's refusal to one of our errors.

``classify`` reads an answer whose status is not 2xx, ``in_band`` an error object inside an answer with
status 200. Both accept every shape seen from servers that speak OpenAI's formats, and both assume the
body is hostile: what reaches a person is short, has no control characters and nothing that looks like a
key. Which error it is follows from the provider's code if that is known, else from the status.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from lokid.dialects.error_words import CODES, SPOKEN, SPOKEN_WITH_500, STATUSES
from lokid.dialects.redaction import clean, short
from lokid.dialects.refusal import Refusal, read, read_body
from lokid.dialects.untrusted import items, loads, mapping
from lokid.errors import (
    CHECK_KEY,
    AuthenticationFailed,
    BadRequest,
    ContentFiltered,
    ContextLengthExceeded,
    LokidError,
    Overloaded,
    PermissionDenied,
    ProviderFailed,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    UnknownModel,
    Unsupported,
)
from lokid.protocols.retry_after import rate_limit_reset, retry_after

HINTS: dict[type[LokidError], str] = {
    AuthenticationFailed: CHECK_KEY,
    PermissionDenied: "check what this key may use, and the organisation, project or region of this client",
    ContextLengthExceeded: "send less text, or ask a model with a larger context",
    ContentFiltered: "put it in other words, or ask another model",
    RateLimited: "try again {when}, or ask a model of another client",
    Overloaded: "try again {when}, or ask another model",
    ProviderUnavailable: "try again {when}, or ask a model of another client",
    QuotaExceeded: "check the plan and billing of this account",
    UnknownModel: "lokictl models lists the models that are known",
    Unsupported: "check how the server was started, and the model",
}

REQUEST_ID_HEADERS = (
    "x-request-id",
    "request-id",
    "apim-request-id",
    "x-amzn-requestid",
    "x-ms-request-id",
    "x-goog-request-id",
    "cf-ray",
)

GAVE_UP = (408, 504, 524)
"""What a gateway says that waits no longer for the provider behind it: that one has refused nothing."""

MAX_RETRY_AFTER = 7 * 86400.0
"""Seconds. A wait beyond a week is a date gone wrong, not advice."""


def classify(status: int, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> LokidError:
    """``headers``: lower-case names. ``now``: seconds since the epoch, for a ``retry-after`` that is a date;
    without it the answer's own ``date`` header counts."""
    refusal = read_body(body)
    said = clean(refusal.message) or _phrase(status, headers, body)
    told = status if status >= 300 else refusal.status  # with 200, in place of a stream, as ``in_band``
    kind, retryable = _kind(told, refusal)
    if kind is not QuotaExceeded:  # an empty account stays empty, whatever the header says
        retryable = {"true": True, "false": False}.get(headers.get("x-should-retry", "").lower(), retryable)
    wait = retry_after(headers, now)
    if wait is None and kind is RateLimited:  # other answers have it too, about requests to come
        wait = rate_limit_reset(headers, now)
    wait = _wait(kind, refusal, wait)
    in_front = kind is PermissionDenied and _is_page(body)
    return kind(
        f"{_IN_FRONT.format(told) if in_front else _blame(kind, told)}: {said}",
        hint=_CHECK_NETWORK if in_front else _hint(kind, wait),
        status=told,
        retry_after_s=wait,
        request_id=_request_id(headers),
        retryable=retryable,
        refused=status not in GAVE_UP or _is_providers(status, refusal, body),
    )


def in_band(error: Any) -> LokidError:
    """``error``: the value that stood where an answer should be. Its numeric code counts as a status."""
    refusal = read(error)
    kind, retryable = _kind(refusal.status, refusal)
    said = clean(refusal.message) or "no reason given"
    wait = _wait(kind, refusal, None)
    return kind(
        f"{_blame(kind, refusal.status)}: {said}",
        hint=_hint(kind, wait),
        status=refusal.status,
        retry_after_s=wait,
        retryable=retryable,
        refused=True,
    )


def in_place_of(value: Any, *names: str) -> LokidError | None:
    """What ``value`` says, if it has an ``error`` or nothing but a reason: none of the lists that would be an
    answer, which are called ``names``."""
    found = mapping(value)
    answered = any(items(found.get(name)) for name in names)
    return in_band(value) if found.get("error") or (not answered and read(value).message) else None


def listed_in(value: Any, *names: str) -> Sequence[Any]:
    """The list that ``value`` is, or has as one of ``names``. An empty one may be null (Go) or left out
    (Google). Raises what ``value`` says in the place of that."""
    if isinstance(value, list):
        return value
    there = [value]
    if isinstance(value, dict):
        there = [one for name in names if (one := value.get(name)) is not None]
    lists = [one for one in there if isinstance(one, list)]
    if found := next(filter(None, lists), None):
        return found
    if (not lists or value.get("error") or value.get("success") is False) and (refusal := in_place_of(value)):
        raise refusal
    if there and not lists:
        raise no_answer(value, f"list of {names[0]}")
    return ()


def no_answer(value: Any, what: str, usage: str = "usage") -> LokidError:
    """``value`` has no ``what`` and is no answer: a reason, or a page of something in between, which costs
    nothing unless it has ``usage``."""
    if read(value).message:
        return in_band(value)
    return ProviderFailed(f"the provider's answer has no {what}", refused=usage not in mapping(value))


def _kind(status: int | None, refusal: Refusal) -> tuple[type[LokidError], bool | None]:
    known = [CODES[code] for code in refusal.codes if code in CODES]
    vague = (BadRequest,) if status is None else (BadRequest, ProviderUnavailable)
    specific = next((kind for kind in known if kind not in vague), None)
    if specific is None:
        specific = _spoken(refusal.message, SPOKEN)
        if specific is not None and status is not None and not _plausible(specific, status):
            specific = None
        if status == 500:
            specific = specific or _spoken(refusal.message, SPOKEN_WITH_500)
    by_status = _by_status(status)
    if specific is not None:
        return specific, by_status[1] if specific is by_status[0] else None
    if status is None and known:
        return known[0], None
    return by_status


def _is_providers(status: int, refusal: Refusal, body: bytes) -> bool:
    """Of those that ``GAVE_UP``: whether a provider says so itself, with its words for it, or a number in its
    error and no word (OpenRouter). LiteLLM and Portkey say 408 as gateways."""
    codes = set(refusal.codes)
    if status == 408:
        codes.discard("timeout_error")
    if any(code == "timeout" or code.startswith(("gateway", "upstream")) for code in codes):
        return False
    if any(code in CODES or code == "deadline_exceeded" for code in codes):
        return True
    return status != 408 and not codes and _is_numbered(body)


def _is_numbered(body: bytes) -> bool:
    try:
        error = mapping(mapping(loads(body)).get("error"))
    except ValueError:
        return False
    return isinstance(error.get("code"), int)


def _spoken(
    message: str, words: Sequence[tuple[re.Pattern[str], type[LokidError]]]
) -> type[LokidError] | None:
    return next((kind for pattern, kind in words if pattern.search(message)), None)


def _wait(kind: type[LokidError], refusal: Refusal, from_headers: float | None) -> float | None:
    """Seconds, the longest that anybody said. For a quota the body only tells when the next request may be
    refused."""
    said = None if kind is QuotaExceeded else refusal.retry_after_s
    return min(max(said or 0.0, from_headers or 0.0), MAX_RETRY_AFTER) or None


def _hint(kind: type[LokidError], wait: float | None) -> str | None:
    hint = HINTS.get(kind)
    return hint and hint.format(when=f"in {math.ceil(wait)} s" if wait else "a little later")


def _plausible(kind: type[LokidError], status: int) -> bool:
    """Words alone never turn a server's failure into the caller's, nor a refused key into anything else."""
    if kind is QuotaExceeded:
        return status in (400, 402, 403, 412, 429)
    if status in (401, 403, 407):
        return kind is AuthenticationFailed or (kind is ContentFiltered and status == 403)
    if kind is Overloaded:
        return status >= 429
    return status < 500 and status != 429


def _by_status(status: int | None) -> tuple[type[LokidError], bool | None]:
    if status is None or status < 400:
        return ProviderFailed, None
    return STATUSES.get(status, (BadRequest if status < 500 else ProviderUnavailable, None))


_BLAME: dict[type[LokidError], str] = {
    AuthenticationFailed: "the provider does not accept the key",
    PermissionDenied: "the key is valid but may not do this",
    ContextLengthExceeded: "the conversation is longer than the model accepts",
    ContentFiltered: "the provider's content filter refused this",
    RateLimited: "the provider's rate limit is reached",
    QuotaExceeded: "the account's quota or credit is used up",
    Overloaded: "the provider is overloaded",
    ProviderUnavailable: "the provider failed",
    ProviderFailed: "the provider answered with an error",
    UnknownModel: "the provider does not know this model",
    Unsupported: "the server cannot do this",
    BadRequest: "the provider refused the request",
}

_IN_FRONT = "something in front of the provider refused this (HTTP {})"
_CHECK_NETWORK = "check the network (firewall, VPN, proxy) and api_base of this client; the key may be fine"
"""Of a page with status 403: a firewall's, or a content network's that takes lokid for a robot."""


def _blame(kind: type[LokidError], status: int | None) -> str:
    return _BLAME[kind] + (f" (HTTP {status})" if status is not None else "")


_TITLE = re.compile(rb"<title[^>]{0,200}>([^<]{1,20000})", re.IGNORECASE)


def _phrase(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """What to say about a body that says nothing."""
    if 300 <= status < 400:
        return "a redirect, which lokid does not follow; check api_base of this client"
    if title := _TITLE.search(body):
        said = short(clean(title[1].decode(errors="replace")), 200)
        return f"a web page instead of an answer, titled {said!r}"
    if _is_page(body):
        return "a web page instead of an answer"
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "an unknown status"
    kind = headers.get("content-type", "").partition(";")[0]
    if kind == "text/plain" and (line := clean(body.decode(errors="replace"))):
        return line
    return phrase if not body else f"{phrase}, without a readable reason"


def _is_page(body: bytes) -> bool:
    return body.lstrip()[:1] == b"<"


def _request_id(headers: Mapping[str, str]) -> str | None:
    for name in REQUEST_ID_HEADERS:
        value = headers.get(name, "")
        if re.fullmatch(r"[\x21-\x7e]{1,128}", value):
            return value
    return None
