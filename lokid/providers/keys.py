"""Where an API key goes in a request: a header, for every provider type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lokid.protocols.http import HTTPRequest
from lokid.providers.base import Credentials


def key_in(header: str, prefix: str = "") -> Callable[[Any, Credentials, HTTPRequest], HTTPRequest]:
    """An ``authorize`` that puts ``api_key`` into ``header``, or with ``auth: oauth`` the access token
    into ``authorization``. A header that a patch put there or removed stays so."""

    def authorize(client: Any, credentials: Credentials, request: HTTPRequest) -> HTTPRequest:
        secrets = credentials.secrets
        if token := secrets.get("access_token"):
            name, value = "authorization", f"Bearer {token.get_secret_value()}"
        elif key := secrets.get("api_key"):
            name, value = header, f"{prefix}{key.get_secret_value()}"
        else:
            return request
        return request.adding({name: value})

    return authorize


bearer = key_in("authorization", "Bearer ")
