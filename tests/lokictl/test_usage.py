"""``lokictl usage``: what it asks for, and how it looks in a pipe, on a wide and on a narrow terminal."""

from __future__ import annotations

import json
import re
import time

import pytest

from lokictl.commands.status import _usage
from lokictl.commands.usage import bar, moment, money, size
from lokictl.failure import Failure
from tests.fakes.rpc_daemon import Refused
from tests.fakes.terminal import lokictl


def row(name: str, requests: int = 1, usd: float = 0.0, **facts):
    tokens = {"input_tokens": 1500, "output_tokens": 20, "cached_input_tokens": 3, "cache_write_tokens": 0}
    counts = {"requests": requests, "failed": 0, "reasoning_tokens": 0, "unpriced": 0}
    return {"model": name, **counts, **tokens, "cost_usd": usd, **facts}


ROWS = [row("openai:gpt-5", 10, 1.234567, unpriced=2), row("c:tiny", 2, 0.01), row("local:x", 1, failed=1)]


def test_in_a_pipe_it_is_tab_separated_with_all_digits(daemon):
    fake = daemon(usage__query=lambda *_: ROWS)
    done = lokictl("usage", "--by", "model", "--since", "all")
    assert done.stdout.decode().splitlines() == [
        "openai:gpt-5\t10\t0\t1500\t20\t3\t1.234567",
        "c:tiny\t2\t0\t1500\t20\t3\t0.01",
        "local:x\t1\t1\t1500\t20\t3\t0.00",
    ]
    assert b"2 answers have no known cost and count as 0" in done.stderr
    assert fake.params("usage.query") == {"group_by": "model"}


def test_json_is_what_the_daemon_says(daemon):
    fake = daemon(usage__query=lambda *_: ROWS)
    done = lokictl("usage", "--since", "7d", "--until", "1h", "--json")
    assert json.loads(done.stdout) == ROWS
    asked = fake.params("usage.query")
    assert asked["group_by"] == "client"
    assert asked["until"] - asked["since"] == pytest.approx(7 * 86400 - 3600)


@pytest.mark.parametrize(
    "words, since, until",
    [
        ([], "today", "tomorrow"),  # what a clock that was ahead has left is none of today's
        (["--since", "2026-11-01", "--until", "today"], "2026-11-01", "today"),
    ],
)
def test_days_are_those_of_the_daemon(daemon, words, since, until):
    """Whose terminal is in another time zone does not get the halves of two days."""
    fake = daemon(usage__query=lambda *_: ROWS)
    assert lokictl("usage", "--by", "model", *words).returncode == 0
    assert fake.params("usage.query") == {"group_by": "model", "since": since, "until": until}


def test_errors_of_the_daemon_and_times_that_are_none_have_their_status(daemon):
    def refuse(call, params):
        raise Refused("unknown_method", "there is no method 'usage.query'")

    daemon(usage__query=refuse)
    assert lokictl("usage").returncode == 2
    done = lokictl("usage", "--since", "yesterday")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--since 'yesterday' is no time" in done.stderr


def PRICES(*_):
    return {"usage": {"prices_as_of": "2026-11-24"}}


def drawn(terminal, columns: int, **env: str) -> list[str]:
    shown = terminal("usage", "--by", "model", env={"NO_COLOR": "1", "COLUMNS": str(columns), **env})
    assert shown.wait() == 0
    return [line for line in shown.output.decode().replace("\r", "").splitlines() if line]


@pytest.mark.parametrize(
    ("locale", "block"), [({"LC_ALL": "C.UTF-8"}, "█"), ({"LC_ALL": "", "LC_CTYPE": "", "LANG": "C"}, "#")]
)
def test_on_a_terminal_it_has_bars_that_the_locale_can_show(daemon, terminal, locale, block):
    daemon(usage__query=lambda *_: ROWS, status=PRICES)
    lines = drawn(terminal, 80, **locale)
    assert re.split(r" {2,}", lines[0].strip()) == ["MODEL", "REQUESTS", "FAILED", "IN", "OUT", "USD"]
    assert re.split(r" +", lines[1])[:6] == ["openai:gpt-5", "10", "0", "1.5k", "20", "1.2346"]
    assert lines[1].count(block) == 28
    assert lines[2].rstrip().endswith("#" if block == "#" else "▎")
    assert re.split(r" +", lines[4].strip()) == ["all", "13", "1", "4.5k", "60", "1.2446"]
    assert max(map(len, lines)) <= 80
    assert lines[5] == "lokid's own prices are of 2026-11-24"
    if block == "#":
        assert "".join(lines).isascii()


def test_a_column_of_failures_is_there_where_some_failed(daemon, terminal):
    daemon(usage__query=lambda *_: ROWS[:2], status=PRICES)
    assert "FAILED" not in drawn(terminal, 80)[0]


