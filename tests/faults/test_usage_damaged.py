"""A ledger whose file is damaged, no file or held by somebody: nobody waits for it, the status says what to
do, what is there stays as it is, and every row is written once it is mended."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from lokid.runtime.usage import ledger as ledgers
from lokid.runtime.usage import rows as usage_rows
from lokid.runtime.usage.ledger import Ledger
from lokid.runtime.usage.rows import Row

pytestmark = pytest.mark.anyio

ROW = Row(0, "c", "m", "chat", "sh", 7, 1, 1, 0, 0, 0, 10**10, None, 1, "ok", 1)

HOLDER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "RETRY_S", 0.02)
    monkeypatch.setattr(usage_rows, "BUSY_S", 0.02)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "usage.db"


def a_database(path: Path) -> None:
    path.parent.mkdir()
    with closing(usage_rows.connect(str(path))) as db:
        usage_rows.insert(db, [ROW] * 500)


def truncated(path: Path) -> Path:
    a_database(path)
    path.write_bytes(path.read_bytes()[:4096])
    return path


def cut_in_its_header(path: Path) -> Path:
    a_database(path)
    path.write_bytes(path.read_bytes()[:50])
    return path


def garbage(path: Path) -> Path:
    path.parent.mkdir()
    path.write_bytes(b"somebody's own notes, no database " * 300)
    return path


def no_directory(path: Path) -> Path:
    path.parent.write_bytes(b"a file where the directory should be")
    return path.parent


async def requests(ledger: Ledger) -> int:
    [row] = await ledger.query(None, None, None)
    return int(row["requests"])


async def until_written(ledger: Ledger) -> None:
    with anyio.fail_after(20):
        while ledger.status()["state"] != "ok" or ledger.status()["unsaved"]:
            await anyio.sleep(0.01)


def in_file(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM requests").fetchone()[0])


@pytest.mark.parametrize("damage", [truncated, cut_in_its_header, garbage, no_directory])
async def test_a_damaged_one_is_told_left_as_it_is_and_replaced_once_it_is_moved_away(
    damage: Callable[[Path], Path], path: Path, tmp_path: Path
) -> None:
    bad = damage(path)
    before = bad.read_bytes()
    ledger = Ledger(str(path))
    await ledger.open()
    try:
        for _ in range(3):
            ledger.put(ROW)
        status = ledger.status()
        assert (status["state"], status["unsaved"], status["lost"]) == ("degraded", 3, 0)
        assert str(path) in status["reason"]
        assert "move" in status["reason"] and "away" in status["reason"]
        assert await requests(ledger) == 3
        assert bad.read_bytes() == before
        shutil.move(bad, tmp_path / "away")
        await until_written(ledger)
        ledger.put(ROW)
        assert await requests(ledger) == 4
    finally:
        await ledger.close()
    assert in_file(path) == 4
    assert (tmp_path / "away").read_bytes() == before


async def test_one_that_another_program_holds_is_told_and_written_once_it_is_free(path: Path) -> None:
    a_database(path)
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None and holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        ledger = Ledger(str(path))
        await ledger.open()
        try:
            ledger.put(ROW)
            status = ledger.status()
            assert (status["state"], status["unsaved"]) == ("degraded", 1)
            assert str(path) in status["reason"]
            assert "end the program that holds it" in status["reason"]
            assert await requests(ledger) == 501  # reading goes on
            holder.stdin.close()
            await until_written(ledger)
        finally:
            holder.stdin.close()
            await ledger.close()
    assert in_file(path) == 501
