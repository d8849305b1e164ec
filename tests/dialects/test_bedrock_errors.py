"""What refusals of Bedrock become."""

from __future__ import annotations

import json

import pytest

from lokid.dialects.bedrock_errors import classify, in_stream, reason
from lokid.errors import (
    AuthenticationFailed,
    BadRequest,
    ContextLengthExceeded,
    LokidError,
    Overloaded,
    PermissionDenied,
    ProviderFailed,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    UnknownModel,
)


@pytest.mark.parametrize(
    ("status", "code", "said", "kind", "retryable"),
    [
        (403, "AccessDeniedException", "You don't have access to the model", PermissionDenied, False),
        (403, "UnrecognizedClientException", "The security token is invalid", AuthenticationFailed, False),
        (403, "InvalidSignatureException", "The signature does not match", AuthenticationFailed, False),
        (403, "ExpiredTokenException", "The security token is expired", AuthenticationFailed, False),
        (403, "MissingAuthenticationTokenException", "Missing token", AuthenticationFailed, False),
        (400, "ValidationException", "max_tokens: must be 1 or more", BadRequest, False),
        (400, "ValidationException", "Input is too long for requested model.", ContextLengthExceeded, False),
        (400, "ValidationException", "The provided model identifier is invalid.", UnknownModel, False),
        (404, "ResourceNotFoundException", "Could not resolve the model", UnknownModel, False),
        (408, "ModelTimeoutException", "took too long", ProviderUnavailable, False),
        (424, "ModelErrorException", "the model failed", ProviderFailed, False),
        (424, "ModelStreamErrorException", "the model failed", ProviderFailed, False),
        (429, "ThrottlingException", "Too many tokens, please wait", RateLimited, True),
        (429, "ThrottlingException", "Too many tokens per day, please wait", QuotaExceeded, False),
        (429, "ModelNotReadyException", "being restored", Overloaded, True),
        (400, "ServiceQuotaExceededException", "above the quota", QuotaExceeded, False),
        (500, "InternalServerException", "oops", ProviderUnavailable, True),
        (503, "ServiceUnavailableException", "oops", ProviderUnavailable, True),
        (418, "SomethingNewException", "oops", BadRequest, False),
    ],
)
@pytest.mark.parametrize("key", ["message", "Message"])
def test_the_code_is_in_a_header_and_the_reason_in_the_body(
    status: int, code: str, said: str, kind: type[LokidError], retryable: bool, key: str
) -> None:
    """Loki does not read the header."""
    headers = {"x-amzn-errortype": f"{code}:http://internal.amazon.com/coral/", "x-amzn-requestid": "r-1"}
    error = classify(status, headers, json.dumps({key: said}).encode())
    assert (type(error), error.retryable, error.status) == (kind, retryable, status)
    assert said in error.message
    assert error.request_id == "r-1"


def test_the_code_may_be_in_the_body() -> None:
    body = b'{"__type": "com.amazon.coral.service#ThrottlingException", "message": "slow"}'
    assert type(classify(400, {}, body)) is RateLimited


def test_a_reason_of_the_model_behind_is_told() -> None:
    body = b'{"message": "The model failed", "originalStatusCode": 400, "originalMessage": "bad image"}'
    assert "The model failed: bad image" in classify(424, {}, body).message
    assert "bad image" in classify(424, {}, b'{"originalMessage": "bad image", "message": ""}').message


def test_a_hint_names_the_settings_of_this_type() -> None:
    hint = classify(401, {}, b"").hint
    assert hint and "secret_access_key" in hint and "region" in hint


@pytest.mark.parametrize(
    "body", [b"", b"<html><title>Bad gateway</title>", b"[]", b'{"error": {"message": "from a gateway"}}']
)
def test_gateways_answer_what_they_like(body: bytes) -> None:
    error = classify(502, {"content-type": "text/html"}, body)
    assert type(error) is ProviderUnavailable and error.retryable
    assert ("gateway" in error.message.lower()) == (b"ateway" in body or body in (b"", b"[]"))


def test_errors_in_a_stream_have_the_same_names() -> None:
    assert type(in_stream("throttlingException", "slow")) is RateLimited
    assert type(in_stream("ThrottlingException", "Too many tokens per day")) is QuotaExceeded
    assert type(in_stream("expiredTokenException", "expired")) is AuthenticationFailed
    assert type(in_stream("", "")) is ProviderFailed


def test_the_reason_of_a_frame_may_be_missing() -> None:
    assert reason(b'{"message": "m"}') == "m"
    assert reason(b"m") == reason(b"[]") == ""
