from __future__ import annotations

import pytest

from lokid.protocols.retry_after import MAX_RETRY_AFTER, rate_limit_reset, retry_after

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "1"}, 1.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "1", "retry-after-ms": "0"}, 1.0),  # Azure
        ({"retry-after": "1", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": "\x1d1"}, 1.0),  # space to one function of Python, none to another
        ({"retry-after-ms": "\u0661"}, None),
        ({"retry-after": "999999999999"}, MAX_RETRY_AFTER),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT"}, 10.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:47 -0000"}, 10.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:27 GMT"}, None),
        ({"retry-after": "Sun, 99 Nov 1994 08:49:27 GMT"}, None),
    ],
)
def test_seconds_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


def test_a_date_counts_from_the_answers_own_date_when_nobody_says_what_time_it_is() -> None:
    when = {"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT"}
    assert retry_after({**when, "date": "Sun, 06 Nov 1994 08:49:37 GMT"}) == 10.0
    assert retry_after(when) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("784111787", MAX_RETRY_AFTER),  # no epoch, but seconds, and too many
        ("1800000012", 12.0),  # Cohere
        ("1800000012500", 12.5),  # OpenRouter
        ("1799999990", None),
        ("30", 30.0),
        ("0", None),
        ("6m0s", None),
        (None, None),
    ],
)
def test_a_rate_limit_is_lifted_at_a_time_or_after_some(value: str | None, seconds: float | None) -> None:
    headers = {} if value is None else {"x-ratelimit-reset": value}
    assert rate_limit_reset(headers, 1_800_000_000.0) == seconds


def test_without_a_clock_the_answers_own_date_counts_for_a_rate_limit() -> None:
    reset = {"x-ratelimit-reset": "1800000012"}
    assert rate_limit_reset({**reset, "date": "Fri, 15 Jan 2027 08:00:00 GMT"}) == 12.0
    assert rate_limit_reset(reset) is None
