"""Large answers wait for each other: what they have together is bounded, and one of them always ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from threading import Event

import anyio
import anyio.lowlevel
import pytest

from lokid.runtime.heavy import LARGE
from lokid.runtime.room import BRIEF, LITTLE, Place, Room, resident

pytestmark = pytest.mark.anyio


async def read(
    room: Room, size: int, ended: list[int], most: list[int], *, client: str = "", streamed: bool = False
) -> None:
    """An answer of ``size`` times ``LARGE`` bytes, as it comes."""
    with Place(room, client, streamed=streamed) as place:
        for seen in range(1, size + 1):
            await anyio.lowlevel.checkpoint()
            if seen * LARGE > place.size:
                await place.grow(seen * LARGE)
            most.append(room.total)
    ended.append(size)


@pytest.mark.parametrize("sizes", [[1], [9], [3, 3, 3], [9, 9, 9, 9], [1, 20, 1, 20, 5, 5, 5, 5, 5]])
async def test_all_of_them_end_and_the_oldest_alone_goes_over_the_bound(sizes: Sequence[int]) -> None:
    room, ended, seen = Room(4 * LARGE, own=LARGE), list[int](), list[int]()
    async with anyio.create_task_group() as tasks:
        for size in sizes:
            tasks.start_soon(read, room, size, ended, seen)
    assert sorted(ended) == sorted(sizes)
    assert max(seen) <= (4 + 2 + max(sizes)) * LARGE
    assert room.total == 0


async def test_small_ones_wait_for_nobody() -> None:
    room, ended = Room(4 * LARGE, own=LARGE), list[int]()
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
    room, ended = Room(4 * LARGE, own=LARGE), list[int]()
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
    room, ended = Room(4 * LARGE, own=LARGE), list[int]()
    with Place(room.share) as extra, anyio.fail_after(5):
        await extra.grow(50 * LARGE)
        await read(room, 9, ended, [])
    assert ended == [9]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_provider_that_sends_no_more_holds_up_no_answer_of_another(streamed: bool) -> None:
    room, ended = Room(4 * LARGE, own=LARGE, memory=lambda: LITTLE), list[int]()
    with Place(room, "evil", streamed=streamed) as first, Place(room, "evil", streamed=streamed) as second:
        await first.grow(9 * LARGE)
        with anyio.move_on_after(0):
            await second.grow(2 * LARGE)
        with anyio.fail_after(5):
            await read(room, 9, ended, [], client="good", streamed=streamed)
            await read(room, 9, ended, [], client="other", streamed=streamed)
    assert ended == [9, 9]
    assert second.size == LARGE
    assert room.total == room.streams.total == 0


async def test_each_client_has_a_little_of_its_own_for_several_at_once() -> None:
    room, ended = Room(4 * LARGE, own=3 * LARGE), list[int]()
    with Place(room, "evil") as evil, Place(room, "good") as old, anyio.fail_after(5):
        await evil.grow(9 * LARGE)
        await old.grow(LARGE + 1)
        await read(room, 2, ended, [], client="good")
        with anyio.move_on_after(0):
            await read(room, 5, ended, [], client="good")
    assert ended == [2]


async def test_no_stream_waits_while_lokid_has_little_memory_and_none_counts_as_a_whole_answer() -> None:
    has, ended = [LITTLE - 1], list[int]()
    room = Room(4 * LARGE, own=LARGE, memory=lambda: has[0])
    with Place(room, "a", streamed=True) as old, Place(room, "a", streamed=True) as new, anyio.fail_after(5):
        await old.grow(9 * LARGE)
        await new.grow(9 * LARGE)
        assert room.total == 0
        await read(room, 9, ended, [])
        has[0] += 1
        with anyio.move_on_after(0):
            await new.grow(20 * LARGE)
    assert ended == [9]
    assert new.size == 10 * LARGE


async def test_a_stream_that_waited_for_memory_goes_on_once_there_is_some_whoever_stays(monkeypatch) -> None:
    monkeypatch.setattr("lokid.runtime.room.LOOK_S", 0.001)
    much = LITTLE
    room = Room(4 * LARGE, own=LARGE, memory=lambda: much)
    with (
        Place(room, "silent", streamed=True) as silent,
        Place(room, "a", streamed=True) as oldest,
        Place(room, "a", streamed=True) as other,
        anyio.fail_after(5),
    ):
        await silent.grow(9 * LARGE)
        await oldest.grow(2 * LARGE)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(other.grow, 2 * LARGE)
            await anyio.wait_all_tasks_blocked()
            assert other.size == LARGE
            much = LITTLE - 1


def test_the_memory_that_lokid_has_is_known_or_counts_as_much(monkeypatch) -> None:
    if sys.platform == "linux":
        assert 2**20 < resident() < 2**40

    def closed(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("builtins.open", closed)
    assert resident() == float("inf")


async def test_while_values_of_one_client_are_made_those_of_another_are() -> None:
    room, go = Room(), Event()
    with Place(room, "evil") as evil, Place(room, "good") as good, Place(room, "s", streamed=True) as stream:
        async with anyio.create_task_group() as tasks:
            try:
                tasks.start_soon(evil.read, go.wait, 8 * BRIEF)
                tasks.start_soon(evil.read, go.wait, 8 * BRIEF)
                await anyio.wait_all_tasks_blocked()
                with anyio.fail_after(5):
                    assert await good.read(lambda: 1, BRIEF) == 1
                    assert await stream.read(lambda: 2, 8 * BRIEF) == 2
                assert room.decoding.statistics().tasks_waiting == 0  # the second waits for its own client
                tasks.start_soon(good.read, go.wait, 8 * BRIEF)
                await anyio.wait_all_tasks_blocked()
                assert room.decoding.statistics().tasks_waiting == 1
            finally:
                go.set()
