"""Large answers wait for each other: what they have together is bounded, and one of them always ends."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import anyio.lowlevel
import pytest

from lokid.runtime.heavy import LARGE
from lokid.runtime.room import Place, Room

pytestmark = pytest.mark.anyio


async def read(room: Room, size: int, ended: list[int], most: list[int]) -> None:
    """An answer of ``size`` times ``LARGE`` bytes, as it comes."""
    with Place(room) as place:
        for seen in range(1, size + 1):
            await anyio.lowlevel.checkpoint()
            if seen * LARGE > place.size:
                await place.grow(seen * LARGE)
            most.append(room.total)
    ended.append(size)


@pytest.mark.parametrize("sizes", [[1], [9], [3, 3, 3], [9, 9, 9, 9], [1, 20, 1, 20, 5, 5, 5, 5, 5]])
async def test_all_of_them_end_and_the_oldest_alone_goes_over_the_bound(sizes: Sequence[int]) -> None:
    room, ended, seen = Room(4 * LARGE), list[int](), list[int]()
    async with anyio.create_task_group() as tasks:
        for size in sizes:
            tasks.start_soon(read, room, size, ended, seen)
    assert sorted(ended) == sorted(sizes)
    assert max(seen) <= (4 + 2 + max(sizes)) * LARGE
    assert room.total == 0


async def test_small_ones_wait_for_nobody() -> None:
    room, ended = Room(4 * LARGE), list[int]()
    with Place(room) as first, Place(room) as second, anyio.fail_after(5):
        await first.grow(9 * LARGE)
        await read(room, 1, ended, [])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(second.grow, 2 * LARGE)
            await anyio.wait_all_tasks_blocked()
            assert second.size == LARGE
            tasks.cancel_scope.cancel()  # who waits can be cancelled, and has nothing to give back
    assert ended == [1]
    assert room.total == 0


async def test_one_that_left_while_it_waited_is_not_waited_for() -> None:
    room, ended = Room(4 * LARGE), list[int]()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            with Place(room) as first:
                await first.grow(9 * LARGE)
                tasks.start_soon(read, room, 2, ended, [])
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
        await read(room, 9, ended, [])
    assert ended == [9]
    assert room.total == 0


async def test_those_of_the_extra_socket_hold_up_none_of_the_user_s() -> None:
    room, ended = Room(4 * LARGE), list[int]()
    with Place(room.share) as extra, anyio.fail_after(5):
        await extra.grow(50 * LARGE)
        await read(room, 9, ended, [])
    assert ended == [9]
