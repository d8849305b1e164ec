"""How each provider refuses: bodies, statuses and headers of its own, for the contract tests.

A new type needs a row in ``REFUSALS`` with all of ``KINDS``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lokid.errors import (
    AuthenticationFailed,
    ContentFiltered,
    ContextLengthExceeded,
    LokidError,
    Overloaded,
    ProviderUnavailable,
    RateLimited,
    UnknownModel,
)

KINDS = ("wrong key", "unknown model", "context overflow", "content filter", "overloaded", "rate limited")
WAIT_S = 34.0
"""Seconds that each ``rate limited`` asks to wait."""


@dataclass(frozen=True)
class Refused:
    """``body`` is JSON. ``kind``: what it must become."""

    kind: type[LokidError]
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return json.dumps(self.body).encode()


def _openai(said: str, code: str | None = None, kind: str = "invalid_request_error") -> Any:
    return {"error": {"message": said, "type": kind, "param": None, "code": code}}


def _azure(code: str, said: str, **more: Any) -> Any:
    return {"error": {"code": code, "message": said, **more}}


def _claude(kind: str, said: str) -> Any:
    return {"type": "error", "error": {"type": kind, "message": said}, "request_id": "req_1"}


def _google(code: int, status: str, said: str, **detail: Any) -> Any:
    details = [{"@type": f"type.googleapis.com/google.rpc.{detail.pop('kind')}", **detail}] if detail else []
    return {"error": {"code": code, "message": said, "status": status, "details": details}}


def _aws(kind: str) -> dict[str, str]:
    address = "http://internal.amazon.com/coral/com.amazon.bedrock/"
    return {"x-amzn-errortype": f"{kind}:{address}", "x-amzn-requestid": "req-1"}


_LATER = {"retry-after": f"{WAIT_S:g}"}
_BLOCKED = {"hate": {"filtered": True, "severity": "high"}, "violence": {"filtered": False}}
_TOO_LONG = "This model's maximum context length is 8192 tokens. Your messages resulted in 9000 tokens."
_SLOW = "Rate limit reached for requests per min. Limit: 3 / min."

REFUSALS: Mapping[str, Mapping[str, Refused]] = {
    "openai": {
        "wrong key": Refused(
            AuthenticationFailed, 401, _openai("Incorrect API key provided: sk-x...y.", "invalid_api_key")
        ),
        "unknown model": Refused(
            UnknownModel, 404, _openai("The model `gpt-9` does not exist.", "model_not_found")
        ),
        "context overflow": Refused(
            ContextLengthExceeded, 400, _openai(_TOO_LONG, "context_length_exceeded")
        ),
        "content filter": Refused(
            ContentFiltered,
            400,
            _openai(
                "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
                "invalid_prompt",
            ),
        ),
        "overloaded": Refused(
            Overloaded, 503, _openai("That model is currently overloaded.", None, "server_error")
        ),
        "rate limited": Refused(RateLimited, 429, _openai(_SLOW, "rate_limit_exceeded", "requests"), _LATER),
    },
    "openai-compatible": {
        "wrong key": Refused(AuthenticationFailed, 401, {"detail": "Unauthorized"}),
        "unknown model": Refused(UnknownModel, 404, {"error": 'model "llama9" not found, try pulling it'}),
        "context overflow": Refused(
            ContextLengthExceeded,
            400,
            {
                "error": {
                    "code": 400,
                    "message": "the request exceeds the available context size",
                    "type": "exceed_context_size_error",
                }
            },
        ),
        "content filter": Refused(ContentFiltered, 400, _openai("Refused by policy.", "content_filter")),
        "overloaded": Refused(
            Overloaded, 503, {"error": {"code": 503, "message": "Model busy: overloaded", "metadata": {}}}
        ),
        "rate limited": Refused(RateLimited, 429, {"message": "Requests rate limit exceeded"}, _LATER),
    },
    "azure-openai": {
        "wrong key": Refused(
            AuthenticationFailed,
            401,
            _azure("401", "Access denied due to invalid subscription key or wrong API endpoint."),
        ),
        "unknown model": Refused(
            UnknownModel,
            404,
            _azure("DeploymentNotFound", "The API deployment for this resource does not exist."),
        ),
        "context overflow": Refused(
            ContextLengthExceeded, 400, _azure("context_length_exceeded", _TOO_LONG, param="messages")
        ),
        "content filter": Refused(
            ContentFiltered,
            400,
            _azure(
                "content_filter",
                "The response was filtered due to the prompt triggering the content management policy.",
                innererror={
                    "code": "ResponsibleAIPolicyViolation",
                    "content_filter_result": _BLOCKED,
                },
            ),
        ),
        "overloaded": Refused(
            Overloaded, 503, _azure("ServiceUnavailable", "The engine is currently overloaded.")
        ),
        "rate limited": Refused(
            RateLimited,
            429,
            _azure("RateLimitReached", "Requests have exceeded the rate limit of your tier."),
            {**_LATER, "retry-after-ms": "0"},
        ),
    },
    "claude": {
        "wrong key": Refused(AuthenticationFailed, 401, _claude("authentication_error", "invalid x-api-key")),
        "unknown model": Refused(UnknownModel, 404, _claude("not_found_error", "model: claude-9")),
        "context overflow": Refused(
            ContextLengthExceeded,
            400,
            _claude("invalid_request_error", "prompt is too long: 205148 tokens > 200000 maximum"),
        ),
        "content filter": Refused(
            ContentFiltered,
            400,
            _claude("invalid_request_error", "Output blocked by content filtering policy"),
        ),
        "overloaded": Refused(Overloaded, 529, _claude("overloaded_error", "Overloaded")),
        "rate limited": Refused(
            RateLimited, 429, _claude("rate_limit_error", "This request would exceed your limit."), _LATER
        ),
    },
    "gemini": {
        "wrong key": Refused(
            AuthenticationFailed,
            400,
            _google(
                400,
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.",
                kind="ErrorInfo",
                reason="API_KEY_INVALID",
            ),
        ),
        "unknown model": Refused(
            UnknownModel,
            404,
            _google(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta."),
        ),
        "context overflow": Refused(
            ContextLengthExceeded,
            400,
            _google(
                400,
                "INVALID_ARGUMENT",
                "The input token count exceeds the maximum of 1048576 tokens.",
            ),
        ),
        "content filter": Refused(
            ContentFiltered,
            200,
            {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {}},
        ),
        "overloaded": Refused(
            Overloaded, 503, _google(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
        ),
        "rate limited": Refused(
            RateLimited,
            429,
            _google(
                429,
                "RESOURCE_EXHAUSTED",
                "Resource has been exhausted.",
                kind="RetryInfo",
                retryDelay=f"{WAIT_S:g}s",
            ),
        ),
    },
    "vertexai": {
        "wrong key": Refused(
            AuthenticationFailed,
            401,
            _google(
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials.",
                kind="ErrorInfo",
                reason="ACCESS_TOKEN_EXPIRED",
            ),
        ),
        "unknown model": Refused(
            UnknownModel,
            404,
            _google(
                404,
                "NOT_FOUND",
                "Publisher Model `projects/p/locations/l/publishers/google/models/gemini-9` was not found.",
            ),
        ),
        "context overflow": Refused(
            ContextLengthExceeded,
            400,
            _google(
                400,
                "INVALID_ARGUMENT",
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            ),
        ),
        "content filter": Refused(
            ContentFiltered,
            200,
            {"promptFeedback": {"blockReason": "MODEL_ARMOR", "blockReasonMessage": "Blocked."}},
        ),
        "overloaded": Refused(Overloaded, 503, _google(503, "UNAVAILABLE", "The model is overloaded.")),
        "rate limited": Refused(
            RateLimited,
            429,
            _google(
                429,
                "RESOURCE_EXHAUSTED",
                "Resource exhausted.",
                kind="RetryInfo",
                retryDelay=f"{WAIT_S:g}s",
            ),
        ),
    },
    "bedrock": {
        "wrong key": Refused(
            AuthenticationFailed,
            403,
            {"message": "The security token included in the request is invalid."},
            _aws("UnrecognizedClientException"),
        ),
        "unknown model": Refused(
            UnknownModel,
            400,
            {"message": "The provided model identifier is invalid."},
            _aws("ValidationException"),
        ),
        "context overflow": Refused(
            ContextLengthExceeded,
            400,
            {"message": "Input is too long for requested model."},
            _aws("ValidationException"),
        ),
        "content filter": Refused(
            ContentFiltered,
            400,
            {"message": "Output blocked by content filtering policy"},
            _aws("ValidationException"),
        ),
        "overloaded": Refused(
            Overloaded,
            429,
            {"message": "Model is not ready for inference."},
            _aws("ModelNotReadyException"),
        ),
        "rate limited": Refused(
            RateLimited,
            429,
            {"message": "Too many requests, please wait before trying again."},
            {**_aws("ThrottlingException"), **_LATER},
        ),
    },
    "cohere": {
        "wrong key": Refused(AuthenticationFailed, 401, {"id": "x", "message": "invalid api token"}),
        "unknown model": Refused(
            UnknownModel, 404, {"id": "x", "message": "model 'command-9' not found, make sure it exists"}
        ),
        "context overflow": Refused(
            ContextLengthExceeded,
            400,
            {"id": "x", "message": "too many tokens: size limit exceeded.", "error_type": "TOO_MANY_TOKENS"},
        ),
        "content filter": Refused(
            ContentFiltered,
            498,
            {"id": "x", "message": "a request or response contains a deny-listed token"},
        ),
        "overloaded": Refused(ProviderUnavailable, 503, {"id": "x", "message": "service unavailable"}),
        "rate limited": Refused(
            RateLimited, 429, {"id": "x", "message": "You are past the per minute request limit."}, _LATER
        ),
    },
}
"""Type -> what happened -> how the provider says so."""


def refusals_of(name: str) -> Mapping[str, Refused]:
    found = REFUSALS.get(name, {})
    assert set(found) == set(KINDS), (
        f"tests/fakes/refusals.py does not say how type {name} refuses: give it a row with all of KINDS"
    )
    return found
