"""What an authorization server may answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from lokid.protocols import oauth2_answers as answers
from lokid.protocols.oauth2_answers import Device, Refusal, Token

NOW = 1000.0
BEFORE = Token(SecretStr("a0"), SecretStr("r0"), "old scope", 0.0, 10.0)


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def token(before: Token | None = None, **fields: Any) -> Token:
    found = answers.token(200, body(access_token="a1", **fields), NOW, before)
    assert isinstance(found, Token)
    return found


class TestAToken:
    def test_has_what_the_server_says(self) -> None:
        found = token(token_type="bearer", refresh_token="r1", expires_in=60, scope="s")
        assert found == Token(SecretStr("a1"), SecretStr("r1"), "s", NOW, NOW + 60)
        assert "a1" not in repr(found) and "r1" not in repr(found)

    @pytest.mark.parametrize(
        ("said", "life"),
        [
            (None, 3600.0),
            ("120", 120.0),
            (1.5, 1.5),
            (0, 3600.0),
            (-5, 3600.0),
            (True, 3600.0),
            ("soon", 3600.0),
            ([], 3600.0),
            (10**400, 3600.0),
            (10**12, answers.MAX_LIFE_S),
            (float("nan"), 3600.0),
            (float("inf"), 3600.0),
        ],
    )
    def test_lives_an_hour_unless_it_says_something_sensible(self, said: Any, life: float) -> None:
        assert token(expires_in=said).expires_at == NOW + life

    def test_keeps_the_old_refresh_token_and_scope_when_there_are_no_new_ones(self) -> None:
        assert token(BEFORE).refresh_token == SecretStr("r0")
        assert token(BEFORE).scope == "old scope"
        assert token(BEFORE, refresh_token="r1", scope="narrower").refresh_token == SecretStr("r1")
        assert token(BEFORE, refresh_token="r1", scope="narrower").scope == "narrower"
        assert token().refresh_token is None and token(scope=3).scope is None

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"access_token": ""},
            {"access_token": 3},
            {"access_token": "a b"},
            {"access_token": "a\nb"},
            {"access_token": "é"},
            {"access_token": "x" * 20000},
            {"access_token": "a", "token_type": "DPoP"},
            {"access_token": "a", "token_type": 1},
        ],
    )
    def test_that_cannot_be_sent_is_none(self, fields: dict[str, Any]) -> None:
        assert answers.token(200, body(**fields), NOW) == Refusal("other", "no bearer token in the answer")


class TestARefusal:
    @pytest.mark.parametrize(
        ("status", "error", "kind"),
        [
            (400, "invalid_grant", "grant"),
            (400, "authorization_pending", "pending"),
            (400, "slow_down", "slow_down"),
            (400, "expired_token", "expired"),
            (403, "access_denied", "denied"),
            (400, "authorization_declined", "denied"),
            (401, "invalid_client", "client"),
            (400, "unauthorized_client", "client"),
            (400, "temporarily_unavailable", "temporary"),
            (200, "invalid_grant", "grant"),
            (400, "invalid_scope", "other"),
        ],
    )
    def test_is_known_by_its_word(self, status: int, error: str, kind: str) -> None:
        assert answers.token(status, body(error=error), NOW) == Refusal(kind, error)  # type: ignore[arg-type]

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
    def test_of_a_broken_server_ends_no_sign_in_whatever_it_says(self, status: int) -> None:
        assert answers.token(status, body(error="invalid_grant"), NOW) == Refusal(
            "temporary", f"status {status}"
        )

    @pytest.mark.parametrize("text", [b"", b"<html>", b"[]", b"[" * 5000, b"\xff"])
    def test_without_words_is_its_status(self, text: bytes) -> None:
        assert answers.token(404, text, NOW) == Refusal("other", "status 404")

    def test_shows_no_words_of_the_server_but_the_registered_ones(self) -> None:
        assert answers.token(400, body(error="token abc is bad"), NOW) == Refusal("other", "an unknown error")
        assert answers.token(400, body(error={"a": 1}), NOW) == Refusal("other", "an unknown error")
        assert answers.token(400, body(error="x" * 65), NOW) == Refusal("other", "an unknown error")


class TestAKey:
    def test_does_not_expire(self) -> None:
        assert answers.key(200, body(key="sk-1"), NOW) == Token(SecretStr("sk-1"), None, None, NOW, None)

    def test_may_be_refused_or_missing(self) -> None:
        assert answers.key(403, body(error={"code": 403}), NOW) == Refusal("other", "an unknown error")
        assert answers.key(200, b"{}", NOW) == Refusal("other", "no key in the answer")


GOOD = {"device_code": "d", "user_code": "AB-CD", "verification_uri": "https://as.example/device"}


class TestADevice:
    def test_has_an_address_a_code_and_a_pace(self) -> None:
        assert answers.device(200, body(**GOOD)) == Device(
            SecretStr("d"), "AB-CD", "https://as.example/device", 900.0, 5.0
        )
        long = "https://as.example/device?user_code=AB-CD"
        found = answers.device(200, body(**GOOD, verification_uri_complete=long, expires_in=60, interval=1))
        assert found == Device(SecretStr("d"), "AB-CD", long, 60.0, 1.0)

    @pytest.mark.parametrize(
        "said, pause", [(1e-9, 1), ("0.001", 1), (0, 5), (-1, 5), ("nan", 5), (True, 5), (1e308, 60)]
    )
    def test_is_asked_for_once_a_second_at_most_and_once_a_minute_at_least(self, said, pause) -> None:
        found = answers.device(200, body(**GOOD, interval=said))
        assert isinstance(found, Device) and found.interval_s == pause

    def test_may_have_an_address_in_capitals(self) -> None:
        found = answers.device(200, body(**{**GOOD, "verification_uri": "HTTPS://AS.example/device"}))
        assert isinstance(found, Device) and found.url == "HTTPS://AS.example/device"

    def test_of_google_calls_its_address_by_another_name(self) -> None:
        said = {**GOOD, "verification_url": "https://g.example"}
        del said["verification_uri"]
        found = answers.device(200, body(**said))
        assert isinstance(found, Device) and found.url == "https://g.example"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"device_code": None},
            {"user_code": 3},
            {"user_code": "\x1b[2J"},
            {"user_code": ""},
            {"verification_uri": None},
            {"verification_uri": "file:///etc/passwd"},
            {"verification_uri": "javascript:alert(1)"},
            {"verification_uri": "https://" + "x" * 3000},
        ],
    )
    def test_that_is_incomplete_or_odd_is_none(self, wrong: dict[str, Any]) -> None:
        found = answers.device(200, body(**{**GOOD, **wrong}))
        assert found == Refusal("other", "no device code in the answer")

    def test_may_be_refused(self) -> None:
        assert answers.device(401, body(error="invalid_client")) == Refusal("client", "invalid_client")


@given(status=st.integers(100, 599), text=st.binary())
def test_any_bytes_are_an_answer(status: int, text: bytes) -> None:
    assert isinstance(answers.token(status, text, NOW), Token | Refusal)
    assert isinstance(answers.key(status, text, NOW), Token | Refusal)
    assert isinstance(answers.device(status, text), Device | Refusal)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *("access_token", "token_type", "expires_in", "refresh_token", "scope", "error", "key", "interval"),
        *("device_code", "user_code", "verification_uri", "verification_url"),
    ]
)


@given(fields=st.dictionaries(NAMES, JSON))
def test_any_values_of_the_known_names_are_an_answer(fields: dict[str, Any]) -> None:
    for found in (answers.token(200, body(**fields), NOW), answers.token(200, body(**fields), NOW, BEFORE)):
        assert isinstance(found, Refusal) or found.expires_at is None or found.expires_at > NOW
    answers.key(200, body(**fields), NOW)
    answers.device(200, body(**fields))
