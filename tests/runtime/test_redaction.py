"""Nothing that a provider says repeats a secret to a person."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from lokid import logs
from lokid.errors import AuthenticationFailed
from lokid.runtime.redaction import CUT, hide

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


def test_an_id_that_holds_a_secret_is_none() -> None:
    assert hidden("no", request_id="req-1").request_id == "req-1"
    assert hidden("no", request_id=f"req-{SENT}").request_id is None


def test_a_secret_that_was_cut_off_is_hidden_too() -> None:
    assert hidden(f"no: {SENT[:9]}{CUT}").message == f"no: <secret>{CUT}"
    assert hidden(f"no: sen{CUT}").message == f"no: sen{CUT}"


def test_values_too_short_to_be_found_are_left() -> None:
    error = AuthenticationFailed("the key abc")
    hide(error, [SecretStr("abc")])
    assert error.message == "the key abc"
