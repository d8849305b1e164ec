"""What Google's refusals become: the details say more than the status."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lokid.dialects.errors import classify
from lokid.errors import (
    AuthenticationFailed,
    BadRequest,
    ContextLengthExceeded,
    LokidError,
    Overloaded,
    PermissionDenied,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    UnknownModel,
)

RPC = "type.googleapis.com/google.rpc"


def body(code: int, status: str, message: str = "No.", *details: Any) -> Any:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def refused(status: int, value: Any, headers: dict[str, str] | None = None) -> LokidError:
    return classify(status, headers or {}, json.dumps(value).encode())


def info(reason: str) -> dict[str, Any]:
    return {"@type": f"{RPC}.ErrorInfo", "reason": reason, "domain": "googleapis.com"}


def quota(*ids: Any) -> dict[str, Any]:
    return {"@type": f"{RPC}.QuotaFailure", "violations": [{"quotaId": one} for one in ids]}


def delay(text: Any) -> dict[str, Any]:
    return {"@type": f"{RPC}.RetryInfo", "retryDelay": text}


MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"

CASES: list[tuple[int, Any, type[LokidError], bool]] = [
    (
        400,
        body(400, "INVALID_ARGUMENT", "API key not valid.", info("API_KEY_INVALID")),
        AuthenticationFailed,
        False,
    ),
    (400, body(400, "INVALID_ARGUMENT", "Please use a valid role: user, model."), BadRequest, False),
    (
        400,
        body(
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        ),
        ContextLengthExceeded,
        False,
    ),
    (401, body(401, "UNAUTHENTICATED", "No.", info("ACCESS_TOKEN_EXPIRED")), AuthenticationFailed, False),
    (403, body(403, "PERMISSION_DENIED", "No.", info("SERVICE_DISABLED")), PermissionDenied, False),
    (403, body(403, "PERMISSION_DENIED", "No.", info("BILLING_DISABLED")), QuotaExceeded, False),
    (404, body(404, "NOT_FOUND", "models/gemini-x is not found for API version v1beta"), UnknownModel, False),
    (
        404,
        body(
            404,
            "NOT_FOUND",
            "Publisher Model `projects/p/locations/l/publishers/google/models/x` was not found",
        ),
        UnknownModel,
        False,
    ),
    (
        429,
        body(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", quota(MINUTE)),
        RateLimited,
        True,
    ),
    (429, body(429, "RESOURCE_EXHAUSTED", "Slow down."), RateLimited, True),
    (429, body(429, "RESOURCE_EXHAUSTED", "No.", quota(MINUTE, DAY)), QuotaExceeded, False),
    (500, body(500, "INTERNAL"), ProviderUnavailable, True),
    (503, body(503, "UNAVAILABLE", "The model is overloaded."), Overloaded, True),
    (503, body(503, "UNAVAILABLE", "Later."), ProviderUnavailable, True),
    (504, body(504, "DEADLINE_EXCEEDED"), ProviderUnavailable, True),
]


@pytest.mark.parametrize(("status", "value", "kind", "retryable"), CASES)
def test_refusals_are_told_apart(status: int, value: Any, kind: type[LokidError], retryable: bool) -> None:
    """As they are, and wrapped in a list, as streams without SSE and Google's compatible API send them."""
    for found in (refused(status, value), refused(status, [value])):
        assert type(found) is kind
        assert found.retryable is retryable and found.status == status


@pytest.mark.parametrize(
    ("details", "headers", "wait"),
    [
        ([delay("34.4s")], {}, 34.4),
        ([delay("34.074824224s"), quota(MINUTE)], {}, 34.074824224),
        ([delay("3s")], {"retry-after": "7"}, 7.0),
        ([delay("9s")], {"retry-after": "7"}, 9.0),
        ([delay("999999999s")], {}, 7 * 86400.0),
        *(([delay(odd)], {}, None) for odd in ("0s", "", "3", "-1s", "1e9s", None, 5, [])),
        ([None, 5, {"violations": None}, {"violations": [None, {"quotaId": 5}]}], {}, None),
    ],
)
def test_the_delay_in_the_body_is_honoured(
    details: list[Any], headers: dict[str, str], wait: float | None
) -> None:
    found = refused(429, body(429, "RESOURCE_EXHAUSTED", "No.", *details), headers)
    assert type(found) is RateLimited and found.retry_after_s == wait


def test_a_quota_of_the_day_is_not_waited_for() -> None:
    """Google names the delay of the minute beside it."""
    found = refused(429, body(429, "RESOURCE_EXHAUSTED", "No.", quota(DAY), delay("34s")))
    assert found.retry_after_s is None and found.retryable is False
