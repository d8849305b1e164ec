"""The ledger under a kernel that kills it in a system call or gives it errors: no row of an answer that left
is lost or counted twice, the database stays whole, and no question waits for the disk."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from lokid.runtime.usage.ledger import Ledger
from tests.fakes.daemon import ROOT

pytestmark = [
    pytest.mark.external,
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

ROWS = 24

WRITER = f"""
import os, sys, anyio
from lokid.runtime.usage.ledger import Ledger
from lokid.runtime.usage.rows import Row

async def main(path):
    os.access("/marker-begin", 0)
    ledger = Ledger(path)
    await ledger.open()
    for number in range({ROWS}):
        ledger.put(Row(0, "c", "m", "chat", "sh", 7, 1, 1, 0, 0, 0, 10**10, None, 1, "ok", 1))
        os.write(1, b".")  # as an answer that left
        if number % 8 == 7:
            await ledger.query(None, None, None)
    print(ledger.status()["state"], flush=True)
    await ledger.close()

anyio.run(main, sys.argv[1])
"""

CALLS = "access,openat,write,pwrite64,fdatasync,fsync,ftruncate,fallocate,rename,unlink,close"

CHANGING = ("openat", "write", "pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "unlink")


def written(path: Path, *options: str) -> tuple[int, str, int]:
    """Runs the writer under strace: answers that left, what else it said, and how it ended."""
    command = ["strace", "-f", "-qq", *options, sys.executable, "-c", WRITER, str(path)]
    # Bytecode of its own, all there before calls are counted: how many there are must not change.
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(path.parent / "pyc")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=100, check=False)
    return done.stdout.count("."), done.stdout.strip(".\n"), done.returncode


def places(log: str) -> list[tuple[str, int]]:
    """The calls that the writer makes of each kind, as strace counts them: for each thread of its own."""
    counts: dict[tuple[str, str], int] = {}
    found: list[tuple[str, int]] = []
    begun = False
    for line in log.splitlines():
        if (call := re.match(r"(\d+) +(\w+)\((.*)", line)) is None:
            continue
        thread, name, rest = call.groups()
        begun |= "marker-begin" in rest
        number = counts[thread, name] = counts.get((thread, name), 0) + 1
        if begun and name in CHANGING:
            found.append((name, number))
    return found


async def rows(path: Path) -> int:
    """By a daemon that comes after."""
    ledger = Ledger(str(path))
    await ledger.open()
    try:
        [row] = await ledger.query(None, None, None)
        assert ledger.status()["state"] == "ok"
        return int(row["requests"])
    finally:
        await ledger.close()


def test_killed_in_any_kind_of_call_no_answered_row_is_lost_or_counted_twice(tmp_path: Path) -> None:
    log = tmp_path / "trace"
    assert written(tmp_path / "first" / "usage.db", "-o", str(log), "-e", f"trace={CALLS}") == (ROWS, "ok", 0)
    found = places(log.read_text())
    assert {"write", "pwrite64", "fdatasync", "ftruncate", "rename"} <= {name for name, _ in found}
    chosen: list[tuple[str, int]] = []
    for name in CHANGING:
        numbers = sorted({number for kind, number in found if kind == name})
        # The first of each kind, and one in the middle of those that write rows.
        middle = numbers[len(numbers) // 2 :][:1] if name in ("write", "pwrite64", "fdatasync") else []
        chosen += [(name, at) for at in dict.fromkeys((*numbers[:1], *middle))]
    killed = 0
    for number, (name, at) in enumerate(chosen):
        path = tmp_path / str(number) / "usage.db"
        inject = f"inject={name}:signal=SIGKILL:when={at}"
        left, _, status = written(path, "-o", "/dev/null", "-e", f"trace={CALLS}", "-e", inject)
        killed += status in (-signal.SIGKILL, 128 + signal.SIGKILL)
        # A row may have been written whose answer had no time to leave.
        assert left <= anyio.run(rows, path) <= left + 1, (name, at)
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",), (name, at)
        assert [each for each in os.listdir(path.parent) if each.endswith((".journal", ".new"))] == []
    # Which thread gets how far before it is killed is the scheduler's; most of them are.
    assert killed > len(chosen) / 2


@pytest.mark.parametrize(
    ("call", "fault"),
    [("pwrite64", "EIO"), ("pwrite64", "ENOSPC"), ("pwrite64", "EROFS"), ("fdatasync", "EIO")],
)
def test_a_database_that_cannot_be_written_holds_up_no_answer_and_is_told(
    call: str, fault: str, tmp_path: Path
) -> None:
    path = tmp_path / "usage.db"
    assert anyio.run(rows, path) == 0  # the database is there
    # The first eight writes make the index of its log, and then comes the first row.
    since = ":when=9+" if call == "pwrite64" else ""
    inject = f"inject={call}:error={fault}{since}"
    left, said, status = written(path, "-o", "/dev/null", "-e", f"trace={CALLS}", "-e", inject)
    assert (left, said, status) == (ROWS, "degraded", 0)
    assert anyio.run(rows, path) == ROWS
