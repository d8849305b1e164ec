"""What each request goes through besides its provider: budget, turn, and its row in the ledger.

A request leaves a row from the moment its client is known, whatever becomes of it; ``dry_run`` is none.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import reduce
from operator import add
from types import TracebackType
from typing import Any, Literal, Self

import anyio

from lokid.chat import Usage
from lokid.config import Config, ExtraSocket
from lokid.errors import LokidError, ProviderFailed
from lokid.providers.settings import Budget, ClientSettings
from lokid.rpc import address
from lokid.rpc.methods import GroupBy
from lokid.runtime.room import Room
from lokid.runtime.usage.asker import Asker
from lokid.runtime.usage.charges import Charge
from lokid.runtime.usage.extra_usage import ExtraUsage
from lokid.runtime.usage.ledger import Ledger
from lokid.runtime.usage.rows import Row, pico
from lokid.runtime.usage.spending import Period, Spending, bounds
from lokid.runtime.usage.turns import LimitedTurn, Turns

log = logging.getLogger("lokid.ledger")

Method = Literal["chat", "embed", "rerank"]

LONGEST_NAME = 200
"""Characters of a model's name in a row. Callers may name models that nobody knows."""


class Entry(LimitedTurn):
    """One request: its turn, and what its row will say. As a context it is around the request, and writes
    the row at the end; entering it raises BudgetExceeded. ``model``: ``client:model``. ``estimate``: of the
    tokens of its input; ``most_output``: tokens that its answer may have; ``price``: of tokens. All three for
    an answer that breaks off."""

    usage: Usage | None = None
    cost_usd: float | None = None

    def __init__(
        self,
        bill: Bill,
        turns: Turns,
        client: ClientSettings,
        model: str,
        method: Method,
        asker: Asker,
        config: Callable[[], Config],
        *,
        interactive: bool,
        estimate: Callable[[], int],
        most_output: float,
        price: Callable[[Usage], float | None],
    ) -> None:
        limits = client.limits
        super().__init__(
            turns,
            limits,
            asker,
            client=client.name,
            estimate=estimate() if limits.tokens_per_minute is not None else 0,
            interactive=interactive,
            room=bill.room.share if asker.restricted else bill.room,
        )
        self.model = model
        self.method = method
        self.asker = asker
        self.started_at = time.monotonic()
        self._bill = bill
        self._budget = client.budget
        self._config = config
        self._as_of = config()
        self._input_tokens = estimate
        self._most_output = most_output
        self._price = price
        self._place: AbstractContextManager[None] | None = None  # at the extra socket
        self._charges: list[Charge] = []

    def __enter__(self) -> Self:
        try:
            self.check()  # who cannot pay need not wait
            if self.asker.restricted:
                extra = self._config().extra_socket
                place = self._bill.extra.place(extra, self._bill.now(), self._input_usd)
                place.__enter__()
                self._place = place
        except LokidError as error:
            # Who is turned away at the door of the extra socket may knock as often as it likes, and the
            # file of the ledger would be the damage.
            if not self.asker.restricted:
                self._end(error.code)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._place is not None:
            self._place.__exit__(kind, error, trace)
        if error is None:
            self._end("ok")
        elif isinstance(error, LokidError):
            self._end(error.code)
        else:  # of a bug the caller is told what is said of providers that fail
            self._end(ProviderFailed.code if isinstance(error, Exception) else "cancelled")

    def _input_usd(self) -> float:
        return self._price(Usage(self._input_tokens(), 0)) or 0.0

    async def come(self) -> None:
        if self._bill.spending.unknown:
            await self._bill.catch_up()
        await super().come()
        if self._bill.spending.unknown:  # the clock has jumped while it waited
            await self._bill.catch_up()
            self.check()

    def check(self) -> None:
        if (config := self._config()) is not self._as_of:  # it waited for its turn, and somebody edited
            self._as_of = config
            budgets = (client.budget for client in config.clients if client.name == self._client)
            self._budget = next(budgets, self._budget)
        self._bill.check(self._client, self._budget, self.asker, config)

    def charge(self, share: float = 1.0) -> Charge:
        self._charges.append(charge := super().charge(share))
        return charge

    def _end(self, outcome: str) -> None:
        # Nobody is to spend what nobody counts, nor what some of several requests told.
        if outcome != "ok" or self.asker.restricted or any(charge.counted for charge in self._charges):
            self._sum_up()
        if self.asker.restricted and self.cost_usd is None and self.usage is not None:
            self.cost_usd = self._price(self.usage)  # maybe a guess
        # What failed and is not paid for is no work of the provider's: a prompt that was too long.
        self.done(0 if outcome != "ok" and self.usage is None else _total(self.usage))
        # Nor does a question of which nothing was sent leave a row, which is as cheap to ask again.
        if any(charge.left for charge in self._charges) or not self.asker.restricted:
            self._bill.put(self, outcome)
        self._charges.clear()  # which know us: a circle

    def answered(self, usage: Usage | None, cost_usd: float | None) -> None:
        self.usage = usage
        self.cost_usd = cost_usd

    def _sum_up(self) -> None:
        """What is paid for, if nobody has said what the whole is."""
        if self.usage is not None:
            return
        tokens = self._input_tokens() if self._charges else 0
        parts = [charge.usage(tokens, self._most_output) for charge in self._charges]
        if found := [usage for usage in parts if usage is not None]:
            usage = reduce(add, found)
            self.answered(usage, self._price(usage))


