"""A clock that jumps while lokid runs: no budget begins anew, of whomever it is and whoever waits."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest

from lokid.errors import BudgetExceeded, LokidError
from lokid.runtime.usage.asker import Asker
from lokid.runtime.usage.extra_usage import ExtraUsage
from lokid.runtime.usage.spending import Period, Spending
from tests.fakes.provider import Call
from tests.runtime.usage.test_bill import Setting, said, setting

pytestmark = pytest.mark.anyio

AWAY = -20_000 * 86400


def started_at(here: Setting, now: float) -> None:
    """As after a start at that time."""
    bill = here.runtime.bill
    bill.spending, bill.extra = Spending(), ExtraUsage()
    periods: tuple[Period, ...] = ("day", "month")
    for period in periods:
        bill.spending.load(period, [], now)
        bill.extra.load(period, [], now)


async def test_the_extra_sockets_budget_does_not_begin_anew_where_it_is_the_only_one(tmp_path: Path) -> None:
    extra = {"extra_socket": {"models": ["c:*"], "budget": {"usd_per_day": 0.05}}}
    async with setting(tmp_path, top=extra) as here:
        await here.ask(asker=Asker(restricted=True))
        started_at(here, time.time() + AWAY)
        now = time.time() + 1
        here.runtime.bill.now = lambda: now
        with pytest.raises(BudgetExceeded):
            await here.ask(asker=Asker(restricted=True))
        assert len(here.provider.requests) == 1


async def test_who_waits_for_a_turn_while_it_jumps_has_no_budget_of_its_own(tmp_path: Path) -> None:
    go, here_now = anyio.Event(), anyio.Event()

    async def held(call: Call) -> None:
        here_now.set()
        await go.wait()
        await said(prompt=0, completion=0)(call)

    refused: list[str] = []
    async with setting(tmp_path, budget={"usd_per_day": 0.05}, limits={"concurrency": 1}) as here:
        await here.ask()

        async def ask() -> None:
            try:
                await here.ask()
            except LokidError as error:
                refused.append(error.code)

        now = time.time() + 1
        here.runtime.bill.now = lambda: now + AWAY
        started_at(here, now + AWAY)
        here.provider.will(held)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await here_now.wait()
            for _ in range(3):
                tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            here.runtime.bill.now = lambda: now
            go.set()
    assert refused == ["budget_exceeded"] * 3
