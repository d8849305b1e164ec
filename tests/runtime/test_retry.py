"""When a failed attempt is worth another one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.errors import BadRequest, Overloaded, QuotaExceeded, RateLimited
from lokid.runtime.retry import CAPACITY, RetryBudget, delay

BUSY = Overloaded("busy")


def wait(attempt: int = 1, error=BUSY, uniform: float = 1.0, max_retries: int = 9, remaining_s: float = 1e9):
    return delay(attempt, error, uniform, max_retries=max_retries, remaining_s=remaining_s)


def test_waits_double_up_to_eight_seconds():
    assert [wait(attempt) for attempt in range(1, 8)] == [0.5, 1, 2, 4, 8, 8, 8]


def test_the_jitter_is_full():
    assert wait(3, uniform=0) == 0
    assert wait(3, uniform=0.25) == 0.5


def test_what_cannot_get_better_is_not_retried():
    assert wait(error=BadRequest("no")) is None
    assert wait(error=QuotaExceeded("paid up")) is None


def test_attempts_are_bounded():
    assert wait(2, max_retries=2) is not None
    assert wait(3, max_retries=2) is None
    assert wait(1, max_retries=0) is None


def test_what_the_provider_asks_for_is_a_minimum():
    assert wait(error=RateLimited("slow down", retry_after_s=7), uniform=0) == 7
    assert wait(error=RateLimited("slow down", retry_after_s=7), uniform=1) == 7.5


def test_a_wait_of_more_than_a_minute_is_left_to_the_caller():
    assert wait(error=RateLimited("slow down", retry_after_s=60)) is not None
    assert wait(error=RateLimited("slow down", retry_after_s=61)) is None


def test_a_wait_that_outlasts_the_caller_is_not_begun():
    assert wait(error=RateLimited("slow down", retry_after_s=7), remaining_s=7) is None
    assert wait(remaining_s=-1) is None


@given(st.integers(1, 1000), st.floats(0, 1, exclude_max=True), st.floats(0, 1e6))
def test_a_wait_is_never_negative_longer_than_68_seconds_or_past_the_deadline(attempt, uniform, remaining):
    after = wait(attempt, RateLimited("", retry_after_s=60), uniform, 1000, remaining)
    assert after is None or 0 <= after < min(68.1, max(remaining, 0.1))


def test_seven_failures_in_a_row_empty_the_budget():
    budget = RetryBudget()
    assert [budget.take(BUSY, now=0) for _ in range(8)] == [True] * 7 + [False]


def test_throttling_costs_less_than_failing():
    budget = RetryBudget()
    assert sum(budget.take(RateLimited(""), now=0) for _ in range(100)) == 20


def test_an_empty_budget_still_allows_one_retry_in_ten_seconds():
    budget = RetryBudget()
    while budget.take(BUSY, now=0):
        pass
    assert not budget.take(BUSY, now=9.9)
    assert budget.take(BUSY, now=10)
    assert not budget.take(BUSY, now=19.9)
    assert budget.take(BUSY, now=20)


def test_successes_refill_the_budget_up_to_its_capacity():
    budget = RetryBudget()
    budget.succeeded()
    assert budget.tokens == CAPACITY
    assert budget.take(BUSY, now=0)
    budget.succeeded()
    assert budget.tokens == CAPACITY - 14 + 1


@pytest.mark.parametrize("calls_per_s", [1, 10])
def test_a_storm_of_ten_minutes_adds_less_than_a_fifth_to_the_load(calls_per_s):
    budget = RetryBudget()
    calls = 600 * calls_per_s
    retries = sum(budget.take(BUSY, now=number / calls_per_s) for number in range(calls))
    assert retries <= calls * 0.2
