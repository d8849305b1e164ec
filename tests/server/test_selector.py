"""Who is heard of in one turn of the event loop, counted in turns and sockets."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import pairwise
from selectors import EVENT_READ, EVENT_WRITE

import anyio
import pytest

from lokid import daemon
from lokid.server.selector import LAST, LONG_S, OTHERS, PROGRAMS, FairSelector, loop_factory

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="there is no epoll here")

Pair = tuple[socket.socket, socket.socket]


class Sockets:
    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def program(self) -> Pair:
        return self._kept(socket.socketpair())

    def provider(self) -> Pair:
        with socket.create_server(("127.0.0.1", 0)) as server:
            ours = socket.create_connection(server.getsockname())
            return self._kept((ours, server.accept()[0]))

    def _kept(self, pair: Pair) -> Pair:
        for sock in pair:
            self._stack.callback(sock.close)
        return pair


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    with ExitStack() as stack:
        yield Sockets(stack)


@pytest.fixture
def selector() -> Iterator[FairSelector]:
    fair = FairSelector(programs=3, others=2, crowd=0)
    yield fair
    fair.close()


def names(selector: FairSelector) -> list[object]:
    return [key.data for key, _ in selector.select(0)]


def test_a_few_sockets_that_are_ready_together_are_no_crowd_and_none_is_put_aside() -> None:
    with ExitStack() as stack:
        sockets = Sockets(stack)
        fair = FairSelector(programs=1, others=1, crowd=8)
        stack.callback(fair.close)
        for make in (sockets.program, sockets.provider) * 4:
            ours, theirs = make()
            fair.register(ours.fileno(), EVENT_READ)
            theirs.send(b"x")
        assert len(fair.select(1)) == 8
        assert fair.waiting == (0, 0, 0)
        ours, theirs = sockets.program()
        fair.register(ours.fileno(), EVENT_READ)
        theirs.send(b"x")
        assert len(fair.select(1)) == 2  # one more is one


class Watch:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_after_a_long_turn_the_next_ones_have_fewer_providers_until_they_are_short_again(
    sockets: Sockets,
) -> None:
    """Nothing is read here: all of them stay ready for ever."""
    watch = Watch()
    fair = FairSelector(programs=2, others=8, crowd=16, clock=watch)
    for _ in range(12):
        ours, theirs = sockets.provider()
        fair.register(ours.fileno(), EVENT_READ, "provider")
        theirs.send(b"x")
    assert len(fair.select(1)) == 12
    watch.now += 12 * LONG_S / 2  # two of them fit
    assert len(fair.select(1)) == 2
    ours, theirs = sockets.program()
    fair.register(ours.fileno(), EVENT_READ, "hello")
    theirs.send(b"x")
    watch.now += 10 * LONG_S  # not even one
    assert sorted(str(key.data) for key, _ in fair.select(1)) == ["hello", "provider"]
    fair.unregister(ours.fileno())
    counts = []
    for _ in range(9):
        watch.now += LONG_S / 2
        counts.append(len(fair.select(1)))
    assert counts == [2, 3, 4, 5, 6, 7, 8, 8, 8]
    fair.close()


def test_while_the_loop_has_other_work_the_kernel_is_asked_every_other_time(
    sockets: Sockets, selector: FairSelector
) -> None:
    ours, theirs = sockets.program()
    selector.register(ours.fileno(), EVENT_READ, "hello")
    theirs.send(b"x")
    assert [names(selector) for _ in range(4)] == [["hello"], [], ["hello"], []]
    assert len(selector.select(None)) == 1  # who would sleep looks


def test_a_program_is_heard_of_in_the_turn_in_which_it_speaks_whatever_the_providers_say(
    sockets: Sockets, selector: FairSelector
) -> None:
    for number in range(20):
        ours, theirs = sockets.provider()
        selector.register(ours.fileno(), EVENT_READ, number)
        theirs.send(b"x")
    ours, theirs = sockets.program()
    selector.register(ours.fileno(), EVENT_READ, "hello")
    theirs.send(b"x")
    first = names(selector)
    assert len(first) == 3
    assert "hello" in first


def test_a_program_does_not_wait_for_those_that_are_gone(sockets: Sockets, selector: FairSelector) -> None:
    for number in range(50):
        ours, theirs = sockets.program()
        selector.register(ours.fileno(), EVENT_READ, number)
        theirs.close()
    ours, theirs = sockets.program()
    selector.register(ours.fileno(), EVENT_READ, "hello")
    theirs.send(b"x")
    assert "hello" in names(selector)
    assert selector.waiting == (0, 48, 0)


def test_no_provider_is_heard_of_twice_before_all_that_wait_have_been(
    sockets: Sockets, selector: FairSelector
) -> None:
    """Nothing is read here: all of them stay ready for ever."""
    for number in range(9):
        ours, theirs = sockets.provider()
        selector.register(ours.fileno(), EVENT_READ, number)
        theirs.send(b"x")
    for _ in range(3):
        heard = [name for _ in range(9) for name in names(selector)]
        assert sorted(heard) == sorted([*range(9)] * 2)  # type: ignore[type-var]


def test_a_turn_has_no_more_programs_than_its_share_and_they_keep_their_order(
    sockets: Sockets, selector: FairSelector
) -> None:
    for number in range(8):
        ours, theirs = sockets.program()
        selector.register(ours.fileno(), EVENT_READ, (number, ours))
        theirs.send(b"x")
    turns = []
    while ready := selector.select(0):
        turns.append([key.data[0] for key, _ in ready])
        for key, _ in ready:
            key.data[1].recv(1)
    assert turns == [[0, 1, 2], [3, 4, 5], [6, 7]]


@pytest.mark.parametrize("behind", [False, True])
def test_a_program_waits_behind_one_socket_of_each_other_and_not_behind_all(
    sockets: Sockets, behind: bool
) -> None:
    """Nothing is read here: all of them stay ready for ever."""
    fds: set[int] = set()
    program: dict[int, int] = {}
    fair = FairSelector(programs=1, crowd=0, behind=fds if behind else frozenset(), program=program)
    for pid, number in ((1, 50), (2, 1), (3, 5)):
        for each in range(number):
            ours, theirs = sockets.program()
            fair.register(ours.fileno(), EVENT_READ, (pid, each))
            fds.add(ours.fileno())
            program[ours.fileno()] = pid
            theirs.send(b"x")
    heard = [name for _ in range(24) for name in names(fair)]
    pids = [pid for pid, _ in heard]  # type: ignore[misc]
    for pid in (1, 2, 3):
        turns = [turn for turn, heard_of in enumerate(pids) if heard_of == pid]
        assert max(after - before for before, after in pairwise([0, *turns])) <= 4
    assert len({name for name in heard if name[0] == 1}) == pids.count(1), "its own in their order"  # type: ignore[index]
    program.clear()  # a number that is given away anew is another's
    while fair.waiting != (0, 0, 0):
        for key in [*fair.get_map().values()]:
            fair.unregister(key.fd)
    fair.close()


def test_who_waits_keeps_the_loop_from_sleeping(sockets: Sockets, selector: FairSelector) -> None:
    for number in range(3):
        ours, theirs = sockets.provider()
        selector.register(ours.fileno(), EVENT_READ, number)
        theirs.send(b"x")
    assert len(selector.select(None)) == 2
    assert len(selector.select(None)) >= 1


def test_a_socket_that_waits_can_be_changed_closed_and_forgotten(
    sockets: Sockets, selector: FairSelector
) -> None:
    waiting = []
    for number in range(6):
        ours, theirs = sockets.provider()
        selector.register(ours.fileno(), EVENT_READ, number)
        theirs.send(b"x")
        waiting.append(ours)
    assert names(selector) == [0, 1]
    assert selector.waiting == (0, 4, 0)
    assert selector.unregister(waiting[2].fileno()).data == 2
    selector.modify(waiting[3].fileno(), EVENT_WRITE, "writes")
    waiting[4].close()  # without a word, as a library might
    assert selector.waiting == (0, 2, 0)
    for sock in waiting[:2]:
        selector.unregister(sock)
    assert {name for _ in range(3) for name in names(selector)} == {"writes", 5}
    assert selector.waiting == (0, 0, 0)
    with pytest.raises(KeyError):
        selector.get_key(waiting[0])


def test_it_does_what_asyncio_asks_of_a_selector(sockets: Sockets, selector: FairSelector) -> None:
    ours, _ = sockets.program()
    key = selector.register(ours, EVENT_WRITE, "data")
    assert selector.get_key(ours.fileno()) == key
    assert dict(selector.get_map()) == {ours.fileno(): key}
    assert selector.select(0.0001) == [(key, EVENT_WRITE)]
    assert selector.modify(ours, EVENT_WRITE, "other").data == "other"
    with pytest.raises(KeyError):
        selector.register(ours, EVENT_READ)
    selector.unregister(ours)
    assert selector.select(0) == []
    read, write = os.pipe()
    with os.fdopen(read, "rb"), os.fdopen(write, "wb", 0) as pipe:
        selector.register(read, EVENT_READ, "pipe")
        pipe.write(b"x")
        assert names(selector) == ["pipe"]
        selector.unregister(read)


def test_a_crowd_that_ends_at_once_is_worked_off_a_few_at_a_time() -> None:
    """In the real loop: between two turns of a program no more than its share of the others has one."""
    crowd, share, between, ended = 200, 0, 0, 0

    async def main() -> None:
        nonlocal share, between, ended
        loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            sockets = Sockets(stack)
            ours, theirs = sockets.program()
            done = asyncio.Event()

            def spoken() -> None:
                nonlocal share, between
                ours.recv(1)
                share, between = max(share, between), 0
                theirs.send(b"x")

            def gone(sock: socket.socket) -> None:
                nonlocal between, ended
                loop.remove_reader(sock)
                between, ended = between + 1, ended + 1
                if ended == crowd:
                    done.set()

            for _ in range(crowd):
                here, there = sockets.program()
                loop.add_reader(here, gone, here)
                there.close()
            loop.add_reader(ours, spoken)
            theirs.send(b"x")
            with anyio.fail_after(30):
                await done.wait()
            loop.remove_reader(ours)

    factory = loop_factory()
    assert factory is not None
    anyio.run(main, backend_options={"loop_factory": factory})
    assert ended == crowd
    assert 0 < share <= OTHERS < PROGRAMS


def test_the_daemon_shares_turns_out() -> None:
    loop = daemon._loop_factory()()
    try:
        assert isinstance(loop._selector, FairSelector)
    finally:
        loop.close()


def test_a_platform_without_epoll_gets_the_loop_that_asyncio_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    with suppress(AttributeError):
        monkeypatch.delattr(select, "epoll")
    assert loop_factory() is None


def test_who_is_behind_makes_no_other_program_wait(sockets: Sockets) -> None:
    """Nothing is read here: all of them stay ready for ever."""
    behind: set[int] = set()
    fair = FairSelector(behind=behind)
    for number in range(100):
        ours, theirs = sockets.program()
        fair.register(ours.fileno(), EVENT_READ, number)
        behind.add(ours.fileno())
        theirs.send(b"x")
    ours, theirs = sockets.program()
    fair.register(ours.fileno(), EVENT_READ, "hello")
    theirs.send(b"x")
    turns = [names(fair) for _ in range(6)]
    assert all(len(turn) == 1 + LAST and "hello" in turn for turn in turns if turn)
    assert len({name for turn in turns for name in turn}) == 1 + sum(map(bool, turns))
    fair.close()
