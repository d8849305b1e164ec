from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.dialects.errors import classify, in_band, in_place_of, listed_in, no_answer
from lokid.dialects.redaction import MAX_MESSAGE, clean
from lokid.dialects.refusal import says_why
from lokid.errors import (
    AuthenticationFailed,
    BadRequest,
    ContentFiltered,
    ContextLengthExceeded,
    LokidError,
    Overloaded,
    PermissionDenied,
    ProviderFailed,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    UnknownModel,
    Unsupported,
)


def said(status: int, body: Any, **headers: str) -> LokidError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return classify(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


SHAPES: dict[str, Any] = {
    "OpenAI": {
        "error": {"message": "no such thing", "type": "invalid_request_error", "param": None, "code": None}
    },
    "text": {"error": "no such thing"},
    "message": {"message": "no such thing"},
    "message with a word": {"error": "bad", "message": "no such thing"},
    "OAuth": {"error": "invalid_request", "error_description": "no such thing"},
    "old vLLM": {"object": "error", "message": "no such thing", "type": "BadRequestError", "code": 400},
    "detail": {"detail": "no such thing"},
    "detail with fields": {"detail": {"message": "no such thing"}},
    "FastAPI": {"detail": [{"loc": ["body", "model"], "msg": "no such thing", "type": "missing"}]},
    "FastAPI without a place": {"detail": [{"msg": "no such thing"}]},
    "Cloudflare's AI gateway": {"success": False, "error": [{"code": 2009, "message": "no such thing"}]},
    "Apigee": {"fault": {"faultstring": "no such thing", "detail": {"errorcode": "x.y"}}},
    "Cloudflare": {"success": False, "errors": [{"code": 7003, "message": "no such thing"}]},
    "errors as text": {"errors": ["no such thing"]},
    "Google's list": [{"error": {"code": 400, "message": "no such thing", "status": "INVALID_ARGUMENT"}}],
    "llama.cpp": {"error": {"code": 400, "message": "no such thing", "type": "invalid_request_error"}},
    "Azure": {"error": {"code": "400", "message": "no such thing"}},
    "Cohere": {"id": "1", "message": "no such thing"},
    "msg": {"msg": "no such thing"},
    "MiniMax": {"base_resp": {"status_code": 2013, "status_msg": "no such thing"}},
    "a JSON string": "no such thing",
    "plain text": b"no such thing",
}


def test_a_refusal_with_status_200_is_told_from_an_answer() -> None:
    for shape, value in SHAPES.items():
        assert shape == "plain text" or says_why(json.dumps(value).encode())
    answers: list[Any] = [
        {},
        {
            "choices": [{"message": {"content": "hi"}}],
            "base_resp": {"status_code": 0, "status_msg": "success"},
        },
        {"code": 200, "message": "OK", "choices": [{"message": {"content": "hi"}}]},
        {"type": "message", "content": [{"type": "text", "text": "hi"}]},
        {"message": {"role": "assistant", "content": []}},
        {"status": "completed", "error": None, "output": []},
        [{"candidates": []}],
    ]
    assert not any(says_why(json.dumps(value).encode()) for value in answers)
    assert not says_why(b"<html>")


def test_a_refusal_in_place_of_lists_is_told_from_an_answer() -> None:
    for shape, value in SHAPES.items():
        refusal = in_place_of(value, "data")
        assert shape == "plain text" or (refusal is not None and refusal.refused)
    answers: list[Any] = [
        {},
        {"data": [{"embedding": [0.5]}], "message": "OK", "error": None},
        {"embedding": {"values": [0.5]}},
        [{"index": 0, "score": 0.5, "text": "hi"}],
    ]
    assert not any(in_place_of(value, "data") for value in answers)


def test_what_has_a_usage_is_paid_for_though_it_is_no_answer() -> None:
    assert no_answer({"status": "ok"}, "choices").refused
    assert not no_answer({"usage": {"total_tokens": 9}}, "choices").refused
    assert no_answer({"detail": "Model is overloaded"}, "choices").message.endswith("Model is overloaded")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"error": {"message": "no", "code": 402}}, QuotaExceeded),
        ({"code": 401, "msg": "token expired"}, AuthenticationFailed),
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, QuotaExceeded),
        ({"error": "nothing that is known"}, ProviderFailed),
    ],
)
def test_with_status_200_a_refusal_is_what_it_would_be_within_an_answer(
    value: Any, kind: type[LokidError]
) -> None:
    assert type(in_band(value)) is kind
    assert vars(said(200, value)) == vars(in_band(value))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_error_gives_its_message(shape: str) -> None:
    error = said(400, SHAPES[shape], content_type="text/plain; charset=utf-8")
    assert type(error) is BadRequest
    assert error.message.startswith("the provider refused the request (HTTP 400): ")
    assert error.message.endswith("no such thing")
    assert error.status == 400


