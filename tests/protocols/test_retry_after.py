from __future__ import annotations

import pytest

from lokid.protocols.retry_after import MAX_RETRY_AFTER, retry_after

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
