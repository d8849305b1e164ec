"""The ledger: nothing is lost, nothing is counted twice, nobody waits."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.runtime.usage import ledger as ledgers
from lokid.runtime.usage import rows as usage_rows
from lokid.runtime.usage.journal import Journal
from lokid.runtime.usage.ledger import Ledger
from lokid.runtime.usage.rows import Row, dollars, pico

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]


def row(at: float = 0.0, client: str = "c", model: str = "m", usd: float | None = 0.1, **facts: Any) -> Row:
    cost = None if usd is None else pico(usd)
    values = Row(round(at * 1000), client, model, "chat", "sh", 7, 10, 5, 4, 3, 2, cost, 12, 34, "ok", 1)
    return values._replace(**facts)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "usage.db"


@asynccontextmanager
async def opened(path: Path | str | None) -> AsyncIterator[Ledger]:
    ledger = Ledger(None if path is None else str(path), "no home")
    await ledger.open()
    try:
        yield ledger
    finally:
        await ledger.close()


async def total(ledger: Ledger) -> dict[str, Any]:
    [row] = await ledger.query(None, None, None)
    return row


def in_file(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM requests").fetchone()[0])


@given(st.integers(0, 10**6), st.integers(0, 10**9))
def test_costs_are_exact_to_the_last_digit(tokens: int, price_micros: int) -> None:
    exact = tokens * price_micros  # 10^-12 USD, of a price in 10^-6 USD per million tokens
    if exact < 10**15:  # what a float has digits for
        assert pico(dollars(exact)) == exact


async def test_rows_add_up_by_everything_there_is(path: Path) -> None:
    async with opened(path) as ledger:
        assert await total(ledger) == usage_rows.nothing()
        assert await ledger.query(None, None, "day") == []
        ledger.put(row(100))
        ledger.put(row(200, client="d", usd=0.2, program="vi"))
        ledger.put(row(300, model="n", usd=None, input_tokens=None))
        ledger.put(row(400, outcome="timeout", usd=None))
        assert await total(ledger) == {
            "requests": 4,
            "failed": 1,
            "input_tokens": 30,
            "output_tokens": 20,
            "cached_input_tokens": 16,
            "cache_write_tokens": 12,
            "reasoning_tokens": 8,
            "unpriced": 1,
            "cost_usd": 0.3,
        }
        seen = {
            by: [(one[by], one["requests"]) for one in await ledger.query(None, None, by)]
            for by in ("client", "model", "program")
        }
        assert seen == {
            "client": [("d", 1), ("c", 3)],
            "model": [("d:m", 1), ("c:m", 2), ("c:n", 1)],
            "program": [("vi", 1), ("sh", 3)],
        }
        assert [one["requests"] for one in await ledger.query(100, 300, "client")] == [1, 1]
        assert (await ledger.query(400.001, 1e300, None))[0]["requests"] == 0


async def test_days_are_local_and_in_their_order(path: Path) -> None:
    async with opened(path) as ledger:
        for day in (3, 1, 2):
            ledger.put(row(day * 86400 + 43200, usd=day / 10))
        days = [one["day"] for one in await ledger.query(None, None, "day")]
        assert days == sorted(days)
        assert len(days) == 3


async def test_a_thousand_small_costs_make_their_sum_to_the_cent(path: Path) -> None:
    costs = [0.000001 * index + 0.1 for index in range(1000)]
    async with opened(path) as ledger:
        for usd in costs:
            ledger.put(row(usd=round(usd, 9)))
        assert (await total(ledger))["cost_usd"] == pytest.approx(sum(costs), abs=1e-9)
    assert in_file(path) == 1000


async def test_the_sum_of_enormous_costs_does_not_overflow(path: Path) -> None:
    async with opened(path) as ledger:
        for _ in range(5):
            ledger.put(row(usd=4e6))
        assert (await total(ledger))["cost_usd"] == 2e7


async def test_a_time_may_be_infinite(path: Path) -> None:
    async with opened(path) as ledger:
        ledger.put(row(usd=1))
        assert (await ledger.query(float("-inf"), float("inf"), None))[0]["requests"] == 1
        assert (await ledger.query(float("inf"), None, None))[0]["requests"] == 0


async def test_many_who_look_at_once_leave_no_more_descriptors_than_few(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite closes none of them while the daemon has the file open."""
    query = usage_rows.query
    too_many = threading.Barrier(ledgers.READERS + 1)

    def looked(*args: Any, **bounds: Any) -> Any:
        with closing(sqlite3.connect(path)) as db:
            db.execute("SELECT count(*) FROM requests").fetchone()
            with suppress(threading.BrokenBarrierError):
                too_many.wait(0.1)
        return query(*args, **bounds)

    def descriptors() -> int:
        links = [os.readlink(one) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
        return links.count(str(path))

    monkeypatch.setattr(usage_rows, "query", looked)
    async with opened(path) as ledger:
        ledger.put(row())
        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(total, ledger)
        assert too_many.broken
        assert descriptors() <= 1 + ledgers.READERS


async def test_the_files_are_for_nobody_else(path: Path) -> None:
    async with opened(path) as ledger:
        ledger.put(row())
        await total(ledger)
        assert {oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()} == {"0o600"}
        assert len(list(path.parent.iterdir())) == 2  # the journal too
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]  # a good end leaves nothing else


