"""The file behind the ledger: one SQLite table, one row per request. Blocks; of ``ledger``'s threads only.

No prompt and no answer is in it. A row is about 110 bytes, so a million requests are 110 MB; nothing is
ever deleted, since a bill is asked for when the year is over.

Costs are whole pico-dollars (10^-12 USD): a price per million tokens with up to six decimals, times whole
tokens, is one exactly, so that sums are those of the single costs. They are summed in two halves, as the
sum of large ones would not fit into 64 bits.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

from lokid.rpc.methods import GroupBy
from lokid.runtime import durable

VERSION = 1
"""``user_version`` of the file. A newer lokid's is left alone, an older one's would be migrated."""

BUSY_S = 5.0
"""Seconds for the lock of another writer, which holds it for a millisecond."""

MOST_GROUPS = 10_000
"""Rows of one answer: each caller can name models as it likes."""

MOST_TOKENS = 2**32
"""Of a row in a sum; of one request there are never as many."""

_CACHE = "PRAGMA cache_size = -128"
"""KiB of the file that a connection keeps. SQLite's own figure is 2 MiB, and everybody who looks at the usage
has a connection; rows are added at the end and summed from first to last, where more makes nothing faster."""


_GROUPS: dict[GroupBy, str] = {
    "client": "client",
    "model": "client || ':' || model",
    "day": "date(at / 1000, 'unixepoch', 'localtime')",
    "program": "program",
}

_TABLE = """
CREATE {temp} TABLE {name} (
  at INTEGER NOT NULL,
  client TEXT NOT NULL,
  model TEXT NOT NULL,
  method TEXT NOT NULL,
  program TEXT NOT NULL,
  pid INTEGER NOT NULL,
  input_tokens INTEGER,
  output_tokens INTEGER,
  cached_input_tokens INTEGER,
  cache_write_tokens INTEGER,
  reasoning_tokens INTEGER,
  cost_pusd INTEGER,
  first_token_ms INTEGER,
  total_ms INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  attempts INTEGER NOT NULL
)"""


class Unusable(Exception):
    """The file is not ours to write; the text says why."""


class Row(NamedTuple):
    """``at``: milliseconds since the epoch, when the request ended. Tokens and ``cost_pusd`` (10^-12 USD)
    are None where nobody told. ``outcome``: ``ok`` or the code of the error. ``attempts``: requests that
    went to the provider."""

    at: int
    client: str
    model: str
    method: str
    program: str
    pid: int
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_pusd: int | None
    first_token_ms: int | None
    total_ms: int
    outcome: str
    attempts: int


COLUMNS = Row._fields

_TEXTS = ("client", "model", "method", "program", "outcome")
_ALWAYS = ("at", *_TEXTS, "pid", "total_ms", "attempts")


def fits(value: object, column: str) -> bool:
    """Whether the table takes it there."""
    if column in _TEXTS:
        return isinstance(value, str)
    return (value is None and column not in _ALWAYS) or (isinstance(value, int) and -(2**63) <= value < 2**63)


# One statement for any number of rows: each one gives up Python's lock, and a busy event loop hands it back
# after 5 ms.
_INSERT = (
    "INSERT INTO {name} ({columns}) SELECT {values} FROM json_each(?)".replace(
        "{columns}", ", ".join(COLUMNS)
    )
).replace("{values}", ", ".join(f"json_extract(value, '$[{index}]')" for index in range(len(COLUMNS))))

_SUMS = (
    "count(*) AS requests, sum(outcome <> 'ok') AS failed, "
    # SQLite reads nothing at all if a sum does not fit into 64 bits, and providers say what they like.
    + ", ".join(
        f"sum(min(coalesce({name}, 0), {MOST_TOKENS})) AS {name}"
        for name in COLUMNS
        if name.endswith("_tokens")
    )
    + ", sum(coalesce(cost_pusd, 0) / 1000000) AS micros, sum(coalesce(cost_pusd, 0) % 1000000) AS picos"
    + ", sum(outcome = 'ok' AND cost_pusd IS NULL) AS unpriced"
)


def pico(usd: float) -> int:
    """``usd`` in 10^-12 USD. Read as the decimal that it prints as, which is what was computed."""
    return min(int(Decimal(repr(usd)).scaleb(12).to_integral_value()), 2**62)


def dollars(pusd: int) -> float:
    return float(Decimal(pusd).scaleb(-12))


def connect(path: str) -> sqlite3.Connection:
    """For writing. Makes the file (0600) and its directory (0700) if need be. Raises OSError, Unusable and
    sqlite3.Error."""
    durable.make_directory(os.path.dirname(path))
    # SQLite gives its journal the mode of this one.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        db.execute(_CACHE)
        _forgo_shared_memory(db)
        db.execute("PRAGMA synchronous = FULL")  # a commit survives the loss of power
        _make_table(db)
    except BaseException:
        db.close()
        raise
    return db


def _forgo_shared_memory(db: sqlite3.Connection) -> None:
    """A write-ahead log has a file that is mapped into memory. To touch that ends the process (SIGBUS) where
    the disk fails, or is full and has blocks of less than 4 KiB; and on NFS it does not work at all."""
    with suppress(sqlite3.OperationalError):  # another lokid has it open, which made it with such a log
        db.execute("PRAGMA journal_mode = DELETE")


def _make_table(db: sqlite3.Connection) -> None:
    with _transaction(db):  # two that start at the same time make one table
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise Unusable(f"a newer lokid made it (schema {version}, this one knows {VERSION})")
        if version == VERSION:
            return
        db.execute(_TABLE.format(temp="", name="requests"))
        db.execute("CREATE INDEX requests_at ON requests (at)")
        db.execute("CREATE TABLE journals (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID")
        db.execute(f"PRAGMA user_version = {VERSION}")


def insert(db: sqlite3.Connection, rows: Sequence[Row], table: str = "requests") -> None:
    db.execute(_INSERT.format(name=table), (json.dumps(rows),))


Numbered = Sequence[tuple[int, Row]]


def save(db: sqlite3.Connection, journal: str, rows: Numbered) -> Numbered:
    """All of the ``rows`` of ``journal`` that are missing, or none; committed when it returns. Which those
    were."""
    with _transaction(db):
        if missing := _missing(db, journal, rows):
            insert(db, [row for _, row in missing])
            db.execute("INSERT OR REPLACE INTO journals VALUES (?, ?)", (journal, rows[-1][0]))
    return missing


def _missing(db: sqlite3.Connection | None, journal: str, rows: Numbered) -> Numbered:
    asked = db.execute("SELECT number FROM journals WHERE name = ?", (journal,)) if db else None
    found = asked.fetchone() if asked else None
    return rows if found is None else [each for each in rows if each[0] > found[0]]


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


Journals = Mapping[str, Numbered]
"""Name -> its numbered rows."""

_NONE: Journals = MappingProxyType({})


def query(
    path: str | None,
    unsaved: Sequence[Row],
    waiting: Journals = _NONE,
    *,
    since: float | None,
    until: float | None,
    group_by: GroupBy | None,
) -> list[dict[str, Any]]:
    """Sums over ``since <= at < until`` (seconds), of the file ``path`` (None: of none), of ``unsaved``, and
    of what the file does not have of the journals that are ``waiting`` for it.

    Days in their order, everything else by cost. Without ``group_by`` one row, all zero if there is
    nothing. Raises sqlite3.Error."""
    if path and not os.path.exists(path):
        path = None  # moved away; the next row makes a new one
    name = _readable(path) if path else ":memory:"
    with closing(sqlite3.connect(name, timeout=BUSY_S, isolation_level=None, uri=True)) as db:
        db.row_factory = sqlite3.Row
        db.execute(_CACHE)
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute(_TABLE.format(temp="TEMP", name="unsaved"))
        missing = [
            row for name, rows in waiting.items() for _, row in _missing(db if path else None, name, rows)
        ]
        if unsaved or missing:
            insert(db, [*unsaved, *missing], "unsaved")
        source = _UNSAVED + (_SAVED if path else "")
        group = _GROUPS[group_by] if group_by else "NULL"
        order = "name" if group_by == "day" else "micros DESC, requests DESC, name"
        found = db.execute(
            f"SELECT {group} AS name, {_SUMS} FROM ({source}) WHERE at >= ? AND at < ?"  # noqa: S608 - these are all our own words
            f" GROUP BY name ORDER BY {order} LIMIT {MOST_GROUPS}",
            (-_EVER if since is None else _ms(since), _EVER if until is None else _ms(until)),
        )
        rows = [_answer(row, group_by) for row in found]
    return rows or ([] if group_by else [nothing()])


def _readable(path: str) -> str:
    """The URI to read it by. SQLite wants to write beside a database even when it only reads, and where it
    may not, it reads nothing, or leaves files there that nobody can write later."""
    uri = "file:" + quote(os.fsencode(path))
    if os.access(path, os.W_OK) and os.access(os.path.dirname(path), os.W_OK):
        return uri
    try:
        unfinished = os.path.getsize(f"{path}-wal") > 0
    except OSError:
        unfinished = False
    return f"{uri}?mode=ro" if unfinished else f"{uri}?immutable=1"


_UNSAVED = "SELECT * FROM unsaved"
_SAVED = " UNION ALL SELECT * FROM requests"
_EVER = 2**62


def _ms(at: float) -> int:
    return round(max(-_EVER, min(at * 1000, _EVER)))  # a caller's number may be infinite


def _answer(row: sqlite3.Row, group_by: GroupBy | None) -> dict[str, Any]:
    values = dict(row)
    name, micros, picos = values.pop("name"), values.pop("micros"), values.pop("picos")
    cost = dollars(micros * 1_000_000 + picos)
    return ({group_by: name} if group_by else {}) | values | {"cost_usd": cost}


def nothing() -> dict[str, Any]:
    """The sums of no request."""
    names = ("requests", "failed", *(name for name in COLUMNS if name.endswith("_tokens")), "unpriced")
    return dict.fromkeys(names, 0) | {"cost_usd": 0.0}
