"""Which sockets the event loop hears of in one turn, so that nobody waits for a crowd.

asyncio asks for everything that is ready and works it off before it looks again: when ten thousand
connections ended at once, the next ``hello`` waited for all of them. Here a turn gets a few sockets of each
of three lanes, and the rest waits in the order in which it came, one of each program after the other: five
hundred of one program made a ``hello`` of another wait for half a second.

* programs: what came in on the socket of ours. Reading it is cheap, and somebody sits in front of it.
* the others: providers, of which 500 streams may have something at once, and connections whose other end is
  gone. To end one costs as much as a short question, and nobody waits for it.
* programs that are behind: those of the extra socket, and those whose last message was dear to read. Two
  hundred that send nothing but the dearest made a ``hello`` wait for one to two seconds.

What a socket of a provider brings, one knows only afterwards: an event, or 32 KiB of the smallest pieces that
there are, which take a hundred times as long. So after a turn that took too long the next ones get fewer of
them, and one more with every turn that did not.

A socket that waits is taken out of the kernel's set meanwhile, which would report it again each turn. While
nothing waits, nothing of this costs a system call.
"""

from __future__ import annotations

import asyncio
import math
import select
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from math import inf
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey
from typing import Any

PROGRAMS = 16
"""Sockets of programs in one turn. The dearest thing that one of them can bring is a question to begin, about
half a millisecond."""

OTHERS = 8
"""Sockets of providers, and ended ones, in one turn. An event of a stream takes about 0.1 ms from one socket
to the other, and what one read may hold of them, 64 KiB, a few milliseconds. To ask the kernel costs as much
as a tenth of one event."""

CROWD = 128
"""Sockets that are ready together and yet no crowd: all of them have their turn. To put one aside and take it
back are two system calls; a batch job with 32 questions at a time paid a fifth of its processor time for
them."""

LONG_S = 0.01
"""Seconds. A turn of more is too long: a ``hello`` waits for three."""

LAST = 1
"""Sockets of programs that are behind, in one turn: 4 ms at most."""

BEHIND: set[int] = set()
"""Descriptors of the programs that are behind: their readers know, and asyncio hands nobody its selector."""

PROGRAM: dict[int, int] = {}
"""Descriptor -> number of the process at its other end, for the same reason. Those that have none are one."""

REPORTED = 2048
"""Sockets that the kernel names at once, before it goes on with the others: to put so many aside takes 5 ms.
More would also wake Python's collector, which counts what is made to name them."""

# Names that macOS does not have; nobody comes to use them there.
_IN, _OUT, _GONE = (getattr(select, name, 0) for name in ("EPOLLIN", "EPOLLOUT", "EPOLLHUP"))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """For ``asyncio.Runner``; None where there is no epoll, and asyncio chooses for itself."""
    if not hasattr(select, "epoll"):
        return None
    return lambda: asyncio.SelectorEventLoop(FairSelector())


class _Lane:
    """Descriptor -> what the kernel reported, by program."""

    def __init__(self, program: Mapping[int, int]) -> None:
        self._program = program
        self._of: dict[int, dict[int, int]] = {}  # that with the next turn first
        self._whose: dict[int, int] = {}  # its number may have another program meanwhile

    def __len__(self) -> int:
        return len(self._whose)

    def add(self, fd: int, event: int) -> None:
        whose = self._whose[fd] = self._program.get(fd, 0)
        self._of.setdefault(whose, {})[fd] = event

    def take(self) -> tuple[int, int]:
        """The next one, and what was reported. Its program goes to the end of the line."""
        whose = next(iter(self._of))
        fds = self._of.pop(whose)
        fd = next(iter(fds))
        event = fds.pop(fd)
        del self._whose[fd]
        if fds:
            self._of[whose] = fds
        return fd, event

    def remove(self, fd: int) -> bool:
        """Whether it was there."""
        whose = self._whose.pop(fd, None)
        if whose is None:
            return False
        fds = self._of[whose]
        del fds[fd]
        if not fds:
            del self._of[whose]
        return True