async def test_none_of_it_is_mapped_into_memory(path: Path) -> None:
    """To touch that while the disk is full was a bus error, the end of lokid."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA journal_mode = WAL")
    async with opened(path) as ledger:
        ledger.put(row())
        assert await total(ledger)
        assert "usage.db" not in Path("/proc/self/maps").read_text()


async def test_one_with_a_log_that_another_lokid_has_open_is_written_too(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA journal_mode = WAL")
        old.execute("CREATE TABLE theirs (a)")
        old.execute("SELECT * FROM theirs").fetchall()
        async with opened(path) as ledger:
            ledger.put(row())
            assert await total(ledger)


async def test_odd_names_do_no_harm(path: Path) -> None:
    async with opened(path) as ledger:
        for name in ("é\U0001f600", "'; DROP TABLE requests; --", "a\nb", "\x00z"):
            ledger.put(row(model=name))
        assert (await total(ledger))["requests"] == 4
        await ledger.query(None, None, "model")


async def test_without_a_place_for_it_the_usage_of_this_run_is_told(path: Path) -> None:
    async with opened(None) as ledger:
        ledger.put(row())
        assert (await total(ledger))["requests"] == 1
        assert ledger.status() == {
            "path": None,
            "state": "degraded",
            "reason": "no home",
            "unsaved": 1,
            "lost": 0,
        }


class TestWhenItCannotBeWritten:
    async def test_rows_wait_in_memory_show_in_the_sums_and_are_written_later(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ledgers, "RETRY_S", 0.02)
        path.parent.mkdir()
        path.mkdir()  # nothing can be opened there
        async with opened(path) as ledger:
            assert ledger.status()["state"] == "degraded"
            ledger.put(row())
            assert (await total(ledger))["requests"] == 1
            path.rmdir()
            with anyio.fail_after(10):
                while ledger.status()["state"] != "ok":
                    await anyio.sleep(0.01)
            assert ledger.status()["unsaved"] == 0
            ledger.put(row())
            assert (await total(ledger))["requests"] == 2
        assert in_file(path) == 2

    async def test_more_rows_than_memory_is_for_are_counted_as_lost(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ledgers, "MOST_UNSAVED", 3)
        path.parent.mkdir()
        path.mkdir()
        async with opened(path) as ledger:
            for _ in range(5):
                ledger.put(row())
            assert (ledger.status()["unsaved"], ledger.status()["lost"]) == (3, 2)

    async def test_a_damaged_file_is_left_alone(self, path: Path) -> None:
        path.parent.mkdir()
        path.write_bytes(b"not a database, but it may be somebody's " * 100)
        before = path.read_bytes()
        async with opened(path) as ledger:
            ledger.put(row())
            assert "not a database" in ledger.status()["reason"]
            assert (await total(ledger))["requests"] == 1
        assert path.read_bytes() == before

    async def test_a_file_of_a_newer_lokid_is_left_alone(self, path: Path) -> None:
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA user_version = 99")
        async with opened(path) as ledger:
            assert "newer lokid" in ledger.status()["reason"]

    async def test_a_link_is_not_followed(self, path: Path, tmp_path: Path) -> None:
        path.parent.mkdir()
        path.symlink_to(tmp_path / "elsewhere")
        async with opened(path) as ledger:
            assert ledger.status()["state"] == "degraded"
        assert not (tmp_path / "elsewhere").exists()


# --- two daemons, and daemons that are killed

WRITER = """
    import sys, anyio
    from lokid.runtime.usage.ledger import Ledger
    from lokid.runtime.usage.rows import Row

    async def main(path, count):
        ledger = Ledger(path)
        await ledger.open()
        for number in range(count):
            ledger.put(Row(0, "c", "m", "chat", "sh", 7, 1, 1, 0, 0, 0, 10**10, None, 1, "ok", 1))
            print(number, flush=True)  # as an answer that left
            await anyio.sleep(0 if number % 10 else 0.001)
        await ledger.close()

    anyio.run(main, sys.argv[1], int(sys.argv[2]))