WORDS: list[tuple[int, str, type[LokidError]]] = [
    (
        400,
        "This model's maximum prompt length is 131072 but the request contains 2000000 tokens.",
        ContextLengthExceeded,
    ),
    (
        422,
        "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000",
        ContextLengthExceeded,
    ),
    (422, "`inputs` tokens + `max_new_tokens` must be <= 4097. Given: 4000", ContextLengthExceeded),
    (
        400,
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]",
        ContextLengthExceeded,
    ),
    (400, "Invalid request: Your request exceeded model token limit: 8192", ContextLengthExceeded),
    (400, "Prompt超长", ContextLengthExceeded),
    (
        403,
        "Your team has either used all available credits or reached its monthly spending limit.",
        QuotaExceeded,
    ),
    (403, "Out of call volume quota. Quota will be replenished in 12:00:00.", QuotaExceeded),
    (412, "Account x is suspended, possibly due to reaching the monthly spending limit", QuotaExceeded),
    (429, "余额不足或无可用资源包,请充值。", QuotaExceeded),
    (404, "No endpoints found for x/y.", UnknownModel),
    (400, "x/y is not a valid model ID", UnknownModel),
    (400, "/chat/completions: Invalid model name passed in model=x.", UnknownModel),
    (403, "Your input was flagged for sexual", ContentFiltered),
    (403, "The security token included in the request is expired", AuthenticationFailed),
    (401, "the input was flagged, the spending limit is reached", AuthenticationFailed),
    (500, "No endpoints found for x/y.", ProviderUnavailable),
]


@pytest.mark.parametrize(("status", "words", "kind"), WORDS)
def test_what_servers_without_codes_say(status: int, words: str, kind: type[LokidError]) -> None:
    assert type(said(status, {"error": {"message": words, "code": None}})) is kind


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "Bad Gateway"),
        (b"\xff\xfe", "Bad Gateway, without a readable reason"),
        (b"{}", "Bad Gateway, without a readable reason"),
        (b"[]", "Bad Gateway, without a readable reason"),
        (b"null", "Bad Gateway, without a readable reason"),
        (b'{"detail": 5}', "Bad Gateway, without a readable reason"),
        (b'{"errors": []}', "Bad Gateway, without a readable reason"),
        (
            b"<html><head><title>502\n Bad\x1b[31m</title>",
            "a web page instead of an answer, titled '502 Bad [31m'",
        ),
        (b"\n<!doctype html><p>hello", "a web page instead of an answer"),
        (b"[" * 100_000, "Bad Gateway, without a readable reason"),
        (b'{"errors": ' * 400 + b"1" + b"}" * 400, "Bad Gateway, without a readable reason"),
    ],
)
def test_a_body_that_says_nothing_still_gives_a_sentence(body: bytes, words: str) -> None:
    error = said(502, body)
    assert type(error) is ProviderUnavailable
    assert error.message == f"the provider failed (HTTP 502): {words}"


def test_too_many_tokens_of_an_answer_are_not_too_long_a_question() -> None:
    """vLLM's words."""
    words = (
        "'max_tokens' or 'max_completion_tokens' is too large: 100000. This model's maximum context length "
        "is 40960 tokens and your request has 10 input tokens"
    )
    error = {"message": words, "type": "BadRequestError", "code": 400}
    assert type(said(400, {"error": error})) is BadRequest