class Bill:
    """``environ``: says where the database is. ``now``: seconds since the epoch."""

    def __init__(self, environ: Mapping[str, str], now: Callable[[], float] = time.time) -> None:
        try:
            self.ledger = Ledger(os.path.abspath(f"{address.state_dir(environ)}/usage.db"))
        except address.NoHome as error:
            self.ledger = Ledger(None, str(error))
        self.spending = Spending()
        self.extra = ExtraUsage(lambda: self.ledger.left_out)
        self.room = Room()
        self._counts_from: tuple[float, str] | None = None
        """Since when everything is counted and why not what was before, if that could not be read."""
        self.now = now
        self._loading = anyio.Lock()
        self._turns: dict[str, Turns] = {}  # by client name

    async def open(self) -> None:
        """Opens the database and reads what was spent so far."""
        await self.ledger.open()
        now = self.now()
        for period, (begin, end) in bounds(now).items():
            # Up to its end: what was written while the clock was ahead would close each day until then.
            await self._load(period, begin, end, now)
        self.ledger.on_found = self._found
        if self._counts_from is not None:
            log.error(
                "usage of before does not count: %s. What is there stays as it is; today, this month and the"
                " budgets count from now on",
                self._counts_from[1],
            )

    def _found(self, rows: Sequence[Row]) -> None:
        now = self.now()
        for row in rows:
            self.spending.found(row, now)
            self.extra.found(row, now)

    async def _load(self, period: Period, begin: float, end: float, now: float) -> None:
        of_clients = await self.ledger.query(begin, end, "client")
        why = self.ledger.unread()
        of_programs = await self.ledger.query(begin, end, "program")
        self.spending.load(period, of_clients, now)
        self.extra.load(period, of_programs, now)
        if why := why or self.ledger.unread():
            self._counts_from = now, why
            self.extra.unread(period, bounds(now)[period][1], why)

    async def catch_up(self) -> None:
        """After a jump of the clock: some machines know the time a while after they have started."""
        async with self._loading:
            for period, at in (*self.spending.unknown.items(),):
                log.info(
                    "a %s has begun while nobody looked: what was spent in it is read, if anything was",
                    period,
                )
                await self._load(period, bounds(at)[period][0], at, at)
                del self.spending.unknown[period]

    async def close(self) -> None:
        await self.ledger.close()

    def entry(
        self,
        client: ClientSettings,
        model: str,
        method: Method,
        asker: Asker,
        config: Callable[[], Config],
        *,
        interactive: bool,
        estimate: Callable[[], int],
        most_output: float = 0,
        price: Callable[[Usage], float | None] = lambda _: None,
    ) -> Entry:
        """Around one request."""
        if (turns := self._turns.get(client.name)) is None:
            turns = self._turns[client.name] = Turns()
        return Entry(
            self,
            turns,
            client,
            model,
            method,
            asker,
            config,
            interactive=interactive,
            estimate=estimate,
            most_output=most_output,
            price=price,
        )

    def check(self, client: str, budget: Budget, asker: Asker, config: Config) -> None:
        """Raises BudgetExceeded."""
        self.spending.check(client, budget, config.budget, self.now())
        if asker.restricted:
            self.extra.check(config.extra_socket, self.now())

    def put(self, entry: Entry, outcome: str) -> None:
        """The row of a request that has ended. One that was left has its row where it is sent again."""
        if entry.asker.left:
            return
        row = self._row(entry, outcome)
        self.spending.add(row, row.at / 1000)
        if entry.asker.restricted:
            self.extra.add(row, row.at / 1000)
        self.ledger.put(row)

    def _row(self, entry: Entry, outcome: str) -> Row:
        usage, first, started_at = entry.usage, entry.first_event_at, entry.started_at
        client, _, name = entry.model.partition(":")
        return Row(
            at=round(self.now() * 1000),
            client=client,
            model=name[:LONGEST_NAME],
            method=entry.method,
            program=entry.asker.shown,
            pid=entry.asker.pid,
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            cached_input_tokens=usage.cached_input_tokens if usage else None,
            cache_write_tokens=usage.cache_write_tokens if usage else None,
            reasoning_tokens=usage.reasoning_tokens if usage else None,
            cost_pusd=None if entry.cost_usd is None else pico(entry.cost_usd),
            first_token_ms=None if first is None else round((first - started_at) * 1000),
            total_ms=round((time.monotonic() - started_at) * 1000),
            outcome=outcome,
            attempts=entry.attempts,
        )

    # --- telling -------------------------------------------------------------------------------------

    async def query(
        self, since: float | None, until: float | None, group_by: GroupBy | None
    ) -> list[dict[str, Any]]:
        return await self.ledger.query(since, until, group_by)

    def today(self, client: str) -> dict[str, Any]:
        return self.spending.of(client, "day", self.now()).describe()

    def extra_status(self, settings: ExtraSocket) -> dict[str, Any]:
        return self.extra.status(settings, self.now())

    def status(self, config: Config) -> dict[str, Any]:
        now = self.now()
        budgets = {client.name: client.budget for client in config.clients}
        return {
            "today": self.spending.of(None, "day", now).describe(),
            "month": self.spending.of(None, "month", now).describe(),
            "budgets": self.spending.budgets(budgets, config.budget, now),
            "ledger": self.ledger.status() | self._uncounted(now),
        }

    def _uncounted(self, now: float) -> dict[str, Any]:
        """``counts_from``, seconds since the epoch, and ``unread``, why: as long as it is in this month."""
        if self._counts_from is None or self._counts_from[0] < bounds(now)["month"][0]:
            return {}
        return dict(zip(("counts_from", "unread"), self._counts_from, strict=True))


def _total(usage: Usage | None) -> int | None:
    return None if usage is None else usage.input_tokens + usage.output_tokens
