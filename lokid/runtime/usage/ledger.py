"""The ledger: every request leaves a row in ``usage.db``, and no request waits for it.

Strategy: a row is a line in the journal before its answer leaves (``usage_journal``; some microseconds), so
an end with ``kill -9`` loses no row of an answer that somebody has. A thread then takes all rows of the last
quarter of a second into the database as one transaction.

What cannot be written (disk full, read-only, damaged) stays in memory, is tried again, and shows in the
status; questions go on. Rows beyond ``MOST_UNSAVED`` are lost and counted.
"""

from __future__ import annotations

import logging
import os
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, islice
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread

from lokid.rpc.methods import GroupBy
from lokid.runtime import durable, lingering
from lokid.runtime.usage import rows as usage_rows
from lokid.runtime.usage.journal import Journal, left_behind, taken_over
from lokid.runtime.usage.remedies import explained
from lokid.runtime.usage.rows import Row, Unusable

MOST_UNSAVED = 10_000
"""Rows that wait in memory: some 5 MB, and some minutes of a busy daemon with a full disk."""

GATHER_S = 0.25
"""Seconds of rows in one transaction: what the loss of power costs, and four flushes of the disk a second."""

BATCH = 1_000
"""Rows of one transaction at most: 10 ms of work, for which other threads hardly run."""

CATCH_UP = 100
"""Rows that one more may bring into the journal, if they found no room there: 1 ms."""

RETRY_S = 2.0
"""Between two tries while it cannot be written."""

PATIENCE = 5.0
"""Seconds that a start, an end and a look at the usage wait for the disk."""

READERS = 2
"""Looks at the usage at a time. Each opens the file, and SQLite closes none of them as long as the thread
below has it open (a lock of POSIX goes with the first descriptor that its process closes): it uses them
again."""

log = logging.getLogger("lokid.ledger")

_Item = tuple[int, Row] | Callable[[], None] | None
"""What the thread is sent: a numbered row, something to call when those before it are saved, or the end."""