class FairSelector(selectors.BaseSelector):
    """A selector for asyncio: at most ``programs`` and ``others`` sockets a turn, or ``crowd`` of both while
    none waits; fewer after a long turn. By descriptor, as asyncio uses it."""

    def __init__(
        self,
        programs: int = PROGRAMS,
        others: int = OTHERS,
        crowd: int = CROWD,
        clock: Callable[[], float] = time.monotonic,
        behind: AbstractSet[int] = BEHIND,
        program: Mapping[int, int] = PROGRAM,
    ) -> None:
        self._epoll = select.epoll()
        self._keys: dict[int, SelectorKey] = {}
        self._remote: set[int] = set()  # of the network
        self._rooms = programs, others
        self._behind = behind
        self._crowd = crowd
        # Ready, and out of the set of the kernel.
        self._parked = _Lane(program), _Lane(program), _Lane(program)
        self._looked = False  # in the turn before
        self._clock = clock
        self._began = inf  # the turn before
        self._had = 1  # sockets of the last turn that had any
        self._most = self._bound = max(others, crowd)  # that the next one may have

    @property
    def waiting(self) -> tuple[int, ...]:
        """Sockets that are ready and have not had their turn: of programs, others, programs behind."""
        return tuple(map(len, self._parked))

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        fd = _fd(fileobj)
        if fd in self._keys:
            raise KeyError(f"descriptor {fd} is registered already")
        self._epoll.register(fd, _mask(events))
        key = self._keys[fd] = SelectorKey(fileobj, fd, events, data)
        if _is_remote(fd):
            self._remote.add(fd)
        return key

    def unregister(self, fileobj: Any) -> SelectorKey:
        fd = _fd(fileobj)
        key = self._keys.pop(fd)
        self._remote.discard(fd)
        if not self._unpark(fd):
            with suppress(OSError):  # closed before, and so out of the set already
                self._epoll.unregister(fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        fd = _fd(fileobj)
        if events != self._keys[fd].events:
            # It may wait because of what nobody asks for any more: the kernel says anew what there is.
            change = self._epoll.register if self._unpark(fd) else self._epoll.modify
            change(fd, _mask(events))
        key = self._keys[fd] = SelectorKey(fileobj, fd, events, data)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Of each lane those first that waited longest. While the loop has other work (``timeout`` 0) the
        kernel is asked every other time: what a turn begins is mostly finished in the next."""
        self._share(self._clock() - self._began)
        ready = self._select(timeout)
        if ready:
            self._had = len(ready)
        self._began = self._clock()
        return ready

    def _share(self, took: float) -> None:
        """Of the time, after a turn that took so long."""
        if took > LONG_S:
            self._most = max(1, int(min(self._most, self._had) * LONG_S / took))
        elif self._most < self._bound:
            self._most += 1

    def _select(self, timeout: float | None) -> list[tuple[SelectorKey, int]]:
        if timeout is None:
            timeout = -1
        waiting = any(self._parked)
        if waiting:
            timeout = 0
        elif timeout == 0 and self._looked:
            self._looked = False
            return []
        elif timeout > 0:
            timeout = math.ceil(timeout * 1e3) * 1e-3  # the kernel counts milliseconds, and less is none
        self._looked = True
        try:
            found = self._epoll.poll(timeout, REPORTED)
        except InterruptedError:
            found = []
        ready: list[tuple[SelectorKey, int]] = []
        if len(found) <= self._alike(found) and not waiting:
            for fd, event in found:
                self._report(fd, event, ready)
            return ready
        programs, others = self._rooms
        shares = programs, min(others, self._most), min(LAST, self._most)
        rooms = [self._release(lane, room, ready) for lane, room in zip(self._parked, shares, strict=True)]
        for fd, event in found:
            lane = 1 if event & _GONE or fd in self._remote else 2 if fd in self._behind else 0
            if rooms[lane]:
                rooms[lane] -= 1
                self._report(fd, event, ready)
            else:
                self._epoll.unregister(fd)
                self._parked[lane].add(fd, event)
        return ready

    def _alike(self, found: list[tuple[int, int]]) -> int:
        """How many sockets that are ready together are no crowd."""
        if self._behind and any(fd in self._behind for fd, _ in found):
            return LAST
        return min(self._crowd, self._most)

    def close(self) -> None:
        self._epoll.close()
        self._keys.clear()

    def get_key(self, fileobj: Any) -> SelectorKey:
        return self._keys[_fd(fileobj)]

    def get_map(self) -> Mapping[Any, SelectorKey]:
        return self._keys

    def _release(self, lane: _Lane, room: int, ready: list[tuple[SelectorKey, int]]) -> int:
        """How much of ``room`` is left."""
        for _ in range(min(room, len(lane))):
            fd, event = lane.take()
            with suppress(OSError):  # closed without a word to us
                self._epoll.register(fd, _mask(self._keys[fd].events))
                self._report(fd, event, ready)
                room -= 1
        return room

    def _report(self, fd: int, event: int, ready: list[tuple[SelectorKey, int]]) -> None:
        key = self._keys.get(fd)
        if key is not None:
            # What is neither (an end, a failure) is both: whoever tries then hears of it.
            events = (EVENT_WRITE if event & ~_IN else 0) | (EVENT_READ if event & ~_OUT else 0)
            ready.append((key, events & key.events))

    def _unpark(self, fd: int) -> bool:
        """Whether it waited; it is in no set then."""
        return any(lane.remove(fd) for lane in self._parked)


def _fd(fileobj: Any) -> int:
    return fileobj if isinstance(fileobj, int) else fileobj.fileno()


def _mask(events: int) -> int:
    return (_IN if events & EVENT_READ else 0) | (_OUT if events & EVENT_WRITE else 0)


def _is_remote(fd: int) -> bool:
    try:
        sock = socket.socket(fileno=fd)  # asks the kernel what it is
    except OSError:  # a pipe, or what else can be waited for
        return False
    family = sock.family
    sock.detach()
    return family in (socket.AF_INET, socket.AF_INET6)