def test_of_a_page_of_a_firewall_nobody_says_that_the_key_is_valid() -> None:
    error = said(403, b"<!DOCTYPE html><html><title>Just a moment...</title>")
    assert type(error) is PermissionDenied
    assert error.message == (
        "something in front of the provider refused this (HTTP 403): a web page instead of an answer, titled "
        "'Just a moment...'"
    )
    assert error.hint is not None and "firewall" in error.hint
    assert said(403, b"{}").message.startswith("the key is valid but may not do this (HTTP 403)")


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        (504, b"<html><head><title>504 Gateway Time-out</title></head></html>", False),  # nginx
        (504, b"upstream request timeout", False),  # Envoy
        (504, b'{"message": "Endpoint request timed out"}', False),  # API Gateway
        (524, b"", False),  # Cloudflare
        (524, b'{"type": "about:blank", "title": "Gateway Timeout", "status": 524}', False),  # RFC 9457
        (504, b'{"error": "Gateway Timeout", "message": "late", "status": 504}', False),  # Spring
        (504, b'{"error": {"type": "upstream_timeout", "code": "timeout", "message": "late"}}', False),
        (504, b'{"status": 504, "message": "upstream request timeout"}', False),  # Envoy
        (504, b'{"code": 504, "message": "late"}', False),
        (504, b'{"title": "Gateway Timeout", "status": 504}', False),
        (504, b'{"error": {"type": "api_error", "code": "gateway_timeout", "message": "late"}}', False),
        (504, b'{"error": {"type": "server_error", "code": "timeout", "message": "late"}}', False),
        (504, b'{"error": {"type": "", "code": "", "message": "Endpoint request timed out"}}', False),
        (504, b'{"error": {"type": "server_error", "message": "late"}}', True),  # OpenAI
        (504, b'{"error": {"code": 504, "message": "late", "status": "DEADLINE_EXCEEDED"}}', True),  # Gemini
        (504, b'{"type": "error", "error": {"type": "timeout_error", "message": "late"}}', True),  # Claude
        (504, b'{"error": {"message": "late", "code": 504}}', True),  # OpenRouter
        (408, b'{"error": {"message": "litellm.Timeout: late", "type": null, "code": "408"}}', False),
        (408, b'{"error": {"message": "late", "type": "timeout_error"}}', False),  # Portkey
        (408, b'{"error": {"message": "late", "code": "ModelTimeoutException"}}', True),
        (503, b"<html>no server is available</html>", True),
    ],
)
def test_a_gateway_that_waits_no_longer_has_refused_nothing(status: int, body: bytes, refused: bool) -> None:
    error = classify(status, {}, body)
    assert (error.refused, error.retryable) == (refused, True)


def test_an_empty_list_with_a_reason_is_no_list() -> None:
    with pytest.raises(LokidError, match="invalid token"):
        listed_in({"data": [], "success": False, "message": "invalid token"}, "data")
    assert not listed_in({"data": [], "success": True, "message": ""}, "data")


def test_a_status_that_nobody_knows_and_a_redirect_are_explained() -> None:
    assert said(599, b"").message == "the provider failed (HTTP 599): an unknown status"
    redirect = said(302, b"<html>", location="https://elsewhere/?key=1")
    assert type(redirect) is ProviderFailed
    assert "a redirect, which lokid does not follow" in redirect.message
    assert "elsewhere" not in redirect.message
    assert said(500, b"\x00\x01", content_type="text/plain").message.endswith("without a readable reason")


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, BadRequest, False),
        (401, AuthenticationFailed, False),
        (402, QuotaExceeded, False),
        (403, PermissionDenied, False),
        (404, BadRequest, False),
        (405, BadRequest, False),
        (407, ProviderUnavailable, False),
        (408, ProviderUnavailable, True),
        (409, ProviderUnavailable, True),
        (413, BadRequest, False),
        (422, BadRequest, False),
        (425, ProviderUnavailable, False),
        (429, RateLimited, True),
        (498, Overloaded, True),
        (499, ProviderUnavailable, False),
        (500, ProviderUnavailable, True),
        (501, Unsupported, False),
        (502, ProviderUnavailable, True),
        (503, ProviderUnavailable, True),
        (504, ProviderUnavailable, True),
        (529, Overloaded, True),
    ],
)
def test_the_status_decides_where_the_body_does_not(
    status: int, kind: type[LokidError], retryable: bool
) -> None:
    error = said(status, {"error": {"message": "sorry"}})
    assert (type(error), error.retryable) == (kind, retryable)
    assert error.message.endswith(f"(HTTP {status}): sorry")