"""


def writer(path: Path, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


async def test_two_daemons_can_write_at_the_same_time(path: Path) -> None:
    both = [writer(path, 400) for _ in range(2)]
    for one in both:
        one.communicate(timeout=50)
        assert one.returncode == 0
    assert in_file(path) == 800
    assert list(path.parent.glob("*.journal*")) == []


async def test_a_kill_loses_no_row_of_an_answer_that_left(path: Path) -> None:
    answered = 0
    for after in (1, 30, 200, 450, 900):
        with writer(path, 100_000) as running:
            assert running.stdout is not None
            for _ in range(after):
                running.stdout.readline()
            running.send_signal(signal.SIGKILL)
            answered += after + len(running.stdout.read().splitlines())
    async with opened(path) as ledger:
        found = await total(ledger)
        # A row may have been written whose answer had no time to leave; one per kill at most.
        assert answered <= found["requests"] <= answered + 5
        assert found["cost_usd"] == pytest.approx(found["requests"] * 0.01)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) FROM journals").fetchone()[0] <= 6


async def test_a_journal_is_taken_over_once_and_only_what_is_missing(path: Path) -> None:
    async with opened(path) as ledger:
        ledger.put(row())
        await total(ledger)
    journal = path.parent / f"usage-{'ab' * 8}.journal"
    lines = [json.dumps([number, *row(usd=number)]) for number in (1, 2, 3, 4)]
    journal.write_text("\n" + "\n".join(lines[:3]) + '\n[4, 0, "c' + "\n" + lines[3])  # one torn
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO journals VALUES (?, 2)", ("ab" * 8,))
    for _ in range(2):
        async with opened(path) as ledger:
            assert (await total(ledger))["cost_usd"] == pytest.approx(0.1 + 3 + 4)
    assert not journal.exists()


async def test_all_journals_of_one_daemon_count_while_the_database_cannot_be_opened(path: Path) -> None:
    """Its directory was moved away, and it made another; then the first came back."""
    path.mkdir(parents=True)
    for end, numbers in (("", (1, 2)), ("-00112233", (2, 3, 4))):
        lines = [json.dumps([number, *row(usd=number)]) for number in numbers]
        (path.parent / f"usage-{'ab' * 8}{end}.journal").write_text("\n".join(lines))
    async with opened(path) as ledger:
        assert (await total(ledger))["cost_usd"] == pytest.approx(1 + 2 + 3 + 4)
    path.rmdir()
    async with opened(path) as ledger:
        assert (await total(ledger))["cost_usd"] == pytest.approx(1 + 2 + 3 + 4)
    assert list(path.parent.glob("*.journal")) == []


async def test_the_journal_of_a_daemon_that_lives_is_left_alone(path: Path) -> None:
    async with opened(path) as first:
        [journal] = path.parent.glob("*.journal")
        async with opened(path) as second:
            first.put(row())
            second.put(row())
            assert (await total(second))["requests"] >= 1
            assert journal.exists()
        assert (await total(first))["requests"] == 2


async def test_a_full_disk_under_the_journal_is_no_failure_of_the_question(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(path) as ledger:
        real = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:10]))
        ledger.put(row())
        monkeypatch.undo()
        assert "No space" in ledger.status()["reason"]
        with anyio.fail_after(10):
            while ledger.status()["unsaved"]:
                await anyio.sleep(0.01)
        assert ledger.status()["state"] == "ok"
    assert in_file(path) == 1


async def test_what_found_no_room_in_the_journal_finds_it_later(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk that has a little room now and then, and a stop while it is full."""
    real = os.write
    full = False

    def write(fd: int, data: bytes) -> int:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, data)

    def never(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write)
        patched.setattr(usage_rows, "save", never)
        async with opened(path) as ledger:
            for each in (True, True, False, True):
                full = each
                ledger.put(row())
            full = False
        assert "4 rows of usage wait beside" in caplog.text
        async with opened(path) as ledger:
            ledger.put(row())
            full = True
            ledger.put(row())
        assert "1 rows of usage are lost, not in" in caplog.text
    async with opened(path) as ledger:
        assert (await total(ledger))["requests"] == 5


