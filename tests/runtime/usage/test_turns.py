"""Limits of a client: who goes, who waits, and for how long. Time is virtual where it matters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
import trio.testing
from anyio.abc import TaskGroup
from hypothesis import given
from hypothesis import strategies as st

from lokid.errors import InvalidParams, Overloaded
from lokid.providers.settings import ClientLimits
from lokid.runtime.usage import turns
from lokid.runtime.usage.asker import Asker
from lokid.runtime.usage.turns import MINUTE, Turn, Turns, Window

pytestmark = pytest.mark.anyio


class TestWindow:
    def test_what_was_added_counts_for_a_minute(self) -> None:
        window = Window()
        window.add(2, 0.0)
        window.add(3, 10.0)
        assert window.wait(6, 10.0) == 0
        assert window.wait(5, 10.0) == 50.0  # until the 2 are gone
        assert window.wait(3, 10.0) == 60.0
        assert window.wait(5, 60.0) == 0
        assert window.total == 3

    def test_a_limit_of_nothing_is_never_reached(self) -> None:
        assert Window().wait(0, 0.0) == float("inf")

    @given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 5))
    def test_no_minute_has_more_than_the_limit(self, pauses: list[int], limit: int) -> None:
        window, now = Window(), 0.0
        went: list[float] = []
        for pause in pauses:
            now += pause
            now += window.wait(limit, now)
            assert window.wait(limit, now) == 0
            window.add(1, now)
            went.append(now)
        for at in went:
            assert sum(at - MINUTE < other <= at for other in went) <= limit


class Client:
    """One client with limits, and requests that run until they are told to end."""

    def __init__(self, tasks: TaskGroup, **limits: int) -> None:
        self.turns = Turns()
        self.limits = ClientLimits(**limits)
        self.went: list[str] = []
        self._tasks = tasks
        self._scopes: dict[str, anyio.CancelScope] = {}

    async def ask(
        self, name: str, *, pid: int = 1, interactive: bool = False, estimate: int = 0, extra: bool = False
    ) -> Asker:
        asker = Asker(pid, restricted=extra)

        async def work() -> None:
            with anyio.CancelScope() as self._scopes[name]:
                await self.turns.take(self.limits, asker, estimate, interactive=interactive, client="c")
                self.went.append(name)

        self._tasks.start_soon(work)
        await anyio.wait_all_tasks_blocked()
        return asker

    async def end(self, tokens: int | None = 0, estimate: int = 0, *, extra: bool = False) -> None:
        self.turns.done(Asker(restricted=extra), estimate, tokens)
        await anyio.wait_all_tasks_blocked()

    async def give_up(self, name: str) -> None:
        self._scopes[name].cancel()
        await anyio.wait_all_tasks_blocked()


@asynccontextmanager
async def client(**limits: int) -> AsyncIterator[Client]:
    async with anyio.create_task_group() as tasks:
        yield Client(tasks, **limits)
        tasks.cancel_scope.cancel()


async def test_without_limits_nobody_waits() -> None:
    async with client() as one:
        for index in range(50):
            assert not (await one.ask(f"{index}")).waiting
        assert len(one.went) == 50


async def test_over_the_concurrency_one_waits_and_shows_it() -> None:
    async with client(concurrency=2) as one:
        askers = [await one.ask(name) for name in "abc"]
        assert [asker.waiting for asker in askers] == [False, False, True]
        await one.end()
        assert not askers[2].waiting
        assert one.went == ["a", "b", "c"]


async def test_people_go_before_batches() -> None:
    async with client(concurrency=1) as one:
        for name in ("first", "batch", "batch2"):
            await one.ask(name)
        await one.ask("person", interactive=True)
        for _ in range(3):
            await one.end()
        assert one.went == ["first", "person", "batch", "batch2"]


async def test_the_extra_socket_gets_half_of_the_places_and_holds_nobody_else_up() -> None:
    async with client(concurrency=5) as one:
        for name in "abc":
            await one.ask(name, extra=True)
        assert one.went == ["a", "b"]
        await one.ask("own")
        await one.ask("own2", interactive=True)
        assert one.went == ["a", "b", "own", "own2"]
        await one.end(extra=True)
        assert one.went[4:] == ["c"]


async def test_a_single_place_is_everybodys() -> None:
    async with client(concurrency=1) as one:
        assert not (await one.ask("a", extra=True)).waiting
        assert (await one.ask("own")).waiting


async def test_batches_go_before_the_extra_socket_whoever_came_first() -> None:
    async with client(concurrency=1) as one:
        await one.ask("first")
        await one.ask("extra", pid=2, extra=True, interactive=True)
        for name in ("batch", "batch2"):
            await one.ask(name)
        for _ in range(3):
            await one.end()
        assert one.went == ["first", "batch", "batch2", "extra"]


async def test_the_extra_socket_gets_half_of_the_minute() -> None:
    for limits in ({"requests_per_minute": 2}, {"tokens_per_minute": 20}):
        async with client(**limits) as one:
            await one.ask("a", extra=True, estimate=10)
            await one.end(10, 10, extra=True)
            assert (await one.ask("b", extra=True, estimate=10)).waiting
            assert not (await one.ask("own", estimate=10)).waiting
            await one.give_up("b")


async def test_every_process_has_its_turn() -> None:
    async with client(concurrency=1) as one:
        await one.ask("running")
        for name in ("a1", "a2", "a3"):
            await one.ask(name, pid=1)
        await one.ask("b1", pid=2)
        await one.ask("c1", pid=3)
        for _ in range(5):
            await one.end()
        assert one.went == ["running", "a1", "b1", "c1", "a2", "a3"]


async def test_who_gives_up_makes_room_wherever_it_stood() -> None:
    async with client(concurrency=1) as one:
        for name in ("running", "a", "b", "c"):
            await one.ask(name)
        await one.give_up("b")
        await one.give_up("a")
        assert one.turns.waiting == 1
        await one.end()
        assert one.went == ["running", "c"]
        await one.end()
        assert not (await one.ask("d")).waiting


async def test_nobody_overtakes_those_who_wait() -> None:
    async with client(concurrency=1) as one:
        await one.ask("running")
        await one.ask("waiting")
        one.turns.done(Asker(), 0, 0)  # and before the one that waits has noticed:
        await one.ask("late", pid=2)
        assert one.went == ["running", "waiting"]


async def test_the_line_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MOST_WAITING", 2)
    async with client(concurrency=1) as one:
        for name in "abc":
            await one.ask(name)
        with pytest.raises(Overloaded, match="2 requests wait"):
            await one.turns.take(one.limits, Asker(), 0, interactive=False, client="c")


async def test_neither_a_long_batch_nor_the_extra_socket_keeps_people_out_of_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "MOST_WAITING", 2)
    async with client(concurrency=1) as one:
        await one.ask("running")
        for name in "ab":
            await one.ask(f"batch {name}")
            await one.ask(f"extra {name}", extra=True)
        with pytest.raises(Overloaded):
            await one.turns.take(one.limits, Asker(restricted=True), 0, interactive=False, client="c")
        await one.ask("person", interactive=True)
        await one.end()
        assert one.went == ["running", "person"]


async def test_what_the_extra_socket_sends_in_a_minute_stays_within_its_half_of_the_tokens() -> None:
    async with client(tokens_per_minute=100) as one:
        await one.ask("own")  # says the limits
        assert not (await one.ask("a", extra=True, estimate=30)).waiting
        assert (await one.ask("b", extra=True, estimate=30)).waiting
        assert not (await one.ask("my own", estimate=60)).waiting
        with pytest.raises(InvalidParams, match="more tokens than this socket may send"):
            await one.turns.take(one.limits, Asker(restricted=True), 51, interactive=False, client="c")


async def test_tighter_limits_refuse_who_waits_with_more_than_its_half() -> None:
    async with client(tokens_per_minute=100) as one:
        await one.ask("a", extra=True, estimate=40)
        refused: list[str] = []

        async def waits() -> None:
            try:
                await one.turns.take(one.limits, Asker(restricted=True), 50, interactive=False, client="c")
            except InvalidParams as error:
                refused.append(error.message)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(waits)
            await anyio.wait_all_tasks_blocked()
            one.limits = ClientLimits(tokens_per_minute=90)
            await one.ask("my own")
        assert refused == ["the request has more tokens than this socket may send in a minute"]
        assert one.turns.waiting == 0


async def test_looser_limits_let_go_who_waits() -> None:
    async with client(concurrency=1) as one:
        await one.ask("a")
        await one.ask("b")
        one.limits = ClientLimits(concurrency=5)
        await one.ask("c")
        assert sorted(one.went) == ["a", "b", "c"]


async def test_estimated_tokens_count_while_their_request_runs() -> None:
    async with client(tokens_per_minute=100) as one:
        await one.ask("a", estimate=90)
        assert not (await one.ask("b", estimate=90)).waiting  # 90 are below 100
        assert (await one.ask("c", estimate=1)).waiting
        await one.end(tokens=20, estimate=90)
        assert (await one.ask("d")).waiting  # 20 + 90
        await one.end(tokens=5, estimate=90)
        assert one.went == ["a", "b", "c", "d"]


async def test_a_turn_of_nobody_comes_at_once() -> None:
    turn = Turn()
    await turn.come()
    turn.sent()
    turn.began(3.0)
    turn.began(4.0)
    assert (turn.attempts, turn.first_event_at) == (1, 3.0)


class TestVirtualTime:
    """On Trio with a clock that jumps to the next deadline; AnyIO has no such clock for asyncio."""

    @pytest.fixture
    def anyio_backend(self) -> object:
        return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}

    async def test_requests_per_minute_hold_in_any_minute(self) -> None:
        went: list[float] = []
        limits, line = ClientLimits(requests_per_minute=10), Turns()

        async def ask() -> None:
            await line.take(limits, Asker(), 0, interactive=False, client="c")
            went.append(anyio.current_time())
            line.done(Asker(), 0, 0)

        async with anyio.create_task_group() as tasks:
            for _ in range(35):
                tasks.start_soon(ask)
        start = went[0]
        assert [round(at - start) for at in went] == [0] * 10 + [60] * 10 + [120] * 10 + [180] * 5

    async def test_tokens_per_minute_are_those_that_the_provider_counted(self) -> None:
        went: list[float] = []
        limits, line = ClientLimits(tokens_per_minute=100, concurrency=1), Turns()

        async def ask() -> None:
            await line.take(limits, Asker(), 1, interactive=False, client="c")
            went.append(anyio.current_time())
            line.done(Asker(), 1, 60)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)
        assert [round(at - went[0]) for at in went] == [0, 0, 60, 60, 120]

    async def test_the_one_who_looks_at_the_clock_may_leave(self) -> None:
        limits, line = ClientLimits(requests_per_minute=1), Turns()
        await line.take(limits, Asker(), 0, interactive=False, client="c")
        start = anyio.current_time()

        async def impatient() -> None:
            with anyio.move_on_after(5):
                await line.take(limits, Asker(), 0, interactive=True, client="c")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(impatient)
            await line.take(limits, Asker(), 0, interactive=False, client="c")
        assert anyio.current_time() - start == pytest.approx(60)
