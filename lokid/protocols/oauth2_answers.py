"""What an OAuth 2.0 server answers to ``oauth2``'s requests. Anything may come; texts of it are shown to
nobody but for registered words."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import SecretStr

from lokid.protocols.oauth2 import word

LIFE_S = 3600.0
"""Of a token whose life the server does not say (RFC 6749 5.1 asks it to); an hour is the usual one."""

MAX_LIFE_S = 10 * 365 * 86400.0
"""Some servers say "for ever" with the largest number that they have."""

INTERVAL_S, SLOWER_S = 5.0, 5.0
"""RFC 8628 3.2 and 3.5: between two polls, and what ``slow_down`` adds."""

MIN_INTERVAL_S, MAX_INTERVAL_S = 1.0, 60.0
"""A server that means less would keep lokid busy with nothing else."""

DEVICE_LIFE_S = 900.0
"""What most servers say. A person is waiting, so neither may be much longer."""

MAX_TOKEN = 16 * 1024
"""Characters. Tokens with many claims have about 4 KiB; a header of more is refused by most servers."""

MAX_SCOPE = 4096
"""Characters. Twenty of Google's, which are addresses, have about 1,200; it stands in the file of the tokens,
which must not grow over its limit by it."""

RefusalKind = Literal["grant", "pending", "slow_down", "expired", "denied", "client", "temporary", "other"]

_KINDS: dict[str, RefusalKind] = {
    "invalid_grant": "grant",
    "authorization_pending": "pending",
    "slow_down": "slow_down",
    "expired_token": "expired",
    "access_denied": "denied",
    "authorization_declined": "denied",  # Entra ID
    "invalid_client": "client",
    "unauthorized_client": "client",
    "temporarily_unavailable": "temporary",
    "server_error": "temporary",
}

_TEMPORARY = (408, 425, 429)
"""And everything from 500 on."""


@dataclass(frozen=True, slots=True)
class Token:
    """Times are seconds since the epoch. ``expires_at`` None: it does not (an API key)."""

    access_token: SecretStr
    refresh_token: SecretStr | None
    scope: str | None
    obtained_at: float
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """``grant``: this code or refresh token is used up, revoked or too old, which is final. ``client``:
    the client's id or secret is wrong. ``temporary``: the same request may work later. ``code``: as the
    server called it."""

    kind: RefusalKind
    code: str


@dataclass(frozen=True, slots=True)
class Device:
    """``url``: where the person goes; ``user_code`` is what to type there. ``life_s``, ``interval_s``."""

    device_code: SecretStr
    user_code: str
    url: str
    life_s: float = field(default=DEVICE_LIFE_S)
    interval_s: float = field(default=INTERVAL_S)


def token(status: int, body: bytes, now: float, before: Token | None = None) -> Token | Refusal:
    """``before``: the token that was refreshed. A server that sends no new refresh token means that the old
    one goes on (RFC 6749 6)."""
    answer = _object(body)
    if refusal := _refusal(status, answer):
        return refusal
    access = _secret(answer.get("access_token"))
    kind = answer.get("token_type", "Bearer")
    if access is None or not isinstance(kind, str) or kind.lower() != "bearer":
        return Refusal("other", "no bearer token in the answer")
    refresh = _secret(answer.get("refresh_token"))
    scope = _scope(answer.get("scope"))
    if before is not None:
        refresh = refresh or before.refresh_token
        scope = before.scope if scope is None else scope
    life = _seconds(answer.get("expires_in"), LIFE_S, MAX_LIFE_S)
    return Token(access, refresh, scope, now, now + life)


def key(status: int, body: bytes, now: float) -> Token | Refusal:
    """The answer to a code exchange with ``key_exchange``."""
    answer = _object(body)
    if refusal := _refusal(status, answer):
        return refusal
    found = _secret(answer.get("key"))
    return Token(found, None, None, now, None) if found else Refusal("other", "no key in the answer")


def device(status: int, body: bytes) -> Device | Refusal:
    answer = _object(body)
    if refusal := _refusal(status, answer):
        return refusal
    code, user_code = _secret(answer.get("device_code")), _shown(answer.get("user_code"), 64)
    plain = answer.get("verification_uri", answer.get("verification_url"))  # Google's word
    # The long form holds the user code already. It is shown beside it, to be compared.
    url = _shown(answer.get("verification_uri_complete", plain), 2048)
    # It is opened in the browser: neither ``file:`` nor ``javascript:``.
    if (
        code is None
        or user_code is None
        or url is None
        or not url.lower().startswith(("https://", "http://"))
    ):
        return Refusal("other", "no device code in the answer")
    life = _seconds(answer.get("expires_in"), DEVICE_LIFE_S, DEVICE_LIFE_S)
    interval = max(_seconds(answer.get("interval"), INTERVAL_S, MAX_INTERVAL_S), MIN_INTERVAL_S)
    return Device(code, user_code, url, life, interval)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _refusal(status: int, answer: dict[str, Any]) -> Refusal | None:
    """A 2xx with ``error`` in it is one too (GitHub), unless it is null or empty: the token beside that may
    be the only good one by now. Of a 5xx the words do not count: nothing that a broken server says ends a
    sign-in."""
    if status >= 500 or status in _TEMPORARY:
        return Refusal("temporary", f"status {status}")
    if said := answer.get("error"):
        code = word(said)
        return Refusal(_KINDS.get(code, "other"), code)
    return None if 200 <= status < 300 else Refusal("other", f"status {status}")


def _secret(value: object) -> SecretStr | None:
    """A token that can stand in a header."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TOKEN:
        return None
    return SecretStr(value) if value.isascii() and value.isprintable() and " " not in value else None


def _scope(value: object) -> str | None:
    """RFC 6749 3.3: words of ASCII. What is none counts as not said."""
    if not isinstance(value, str) or len(value) > MAX_SCOPE:
        return None
    return value if value.isascii() and value.isprintable() else None


def _seconds(value: object, otherwise: float, most: float) -> float:
    """Some servers send numbers as text. What makes no sense counts as not said."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return otherwise
    return min(seconds, most) if math.isfinite(seconds) and seconds > 0 and value is not True else otherwise


def _shown(value: object, longest: int) -> str | None:
    shown = isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()
    return str(value) if shown else None