class Ledger:
    """``path``: of the database; None if there is no place for one, and then all stays in memory. All
    methods are the event loop's; ``open`` comes first and ``close`` last."""

    def __init__(self, path: str | None, why: str = "") -> None:
        self.path = path
        self.problem: str | None = None if path else why
        """Why rows are not written now."""
        self.unreadable: str | None = None
        """Why those that were written could not be read when that was last wanted."""
        self.left_out: str | None = None
        """Why rows that a daemon before has left in a journal are not in the database."""
        self.on_found: Callable[[Sequence[Row]], None] | None = None
        """Called with those, as soon as they are: no query before it was set knew them."""
        self._known: Mapping[str, set[int]] = {}  # numbers in journals, which those knew
        self.lost = 0
        self._number = 0
        self._unsaved: deque[Row] = deque()
        self._waiting: usage_rows.Journals = {}  # of daemons before, and not taken over yet
        self._journal: Journal | None = None
        self._unwritten: deque[tuple[int, Row]] = deque()  # what not even the journal has
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, row: Row) -> None:
        """Never waits, never fails."""
        if len(self._unsaved) >= MOST_UNSAVED:
            self.lost += 1
            return
        self._number += 1
        self._unsaved.append(row)
        self._unwritten.append((self._number, row))
        self._write_journal(CATCH_UP)
        self._queue.put((self._number, row))

    def _write_journal(self, most: int) -> None:
        """Up to ``most`` rows: there may be room again for those that found none."""
        try:
            while self._journal is not None and self._unwritten and most:
                self._journal.append(*self._unwritten[0])
                self._unwritten.popleft()
                most -= 1
        except OSError as error:
            self._says(f"the journal beside {self.path} cannot be written: {error.strerror}")

    async def query(
        self, since: float | None, until: float | None, group_by: GroupBy | None
    ) -> list[dict[str, Any]]:
        """Sums over ``since <= end of the request < until``, in seconds since the epoch (``usage_rows``)."""
        await self._flush()
        query = partial(usage_rows.query, waiting=self._waiting, since=since, until=until, group_by=group_by)
        ask = partial(query, self.path, tuple(self._unsaved) if self.problem else ())
        try:
            found = await lingering.look(("ledger", self.path), ask, READERS)
        except sqlite3.Error as error:
            self._cannot_be_read(f"{self.path} cannot be read: {explained(error)}")
            return await anyio.to_thread.run_sync(query, None, tuple(self._unsaved), abandon_on_cancel=True)
        self.unreadable = None
        return found

    def unread(self) -> str | None:
        """Why what there may be of earlier could not be read; None if all of it was."""
        if self.unreadable is not None:
            return self.problem or self.unreadable  # who writes knows more: a directory is told as one
        return None if self.path and os.path.exists(self.path) else self.problem

    async def _flush(self) -> None:
        """What was put is in the database then, as far as that is to be expected."""
        if self._thread is None or self.problem is not None or not self._unsaved:
            return
        saved = anyio.Event()
        self._queue.put(saved.set)
        self._hurry.set()
        with anyio.move_on_after(PATIENCE):
            await saved.wait()

    def status(self) -> dict[str, Any]:
        """``unsaved``: rows that are not in the database yet. ``lost``: since the start."""
        why = self.problem or self.unreadable or self.left_out
        state = {"path": self.path, "state": "ok" if why is None else "degraded"}
        reason = {} if why is None else {"reason": why}
        unsaved = len(self._unsaved) + sum(map(len, self._waiting.values()))
        return state | reason | {"unsaved": unsaved, "lost": self.lost}

    # --- its life ------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Returns when the database is open, or cannot be, or takes longer than anybody wants to wait."""
        if self.path is None:
            log.warning("usage is kept in memory only: %s", self.problem)
            return
        opened = anyio.Event()
        self._queue.put(opened.set)
        writer = _Writer(self, self.path, self._queue, self._hurry, anyio.lowlevel.current_token())
        # A daemon thread: one that hangs on a dead disk must not hold up the end.
        self._thread = threading.Thread(target=writer.run, name="ledger", daemon=True)
        self._hurry.set()
        self._thread.start()
        with anyio.move_on_after(PATIENCE):
            await opened.wait()

    async def close(self) -> None:
        """Writes what is left."""
        if (thread := self._thread) is None:
            return
        self._queue.put(None)
        self._hurry.set()
        with anyio.move_on_after(PATIENCE, shield=True):
            await anyio.to_thread.run_sync(thread.join, PATIENCE, abandon_on_cancel=True)
        self._thread = None
        if self._unsaved:
            self._write_journal(len(self._unwritten))
            if waiting := len(self._unsaved) - len(self._unwritten):
                log.error("%d rows of usage wait beside %s: %s", waiting, self.path, self.problem)
            if gone := len(self._unwritten):
                log.error("%d rows of usage are lost, not in %s: %s", gone, self.path, self.problem)
        if self._journal is not None:
            self._journal.close(keep=bool(self._unsaved))
            self._journal = None

    # --- what the thread tells, in the event loop ------------------------------------------------------

    def found(self, waiting: usage_rows.Journals, unread: Mapping[str, str]) -> None:
        """``unread``: why not all that is in a journal is ``waiting``, by its name."""
        self._waiting = waiting
        if self.on_found is None:
            self._known = {name: {number for number, _ in rows} for name, rows in waiting.items()}
        left_out = min(unread.values(), default=None)
        if left_out is not None and (more := len(unread) - 1):
            left_out += f" ({more} more like it)"
        if left_out not in (self.left_out, None):
            log.error("usage of before is left out: %s", left_out)
        self.left_out = left_out

    def begun(self, journal: Journal) -> None:
        """What is not in the database goes into it, also what was in one that is gone."""
        before, self._journal = self._journal, journal
        if before is not None:
            before.close(keep=True)
        first = self._number - len(self._unsaved) + 1
        self._unwritten = deque(enumerate(self._unsaved, first))
        self._write_journal(len(self._unwritten))

    def adopted(self, name: str, saved: usage_rows.Numbered) -> None:
        self._waiting = {each: rows for each, rows in self._waiting.items() if each != name}
        known = self._known.get(name, ())
        if self.on_found is not None and (found := [row for number, row in saved if number not in known]):
            self.on_found(found)

    def opened(self) -> None:
        """Maybe another one than that which could not be read."""
        self.unreadable = None

    def saved(self, count: int) -> None:
        for _ in range(count):
            self._unsaved.popleft()
        while self._unwritten and self._unwritten[0][0] <= self._number - len(self._unsaved):
            self._unwritten.popleft()
        if self._journal is not None and not self._unsaved:
            with suppress(OSError):
                self._journal.clear()
        if self.problem is not None:
            log.info("usage is written again")
            self.problem = None

    def failed(self, why: str) -> None:
        self._says(why)

    def _says(self, why: str) -> None:
        if why != self.problem:
            log.error("usage is kept in memory: %s", why)
        self.problem = why

    def _cannot_be_read(self, why: str) -> None:
        if why != self.unreadable and self.problem is None:
            log.error("usage of before is not known: %s", why)
        self.unreadable = why


