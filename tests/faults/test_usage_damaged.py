"""A ledger whose file is damaged, no file or held by somebody: nobody waits for it, the status says what to
do, what is there stays as it is, and every row is written once it is mended."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import pytest

from lokid.runtime.usage import ledger as ledgers
from lokid.runtime.usage import rows as usage_rows
from lokid.runtime.usage.journal import Journal
from lokid.runtime.usage.ledger import Ledger
from lokid.runtime.usage.rows import Row
from tests.runtime.usage.test_bill import setting

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


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Ledger]:
    ledger = Ledger(str(path))
    await ledger.open()
    try:
        yield ledger
    finally:
        await ledger.close()


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


def left(directory: Path, rows: int) -> str:
    """A journal of a daemon that was killed; its name."""
    journal = Journal(str(directory))
    for number in range(1, rows + 1):
        journal.append(number, ROW)
    journal.close(keep=True)
    return journal.name


async def test_what_a_killed_daemon_left_counts_also_while_the_database_cannot_have_it(path: Path) -> None:
    """Else a budget began anew with each start on a full disk."""
    a_database(path)
    left(path.parent, 3)
    half = left(path.parent, 5)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO journals VALUES (?, 4)", (half,))  # of these four are among the 500
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None and holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        async with opened(path) as ledger:
            assert await requests(ledger) == 504
            assert ledger.status()["unsaved"] >= 4
            holder.stdin.close()
            await until_written(ledger)
            assert await requests(ledger) == 504
    assert in_file(path) == 504
    assert [*path.parent.glob("*.journal*")] == []


async def test_what_a_killed_daemon_left_counts_beside_a_database_that_is_none(path: Path) -> None:
    garbage(path)
    left(path.parent, 3)
    async with opened(path) as ledger:
        assert await requests(ledger) == 3
        ledger.put(ROW)
        assert await requests(ledger) == 4
    async with opened(path) as ledger:
        assert await requests(ledger) == 4
        shutil.move(path, path.parent / "away")
        await until_written(ledger)
        assert await requests(ledger) == 4
    assert in_file(path) == 4


async def test_a_directory_in_its_place_is_told_as_one_and_stays_told(path: Path) -> None:
    path.mkdir(parents=True)
    async with opened(path) as ledger:
        ledger.put(ROW)
        assert await requests(ledger) == 1
        told = ledger.status()["reason"]
        assert told == f"{path} cannot be written: is a directory; move it away, and lokid begins a new one"
        path.rmdir()
        await until_written(ledger)
    assert in_file(path) == 1


async def test_one_of_a_newer_lokid_is_read_and_left_as_it_is(path: Path) -> None:
    a_database(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 9")
    before = path.read_bytes()
    async with opened(path) as ledger:
        ledger.put(ROW)
        assert await requests(ledger) == 501
        assert "a newer lokid made it" in ledger.status()["reason"]
        assert ledger.status()["reason"].endswith("; update lokid, or move it away")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "permission denied; make it, its directory and its disk writable for you"),
        (errno.EROFS, "read-only file system; make it, its directory and its disk writable for you"),
        (errno.ENOSPC, "no space left on device; make room"),
        (errno.ELOOP, "too many levels of symbolic links; it is a symbolic link, and those are not followed"),
    ],
)
async def test_one_that_may_not_be_written_is_read_and_the_reason_has_a_remedy(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    a_database(path)
    opening = os.open

    def refused(name: str, *rest: int) -> int:
        if name == str(path):
            raise OSError(number, os.strerror(number), name)
        return opening(name, *rest)

    monkeypatch.setattr(usage_rows.os, "open", refused)
    monkeypatch.setattr(usage_rows.os, "access", lambda *_: False)
    async with opened(path) as ledger:
        ledger.put(ROW)
        assert await requests(ledger) == 501
        assert ledger.status()["reason"].startswith(f"{path} cannot be written: {remedy}")
        monkeypatch.undo()
        monkeypatch.setattr(ledgers, "RETRY_S", 0.02)
        await until_written(ledger)
    assert in_file(path) == 501


READER = """
import os, sys
from lokid.runtime.usage.rows import query
path = sys.argv[1]
folder = os.path.dirname(path)
if os.geteuid() == 0:  # who may do everything anyway
    os.chown(folder, 65534, 65534)
    os.chown(path, 65534, 65534)
    os.setuid(65534)
