"""What is sent to an authorization server, and what comes back through the browser."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.protocols import oauth2
from lokid.protocols.oauth2 import Client, Denied, Server, Stray

SERVER = Server(
    token_url="https://as.example/token",
    authorize_url="https://as.example/authorize?tenant=a%20b",
    device_url="https://as.example/device",
    revoke_url="https://as.example/revoke",
    scopes=("openid", "a:b"),
    parameters={"prompt": "consent"},
)
ISSUER = replace(SERVER, issuer="https://as.example/tenant")
KEYS = replace(SERVER, key_exchange=True)
PUBLIC = Client("me")
SECRET = Client("m e", "s:ü/+ t")
REDIRECT = "http://127.0.0.1:8123/x"
RANDOM = bytes(range(64))
BEGUN = oauth2.authorization(SERVER, PUBLIC, REDIRECT, RANDOM)


def fields(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def form(body: object) -> dict[str, str]:
    assert isinstance(body, bytes)
    return dict(parse_qsl(body.decode(), strict_parsing=True))


def test_challenge_is_that_of_the_example_in_rfc_7636_appendix_b() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert oauth2.challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class TestTheAuthorizationURL:
    def test_says_what_the_standards_want_and_keeps_what_was_there(self) -> None:
        said = fields(BEGUN.url)
        digest = hashlib.sha256(BEGUN.verifier.encode()).digest()
        assert said == {
            "tenant": "a b",
            "response_type": "code",
            "client_id": "me",
            "redirect_uri": REDIRECT,
            "scope": "openid a:b",
            "state": BEGUN.state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "prompt": "consent",
        }
        assert BEGUN.verifier not in BEGUN.url

    def test_has_no_scope_when_there_is_none(self) -> None:
        bare = replace(SERVER, scopes=(), authorize_url="https://as.example/a")
        begun = oauth2.authorization(bare, PUBLIC, REDIRECT, RANDOM)
        assert "scope" not in fields(begun.url)

    def test_of_a_key_exchange_carries_the_state_in_the_address_to_come_back_to(self) -> None:
        begun = oauth2.authorization(KEYS, Client(""), REDIRECT, RANDOM)
        said = fields(begun.url)
        assert said["callback_url"] == f"{REDIRECT}?state={begun.state}"
        assert "client_id" not in said and "state" not in said

    @given(random=st.binary(min_size=64, max_size=64))
    def test_always_has_a_verifier_and_a_state_of_256_bits(self, random: bytes) -> None:
        begun = oauth2.authorization(SERVER, PUBLIC, REDIRECT, random)
        assert len(begun.verifier) == len(begun.state) == 43
        assert fields(begun.url)["code_challenge"] == oauth2.challenge(begun.verifier)

    def test_does_not_print(self) -> None:
        assert BEGUN.state not in repr(BEGUN) and BEGUN.verifier not in repr(BEGUN)
        assert "s:ü" not in repr(SECRET)


def answer(**more: str) -> str:
    return urlencode({"code": "abc", "state": BEGUN.state, **more})


class TestTheCallback:
    def test_gives_the_code(self) -> None:
        assert oauth2.callback(answer(), BEGUN, SERVER) == "abc"

    @pytest.mark.parametrize(
        ("query", "server"),
        [
            (answer(state="other"), SERVER),
            ("code=abc", SERVER),
            (answer(state=BEGUN.state[:-1]), SERVER),
            (answer() + "&code=abd", SERVER),
            (answer() + "&state=x", SERVER),
            (answer(code=""), SERVER),
            (answer(code="a\nb"), SERVER),
            (answer(code="é"), SERVER),
            (answer(code="x" * 5000), SERVER),
            (answer(iss="https://evil.example"), SERVER),
            (answer(iss="https://["), SERVER),
            (answer(iss="https://as.example"), ISSUER),
            (answer(iss="https://as.example/tenant/"), ISSUER),
            ("state=%ff", SERVER),
            ("&".join(f"a{n}=1" for n in range(40)), SERVER),
            ("", SERVER),
            (urlencode({"error": "access_denied", "state": "other"}), SERVER),
        ],
    )
    def test_of_somebody_else_is_no_answer(self, query: str, server: Server) -> None:
        with pytest.raises(Stray) as caught:
            oauth2.callback(query, BEGUN, server)
        assert "abc" not in str(caught.value) and "evil" not in str(caught.value)

    @pytest.mark.parametrize(
        ("iss", "server"),
        [("https://as.example/tenant", ISSUER), ("https://as.example/any", SERVER)],
    )
    def test_of_the_server_that_was_asked_is_taken(self, iss: str, server: Server) -> None:
        assert oauth2.callback(answer(iss=iss), BEGUN, server) == "abc"

    @pytest.mark.parametrize(
        ("error", "word"),
        [("access_denied", "access_denied"), ("<script>", "an unknown error"), ("", "an unknown error")],
    )
    def test_may_be_a_refusal(self, error: str, word: str) -> None:
        with pytest.raises(Denied) as caught:
            oauth2.callback(urlencode({"error": error, "state": BEGUN.state}), BEGUN, SERVER)
        assert caught.value.code == word

    @given(query=st.text())
    def test_of_any_text_is_a_code_or_none_of_ours(self, query: str) -> None:
        with pytest.raises(Stray):
            oauth2.callback(query, BEGUN, SERVER)


class TestWhatWasPasted:
    @pytest.mark.parametrize(
        "text",
        [
            f"abc#{BEGUN.state}",
            f"  abc#{BEGUN.state}\n",
            f"{REDIRECT}?{answer()}",
            f"{REDIRECT}?{answer()}#_",
            answer(),
            f"?{answer()}",
        ],
    )
    def test_is_a_code_with_its_state_or_an_address(self, text: str) -> None:
        assert oauth2.pasted(text, BEGUN, SERVER) == "abc"

    @pytest.mark.parametrize(
        "text", ["abc", "", "abc#", f"#{BEGUN.state}", "abc#other", f"{REDIRECT}?code=abc"]
    )
    def test_without_its_state_is_not_taken(self, text: str) -> None:
        with pytest.raises(Stray):
            oauth2.pasted(text, BEGUN, SERVER)

    def test_may_be_a_refusal(self) -> None:
        with pytest.raises(Denied):
            oauth2.pasted(f"{REDIRECT}?error=access_denied&state={BEGUN.state}", BEGUN, SERVER)

    @given(text=st.text())
    def test_of_any_text_is_none_of_ours(self, text: str) -> None:
        with pytest.raises(Stray):
            oauth2.pasted(text, BEGUN, SERVER)


class TestTokenRequests:
    @pytest.mark.parametrize(
        ("request_", "said"),
        [
            (
                oauth2.code_request(SERVER, PUBLIC, BEGUN, "abc"),
                {
                    "grant_type": "authorization_code",
                    "code": "abc",
                    "redirect_uri": REDIRECT,
                    "code_verifier": BEGUN.verifier,
                },
            ),
            (
                oauth2.refresh_request(SERVER, PUBLIC, "r&1"),
                {"grant_type": "refresh_token", "refresh_token": "r&1"},
            ),
            (
                oauth2.client_credentials_request(SERVER, PUBLIC),
                {"grant_type": "client_credentials", "scope": "openid a:b"},
            ),
            (oauth2.device_request(SERVER, PUBLIC), {"scope": "openid a:b"}),
            (oauth2.device_request(replace(SERVER, scopes=()), PUBLIC), {}),
            (
                oauth2.poll_request(SERVER, PUBLIC, "dev"),
                {"grant_type": oauth2.DEVICE_GRANT, "device_code": "dev"},
            ),
            (
                oauth2.revocation_request(SERVER, PUBLIC, "t", "refresh_token"),
                {"token": "t", "token_type_hint": "refresh_token"},
            ),
        ],
    )
    def test_are_forms_with_the_client_in_them(
        self, request_: oauth2.HTTPRequest, said: dict[str, str]
    ) -> None:
        assert form(request_.body) == {**said, "client_id": "me"}
        assert request_.content() == request_.body
        assert request_.headers["content-type"] == "application/x-www-form-urlencoded"
        assert "authorization" not in request_.headers
        assert "code" not in repr(request_)

    def test_show_a_secret_in_a_header(self) -> None:
        sent = oauth2.refresh_request(SERVER, SECRET, "r")
        given_ = base64.b64decode(sent.headers["authorization"].removeprefix("Basic ")).decode()
        assert given_ == f"m+e:{quote('s:ü/+', safe='')}+t"
        assert parse_qs(sent.body.decode()).keys() == {"grant_type", "refresh_token"}

    def test_or_in_the_form_where_the_server_wants_that(self) -> None:
        sent = oauth2.refresh_request(replace(SERVER, client_auth="post"), SECRET, "r")
        assert form(sent.body)["client_secret"] == "s:ü/+ t"
        assert "authorization" not in sent.headers

    def test_of_a_key_exchange_are_json(self) -> None:
        sent = oauth2.code_request(KEYS, Client(""), BEGUN, "abc")
        assert sent.body == {"code": "abc", "code_verifier": BEGUN.verifier, "code_challenge_method": "S256"}


def test_a_query_is_added_to_an_address_without_one() -> None:
    assert oauth2.with_query("https://a.example/x", {"b": "c d"}) == "https://a.example/x?b=c+d"
