"""After a burst of work memory goes back."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from lokid.server.peer import Peer
from lokid.server.requests import Requests
from lokid.server.rest import REST_S, STEP_S, _give_back, rest

ME = Peer(os.getpid(), os.geteuid())
MIB = 1024 * 1024


class Clock:
    """The time of one ``rest``: ``tick`` lets it go on by one step and returns when it waits again."""

    def __init__(self) -> None:
        self.sleeps = 0
        self._go = anyio.Event()
        self._asleep = anyio.Event()

    async def sleep(self, seconds: float) -> None:
        assert seconds == STEP_S
        self.sleeps += 1
        self._asleep.set()
        await self._go.wait()
        self._go = anyio.Event()

    async def asleep(self) -> None:
        await self._asleep.wait()
        self._asleep = anyio.Event()

    def tick(self) -> None:
        self._go.set()


@pytest.mark.anyio
async def test_memory_goes_back_once_after_each_burst_and_nobody_is_woken_without_one() -> None:
    requests, clock, given = Requests(), Clock(), []
    steps = int(REST_S / STEP_S)

    async def steps_go_by(count: int) -> None:
        """Without anything given back."""
        before = len(given)
        for _ in range(count):
            clock.tick()
            await clock.asleep()
        assert len(given) == before

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rest, requests, clock.sleep, lambda: given.append(clock.sleeps))
            await anyio.wait_all_tasks_blocked()
            assert clock.sleeps == 0
            for burst in (1, 2):
                long = requests.add(1, "chat", "a", ME)
                await clock.asleep()
                await steps_go_by(2 * steps)  # a stream that neither begins nor ends
                requests.remove(long)
                await steps_go_by(steps)
                requests.remove(requests.add(2, "chat", "a", ME))  # a question between two looks
                await steps_go_by(steps)
                clock.tick()
                await anyio.wait_all_tasks_blocked()
                assert len(given) == burst
            assert given == [4 * steps + 1, 2 * (4 * steps + 1)] == [clock.sleeps // 2, clock.sleeps]
            tasks.cancel_scope.cancel()


def _heap_mib() -> float:
    """Resident memory of this process that belongs to no file."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["RssAnon"].split()[0]) / 1024


def _with_holes(allocate: Callable[[int], object]) -> list[object]:
    """64 MiB in small pieces, of which one in a hundred stays in use: the end of the heap too."""
    pieces = [allocate(8000) for _ in range(64 * MIB // 8000)]
    kept = pieces[::100] + pieces[-1:]
    del pieces
    return kept


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="a C library other than glibc")
def test_the_holes_of_the_heap_go_back_although_its_end_is_in_use() -> None:
    kept = _with_holes(bytes)
    before = _heap_mib()
    _give_back()
    assert _heap_mib() < before - 32
    assert len(kept) > 80