async def test_a_path_may_be_any_bytes(tmp_path: Path) -> None:
    directory = Path(os.fsdecode(os.fsencode(tmp_path) + b"/lat\xe9 %41?#"))
    directory.mkdir()
    for _ in range(2):
        async with opened(directory / "usage.db") as ledger:
            ledger.put(row())
            found = await total(ledger)
            assert ledger.status()["state"] == "ok"
    assert found["requests"] == 2


@pytest.mark.parametrize("moved", [False, True])
async def test_a_journal_that_somebody_removed_is_made_again_with_what_was_in_it(
    path: Path, tmp_path: Path, moved: bool
) -> None:
    """Or that stayed behind, when the directory got another place."""
    async with opened(path) as ledger:
        ledger.put(row())
        await total(ledger)
        [first] = path.parent.glob("*.journal")
        if moved:
            path.parent.rename(tmp_path / "elsewhere")
            path.parent.mkdir()
        else:
            first.unlink()
        ledger.put(row())
        with anyio.fail_after(10):
            while not [each for each in path.parent.glob("*.journal") if each != first]:
                await anyio.sleep(0.01)
        await total(ledger)
        assert len(list(path.parent.glob("*.journal"))) == 1
    assert in_file(path) == (1 if moved else 2)
    assert not list(path.parent.glob("*.journal"))


@pytest.mark.parametrize("which", ["directory", "journal"])
async def test_rows_of_a_journal_that_was_copied_count_once(path: Path, tmp_path: Path, which: str) -> None:
    path.parent.mkdir(mode=0o700)
    async with opened(path) as ledger:
        ledger.put(row())
        await total(ledger)
        for _ in range(3):
            ledger.put(row())
        [first] = path.parent.glob("*.journal")
        assert len(first.read_text().split("\n")) > 1
        shutil.copytree(path.parent, tmp_path / "copy")
        await total(ledger)
        if which == "directory":
            path.parent.rename(tmp_path / "before")
            shutil.copytree(tmp_path / "copy", path.parent)
        else:  # beside a new database
            shutil.copy(tmp_path / "copy" / first.name, path.parent / f"{first.stem}-00000000.journal")
            path.unlink()
        ledger.put(row())
        expected = 5 if which == "directory" else 4
        found: list[Row] = []
        ledger.on_found = found.extend
        assert (await total(ledger))["requests"] == expected
        assert found == [], "they were counted when they were put"
    async with opened(path) as ledger:
        assert (await total(ledger))["requests"] == expected
    assert not list(path.parent.glob("*.journal"))


