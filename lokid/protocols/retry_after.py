"""When a server says to come back: ``retry-after`` (RFC 9110, section 10.2.3) and ``retry-after-ms``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER = 7 * 86400.0
"""Seconds. A wait beyond a week is a date gone wrong, not advice."""


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait, the larger of both headers, or None. ``headers``: lower-case names. ``now``: seconds
    since the epoch, for a value that is a date; without it the answer's own ``date`` header counts.

    The larger: Azure sends ``retry-after: 1`` together with ``retry-after-ms: 0``. Zero says nothing.
    """
    value = headers.get("retry-after")
    waits = [_number(headers.get("retry-after-ms")) / 1000, _number(value)]
    if (at := _date(value)) is not None:
        since = _date(headers.get("date")) if now is None else now
        if since is not None:
            waits.append(at - since)
    longest = max(waits)
    return min(longest, MAX_RETRY_AFTER) if longest > 0 else None


def _number(value: str | None) -> float:
    return float(value) if value and re.fullmatch(r"\s*\d{1,12}(\.\d{0,9})?\s*", value) else 0.0


def _date(value: str | None) -> float | None:
    if not value or not value[:1].isalpha():
        return None
    try:
        at = parsedate_to_datetime(value)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
