"""AWS Signature Version 4 in the ``Authorization`` header.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. Every header that
the request has is signed, so it must be complete but for those that a client library adds by itself.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from lokid.protocols.http import HTTPRequest

UNSIGNED = frozenset(
    (
        "authorization",
        "baggage",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    )
)
"""Headers that whatever carries the request may change; the official SDKs leave them out as well."""

_ALGORITHM = "AWS4-HMAC-SHA256"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class AccessKey:
    """``session_token`` comes with temporary keys."""

    id: str
    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def sign(request: HTTPRequest, key: AccessKey, *, region: str, service: str, now: float) -> HTTPRequest:
    """``request`` with date, session token and signature. ``now``: seconds since the epoch.

    Headers that are there already are signed as they are, and ``x-amz-date`` then tells the time. A request
    that has an ``authorization`` already, or must not have one, stays as it is.
    """
    if "authorization" in request.headers or "authorization" in request.absent:
        return request
    time = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    token = {"x-amz-security-token": key.session_token} if key.session_token else {}
    request = request.adding({"x-amz-date": time, **token})
    time = request.headers.get("x-amz-date", time)
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    signed, canonical = canonical_request(request)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{time}\n{scope}\n{digest}"
    signature = hmac.new(_signing_key(key.secret, scope), to_sign.encode(), hashlib.sha256).hexdigest()
    value = f"{_ALGORITHM} Credential={key.id}/{scope}, SignedHeaders={signed}, Signature={signature}"
    return replace(request, headers={**request.headers, "authorization": value})


def canonical_request(request: HTTPRequest) -> tuple[str, str]:
    """The names of the signed headers, and the text that is signed."""
    parts = urlsplit(request.url)
    headers = {
        name.strip().lower(): " ".join(value.split())
        for name, value in {"host": _host(request.url), **request.headers}.items()
        if name.strip().lower() not in UNSIGNED
    }
    names = sorted(headers)
    # A patch may say UNSIGNED-PAYLOAD here.
    payload = headers.get("x-amz-content-sha256") or hashlib.sha256(request.content()).hexdigest()
    lines = [
        request.method.upper(),
        _path(parts.path),
        "&".join("=".join(pair) for pair in sorted(_pairs(parts.query))),
        *(f"{name}:{headers[name]}" for name in names),
        "",
        ";".join(names),
        payload,
    ]
    return ";".join(names), "\n".join(lines)


def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for step in scope.split("/"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    return key


def _host(url: str) -> str:
    """As HTTP clients send it: lower case, without the port that the scheme implies."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, _PORTS.get(parts.scheme)) else f"{host}:{parts.port}"


def _path(path: str) -> str:
    """The path as it is sent, without dot segments, and encoded once more (``%3A`` -> ``%253A``)."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    slash = "/" if kept and segments[-1] == "" else ""
    return quote("/" + "/".join(kept) + slash, safe="/~")


def _pairs(query: str) -> list[tuple[str, str]]:
    pairs = (pair.partition("=") for pair in query.split("&") if query)
    return [(name, value) for name, _, value in pairs]
