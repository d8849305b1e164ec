"""Where a request goes, against the HTTP library's reading of the same URL."""

from __future__ import annotations

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.protocols.address import Address, address


@pytest.mark.parametrize(
    "url, expected",
    [
        ("https://api.example.com/v1", Address(True, "api.example.com", 443, "api.example.com", "/v1")),
        ("http://127.0.0.1:8080", Address(False, "127.0.0.1", 8080, "127.0.0.1:8080", "/")),
        ("https://[::1]:444/a?b=c d", Address(True, "::1", 444, "[::1]:444", "/a?b=c%20d")),
        (
            "https://API.example.com:443/é?",
            Address(True, "api.example.com", 443, "api.example.com", "/%C3%A9"),
        ),
        (
            "https://bücher.example/%41#x",
            Address(True, "xn--bcher-kva.example", 443, "xn--bcher-kva.example", "/%41"),
        ),
        ("https://user:pass@h/m:generate", Address(True, "h", 443, "h", "/m:generate")),
    ],
)
def test_a_url_is_taken_apart(url, expected):
    assert address(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "", "h", "ftp://h", "https://", "https://[h", "https://h:99999", "https://h:x", "https://h/\0",
        "https://h/\n", " https://h", "https://h\t/", f"https://é{'x' * 64}.com", "https://h/\x7f",
    ],
)  # fmt: skip
def test_what_is_no_url_is_refused(url):
    with pytest.raises(ValueError):
        address(url)


PARTS = st.text(st.sampled_from("abz09-._~:@!$&'()*+,;=% éß\"<>[]{}|\\^`"), max_size=12)


@given(path=PARTS, query=PARTS)
def test_paths_and_queries_are_quoted_as_the_library_does(path, query):
    url = f"https://h/x{path}x?q{query}x"
    target = address(url).target
    assert target.isascii()
    assert " " not in target
    theirs = httpx2.URL(url)
    # Unreserved and reserved characters may stand quoted or not; what a server makes of them is the same.
    assert httpx2.URL(f"https://h{target}").params == theirs.params
    assert httpx2.URL(f"https://h{target}").path == theirs.path
