from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import anyio
import anyio.from_thread
import pytest

from lokid.runtime import often

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def usual() -> Iterator[float]:
    before = sys.getswitchinterval()
    yield before
    assert sys.getswitchinterval() == before


async def test_threads_take_turns_often_while_one_of_them_works(usual: float) -> None:
    assert await often.aside(sys.getswitchinterval) == pytest.approx(often.INTERVAL_S)
    assert sys.getswitchinterval() == usual > often.INTERVAL_S


async def test_until_the_last_of_them_ends(usual: float) -> None:
    go, seen = threading.Event(), anyio.Event()

    def long() -> None:
        anyio.from_thread.run_sync(seen.set)
        assert go.wait(10)

    async with anyio.create_task_group() as group:
        group.start_soon(often.aside, long)
        await seen.wait()
        await often.aside(lambda: None)
        assert sys.getswitchinterval() == pytest.approx(often.INTERVAL_S)
        go.set()
    assert sys.getswitchinterval() == usual


async def test_also_if_it_fails() -> None:
    with pytest.raises(ZeroDivisionError):
        await often.aside(lambda: 1 / 0)


async def test_who_waits_may_go() -> None:
    go, seen = threading.Event(), anyio.Event()

    def long() -> None:
        anyio.from_thread.run_sync(seen.set)
        go.wait(10)

    async with anyio.create_task_group() as group:
        group.start_soon(often.aside, long)
        await seen.wait()
        group.cancel_scope.cancel()
    go.set()  # the thread ends by itself; nobody takes turns for it any more
