"""What is asked over the extra socket, counted apart from everything else.

Its limits are refused and not waited for: who is on the other side of a forwarded socket is not to fill the
line in which the user's own questions stand. Counts go on through reloads, and what was spent through
restarts, since each row of the ledger says where its question came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import anyio

from lokid.config import ExtraSocket
from lokid.errors import BudgetExceeded, LokidError, NotForThisSocket, Overloaded, RateLimited
from lokid.providers.settings import Budget
from lokid.runtime.usage.asker import EXTRA
from lokid.runtime.usage.rows import Row
from lokid.runtime.usage.spending import Period, Spending, bounds
from lokid.runtime.usage.turns import Window

NAME = "extra socket"
"""What stands for a client's name in the message about this budget."""

BUSY_S = 1.0
"""When to come back if all places are taken."""


class ExtraUsage:
    """``now``, everywhere: seconds since the epoch. ``left_out``: why there may be rows of before that nobody
    has counted yet."""

    def __init__(self, left_out: Callable[[], str | None] = lambda: None) -> None:
        self._left_out = left_out
        self._spending = Spending()
        self._started = Window()
        self._running = 0
        self._reserved = 0.0  # USD, of the input of those that run
        self._unknown: dict[Period, tuple[float, str]] = {}  # until when, and why

    def load(self, period: Period, rows: Iterable[Mapping[str, Any]], now: float) -> None:
        """``rows``: of the ledger, by program."""
        ours = [{**row, "client": NAME} for row in rows if row["program"].startswith(EXTRA)]
        self._spending.load(period, ours, now)

    def unread(self, period: Period, ends_at: float, why: str) -> None:
        """What was spent in ``period``, which ends then, is not known: all of it, for all we know."""
        self._unknown[period] = ends_at, why

    def found(self, row: Row, now: float) -> None:
        """One of before, of any program, that `load` did not know."""
        if row.program.startswith(EXTRA):
            self._spending.found(row._replace(client=NAME), now)

    def add(self, row: Row, now: float) -> None:
        self._spending.add(row._replace(client=NAME), now)

    def check(self, settings: ExtraSocket | None, now: float) -> None:
        """Raises BudgetExceeded; NotForThisSocket if the socket was switched off meanwhile."""
        if settings is None:
            raise off()
        if (unknown := self._closed(settings, now)) is not None:
            ends_at, _ = unknown
            raise BudgetExceeded(
                "what was spent before lokid started is not known",
                retry_after_s=max(round(ends_at - now, 1), 0.1),
            )
        self._spending.check(NAME, settings.budget, Budget(), now, self._reserved)

    @contextmanager
    def place(self, settings: ExtraSocket | None, today: float, cost: Callable[[], float]) -> Iterator[None]:
        """Around one question. Raises Overloaded, RateLimited and, if it would not be left, BudgetExceeded.
        ``today``: seconds since the epoch. ``cost``: of its input, in USD; asked for last, since to
        look through a long one takes longer than to send it again."""
        if settings is None:
            raise off()
        limits, now = settings.limits, anyio.current_time()
        if self._running >= limits.concurrency:
            raise Overloaded(f"{limits.concurrency} questions run already", retry_after_s=BUSY_S)
        most = limits.requests_per_minute
        if most is not None and (wait := self._started.wait(most, now)) > 0:
            raise RateLimited(f"more than {most} questions a minute", retry_after_s=round(wait, 1))
        cost_usd = cost()
        self._spending.check(NAME, settings.budget, Budget(), today, self._reserved + cost_usd)
        if most is not None:
            self._started.add(1, now)
        self._running += 1
        self._reserved += cost_usd
        try:
            yield
        finally:
            self._running -= 1
            self._reserved = self._reserved - cost_usd if self._running else 0.0  # rounding does not add up

    def _closed(self, settings: ExtraSocket, now: float) -> tuple[float, str] | None:
        """Of the one of its budgets that lasts longest and of which nobody knows what is left."""
        usd = {"day": settings.budget.usd_per_day, "month": settings.budget.usd_per_month}
        unknown = [*self._unknown.items()]
        if (why := self._left_out()) is not None:
            unknown += [(period, (end, why)) for period, (_, end) in bounds(now).items()]
        return max((one for period, one in unknown if usd[period] is not None and now < one[0]), default=None)

    def status(self, settings: ExtraSocket, now: float) -> dict[str, Any]:
        budgets = self._spending.budgets({NAME: settings.budget}, Budget(), now)
        closed = self._closed(settings, now)
        unknown = {} if closed is None else {"budget_unknown": {"until": closed[0], "reason": closed[1]}}
        return unknown | {
            "models": list(settings.models),
            "running": self._running,
            "today": self._spending.of(None, "day", now).describe(),
            "budgets": [{key: one[key] for key in ("period", "usd", "spent_usd")} for one in budgets],
        }


def off() -> LokidError:
    return NotForThisSocket("the extra socket is switched off")
