"""AWS Signature Version 4."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.protocols.http import HTTPRequest
from lokid.protocols.sigv4 import UNSIGNED, AccessKey, canonical_request, sign

KEY = AccessKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOW = 1440938160.0  # 2015-08-30T12:36:00Z, the time of AWS's published examples
URL = "https://example.amazonaws.com/"


def signed(request: HTTPRequest, key: AccessKey = KEY, **more: Any) -> HTTPRequest:
    return sign(request, key, **{"region": "us-east-1", "service": "service", "now": NOW, **more})


def authorization(request: HTTPRequest, **more: Any) -> str:
    return signed(request, **more).headers["authorization"]


def canonical(url: str = URL, **headers: str) -> list[str]:
    return canonical_request(HTTPRequest("GET", url, headers))[1].split("\n")


def test_the_published_example_has_its_signature() -> None:
    """get-vanilla of AWS's test suite for Signature Version 4."""
    assert authorization(HTTPRequest("GET", URL)) == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )


def test_the_published_example_with_a_query_has_its_signature() -> None:
    """get-vanilla-query-order-key-case of the same suite."""
    found = authorization(HTTPRequest("GET", f"{URL}?Param2=value2&Param1=value1"))
    assert found.endswith("Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")


def test_headers_are_added_for_time_and_session() -> None:
    request = signed(HTTPRequest("POST", URL, {"a": "b"}), AccessKey("id", "secret", "token"))
    assert request.headers.keys() == {"a", "x-amz-date", "x-amz-security-token", "authorization"}
    assert request.headers["x-amz-date"] == "20150830T123600Z"
    assert "SignedHeaders=a;host;x-amz-date;x-amz-security-token," in request.headers["authorization"]


def test_headers_that_a_patch_added_are_signed_sorted_lower_case_and_trimmed() -> None:
    """Loki signs them in the order and the case in which they came."""
    names, text = canonical_request(HTTPRequest("GET", URL, {"x-b": "  two \t words ", "X-A": "1"}))
    assert names == "host;x-a;x-b"
    assert text.split("\n")[3:6] == ["host:example.amazonaws.com", "x-a:1", "x-b:two words"]


def test_what_carries_the_request_may_change_is_not_signed() -> None:
    assert canonical(**dict.fromkeys(UNSIGNED, "x"))[3:5] == ["host:example.amazonaws.com", ""]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://H.Example/", "h.example"),
        ("https://h.example:443/", "h.example"),
        ("https://h.example:8443/", "h.example:8443"),
        ("http://127.0.0.1:80/", "127.0.0.1"),
        ("http://[::1]:8080/", "[::1]:8080"),
    ],
)
def test_the_host_is_the_one_that_is_sent(url: str, host: str) -> None:
    assert canonical(url)[3] == f"host:{host}"


def test_a_host_that_a_patch_set_is_signed() -> None:
    assert canonical(host="other.example")[3] == "host:other.example"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", "/"),
        ("/", "/"),
        ("/model/a%3A0/converse", "/model/a%253A0/converse"),
        ("/model/arn%3Aaws%2Fx/invoke", "/model/arn%253Aaws%252Fx/invoke"),
        ("/a//b/./c/../d", "/a/b/d"),
        ("/../a/", "/a/"),
        ("/~a-b_c.d", "/~a-b_c.d"),
    ],
)
def test_the_path_is_encoded_once_more(path: str, line: str) -> None:
    assert canonical(f"https://h.example{path}")[1] == line


def test_parameters_are_sorted() -> None:
    assert canonical(f"{URL}?b=2&a&b=1&a=%20")[2] == "a=&a=%20&b=1&b=2"


def test_the_body_that_is_sent_is_signed() -> None:
    assert authorization(HTTPRequest("POST", URL, {}, {"a": "é"})) != authorization(
        HTTPRequest("POST", URL, {}, {"a": "e"})
    )


def test_a_patch_may_leave_the_body_unsigned() -> None:
    assert canonical(**{"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})[-1] == "UNSIGNED-PAYLOAD"


def test_a_patch_may_sign_itself_or_not_at_all() -> None:
    own = HTTPRequest("GET", URL, {"authorization": "mine"})
    assert signed(own) == own
    none = HTTPRequest("GET", URL, absent=frozenset({"authorization"}))
    assert signed(none) == none


def test_a_time_that_a_patch_set_is_the_one_that_counts() -> None:
    request = HTTPRequest("GET", URL, {"x-amz-date": "20150830T123600Z"})
    assert signed(request, now=0.0) == signed(HTTPRequest("GET", URL))


def test_no_secret_is_shown() -> None:
    key = AccessKey("id", "very-secret", "session-secret")
    request = signed(HTTPRequest("GET", URL), key)
    assert "secret" not in repr(key) + repr(request)
    assert "very-secret" not in str(request.headers)


@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True), st.text(max_size=20), max_size=5),
    st.floats(0, 4e9),
    st.text(max_size=20),
)
def test_a_signature_depends_on_nothing_but_its_arguments(
    headers: dict[str, str], now: float, word: str
) -> None:
    shuffled = dict(reversed(headers.items()))
    one = signed(HTTPRequest("POST", URL, headers, word), now=now)
    other = signed(HTTPRequest("POST", URL, shuffled, word), now=now)
    assert one.headers["authorization"] == other.headers["authorization"]
    assert one.body == word
