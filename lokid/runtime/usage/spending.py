"""What was spent today and this month, in memory, and whether a budget is left.

Days and months are those of the daemon's time zone. A budget counts what has been answered: the costs of
requests in flight are not known yet, so it can be overshot by theirs. An answer whose price is not known
counts as nothing, and is counted as such.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lokid.errors import BudgetExceeded
from lokid.providers.settings import Budget
from lokid.runtime.usage.rows import Row, dollars, pico

Period = Literal["day", "month"]


@dataclass(slots=True)
class Tally:
    """Of one client in one period. ``cost``: 10^-12 USD. ``unpriced``: answers without a known price."""

    requests: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    unpriced: int = 0

    def add(self, other: Tally) -> None:
        self.requests += other.requests
        self.failed += other.failed
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.cost += other.cost
        self.unpriced += other.unpriced

    def describe(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "failed": self.failed,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": dollars(self.cost),
            "unpriced": self.unpriced,
        }


def bounds(now: float) -> dict[Period, tuple[float, float]]:
    """Beginning and end of the day and of the month that ``now`` is in, in seconds since the epoch."""
    here = time.localtime(now)

    def at(month: int, day: int) -> float:
        return time.mktime((here.tm_year, month, day, 0, 0, 0, 0, 0, -1))  # knows what the 32nd is

    day, month = here.tm_mday, here.tm_mon
    return {"day": (at(month, day), at(month, day + 1)), "month": (at(month, 1), at(month + 1, 1))}


def beginning(day: str, now: float) -> float:
    """Of ``today``, ``tomorrow`` or ``2026-11-01``, in seconds since the epoch. Raises ValueError."""
    if day in ("today", "tomorrow"):
        return bounds(now)["day"][day == "tomorrow"]
    try:
        return time.mktime(time.strptime(day, "%Y-%m-%d"))
    except OverflowError:
        raise ValueError("not a day of this machine's clock") from None


class Spending:
    """``now``, everywhere: seconds since the epoch. A clock that is set back takes nothing off, one that was
    ahead for a moment leaves no day that ends then, and none of them makes a day begin anew.

    ``unknown``: periods to which the clock jumped, and when: the ledger may know what was spent in them
    before. `load` it up to then."""

    def __init__(self) -> None:
        self._begins: dict[Period, float] = {"day": 0.0, "month": 0.0}
        self._ends: dict[Period, float] = {"day": 0.0, "month": 0.0}
        self._tallies: dict[Period, dict[str, Tally]] = {"day": {}, "month": {}}
        self.unknown: dict[Period, float] = {}
        self._left: dict[Period, tuple[float, dict[str, Tally]]] = {}  # the one before, by its beginning

    def load(self, period: Period, rows: Iterable[Mapping[str, Any]], now: float) -> None:
        """What the ledger knows of the current ``period``, by client."""
        self._roll(now)
        for row in rows:
            self._of(period, row["client"]).add(
                Tally(
                    row["requests"],
                    row["failed"],
                    row["input_tokens"],
                    row["output_tokens"],
                    pico(row["cost_usd"]),
                    row["unpriced"],
                )
            )

    def add(self, row: Row, now: float) -> None:
        # Not back: a row may be of just before midnight, and the next look at the clock would begin the new
        # day once more.
        self._roll(max(now, self._begins["day"]))
        one = _tally(row)
        self._of("day", row.client).add(one)
        self._of("month", row.client).add(one)

    def found(self, row: Row, now: float) -> None:
        """One of before, that `load` did not know."""
        self._roll(now)
        for period, begin in self._begins.items():
            if begin <= row.at / 1000 < self._ends[period]:
                self._of(period, row.client).add(_tally(row))

    def of(self, client: str | None, period: Period, now: float) -> Tally:
        """Of one client, or of all."""
        self._roll(now)
        total = Tally()
        for name, tally in self._tallies[period].items():
            if client in (None, name):
                total.add(tally)
        return total

    def check(self, client: str, own: Budget, overall: Budget, now: float, reserved_usd: float = 0.0) -> None:
        """Raises BudgetExceeded for the one that lasts longest, so that nobody comes back in vain.
        ``reserved_usd``: what will be spent besides; that much has to be left."""
        self._roll(now)  # in any case: the extra socket, whose budget is another, relies on ``unknown``
        if not (_is_set(own) or _is_set(overall)):
            return
        budgets = self.budgets({client: own}, overall, now)
        over = [
            one
            for one in budgets
            if one["spent_usd"] >= one["usd"] or one["spent_usd"] + reserved_usd > one["usd"]
        ]
        if over:
            raise _exceeded(max(over, key=lambda one: float(one["ends_at"])), client, now)

    def budgets(self, clients: Mapping[str, Budget], overall: Budget, now: float) -> list[dict[str, Any]]:
        """Every budget there is; ``client`` None: of all of them together."""
        self._roll(now)
        rows: list[dict[str, Any]] = []
        whose: list[tuple[str | None, Budget]] = [(None, overall), *clients.items()]
        for client, budget in whose:
            limits: list[tuple[Period, float | None]] = [
                ("day", budget.usd_per_day),
                ("month", budget.usd_per_month),
            ]
            for period, usd in limits:
                if usd is not None:
                    spent = dollars(self.of(client, period, now).cost)
                    row = {"client": client, "period": period, "usd": usd, "spent_usd": spent}
                    rows.append(row | {"ends_at": self._ends[period]})
        return rows

    def _of(self, period: Period, client: str) -> Tally:
        return self._tallies[period].setdefault(client, Tally())

    def _roll(self, now: float) -> None:
        if self._begins["day"] <= now < self._ends["day"]:
            return
        for period, (begin, end) in bounds(now).items():
            last, tallies = self._begins[period], self._tallies[period]
            if begin != last:
                of, known = self._left.get(period, (0.0, {}))
                if last and begin not in (self._ends[period], of):
                    self.unknown[period] = now
                self._left[period] = last, tallies
                self._tallies[period] = {}
                for one in (known if of == begin else {}, tallies if begin < last else {}):
                    for client, tally in one.items():
                        self._of(period, client).add(tally)
            self._begins[period], self._ends[period] = begin, end


def _tally(row: Row) -> Tally:
    ok = row.outcome == "ok"
    return Tally(
        1,
        int(not ok),
        row.input_tokens or 0,
        row.output_tokens or 0,
        row.cost_pusd or 0,
        int(ok and row.cost_pusd is None),
    )


def _is_set(budget: Budget) -> bool:
    return budget.usd_per_day is not None or budget.usd_per_month is not None


def _usd(amount: float) -> str:
    return f"{amount:.2f}" if amount >= 0.01 else f"{amount:.2g}"


def _exceeded(budget: Mapping[str, Any], client: str, now: float) -> BudgetExceeded:
    whose = f"client {budget['client']!r}" if budget["client"] else "all clients together"
    when = {"day": "today", "month": "this month"}[budget["period"]]
    ends = time.strftime("%Y-%m-%d %H:%M", time.localtime(budget["ends_at"]))
    key = f"budget.usd_per_{budget['period']}"
    return BudgetExceeded(
        f"the budget of {whose} is used up: {_usd(budget['spent_usd'])} of {_usd(budget['usd'])} USD {when}; "
        f"there is a new one at {ends}",
        hint=f"lokictl usage --by program shows who spent it; {key} in the configuration changes it",
        client=client,
        retry_after_s=max(round(budget["ends_at"] - now, 1), 0.1),
    )
