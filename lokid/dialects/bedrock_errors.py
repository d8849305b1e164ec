"""Refusals of Amazon Bedrock: the code is in a header, or in the frame of a stream, the reason in the body.

Reference: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html and the errors of each
operation. The codes themselves stand in ``error_words.CODES``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lokid.dialects import errors
from lokid.dialects.redaction import short
from lokid.dialects.untrusted import loads, mapping, text
from lokid.errors import AuthenticationFailed, LokidError, QuotaExceeded, RateLimited

NEVER_AGAIN = (408, 424)
"""The model did not finish in time, or failed on this request: the official SDKs do not send it again."""

KEYS_HINT = "check api_key, or access_key_id, secret_access_key and session_token, and region of this client"


def classify(status: int, headers: Mapping[str, str], body: bytes) -> LokidError:
    """``x-amzn-errortype: ThrottlingException:http://internal...``; the body has ``message`` or
    ``Message``, and ``__type`` where there is no header."""
    try:
        answer = mapping(loads(body))
    except ValueError:
        answer = {}
    code = _code(headers.get("x-amzn-errortype", "") or text(answer.get("__type")))
    said = _said(answer)
    told = code or answer.keys() & {"message", "Message"}
    error = errors.classify(status, headers, _canonical(code, said) if told else body)
    if status in NEVER_AGAIN:
        error.retryable = False
    return _refined(error, said)


def in_stream(code: str, said: str) -> LokidError:
    """An exception or an error that a stream ended with."""
    return _refined(errors.in_band(json.loads(_canonical(_code(code), said))), said)


def reason(payload: bytes) -> str:
    """What the JSON of an exception's frame says."""
    try:
        return _said(mapping(loads(payload)))
    except ValueError:
        return ""


def _said(answer: Mapping[str, Any]) -> str:
    said = text(answer.get("message")) or text(answer.get("Message"))
    behind = text(answer.get("originalMessage"))  # what the model's own server said
    return f"{said}: {behind}" if said and behind else said or behind


def _code(word: str) -> str:
    """``com.amazon.coral#Name:address`` -> ``Name``."""
    return short(word.partition(":")[0].rpartition("#")[2].strip(), 100)


def _canonical(code: str, said: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": said}}).encode()


def _refined(error: LokidError, said: str) -> LokidError:
    if isinstance(error, RateLimited) and "per day" in said.lower():
        # "Too many tokens per day, please wait before trying again."
        return QuotaExceeded(
            error.message,
            hint="wait until tomorrow, or ask for a higher quota of this model",
            status=error.status,
            retry_after_s=error.retry_after_s,
            request_id=error.request_id,
            refused=error.refused,
        )
    if isinstance(error, AuthenticationFailed):
        error.hint = KEYS_HINT
    return error
