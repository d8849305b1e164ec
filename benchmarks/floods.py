"""Who sends lokid more than it can read: how long does a ping of somebody else wait?

What counts is the time that the daemon itself worked before it answered, as its CPU clock says: a machine
with other things to do makes that no longer. (It never sleeps here, so on an idle machine both are the same.)
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgpack

from benchmarks.pinging import Client, fork

Begun = Callable[[], object]

ANSWERS = 32
PROGRAMS = 20
SECONDS = 8
PIPELINED = 1000
IN_FLIGHT = 900
"""Of a program, which may have 1,024."""

USUAL_MS, WORST_MS = 100, 200
"""That half of all pings and 99 of 100 may wait. It was 400 to 900 ms for half of them before a turn of the
event loop was shared out by the time it took (docs/decisions/0022)."""

_chunk = {"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "ab"}}]}
_event = b"data: " + json.dumps(_chunk).encode() + b"\n\n"


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_large = json.dumps({"choices": [{"index": 0, "delta": {"content": "ab", "numbers": [1e5] * 100_000}}]})
_large_event = b"data: %b\n\n" % _large.replace("100000.0", "1e5").encode()

FLOODS = {
    "bytes": b"".join(_chunked(bytes([byte])) for byte in _event) * 50,
    "comments": _chunked(b":\n\n" * 5000),
    "events": _chunked(_event) * 200,
    "large events": _chunked(_large_event),
}
"""Model -> what its provider sends again and again: events in chunks of one byte, empty comments, events, and
events of half a megabyte."""


def answers(path: str, pid: int) -> Iterator[tuple[str, str, bool]]:
    for name in FLOODS:

        def read(begun: Begun, name: str = name) -> None:
            client = Client(path)
            client.ask("hello", accepted=True)  # of comments it hears nothing else
            client.send("chat", model=f"p:{name}", prompt="x", stream=True)
            _drain(client, begun)

        yield _flooded(f"{ANSWERS} answers flood: {name}", path, pid, read, programs=1, each=ANSWERS)


def whole(path: str, pid: int) -> Iterator[tuple[str, str, bool]]:
    """In a loop: one is not even a second."""

    def ask(begun: Begun) -> None:
        client = Client(path)
        while True:
            client.ask("embed", model="p:nested", texts=["x"])
            begun()

    yield _flooded("8 MiB of lists in lists, again", path, pid, ask, programs=1, each=1)


def questions(path: str, pid: int) -> Iterator[tuple[str, str, bool]]:
    wire = b"".join(msgpack.packb([0, number, "status", []]) for number in range(PIPELINED))

    def ask(begun: Begun) -> None:
        client = Client(path)
        threading.Thread(target=_drain, args=(client, begun), daemon=True).start()
        while True:
            client.sock.sendall(wire)

    yield _flooded(f"{PROGRAMS} programs pipeline status", path, pid, ask, programs=PROGRAMS, each=1)


SHARED: dict[str, dict[str, Any]] = {
    "usage.query": {},
    "secrets.set": {"name": "A", "value": "v"},
    "config.reload": {},
}
"""What has one thread, lock or disk for all programs, and what is asked with."""


def shared(path: str, pid: int) -> Iterator[tuple[str, str, bool]]:
    """Another program asks the same."""
    for method, params in SHARED.items():
        one = msgpack.packb([0, 1, method, [params]])

        def ask(begun: Begun, one: bytes = one) -> None:
            client = Client(path)
            client.sock.sendall(one * IN_FLIGHT)
            client.message()
            begun()
            while client.message():
                client.sock.sendall(one)

        yield _flooded(f"{IN_FLIGHT} {method} at once", path, pid, ask, programs=1, each=1, asks=method)


def _drain(client: Client, begun: Begun) -> None:
    client.sock.recv(1)
    begun()
    while client.sock.recv(1 << 18):
        pass


def _flooded(
    name: str,
    path: str,
    pid: int,
    act: Callable[[Begun], None],
    *,
    programs: int,
    each: int,
    asks: str = "hello",
) -> tuple[str, str, bool]:
    """``act`` in ``programs`` processes, in ``each`` threads of every one, calls what it is given when it has
    its first byte."""
    begun = fork.Semaphore(0)

    def run() -> None:
        threads = [threading.Thread(target=act, args=(begun.release,), daemon=True) for _ in range(each)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    running = [fork.Process(target=run, daemon=True) for _ in range(programs)]
    for process in running:
        process.start()
    try:
        for _ in range(programs * each):
            begun.acquire()
        time.sleep(0.5)
        waited, worked = _pings(path, pid, asks)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.join()
    usual, worst = _of(worked, 0.5), _of(worked, 0.99)
    half = f"p50 {_of(waited, 0.5):.0f} ms, {usual:.0f} of them work"
    most = f"p99 {_of(waited, 0.99):.0f} ms, {worst:.0f} of them work"
    said = f"{half}; {most}; {len(waited)} pings"
    return name, said, usual < USUAL_MS and worst < WORST_MS


def _pings(path: str, pid: int, method: str) -> tuple[list[float], list[float]]:
    """Milliseconds of each ping with ``method``, and those that the daemon worked meanwhile."""
    clock = ~pid << 3 | 2  # as clock_getcpuclockid(3) makes it on Linux
    client, waited, worked = Client(path), [], []
    end = time.perf_counter() + SECONDS
    while (begin := time.perf_counter()) < end:
        before = time.clock_gettime(clock)
        client.ask(method, **SHARED.get(method, {}))
        worked.append((time.clock_gettime(clock) - before) * 1000)
        waited.append((time.perf_counter() - begin) * 1000)
        time.sleep(0.01)
    return sorted(waited), sorted(worked)


def _of(ordered: list[float], share: float) -> float:
    return ordered[int((len(ordered) - 1) * share)]
