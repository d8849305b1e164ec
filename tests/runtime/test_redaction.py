"""Nothing that a provider says repeats a secret to a person."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from lokid import logs
from lokid.dialects.ending import meaning
from lokid.dialects.errors import classify
from lokid.dialects.parts import not_an_object
from lokid.errors import AuthenticationFailed, LokidError
from lokid.protocols.http import HTTPRequest
from lokid.providers import azure_openai
from lokid.providers.base import Exchange
from lokid.runtime.redaction import CUT, hide
from lokid.runtime.refusals import instead

SENT = 'sent/secret+of="1'
KNOWN = "known-secret-of-another-place"


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    logs.register(KNOWN)
    yield
    logs.seal()
    logs.unseal()


def hidden(message: str, hint: str | None = None, request_id: str | None = None) -> AuthenticationFailed:
    error = AuthenticationFailed(message, hint, request_id=request_id)
    hide(error, [SecretStr(SENT)])
    assert error.args == (error.message,)
    return error


@pytest.mark.parametrize("secret", [SENT, KNOWN])
def test_a_secret_is_hidden_as_it_is_and_encoded(secret: str) -> None:
    assert hidden(f"no: {secret}").message == "no: <secret>"
    assert hidden(f"no: {quote(secret, safe='')}").message == "no: <secret>"
    pair = base64.b64encode(f"user:{secret}".encode()).decode()
    assert "<secret>" in hidden(f"no: {pair}").message
    assert hidden("no", hint=f"not {secret}").hint == "not <secret>"


def between(letters: str, each: str) -> str:
    return each.join(letters)


KEY = "sk-live+/4f9aQ7zB2xK8w"

DISGUISES = {
    "zero width spaces": between(KEY, "\u200b"),
    "joiners": between(KEY, "\u200d\u2060"),
    "soft hyphens": between(KEY, "\u00ad"),
    "combining grapheme joiners": between(KEY, "\u034f"),
    "variation selectors": between(KEY, "\ufe0f"),
    "tags": between(KEY, "\U000e0041"),
    "fillers": between(KEY, "\u3164"),
    "accents": between(KEY, "\u0301"),
    "directions": f"\u202e{between(KEY, chr(0x2066))}\u202c",
    "a byte order mark in the middle": f"{KEY[:9]}\ufeff{KEY[9:]}",
    "line breaks": f"{KEY[:9]}\r\n   {KEY[9:]}",
    "escape sequences' first letters": between(KEY, "\x1b"),
    "wide letters": "".join(chr(ord(each) + 0xFEE0) for each in KEY),
    "another case": KEY.upper(),
    "hexadecimal": KEY.encode().hex(),
    "base64 in lines": "\n".join(re.findall(".{1,8}", base64.b64encode(KEY.encode()).decode())),
    "URL, both cases": quote(KEY, safe="").replace("%2B", "%2b"),
    "URL, every letter": "".join(f"%{ord(each):02x}" for each in KEY),
    "URL, twice": quote(quote(KEY, safe=""), safe=""),
    "JSON": "".join(f"\\u{ord(each):04X}" for each in KEY),
    "JSON in JSON": "".join(f"\\\\u{ord(each):04x}" for each in KEY),
    "Python": "".join(f"\\x{ord(each):02x}" for each in KEY),
    "HTML, of its marks": KEY.replace("/", "&sol;").replace("+", "&amp;plus;"),
    "Python, of its marks": KEY.replace("/", "\\x2f"),
    "octal": "".join(f"\\{ord(each):03o}" for each in KEY),
    "HTML": "&#8203;".join(f"&#x{ord(each):x};" for each in KEY),
    "a part taken out before": f"{KEY[:4]}[redacted]{KEY[12:]}",
    "the beginning taken out, in two words": f"[redacted] {KEY[15:]}",
}


def rest(message: str) -> str:
    """Its letters without marks; of base64 two are left that hold a byte and what would follow it."""
    return re.sub(r"<secret>(dw(?===))?|\[redacted\]|\W", "", message)


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES.keys())
def test_a_secret_is_hidden_in_every_disguise(disguise: str) -> None:
    error = AuthenticationFailed(f"wrong: {disguise} (see the manual)")
    hide(error, [SecretStr(KEY)])
    assert rest(error.message) == "wrongseethemanual"


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES.keys())
def test_what_a_provider_says_is_hidden_in_every_disguise(disguise: str) -> None:
    """All the way from its body."""
    body = json.dumps({"error": {"message": f"wrong: {disguise} (see the manual)"}}).encode()
    error = classify(401, {}, body)
    hide(error, [SecretStr(KEY)])
    # Its message is cut off in the longest of them.
    assert "seethemanual".startswith(rest(error.message.partition("wrong:")[2]))


@pytest.mark.parametrize("kind", ["wide", "escapes", "backslashes", "ampersands", "nothing", "marks"])
def test_a_text_made_to_be_slow_is_not(kind: str) -> None:
    texts = {
        "wide": "\uff53" * 6000,
        "escapes": "%25" * 2000 + "%",
        "backslashes": "\\" * 6000,
        "ampersands": "&amp;" * 1200,
        "nothing": "\u200b" * 6000,
        "marks": "[redacted]sk-liv" * 400,
    }
    before = time.process_time()
    error = AuthenticationFailed(texts[kind])
    hide(error, [SecretStr(f"{KEY}-{number}") for number in range(8)])
    assert time.process_time() - before < 2  # some milliseconds


def test_no_word_of_a_sentence_is_taken_for_a_secret() -> None:
    said = "the model does not exist; \u05e9\u05dc\u05d5\u05dd, \U0001f469\u200d\U0001f4bb 100% & more\\u"
    error = AuthenticationFailed(said)
    hide(error, [SecretStr(KEY)])
    assert error.message == said


def test_an_id_that_holds_a_secret_is_none() -> None:
    assert hidden("no", request_id="req-1").request_id == "req-1"
    assert hidden("no", request_id=f"req-{SENT}").request_id is None


def test_a_secret_that_was_cut_off_is_hidden_too() -> None:
    assert hidden(f"no: {SENT[:9]}{CUT}").message == f"no: <secret>{CUT}"
    assert hidden(f"no: sen{CUT}").message == f"no: sen{CUT}"
    # Also in the middle of an escape.
    for end in ("%", "%2", "%25", "\\", "\\u00", "\\x2", "&", "&#x2", "&amp;#4", "&quo"):
        assert hidden(f"no: {SENT[:9]}{end}{CUT}").message == f"no: <secret>{CUT}"
    assert hidden(f"it is 100%{CUT}").message == f"it is 100%{CUT}"


@pytest.mark.parametrize(
    ("secret", "said", "shown"),
    [
        ("p&ssw0rd-of-gateway-77", f"no: p&ssw0rd{CUT}", f"no: <secret>{CUT}"),
        ("&abcdefghij-klmn", f"no: &abcdefghij{CUT}", f"no: <secret>{CUT}"),
        ("s3cretKEY0123456789", f"url ?alt=sse&s3cretKEY0{CUT}", f"url ?alt=sse&<secret>{CUT}"),
        ("a\\bcdef0123456789", f"no: a\\bcd{CUT}", f"no: <secret>{CUT}"),
        ("zz&tail&middle12345678", f"no: {CUT}il&middle12{CUT} x", f"no: {CUT}<secret>{CUT} x"),
        ("key%41lt;with-more", "no: key\\u002541lt;with-more", "no: <secret>"),
    ],
)
def test_letters_of_a_secret_that_look_like_an_escape_are_hidden(secret: str, said: str, shown: str) -> None:
    error = AuthenticationFailed(said)
    hide(error, [SecretStr(secret)])
    assert error.message == shown


def test_a_secret_with_what_looks_like_an_escape_is_hidden_however_it_is_escaped() -> None:
    logs.register("key&lt;with&gt;marks")
    for written in (
        "key&lt;with&gt;marks",
        "key\\u0026lt;with\\u0026gt;marks",
        "key&amp;lt;with&amp;gt;marks",
    ):
        assert hidden(f"no: {written}").message == "no: <secret>"
    assert hidden(f"tool '{SENT[:-1]}{CUT}' of it").message == f"tool '<secret>{CUT}' of it"


LONG = "My-Own_Key.of words/and=signs " * 20  # no form that anybody knows


def in_a_tool(said: str) -> LokidError:
    return not_an_object(said)


def in_a_title(said: str) -> LokidError:
    return classify(502, {}, f"<html><title>{said}</title>".encode())


def in_a_body(said: str) -> LokidError:
    return classify(502, {"content-type": "text/plain"}, said.encode())


def in_an_ending(said: str) -> LokidError:
    with pytest.raises(LokidError) as caught:
        meaning(f"error {said}", {})
    return caught.value


def in_a_content_type(said: str) -> LokidError:
    response: Any = SimpleNamespace(status=200, host="host")
    exchange: Any = Exchange(HTTPRequest("GET", "https://x"), decoder=lambda: None)  # type: ignore[arg-type,return-value]
    error = instead(response, exchange, said)
    assert len(error.message) < 300
    return error


def in_a_filter(said: str) -> LokidError:
    return AuthenticationFailed(azure_openai._category(said, {"filtered": True, "severity": said}))


PLACES = [in_a_tool, in_a_title, in_a_body, in_an_ending, in_a_content_type, in_a_filter]


@pytest.mark.parametrize("place", PLACES)
def test_no_place_that_cuts_a_providers_words_shows_a_part_of_a_key(
    place: Callable[[str], LokidError],
) -> None:
    """A provider that pads its words can have each cut fall into the key, wherever it is."""
    for key in ("my-own.key", LONG):
        for padding in (*range(330), *range(5_970, 6_010)):
            error = place("." * padding + key)
            hide(error, [SecretStr(key)])
            assert key[:6].lower() not in error.message.lower(), (padding, error.message)


def test_values_too_short_to_be_found_are_left() -> None:
    error = AuthenticationFailed("the key abc")
    hide(error, [SecretStr("abc")])
    assert error.message == "the key abc"