def coded(code: Any, message: str = "sorry", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, coded("context_length_exceeded"), ContextLengthExceeded),
        (400, coded(400, "request (9 tokens)", type="exceed_context_size_error"), ContextLengthExceeded),
        (400, coded(None, "This model's maximum context length is 8192 tokens"), ContextLengthExceeded),
        (413, {"message": "too many tokens"}, ContextLengthExceeded),
        *(
            (500, coded(500, words, type="server_error"), kind)  # llama.cpp
            for words, kind in (
                (
                    "input (9 tokens) is too large to process. increase the physical batch",
                    ContextLengthExceeded,
                ),
                ("input is larger than the max context size. skipped", ContextLengthExceeded),
                ("image input is not supported - hint: you may need to provide the mmproj", Unsupported),
                ("Conversation roles must alternate user/assistant", BadRequest),
                ("Compute error.", ProviderUnavailable),
            )
        ),
        (429, coded("insufficient_quota", type="insufficient_quota"), QuotaExceeded),
        (429, coded(None, "You exceeded your current quota, please check your plan"), QuotaExceeded),
        (400, {"error": {"message": "Your credit balance is too low"}}, QuotaExceeded),
        (404, coded("model_not_found"), UnknownModel),
        (400, coded("model_not_found"), UnknownModel),
        (404, coded("DeploymentNotFound"), UnknownModel),
        (404, coded(404, 'model "x" not found, try pulling it first', type="not_found_error"), UnknownModel),
        (400, {"error": "The model `x` does not exist"}, UnknownModel),
        (404, {"detail": "Model not found"}, UnknownModel),
        (404, {"message": "unknown model: x"}, UnknownModel),
        (400, {"message": "the model called a tool that was not found"}, BadRequest),
        (400, coded("content_filter"), ContentFiltered),
        (400, coded("400", innererror={"code": "ResponsibleAIPolicyViolation"}), ContentFiltered),
        (400, coded("invalid_api_key"), AuthenticationFailed),
        (400, coded(None, "Invalid API key given"), AuthenticationFailed),
        (403, coded(None, "missing API key"), AuthenticationFailed),
        (403, coded(None, "the model x does not exist for you"), PermissionDenied),
        (401, coded("401", "maximum context length"), AuthenticationFailed),
        (429, coded("RateLimitReached"), RateLimited),
        (429, coded(None, "context window is full of requests"), RateLimited),
        (503, coded(503, "Loading model", type="unavailable_error"), ProviderUnavailable),
        (503, coded(None, "We are overloaded"), Overloaded),
        (500, coded(None, "model x not found"), ProviderUnavailable),
        (400, coded(None, "overloaded operator"), BadRequest),
        (422, coded(None, "credit balance of the model"), BadRequest),
        (500, coded("slow_down"), Overloaded),
        (500, coded(None, "x", type="server_error"), ProviderUnavailable),
        (501, coded(501, "does not support reranking", type="not_supported_error"), Unsupported),
        (400, coded("tool_use_failed"), BadRequest),
        (404, coded(None, "no", type="api_error"), BadRequest),
        (500, coded(None, "no", type="invalid_request_error"), ProviderUnavailable),
        (400, coded("unsupported_parameter"), BadRequest),
    ],
)
def test_a_known_code_or_the_words_of_a_server_without_codes_decide(
    status: int, body: Any, kind: type[LokidError]
) -> None:
    assert type(said(status, body)) is kind


def test_an_empty_account_is_never_asked_again_a_full_one_is() -> None:
    assert said(429, coded("insufficient_quota")).retryable is False
    assert said(429, coded("insufficient_quota"), x_should_retry="true").retryable is False
    assert said(429, coded("rate_limit_exceeded")).retryable is True


def test_the_server_may_say_whether_to_retry() -> None:
    assert said(400, {}, x_should_retry="true").retryable is True
    assert said(500, {}, x_should_retry="False").retryable is False
    assert said(500, {}, x_should_retry="maybe").retryable is True


def test_a_code_of_the_status_keeps_the_rule_of_the_status() -> None:
    assert said(425, {"error": {"code": "server_error"}}).retryable is False
    assert said(500, {"error": {"code": "server_error"}}).retryable is True


def test_facts_of_the_headers_are_kept() -> None:
    error = said(429, {}, retry_after="1", retry_after_ms="0", x_request_id="req_1")
    assert (error.retry_after_s, error.request_id) == (1.0, "req_1")
    assert said(500, {}, request_id="a", cf_ray="b").request_id == "a"
    assert said(500, {}, x_request_id="a\nb" * 3, cf_ray="x" * 200).request_id is None
    date = {"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT"}
    assert classify(429, date, b"", now=784_111_777.0).retry_after_s == 10.0


