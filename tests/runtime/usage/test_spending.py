"""What was spent, and budgets. Times are given, none is waited for."""

from __future__ import annotations

import time

import pytest

from lokid.errors import BudgetExceeded
from lokid.providers.settings import Budget
from lokid.runtime.usage.rows import Row, pico
from lokid.runtime.usage.spending import Spending, beginning, bounds

NOON = time.mktime((2026, 11, 24, 12, 0, 0, 0, 0, -1))
DAY = 86400
NONE = Budget()


def row(client: str = "a", usd: float | None = 1.0, outcome: str = "ok") -> Row:
    cost = None if usd is None else pico(usd)
    return Row(0, client, "m", "chat", "sh", 1, 10, 5, 0, 0, 0, cost, 1, 2, outcome, 1)


def test_a_day_and_a_month_are_those_of_the_calendar() -> None:
    ends = bounds(NOON)
    assert ends["day"] == (NOON - DAY / 2, NOON + DAY / 2)
    assert time.localtime(ends["month"][0])[:5] == (2026, 11, 1, 0, 0)
    assert time.localtime(ends["month"][1])[:5] == (2026, 12, 1, 0, 0)
    december = time.mktime((2026, 12, 31, 23, 59, 59, 0, 0, -1))
    assert time.localtime(bounds(december)["month"][1])[:4] == (2027, 1, 1, 0)


def test_a_day_begins_where_its_budget_does() -> None:
    today = time.strftime("%Y-%m-%d", time.localtime(NOON))
    assert (beginning("today", NOON), beginning("tomorrow", NOON)) == bounds(NOON)["day"]
    assert beginning(today, NOON) == bounds(NOON)["day"][0]
    for text in ("", "yesterday", "2026-13-01", "2026-11-01 12:00"):
        with pytest.raises(ValueError):
            beginning(text, NOON)


def test_what_was_asked_adds_up_by_client_and_in_all() -> None:
    spending = Spending()
    for one in (row(), row("b", 0.1), row("b", 0.2), row("b", None), row("b", None, "timeout")):
        spending.add(one, NOON)
    assert spending.of("b", "day", NOON).describe() == {
        "requests": 4,
        "failed": 1,
        "input_tokens": 40,
        "output_tokens": 20,
        "cost_usd": 0.3,
        "unpriced": 1,  # a failure has no cost, which is not a lack of a price
    }
    assert spending.of(None, "month", NOON).cost == pico(1.3)


def test_a_new_day_begins_at_nothing_and_the_month_goes_on() -> None:
    spending = Spending()
    spending.add(row(), NOON)
    spending.add(row(usd=2.0), NOON + DAY)
    assert spending.of("a", "day", NOON + DAY).cost == pico(2.0)
    assert spending.of("a", "month", NOON + DAY).cost == pico(3.0)
    assert spending.of("a", "month", NOON + 10 * DAY).cost == 0


def test_a_clock_that_is_set_back_takes_nothing_off() -> None:
    spending = Spending()
    spending.add(row(), NOON)
    assert spending.of("a", "day", NOON - 5 * DAY).cost == pico(1.0)


@pytest.mark.parametrize("away", [-DAY, DAY, 40 * DAY])
def test_a_day_to_which_the_clock_comes_back_does_not_begin_anew(away: int) -> None:
    spending = Spending()
    spending.add(row(), NOON)
    spending.of(None, "day", NOON + away)
    spending.add(row(), NOON + away)
    back = spending.of(None, "day", NOON)
    assert back.requests == (1 if away < 0 else 2)
    assert spending.of(None, "day", NOON + 2 * DAY).requests == 0


def test_a_clock_that_was_ahead_for_a_moment_leaves_no_budget_that_never_ends() -> None:
    spending = Spending()
    budget = Budget(usd_per_day=1, usd_per_month=5)
    spending.check("a", budget, NONE, NOON + 400 * DAY)
    spending.add(row(usd=2), NOON)
    with pytest.raises(BudgetExceeded) as caught:
        spending.check("a", budget, NONE, NOON)
    assert caught.value.retry_after_s == DAY / 2
    spending.check("a", budget, NONE, NOON + DAY)


def test_a_row_of_before_midnight_does_not_begin_the_new_day_again() -> None:
    spending = Spending()
    spending.add(row(usd=1), NOON + DAY)
    spending.add(row(usd=0.5), NOON)
    assert spending.of("a", "day", NOON + DAY).cost == pico(1.5)


def test_days_to_which_the_clock_jumps_are_unknown_and_the_next_one_is_not() -> None:
    spending = Spending()
    for away in (0, DAY, 0, DAY):
        spending.of(None, "day", NOON + away)
    assert spending.unknown == {}
    spending.of(None, "day", NOON + 3 * DAY)
    assert spending.unknown == {"day": NOON + 3 * DAY}
    spending.of(None, "day", NOON - 80 * DAY)
    assert spending.unknown == {"day": NOON - 80 * DAY, "month": NOON - 80 * DAY}


def test_within_the_budget_nothing_is_said() -> None:
    spending = Spending()
    spending.check("a", NONE, NONE, NOON)
    spending.add(row(usd=0.99), NOON)
    spending.check("a", Budget(usd_per_day=1), Budget(usd_per_month=1), NOON)


def test_over_the_budget_the_error_says_whose_how_much_and_until_when() -> None:
    spending = Spending()
    spending.add(row(usd=0.1), NOON)
    spending.add(row(usd=0.2), NOON)
    with pytest.raises(BudgetExceeded) as caught:
        spending.check("a", Budget(usd_per_day=0.3), NONE, NOON)
    assert caught.value.message == (
        "the budget of client 'a' is used up: 0.30 of 0.30 USD today; there is a new one at 2026-11-25 00:00"
    )
    assert caught.value.retry_after_s == DAY / 2
    assert caught.value.client == "a"
    assert caught.value.hint is not None
    assert "budget.usd_per_day" in caught.value.hint
    with pytest.raises(BudgetExceeded, match=r"used up: 0\.30 of 0\.001 USD"):
        spending.check("a", Budget(usd_per_day=0.001), NONE, NOON)
    spending.check("a", Budget(usd_per_day=0.3), NONE, NOON + DAY)
    spending.check("b", Budget(usd_per_day=0.3), NONE, NOON)


def test_the_budget_over_all_counts_every_client_and_the_longest_wait_is_told() -> None:
    spending = Spending()
    spending.add(row("a", 3.0), NOON)
    with pytest.raises(BudgetExceeded, match=r"all clients together.*this month.*2026-12-01") as caught:
        spending.check("b", Budget(usd_per_day=0), Budget(usd_per_month=3), NOON)
    assert caught.value.retry_after_s == bounds(NOON)["month"][1] - NOON


def test_a_budget_of_0_closes_a_client() -> None:
    with pytest.raises(BudgetExceeded):
        Spending().check("a", Budget(usd_per_month=0), NONE, NOON)


def test_what_the_ledger_knows_counts_from_the_start() -> None:
    spending = Spending()
    known = {"client": "a", "requests": 2, "failed": 0, "input_tokens": 1, "output_tokens": 1, "unpriced": 1}
    spending.load("month", [known | {"cost_usd": 0.7}], NOON)
    spending.add(row(usd=0.1), NOON)
    assert spending.budgets({"a": Budget(usd_per_month=5)}, Budget(usd_per_day=1), NOON) == [
        {"client": None, "period": "day", "usd": 1, "spent_usd": 0.1, "ends_at": NOON + DAY / 2},
        {"client": "a", "period": "month", "usd": 5, "spent_usd": 0.8, "ends_at": bounds(NOON)["month"][1]},
    ]