def _file(path: str) -> tuple[int, int] | None:
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


class _Writer:
    """The thread."""

    def __init__(
        self,
        ledger: Ledger,
        path: str,
        items: queue.SimpleQueue[_Item],
        hurry: threading.Event,
        token: anyio.lowlevel.EventLoopToken,
    ) -> None:
        self._ledger = ledger
        self._path = path
        self._items = items
        self._hurry = hurry
        self._token = token
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        """Which one ``_db`` is."""
        self._looked = False  # for journals that were left behind
        self._again = False  # some of those could not be taken over
        self._journal: Journal | None = None
        self._backlog: deque[tuple[int, Row]] = deque()
        self._calls: list[Callable[[], None]] = []

    def run(self) -> None:
        healthy, end = True, False
        while not end:
            end = self._take(None if healthy else RETRY_S)
            before, healthy = healthy, self._write()
            if healthy and not before:
                self._tell(self._ledger.saved, 0)  # also where nothing of its own waited
            for call in self._calls:
                self._tell(call)
            self._calls.clear()
        self._close()

    def _take(self, timeout: float | None) -> bool:
        """Waits for something, and for what else comes soon after. Whether it is the end."""
        if timeout is not None:  # rows come in meanwhile without a try for each
            self._hurry.wait(timeout)
        item: _Item
        with suppress(queue.Empty):
            item = self._items.get(block=timeout is None, timeout=RETRY_S if self._again else None)
            if timeout is None:
                self._hurry.wait(GATHER_S)
            self._hurry.clear()
            while item is not None:
                if callable(item):
                    self._calls.append(item)
                else:
                    self._backlog.append(item)
                item = self._items.get_nowait()
            return True
        self._hurry.clear()
        return False

    def _write(self) -> bool:
        """Whether all of the backlog is in the database now."""
        try:
            if self._db is not None and _file(self._path) != self._file:
                self._close()  # somebody moved it away: what was written now would go with it
            if self._journal is not None and not self._journal.is_there():
                self._begin_journal()  # until that works it stays this one, which may come back
            if self._db is None:
                self._db = self._open()
                self._file = _file(self._path)
                self._tell(self._ledger.opened)
            elif self._again:
                self._take_over(self._db)
            while self._backlog:
                rows = list(islice(self._backlog, BATCH))
                usage_rows.save(self._db, self._journal.name if self._journal else "", rows)
                for _ in rows:
                    self._backlog.popleft()
                self._tell(self._ledger.saved, len(rows))
        except (sqlite3.Error, OSError, Unusable) as error:
            # Opened anew at the next try: whoever mends it may put another file there.
            self._close()
            why = f"{self._path} cannot be written: {explained(error, self._path)}"
            self._tell(self._ledger.failed, why)
            return False
        return True

    def _open(self) -> sqlite3.Connection:
        directory = os.path.dirname(self._path)
        if not self._looked:
            # What is there counts for a budget, also while the database cannot be opened or is full.
            with suppress(OSError):
                left = left_behind(directory)
                self._tell(self._ledger.found, left.rows, left.unread)
                self._looked = True
        if self._journal is None:
            # First: with it no row is lost at the end of a daemon that finds the database damaged.
            self._begin_journal()
        db = usage_rows.connect(self._path)
        try:
            self._take_over(db)
        except BaseException:
            db.close()
            raise
        return db

    def _take_over(self, db: sqlite3.Connection) -> None:
        """What daemons before have left."""
        directory = os.path.dirname(self._path)
        own = self._journal.name if self._journal is not None else ""
        left = left_behind(directory, own)
        for name, rows in chain(left.whole(), taken_over(directory, left)):
            if saved := usage_rows.save(db, name, rows):
                log.info("%d rows of usage taken over from a daemon before", len(saved))
            self._tell(self._ledger.adopted, name, () if name == own else saved)  # our own count already
        self._again = left.is_to_be_looked_at_again()
        self._tell(self._ledger.found, left.waiting(), left.unread)

    def _begin_journal(self) -> None:
        directory = os.path.dirname(self._path)
        durable.make_directory(directory)
        self._journal = Journal(directory, self._journal)
        self._tell(self._ledger.begun, self._journal)

    def _close(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def _tell(self, say: Callable[..., None], *facts: object) -> None:
        """In the event loop, and returns when it was heard; at the end there may be none any more."""
        with suppress(RuntimeError, anyio.RunFinishedError):
            anyio.from_thread.run_sync(say, *facts, token=self._token)