def test_hints_say_what_to_do() -> None:
    assert "api_key" in (said(401, {}).hint or "")
    assert said(400, {}).hint is None
    assert (said(429, {}).hint or "").startswith("try again a little later, or")
    assert (said(503, {}, retry_after="6.2").hint or "").startswith("try again in 7 s, or")


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ({"error": {"code": 400, "message": "Token limit reached"}}, BadRequest, 400),
        ({"error": {"code": "429", "message": "slow"}}, RateLimited, 429),
        ({"error": {"code": 200, "message": "what"}}, ProviderFailed, None),
        ({"error": {"code": True, "message": "what"}}, ProviderFailed, None),
        ({"error": {"message": "boom", "type": "server_error"}}, ProviderUnavailable, None),
        ({"error": {"message": "boom", "type": "invalid_request_error"}}, BadRequest, None),
        ({"error": {"message": "boom"}}, ProviderFailed, None),
        ({"error": {"message": "maximum context length is 1"}}, ContextLengthExceeded, None),
        ({"type": "error", "code": "insufficient_quota", "message": "boom"}, QuotaExceeded, None),
        ("boom", ProviderFailed, None),
        (7, ProviderFailed, None),
    ],
)
def test_an_error_inside_an_answer_is_classified_as_well(
    error: Any, kind: type[LokidError], status: int | None
) -> None:
    found = in_band(error)
    assert (type(found), found.status) == (kind, status)
    assert "boom" in found.message or error != "boom"


def test_what_the_provider_behind_a_router_said_is_kept() -> None:
    error = said(
        429, {"error": {"code": 429, "message": "Provider returned error", "metadata": {"raw": "busy"}}}
    )
    assert error.message.endswith("Provider returned error: busy")


SECRETS = [
    "sk-proj-abcdefghijklmnop",
    "sk-proj-****************abcd",
    "Bearer abc.def",
    "Basic dXNlcjpwdw==",
    "gsk_0123456789abcdef",
    "AIzaSyA0123456789abcdef",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_123",
    "0123456789abcdef0123456789abcdef",
    "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6MQ==",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_key_is_redacted(secret: str) -> None:
    for body in (coded(None, f"Incorrect key: {secret}. See the docs"), f"x {secret}", {"detail": secret}):
        message = said(401, body).message
        assert secret not in message
        assert "[redacted]" in message


@pytest.mark.parametrize(
    "words",
    [
        "The model `anthropic/claude-sonnet-4-5-20250929` does not exist",
        "see https://platform.openai.com/docs/guides/error-codes/api-errors",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'.",
        "request 123e4567-e89b-12d3-a456-426614174000 failed",
        "Meta-Llama-3.1-405B-Instruct-Turbo-2024-07-23-experimental",
        "a very_long_identifier_without_any_digits_in_it_at_all",
    ],
)
def test_what_does_not_look_like_a_key_stays(words: str) -> None:
    assert clean(words) == words


def test_messages_are_one_short_line_without_control_characters() -> None:
    message = said(400, {"message": "a\x1b[2J\r\nb\u202e\x00 \u2028c" + "é " * 5000}).message
    assert message.isprintable()
    assert "a [2J b c" in message
    assert len(clean("x y " * 1000)) <= MAX_MESSAGE
    assert clean("x y " * 1000).endswith("…")


@given(st.binary(max_size=300), st.integers(300, 599))
def test_any_body_gives_an_error_with_a_printable_message(body: bytes, status: int) -> None:
    error = classify(status, {"content-type": "text/plain"}, body)
    assert error.message.isprintable()
    assert len(error.message) <= MAX_MESSAGE + 100


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["429", "server_error"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["error", "errors", "detail", "message", "code", "type", "loc", "msg", "metadata", "raw"]
            ),
            inner,
            max_size=3,
        )
    ),
)


@given(JSON)
def test_any_json_where_an_error_should_be_gives_an_error(value: Any) -> None:
    assert in_band(value).message.isprintable()
    assert said(400, value).message.isprintable()


def test_a_rate_limit_without_retry_after_waits_until_its_reset() -> None:
    limits = {"x_ratelimit_reset": "1800000012", "date": "Fri, 15 Jan 2027 08:00:00 GMT"}
    assert said(429, {}, **limits).retry_after_s == 12.0
    assert said(429, {}, retry_after="3", **limits).retry_after_s == 3.0
    assert said(400, {}, **limits).retry_after_s is None


def test_a_delay_in_googles_body_counts() -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}
    error = said(429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [retry]}})
    assert (type(error), error.retry_after_s, error.retryable) == (RateLimited, 34.4, True)


def test_the_day_of_a_daily_quota_is_not_waited_for() -> None:
    quota = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
    error = said(429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [quota]}})
    assert (type(error), error.retryable) == (QuotaExceeded, False)
