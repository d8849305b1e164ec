"""What a client's last request said about it, in a few words for a row of a table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from lokictl.tables import duration

_WORDS = {
    "authentication_failed": "key refused",
    "login_required": "no login",
    "secret_missing": "no key",
    "quota_exceeded": "no quota left",
    "provider_unavailable": "unreachable",
    "timeout": "no answer",
    # Of what else can go wrong only a token that could not be had is the client's and not a question's.
    "provider_error": "no token",
    "incomplete_response": "no token",
}
"""Code -> what a glance should see."""

_FOR_THE_KEY = ("authentication_failed", "login_required", "secret_missing")
"""What a person has to mend, so the row says how; of the others it says why."""


def words(client: Mapping[str, Any]) -> str | None:
    """``key refused``; None if nothing is known, as of a daemon that is older than this."""
    error = client.get("last_error")
    if not error:
        return None
    if error["code"] == "authentication_failed" and client.get("auth") == "oauth":
        return "login refused"
    return _WORDS.get(error["code"], str(error["code"]))


def line(client: Mapping[str, Any]) -> str | None:
    """``key refused 2m05s ago: what mends it``, unless the client is not ready for another reason."""
    told, error = words(client), client.get("last_error")
    if told is None or error is None:
        return None
    if client.get("state") != "ready" and client.get("reason") != error["message"]:
        return None
    why = error.get("hint") if error["code"] in _FOR_THE_KEY else None
    return f"{told} {duration(time.time() - error['at'])} ago: {why or error['message']}"
