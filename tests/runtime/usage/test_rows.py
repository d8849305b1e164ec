"""The file of the ledger."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lokid.runtime.usage import rows as usage_rows
from lokid.runtime.usage.rows import Row

ROW = Row(0, "client", "model", "chat", "sh", 7, 10, 5, 4, 3, 2, 1, 12, 34, "ok", 1)


def test_the_bound_of_the_cache_is_what_sqlite_takes_for_one(tmp_path: Path) -> None:
    with closing(usage_rows.connect(str(tmp_path / "usage.db"))) as db:
        assert db.execute("PRAGMA cache_size").fetchone() == (-128,)


def test_a_look_at_a_large_file_keeps_little_of_it_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "usage.db")
    with closing(usage_rows.connect(path)) as db:
        for number in range(20):  # 2 MB
            usage_rows.save(db, "journal", [(number * 1000 + at, ROW) for at in range(1000)])
    plans: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: object, **more: object) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(*arguments, **more)  # type: ignore[call-overload]
        made.set_trace_callback(plans.append)
        return made

    monkeypatch.setattr(usage_rows.sqlite3, "connect", traced)
    answer = usage_rows.query(path, (), since=None, until=None, group_by=None)
    assert answer[0]["requests"] == 20_000
    assert plans.index("PRAGMA cache_size = -128") < min(
        index for index, plan in enumerate(plans) if plan.startswith("SELECT")
    )


@pytest.mark.parametrize("tokens", [2**62, 2**70])
def test_no_number_of_tokens_keeps_the_sums_from_being_read(tokens: int) -> None:
    row = ROW._replace(input_tokens=tokens, cost_pusd=2**62)
    (total,) = usage_rows.query(None, [row] * 4, since=None, until=None, group_by=None)
    assert (total["requests"], total["input_tokens"], total["output_tokens"]) == (4, 4 * 2**32, 20)
