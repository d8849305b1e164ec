"""When a server says to come back: ``retry-after`` (RFC 9110, section 10.2.3), ``retry-after-ms``,
and when a rate limit is lifted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC

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


def rate_limit_reset(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds until ``x-ratelimit-reset``, which no standard defines: seconds since the epoch (Cohere,
    GitHub), milliseconds since the epoch (OpenRouter), or seconds from now. ``now``: as above."""
    at = _number(headers.get("x-ratelimit-reset"))
    if at >= _EPOCH_MS:
        at /= 1000
    if at >= _EPOCH_S:
        since = _date(headers.get("date")) if now is None else now
        at = 0.0 if since is None else at - since
    return min(at, MAX_RETRY_AFTER) if at > 0 else None


_EPOCH_S, _EPOCH_MS = 1e9, 1e12
"""Both are the year 2001: no limit lasts thirty years, and no answer comes from so long ago."""


_NUMBER = re.compile(r"\s*([0-9]{1,13}(?:\.[0-9]{0,9})?)\s*")
"""``float`` itself takes fewer kinds of space around a number (not U+001D), and more kinds of digits."""


def _number(value: str | None) -> float:
    found = _NUMBER.fullmatch(value or "")
    return float(found[1]) if found else 0.0


def _date(value: str | None) -> float | None:
    if not value or not value[:1].isalpha():
        return None
    from email.utils import parsedate_to_datetime  # two per cent of a start, and few servers send a date

    try:
        at = parsedate_to_datetime(value)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
