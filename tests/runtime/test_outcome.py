"""What the last request said about its client, and how long that counts."""

from __future__ import annotations

import pytest

from lokid.errors import (
    AuthenticationFailed,
    InvalidParams,
    LokidError,
    ProviderFailed,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    TimedOut,
)
from lokid.runtime.outcome import Outcome
from tests.runtime.test_clients import client

REFUSED = AuthenticationFailed("key: Incorrect key, you asked 'a prompt'", hint="check api_key", status=401)
AWAY = ProviderUnavailable("no connection to h: connection refused", hint="start it")


def after(*errors: BaseException | None) -> Outcome:
    outcome = Outcome()
    for error in errors:
        outcome.ended(error)
    return outcome


@pytest.mark.parametrize("error", [REFUSED, AWAY, QuotaExceeded("q", status=429), TimedOut("t")])
def test_what_is_the_clients_is_kept_until_something_works(error):
    row = after(error).row()["last_error"]
    assert row["code"] == error.code
    assert after(error, None).row() == {}


@pytest.mark.parametrize("error", [RateLimited("slower"), InvalidParams("x"), KeyboardInterrupt()])
def test_what_is_the_questions_is_not(error):
    assert after(error).row() == {}
    assert after(REFUSED, error).row()["last_error"]["code"] == "authentication_failed"


def test_a_provider_that_refuses_is_there():
    assert after(AWAY, LokidError("no such model", status=404)).row() == {}


def test_the_words_of_a_provider_are_not_kept():
    row = after(REFUSED).row()["last_error"]
    assert row["message"] == "the provider does not accept the key (HTTP 401)"
    assert row["hint"] == "check api_key"
    assert after(AWAY).row()["last_error"]["message"] == AWAY.message


def test_a_token_that_was_not_given_is_told_until_one_is():
    failed = ProviderFailed("no bearer token in the answer")
    assert after(failed).row() == {}, "of a question it says nothing about the client"
    outcome = Outcome()
    outcome.asked_for_token(failed)
    outcome.ended(failed)
    assert outcome.row()["last_error"]["code"] == "provider_error"
    outcome.asked_for_token(None)
    assert outcome.row() == {}
    outcome.ended(AWAY)
    outcome.asked_for_token(None)
    assert outcome.row() != {}, "a token says nothing of the way to the provider"


@pytest.mark.anyio
async def test_a_refused_key_shows_in_the_state_and_a_lost_network_beside_it():
    mine = client(models=[{"name": "m"}])
    with pytest.raises(AuthenticationFailed):
        async with mine.use():
            raise REFUSED
    assert mine.state() == ("needs_secret", "the provider does not accept the key (HTTP 401)")
    assert mine.state(lately=False) == ("ready", None)
    with pytest.raises(ProviderUnavailable):
        async with mine.use():
            raise AWAY
    assert mine.state() == ("ready", None)
    assert mine.status()["last_error"]["code"] == "provider_unavailable"
    async with mine.use():
        pass
    assert "last_error" not in mine.status()