async def test_rows_count_once_when_the_directory_is_back_after_a_while(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal that is in it is none that another daemon has left."""
    monkeypatch.setattr(ledgers, "RETRY_S", 0.02)
    async with opened(path) as ledger:
        path.parent.rename(tmp_path / "away")
        path.parent.touch()  # so that no other one can be made
        for _ in range(3):
            ledger.put(row())
        with anyio.fail_after(10):
            while ledger.status()["state"] == "ok":
                await anyio.sleep(0.01)
        path.parent.unlink()
        (tmp_path / "away").rename(path.parent)
        with anyio.fail_after(10):
            while ledger.status()["unsaved"]:
                await anyio.sleep(0.01)
        assert (await total(ledger))["requests"] == 3
        assert len(list(path.parent.glob("*.journal"))) == 1


def test_a_journal_that_nobody_can_look_for_is_not_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(str(tmp_path))
    for code, there in (
        (errno.ENOENT, False),
        (errno.ENOTDIR, False),
        (errno.EACCES, True),
        (errno.EIO, True),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", mock.Mock(side_effect=OSError(code, os.strerror(code))))
            found = journal.is_there()
        assert found == there
    for code in (errno.ESTALE, errno.ENOENT):  # of NFS and sshfs: removed by another machine
        with monkeypatch.context() as patch:
            patch.setattr(os, "fstat", mock.Mock(side_effect=OSError(code, os.strerror(code))))
            assert not journal.is_there()
    journal.close(keep=False)


async def test_a_journal_that_cannot_be_closed_is_given_up_for_good(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a network file system that was away (sshfs): its descriptor is free all the same, and the next
    file, maybe the database itself, has its number."""
    close = os.close

    def closes(fd: int) -> None:
        name = os.readlink(f"/proc/self/fd/{fd}")
        close(fd)
        if ".journal" in name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    async with opened(path) as ledger:
        ledger.put(row())
        await total(ledger)
        [first] = path.parent.glob("*.journal")
        first.unlink()
        monkeypatch.setattr(os, "close", closes)
        ledger.put(row())
        with anyio.fail_after(10):
            while not list(path.parent.glob("*.journal")):
                await anyio.sleep(0.01)
        await total(ledger)
    assert in_file(path) == 2
    assert not list(path.parent.glob("*.journal"))


def lines(*numbers: int) -> str:
    return "".join(f"\n{json.dumps((number, *row()))}" for number in numbers)


async def test_a_journal_that_cannot_be_read_keeps_none_of_the_others_out(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, with what mends it. What else is there of its daemon waits for it, and counts."""
    monkeypatch.setattr(ledgers, "RETRY_S", 0.02)
    path.parent.mkdir(mode=0o700)
    ours, after = (path.parent / f"usage-{'ab' * 8}{end}.journal" for end in ("", "-00000000"))
    ours.mkdir()
    after.write_text(lines(2, 3))
    (path.parent / f"usage-{'cd' * 8}.journal").write_text(lines(1, 2))
    (path.parent / f"usage-{'00' * 8}.journal").symlink_to(path.parent / "nowhere")
    os.mkfifo(path.parent / f"usage-{'ff' * 8}.journal")
    async with opened(path) as ledger:
        assert in_file(path) == 2
        assert (await total(ledger))["requests"] == 4
        ledger.put(row())
        assert (await total(ledger))["requests"] == 5
        state = ledger.status()
        assert state["state"] == "degraded"
        assert "cannot be read: too many levels of symbolic links" in state["reason"]
        assert "move it away (2 more like it)" in state["reason"]
        assert state["unsaved"] == 2
        for each in path.parent.glob("usage-[0f]*.journal"):
            each.unlink()
        with anyio.fail_after(10):
            while "more" in ledger.status()["reason"]:
                await anyio.sleep(0.01)
        assert ledger.left_out == (
            f"{ours} cannot be read: is a directory; make it readable for you, or move it away"
        )
        found: list[Row] = []
        ledger.on_found = found.extend
        ours.rmdir()
        ours.write_text(lines(1, 2))
        with anyio.fail_after(10):
            while ledger.status()["state"] != "ok":
                await anyio.sleep(0.01)
        assert ledger.status()["unsaved"] == 0
        assert (await total(ledger))["requests"] == 6
        assert ledger.unread() is None
        assert len(found) == 1, "the others were counted already"
    assert in_file(path) == 6
    assert list(path.parent.glob("*.journal")) == []


async def test_rows_are_saved_as_soon_beside_one_that_cannot_be_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers, "RETRY_S", 3600.0)
    path.parent.mkdir(mode=0o700)
    (path.parent / f"usage-{'ab' * 8}.journal").mkdir()
    async with opened(path) as ledger:
        ledger.put(row())
        with anyio.fail_after(10):
            while ledger.status()["unsaved"]:
                await anyio.sleep(0.01)


async def test_of_a_daemon_one_of_whose_journals_another_lokid_takes_over_nothing_is(path: Path) -> None:
    """What is saved has numbers up to one: the rows of that one would be taken for saved."""
    path.parent.mkdir(mode=0o700)
    first, second = (path.parent / f"usage-{'ab' * 8}{end}.journal" for end in ("", "-00000000"))
    first.write_text(lines(1, 2, 3))
    second.write_text(lines(4, 5))
    with first.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        async with opened(path):
            assert in_file(path) == 0
    assert second.exists()
    async with opened(path):
        assert in_file(path) == 5


@pytest.mark.parametrize(
    "line",
    [
        json.dumps((1, *row()._replace(at=None))),
        json.dumps((1, *row(client={}))),
        json.dumps((1, *row(input_tokens=2**70))),
        json.dumps((2**70, *row())),
        json.dumps((1, *row()._replace(at=float("nan")))),
        "[" * 60_000,
        "\0" * 5_000,
        "1",
    ],
)
async def test_a_line_that_is_none_keeps_nothing_else_out(path: Path, line: str) -> None:
    path.parent.mkdir(mode=0o700)
    journal = path.parent / f"usage-{'ab' * 8}.journal"
    journal.write_text(f"\n{line}{lines(2)}")
    async with opened(path) as ledger:
        ledger.put(row())
        assert (await total(ledger))["requests"] == 2
        assert ledger.status()["state"] == "ok"
    assert in_file(path) == 2


async def test_a_journal_without_an_end_of_a_line_is_not_in_memory_as_a_whole(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with open(path.parent / f"usage-{'ab' * 8}.journal", "wb") as file:
        file.write(f"{lines(1)}\n".encode())
        file.seek(200 * 2**20)
        file.write(lines(2).encode())
    tracemalloc.start()
    try:
        async with opened(path):
            _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 20 * 2**20
    assert in_file(path) == 2


async def test_a_new_journal_has_what_the_database_has_not_got(path: Path) -> None:
    async with opened(path) as ledger:
        ledger.put(row())
        await total(ledger)
        for _ in range(3):  # of which the thread can tell nothing before the next turn of the loop
            ledger.put(row())
        journal = Journal(str(path.parent))
        ledger.begun(journal)
        text = (path.parent / f"usage-{journal.name}.journal").read_text()
        assert [json.loads(line)[0] for line in text.split("\n")[1:]] == [2, 3, 4]