def test_40_columns_are_enough(daemon, terminal):
    rows = [*ROWS, row("a-client:with-a-very-long-name-of-a-model", 99999, 12.5)]
    daemon(usage__query=lambda *_: rows, status=PRICES)
    lines = drawn(terminal, 40, LC_ALL="C.UTF-8")
    assert max(map(len, lines[:7])) <= 40
    assert "a-client:wi.." in lines[4]


def test_nothing_is_a_sentence(daemon, terminal):
    daemon(usage__query=lambda *_: [])
    assert drawn(terminal, 80) == ["nothing was asked"]


def test_moments() -> None:
    now = time.mktime((2026, 11, 24, 15, 30, 0, 0, 0, -1))
    assert moment("all", now, "--since") is None
    assert [moment(day, now, "--since") for day in ("today", "2026-11-24")] == ["today", "2026-11-24"]
    assert moment("2w", now, "--since") == now - 14 * 86400
    assert moment("90m", now, "--since") == now - 5400
    for text in ("7", "d7", "2026-13-01", "", "7 d"):
        with pytest.raises(Failure, match="is no time"):
            moment(text, now, "--since")


def test_numbers_for_eyes() -> None:
    assert [money(usd) for usd in (0, 0.5, 0.12345, 1234.5)] == ["0.00", "0.50", "0.1235", "1234.50"]
    assert money(0.000000000001, 12) == "0.000000000001"
    assert [size(tokens) for tokens in (999, 1500, 999_499, 12_345_678)] == ["999", "1.5k", "999k", "12.35M"]


def test_a_bar_shows_whatever_is_more_than_nothing() -> None:
    assert [bar(share, 4, plain=False) for share in (0, 0.001, 0.5, 1)] == ["", "▏", "██", "████"]
    assert [bar(share, 4, plain=True) for share in (0, 0.001, 0.5, 1)] == ["", "#", "##", "####"]
    assert bar(1, -3, plain=True) == ""


def test_the_status_has_today_the_budgets_and_what_is_wrong_with_the_ledger() -> None:
    budgets = [
        {"client": None, "period": "month", "usd": 100, "spent_usd": 1.5, "ends_at": 0.0},
        {"client": "c", "period": "day", "usd": 1, "spent_usd": 1.02, "ends_at": 0.0},
    ]
    today = {"requests": 12, "cost_usd": 0.42, "unpriced": 3}
    ledger = {
        "state": "degraded",
        "path": "/u.db",
        "reason": "/u.db cannot be written",
        "unsaved": 7,
        "lost": 1,
    }
    usage = {"today": today, "month": today, "budgets": budgets, "ledger": ledger}
    assert _usage(usage, on=False).splitlines() == [
        "today 12 requests, 0.42 USD, 3 without a known cost count as 0",
        "budget of all clients: 1.50 of 100.00 USD this month",
        "budget of c: 1.02 of 1.00 USD this day",
        "usage: /u.db cannot be written; 7 rows wait to be written, 1 lost",
    ]
    assert _usage({}, on=False) == ""
    well = _usage({**usage, "ledger": {"state": "ok"}}, on=True)
    assert "\x1b[31mbudget of c" in well
    assert "to be written" not in well
    unread = {"unread": "/u.db is no database", "counts_from": time.mktime((2026, 11, 28, 8, 5, 0, 0, 0, -1))}
    mended = _usage({**usage, "ledger": {"state": "ok", **unread}}, on=False)
    assert mended.splitlines()[-1] == (
        "today, this month and the budgets count from 2026-11-28 08:05 on: when lokid started, it could not"
        " read its ledger (/u.db is no database)"
    )


@pytest.mark.parametrize("option", ["--json", "--by=client"])
def test_what_a_damaged_ledger_does_not_show_is_told_beside_it(daemon, option):
    reason = "/u.db cannot be read: file is not a database; move it away, and lokid begins a new one"
    ledger = {"state": "degraded", "path": "/u.db", "reason": reason, "unsaved": 1, "lost": 0}
    ledger |= {"unread": reason, "counts_from": time.mktime((2026, 11, 28, 8, 5, 0, 0, 0, -1))}
    daemon(usage__query=lambda *_: [], status=lambda *_: {"usage": {"ledger": ledger}})
    done = lokictl("usage", option)
    assert (done.returncode, done.stdout) == (0, b"[]\n" if option == "--json" else b"")
    assert done.stderr.decode() == (
        f"lokictl: {reason}; 1 row waits to be written; so there may be more than is shown\n"
        "lokictl: today, this month and the budgets count from 2026-11-28 08:05 on: when lokid"
        " started, it could not read its ledger\n"
    )
