from __future__ import annotations

import json

from lokid.protocols.http import HTTPRequest


def test_content_is_compact_utf8() -> None:
    assert HTTPRequest("POST", "u", {}, {"a": [1, "é☕"]}).content() == '{"a":[1,"é☕"]}'.encode()
    assert HTTPRequest("GET", "u").content() == b""


def test_half_of_a_surrogate_pair_is_escaped() -> None:
    content = HTTPRequest("POST", "u", {}, {"a": "\ud83d"}).content()
    assert json.loads(content) == {"a": "\ud83d"}


def test_headers_are_added_only_where_nobody_decided_about_them() -> None:
    request = HTTPRequest("POST", "u", {"a": "patched"}, absent=frozenset({"b"}))
    assert request.adding({"a": "1", "b": "2", "c": "3"}).headers == {"a": "patched", "c": "3"}


def test_nothing_of_the_headers_or_the_body_is_printed() -> None:
    assert "secret" not in repr(HTTPRequest("POST", "u", {"authorization": "secret"}, {"prompt": "secret"}))
