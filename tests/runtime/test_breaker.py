"""When requests are not sent any more, and how the first one is that is sent again."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress

import pytest

from lokid.errors import (
    BadRequest,
    LokidError,
    Overloaded,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    TimedOut,
)
from lokid.runtime.breaker import FAILURES, MOST_MODELS, PATIENCE_S, PAUSES_S, QUOTA_S, Breakers, reached
from lokid.runtime.retry import RetryBudget, delay

BUSY = Overloaded("too much", client="acme", status=529)
UNPAID = QuotaExceeded("no credit", status=429)


def failing(error: LokidError = BUSY, *, times: int = FAILURES, now: float = 0.0) -> Breakers:
    breakers = Breakers()
    for _ in range(times):
        breakers.failed("m", error, now)
    return breakers


def refused(breakers: Breakers, now: float, model: str = "m") -> LokidError:
    with pytest.raises(LokidError) as caught:
        breakers.admit(model, now)
    return caught.value


def test_four_failures_stop_nobody_and_five_do():
    assert failing(times=FAILURES - 1).admit("m", 0) is None
    refused(failing(), 0)


def test_failures_that_are_spread_out_stop_nobody():
    breakers = Breakers()
    for now in range(0, 300, 3):
        breakers.failed("m", BUSY, now)
        assert breakers.admit("m", now) is None


def test_one_answer_among_the_failures_stops_nobody():
    breakers = failing(times=FAILURES - 1)
    breakers.answered("m")
    breakers.failed("m", BUSY, 0)
    assert breakers.admit("m", 0) is None


def test_another_model_of_the_client_goes_on():
    assert failing().admit("other", 0) is None


def test_who_is_stopped_learns_why_and_for_how_long_and_is_not_retried():
    error = refused(failing(), 0.25)
    assert isinstance(error, Overloaded)
    assert error.message.startswith("not sent, as m failed 10 times in a row")
    assert error.message.endswith("too much")
    assert (error.client, error.status, error.retry_after_s) == ("acme", None, PAUSES_S[0] - 0.25)
    assert delay(1, error, 0.5, max_retries=9, remaining_s=99) is None


def test_silence_is_said_to_be_an_unavailable_provider():
    error = refused(failing(TimedOut("first byte timeout: silence")), 0)
    assert isinstance(error, ProviderUnavailable)


def test_after_the_pause_one_goes_and_the_others_wait_for_what_it_finds():
    breakers = failing()
    assert breakers.admit("m", 1) is not None
    assert refused(breakers, 1).retry_after_s == PAUSES_S[0]
    breakers.answered("m")
    assert breakers.admit("m", 1) is None


def test_pauses_grow_and_end_below_five_seconds():
    breakers, now, pauses = failing(), 0.0, []
    for _ in range(5):
        pauses.append(refused(breakers, now).retry_after_s)
        now += pauses[-1]
        breakers.failed("m", BUSY, now, breakers.admit("m", now))
    assert pauses == [1, 2, 4, 4, 4]


def test_calls_that_were_on_their_way_already_do_not_prolong_the_pause():
    breakers = failing(times=100)
    assert refused(breakers, 0).retry_after_s == PAUSES_S[0]
    breakers.failed("m", BUSY, 0.9)
    assert breakers.admit("m", 1) is not None


def test_a_caller_who_leaves_lets_the_next_one_find_out():
    breakers = failing()
    breakers.release("m", breakers.admit("m", 1))
    assert breakers.admit("m", 1) is not None


def test_a_caller_who_leaves_late_takes_nothing_from_the_one_after_him():
    breakers = failing()
    first = breakers.admit("m", 1)
    second = breakers.admit("m", 2)
    assert second is not None
    breakers.release("m", first)
    refused(breakers, 2)
    breakers.release("m", None)
    refused(breakers, 2)


def test_a_probe_that_takes_minutes_does_not_keep_the_others_for_minutes():
    breakers = failing()
    assert breakers.admit("m", 1) is not None
    assert breakers.admit("m", 1 + PAUSES_S[0]) is not None


@pytest.mark.parametrize(("asked", "pause"), [(0.5, 1), (30, 30), (3600, 60)])
def test_a_longer_pause_that_the_provider_asks_for_is_kept_up_to_a_minute(asked, pause):
    breakers = failing(RateLimited("slower", status=429, retry_after_s=asked))
    assert refused(breakers, 0).retry_after_s == pause


def test_an_empty_account_is_left_alone_until_minutes_have_passed_or_somebody_says_so():
    breakers = failing(UNPAID)
    error = refused(breakers, 0)
    assert isinstance(error, QuotaExceeded)
    assert error.retry_after_s == QUOTA_S
    assert "lokictl config reload" in error.hint
    breakers.reset()
    assert breakers.admit("m", 0) is None


def test_what_is_cooling_says_why_and_until_when():
    breakers = Breakers()
    assert breakers.cooling(0) is None
    breakers.failed("slow", RateLimited("slower", status=429, retry_after_s=90), 0)
    assert (breakers.cooling(0).reason, breakers.cooling(0).ends_in_s) == ("slow: slower", 90)
    assert breakers.admit("slow", 0) is None  # one failure stops nobody
    for _ in range(FAILURES):
        breakers.failed("m", UNPAID, 0)
    assert (breakers.cooling(0).reason, breakers.cooling(0).ends_in_s) == ("m: no credit", QUOTA_S)
    assert breakers.cooling(QUOTA_S) is None
    breakers = failing(RateLimited("in an hour", status=429, retry_after_s=3600))
    assert breakers.cooling(0).ends_in_s == refused(breakers, 0).retry_after_s == PATIENCE_S


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (BUSY, False),
        (UNPAID, False),
        (ProviderUnavailable("502", status=502), False),
        (TimedOut("first byte timeout"), False),
        (BadRequest("no", status=400), True),
        (Overloaded("in the first event of a stream", refused=True), False),
        (Overloaded("in the middle of one"), None),
        (ProviderUnavailable("connection refused"), None),
        (TimedOut("connect timeout", retryable=True), None),
        (ProviderUnavailable("the proxy wants a password", status=407), None),
    ],
)
def test_only_a_provider_that_was_reached_can_have_failed(error, verdict):
    assert reached(error) is verdict


def test_a_network_that_is_down_stops_nobody():
    assert failing(ProviderUnavailable("network is unreachable"), times=50).admit("m", 0) is None


def test_a_failure_is_remembered_without_the_question_that_failed():
    class Question:
        pass

    breakers, kept = Breakers(), []

    def ask():
        question = Question()
        kept.append(weakref.ref(question))
        error = Overloaded("too much", status=503, retry_after_s=9)
        breakers.failed("m", error, 0)
        try:
            raise error
        finally:
            del error

    with suppress(Overloaded):
        ask()
    assert breakers.cooling(0).reason == "m: too much"
    assert kept[0]() is None


def test_models_that_nobody_knows_take_no_memory_for_ever():
    breakers = Breakers()
    for number in range(10 * MOST_MODELS):
        breakers.failed(f"m{number}", BUSY, 0)
    assert len(breakers._models) == MOST_MODELS


# --- A storm: what reaches the provider, call by call, as ``call.perform`` decides it


def storm(call_every_s: float, *, error: Callable[[], LokidError], until: float) -> tuple[int, int, float]:
    """Calls, requests, and how long after the end of the storm, at ``until``, the first one is answered."""
    breakers, budget = Breakers(), RetryBudget()
    waiting = [(number * call_every_s, 1) for number in range(int((until + 60) / call_every_s))]
    calls = requests = 0
    while waiting:
        now, attempt = min(waiting)
        waiting.remove((now, attempt))
        calls += attempt == 1 and now < until
        try:
            probe = breakers.admit("m", now)
        except LokidError:
            continue
        if now >= until:
            return calls, requests, now - until
        requests += 1
        failure = error()
        after = delay(attempt, failure, 0.5, max_retries=2, remaining_s=600)
        if after is None or probe is not None or not budget.take(failure, now):
            breakers.failed("m", failure, now, probe)
        else:
            waiting.append((now + after, attempt + 1))
    raise AssertionError("it never recovered")


@pytest.mark.parametrize("every_s", [0.2, 1, 5])
@pytest.mark.parametrize(
    "error",
    [lambda: BUSY, lambda: RateLimited("slower", status=429), lambda: ProviderUnavailable("", status=503)],
)
def test_a_storm_gets_at_most_a_fifth_more_and_is_over_within_five_seconds(every_s, error):
    calls, requests, recovery_s = storm(every_s, error=error, until=600)
    # One call in five seconds is no storm: then the full bucket and one retry in ten seconds are the bound.
    assert requests <= (calls * 1.2 if every_s <= 1 else calls + 20 + 60)
    assert recovery_s <= 5


def test_many_callers_in_a_storm_are_hardly_sent_at_all():
    calls, requests, _ = storm(0.2, error=lambda: BUSY, until=600)
    assert requests < calls / 10
