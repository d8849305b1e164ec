"""Why one question in a hundred takes so much longer than the others: where its time goes.

One client asks lokid, a loop and the provider itself in turn. The loop (``benchmarks/loop.py``) is a Python
program that counts for as long as lokid works on a question, with the same hop to the provider in its middle,
and does nothing else: what its slowest questions take, the machine makes of any program of that length. The
kernel says of each thread how long it ran and how long it was ready and waited for a core.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack

from benchmarks import gateways
from benchmarks.machine import family

BLOCK = 200
"""Questions to one of them, then to the next."""

BLOCKS = 10
"""Of each round: 2,000 questions."""

SLOWEST, MIDDLE = (0.99, 1.0), (0.4, 0.6)

MODEL = "short"


@dataclass(slots=True)
class Asked:
    """``threads``: its files of the scheduler's figures. ``rows``: of each question, see ``_Row``."""

    name: str
    sock: socket.socket
    request: bytes
    threads: list[int]
    rows: list[_Row] = field(default_factory=list)

    def ask(self) -> None:
        self.sock.sendall(self.request)
        if self.name != "lokid":
            self.sock.recv(65536)  # the provider writes a short answer at once, the loop passes it on
            return
        answer = msgpack.Unpacker()
        while next(answer, None) is None:
            answer.feed(self.sock.recv(65536))


@dataclass(frozen=True, slots=True)
class _Row:
    """Nanoseconds. ``others``: the client and the provider."""

    wall: int
    ran: int
    waited: int
    others_ran: int
    others_waited: int


def measure(rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="lokid-bench.") as room, ExitStack() as stack:
        port = stack.enter_context(gateways.provider())
        with_provider = _threads(family(os.getpid()))
        running = stack.enter_context(gateways.lokid(port, Path(room)))
        direct = stack.enter_context(gateways.direct(port, Path(room)))
        question = direct.request(MODEL, stream=False)
        rpc = running.request(MODEL, stream=False)
        path = str(Path(room, "loop"))
        loop = stack.enter_context(
            subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("loop.py")), str(port), path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
        stack.callback(loop.terminate)
        assert loop.stdin and loop.stdout
        loop.stdin.write(question)
        loop.stdin.close()
        loop.stdout.readline()
        lokid = Asked("lokid", _unix(running.where), rpc, [])
        counting = Asked("a loop as long", _unix(path), b"0\n", _threads([loop.pid]))
        bare = Asked("direct", socket.create_connection(("127.0.0.1", port)), question, [])
        everybody = (lokid, counting, bare)
        for asked in everybody:
            stack.callback(asked.sock.close)
        for _ in range(BLOCK):
            lokid.ask()
        lokid.threads = _threads([running.pid])  # all are there now
        counts = _calibrated(lokid, counting, with_provider)
        for _ in range(rounds * BLOCKS):
            for asked in everybody:
                asked.rows += _block(asked, with_provider)
            # Both were just measured on the same machine: it may be faster or slower by now.
            last = [statistics.median(row.ran for row in one.rows[-BLOCK:]) for one in (lokid, counting)]
            counts = max(1, round(counts * min(2.0, max(0.5, last[0] / max(last[1], 1.0)))))
            counting.request = b"%d\n" % counts
    return {"contestants": {asked.name: _figures(asked.rows) for asked in everybody}, "rounds": rounds}


def _calibrated(lokid: Asked, counting: Asked, others: Sequence[int]) -> int:
    """How far the loop has to count."""
    counts = 1_000
    for _ in range(4):
        counting.request = b"%d\n" % counts
        wanted, took = (
            statistics.median(row.ran for row in _block(one, others)) for one in (lokid, counting)
        )
        counts = max(1, round(counts * wanted / max(took, 1)))
    counting.request = b"%d\n" % counts
    return counts


def _block(asked: Asked, others: Sequence[int]) -> Iterable[_Row]:
    rows = []
    for _ in range(BLOCK):
        before = (*_sums(asked.threads), *_sums(others))
        began = time.monotonic_ns()
        asked.ask()
        wall = time.monotonic_ns() - began
        after = (*_sums(asked.threads), *_sums(others))
        rows.append(_Row(wall, *(late - early for early, late in zip(before, after, strict=True))))
    return rows


def _figures(rows: list[_Row]) -> dict[str, float]:
    """Milliseconds."""
    rows = sorted(rows, key=lambda row: row.wall)

    def part(share: tuple[float, float]) -> list[_Row]:
        return rows[round(share[0] * len(rows)) : round(share[1] * len(rows))]

    def mean(share: tuple[float, float], key: str) -> float:
        return statistics.fmean(getattr(row, key) for row in part(share)) / 1e6

    walls = [row.wall / 1e6 for row in rows]
    found = {f"p{percent}_ms": walls[len(walls) * percent // 100] for percent in (50, 90, 99)}
    for name, share in (("middle", MIDDLE), ("slowest", SLOWEST)):
        for key in ("wall", "ran", "waited", "others_ran", "others_waited"):
            found[f"{name}_{key}_ms"] = mean(share, key)
    return found


def _threads(pids: Iterable[int]) -> list[int]:
    """One file for each thread of these processes."""
    return [
        os.open(f"/proc/{pid}/task/{thread}/schedstat", os.O_RDONLY)
        for pid in pids
        for thread in os.listdir(f"/proc/{pid}/task")
    ]


def _sums(files: Sequence[int]) -> tuple[int, int]:
    """Nanoseconds that they ran, and that they were ready to run and waited
    (Documentation/scheduler/sched-stats.rst of Linux)."""
    ran = waited = 0
    for file in files:
        fields = os.pread(file, 128, 0).split()
        ran += int(fields[0])
        waited += int(fields[1])
    return ran, waited


def _unix(path: str | int) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    return sock
