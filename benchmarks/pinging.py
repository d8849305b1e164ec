"""A client of lokid that waits, and pings beside whatever else it has to do."""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgpack

fork = multiprocessing.get_context("fork")

WAIT_MS = 50
"""That a ping may wait for others in the daemon: less than a person notices."""


class Client:
    def __init__(self, path: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self._unpacker = msgpack.Unpacker(max_buffer_size=0)

    def send(self, method: str, **params: Any) -> None:
        self.sock.sendall(msgpack.packb([0, 1, method, [params]]))

    def message(self) -> list[Any]:
        while True:
            for message in self._unpacker:
                return list(message)
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self._unpacker.feed(data)

    def ask(self, method: str, **params: Any) -> Any:
        self.send(method, **params)
        while (message := self.message())[0] != 1:
            pass
        return message[2] or message[3]


@dataclass(slots=True)
class Pings:
    """Milliseconds of each ``hello``, and of each echo beside it."""

    ours: list[float] = field(default_factory=list)
    echoes: list[float] = field(default_factory=list)

    def of(self, share: float) -> tuple[float, float]:
        ours, echoes = sorted(self.ours), sorted(self.echoes)
        return ours[int((len(ours) - 1) * share)], echoes[int((len(echoes) - 1) * share)]

    @property
    def usual(self) -> str:
        numbers = (*self.of(0.5), *self.of(0.99))
        return "p50 {:.1f} ms, echo {:.1f} ms; p99 {:.1f} ms, echo {:.1f} ms".format(*numbers)

    @property
    def worst(self) -> str:
        return "worst ping {:.0f} ms, echo {:.0f} ms".format(*self.of(1))

    def beyond(self, share: float = 1.0) -> float:
        """What lokid took beyond the machine."""
        return self.of(share)[0] - self.of(share)[1]


@contextmanager
def echoing() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()

    def echo() -> None:
        ours.close()
        while data := theirs.recv(100):
            theirs.send(data)

    process = fork.Process(target=echo, daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join()


def pinged(client: Client, echo: socket.socket, into: Pings) -> None:
    begin = time.perf_counter()
    client.ask("hello")
    middle = time.perf_counter()
    echo.send(b"x")
    echo.recv(1)
    into.ours.append((middle - begin) * 1000)
    into.echoes.append((time.perf_counter() - middle) * 1000)


def pings(path: str, count: int = 300) -> Pings:
    client, found = Client(path), Pings()
    with echoing() as echo:
        for _ in range(count):
            pinged(client, echo, found)
    return found


def pings_while(path: str, act: Callable[[], Any]) -> tuple[Any, Pings]:
    """What ``act`` gives, and the pings meanwhile."""
    done = threading.Event()
    found = Pings()
    client = Client(path)
    client.ask("hello")

    def look(echo: socket.socket) -> None:
        while not done.is_set():
            pinged(client, echo, found)
            time.sleep(0.001)

    with echoing() as echo:
        watching = threading.Thread(target=look, args=(echo,))
        watching.start()
        try:
            result = act()
        finally:
            done.set()
            watching.join()
    return result, found