for of_folder, of_file in ((0o500, 0o600), (0o700, 0o400)):
    os.chmod(folder, of_folder)
    os.chmod(path, of_file)
    print(query(path, (), since=None, until=None, group_by=None)[0]["requests"])
print(os.listdir(folder))
"""


def test_without_the_right_to_write_it_is_read_and_nothing_is_left_beside_it() -> None:
    """SQLite's own files would have the mode of the database, and keep it when that is mended."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "usage.db")
        with closing(usage_rows.connect(str(path))) as db:
            usage_rows.insert(db, [ROW] * 5)
        command = [sys.executable, "-c", READER, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["5", "5", "['usage.db']"]


async def test_rows_that_another_program_has_not_finished_are_read_too(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    with closing(usage_rows.connect(str(path))) as db:
        db.execute("PRAGMA journal_mode = WAL")  # as an older lokid did
        usage_rows.insert(db, [ROW] * 3)  # they are in usage.db-wal until it closes
        monkeypatch.setattr(usage_rows.os, "access", lambda *_: False)
        [row] = usage_rows.query(str(path), (), since=None, until=None, group_by=None)
    assert row["requests"] == 3


async def test_rows_wait_beside_a_damaged_one_over_the_end_of_lokid(path: Path, tmp_path: Path) -> None:
    garbage(path)
    for _ in range(2):
        async with opened(path) as ledger:
            ledger.put(ROW)
            assert ledger.status()["state"] == "degraded"
    shutil.move(path, tmp_path / "away")
    async with opened(path) as ledger:
        assert await requests(ledger) == 2
    assert in_file(path) == 2
    assert [each.name for each in path.parent.iterdir()] == ["usage.db"]


async def test_one_that_is_moved_away_takes_no_later_rows_with_it(path: Path, tmp_path: Path) -> None:
    async with opened(path) as ledger:
        ledger.put(ROW)
        assert await requests(ledger) == 1
        shutil.move(path, tmp_path / "away.db")
        assert await requests(ledger) == 0
        ledger.put(ROW)
        ledger.put(ROW)
        assert await requests(ledger) == 2
        assert ledger.status()["state"] == "ok"
    assert (in_file(tmp_path / "away.db"), in_file(path)) == (1, 2)


async def test_budgets_that_begin_at_nothing_say_so(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where it can be written all the same, nothing else would tell."""
    path = home / ".local/state/lokid/usage.db"
    path.parent.mkdir(parents=True)
    with closing(usage_rows.connect(str(path))) as db:
        usage_rows.insert(db, [ROW._replace(at=round(time.time() * 1000))] * 500)
    data = bytearray(path.read_bytes())
    data[5 * 4096 : 6 * 4096] = bytes(4096)
    path.write_bytes(data)
    async with setting(home, top={"budget": {"usd_per_day": 9}}) as here:
        await here.ask()
        with anyio.fail_after(20):
            while here.runtime.usage_status()["ledger"]["unsaved"]:
                await anyio.sleep(0.01)
        status = here.runtime.usage_status()
        assert status["budgets"][0]["spent_usd"] < 1
        told = status["ledger"]
        assert abs(told["counts_from"] - time.time()) < 3600
        assert told["unread"] == told["reason"]
        assert f"{path} cannot be read: " in told["reason"] and "move it away" in told["reason"]
    said = [line for line in caplog.messages if "budgets count from now on" in line]
    assert len(said) == 1 and str(path) in said[0] and "stays as it is" in said[0]
    shutil.move(path, home / "away")
    async with setting(home, top={"budget": {"usd_per_day": 9}}) as here:
        assert "counts_from" not in here.runtime.usage_status()["ledger"]


async def test_no_question_fails_for_it(home: Path) -> None:
    """Nor waits for it."""
    path = home / ".local/state/lokid/usage.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"somebody's own notes " * 300)
    async with setting(home, top={"budget": {"usd_per_day": 9}}) as here:
        for count in (1, 2):
            assert (await here.ask()).answer.message.text == "hi"
            status = here.runtime.usage_status()
            assert status["today"]["requests"] == count
            assert status["ledger"]["unsaved"] == count
            assert "move it away" in status["ledger"]["reason"]
            assert status["ledger"]["unread"] == status["ledger"]["reason"]
