"""What is said of the extra socket: where it is, what it is for, what is left of its budget."""

from __future__ import annotations

import os
import time

import lokid
from tests.fakes.terminal import lokictl

OPEN = {
    "path": "/run/lokid/lokid-extra.sock",
    "state": "open",
    "models": ["openai:gpt-4.1*", "local:*"],
    "budgets": [{"period": "day", "usd": 2.0, "spent_usd": 2.5}],
}
CLOSED = {
    "path": None,
    "state": "closed",
    "reason": "others may enter /run/x: run `chmod 700 /run/x`",
    "models": [],
}


def status(extra):
    return {
        "daemon": {
            "version": lokid.__version__,
            "pid": os.getpid(),
            "started_at": time.time(),
            "socket": "/s",
            "extra_socket": extra,
        },
        "config": {"path": "/c.yaml", "generation": 1, "problems": []},
        "clients": [],
        "requests": [],
    }


def answers(extra):
    return {
        "status": lambda *_: status(extra),
        "requests.list": lambda *_: [],
        "secrets.status": lambda *_: {"state": "absent"},
    }


def said(*words):
    return lokictl(*words).stdout.decode()


def test_status_says_where_it_is_and_what_is_left_of_its_budget(daemon):
    daemon(**answers(OPEN))
    text = said("status")
    assert "extra socket /run/lokid/lokid-extra.sock for openai:gpt-4.1*, local:*\n" in text
    assert "budget of the extra socket: 2.50 of 2.00 USD this day\n" in text
    assert "/run/lokid/lokid-extra.sock, 2 patterns, 2 USD a day" in said("doctor")
    assert ["extra_socket", "/run/lokid/lokid-extra.sock"] in [
        line.split() for line in said("info").splitlines()
    ]


def test_a_budget_of_which_nobody_knows_what_is_left_says_why(daemon):
    unknown = {
        "until": time.mktime((2026, 11, 29, 0, 0, 0, 0, 0, -1)),
        "reason": "/u.db: no database; move it away",
    }
    daemon(**answers(OPEN | {"budget_unknown": unknown}))
    said_there = (
        "budget of the extra socket: nothing is spent until 2026-11-29 00:00, since nobody knows what was: "
    )
    assert f"{said_there}/u.db: no database; move it away\n" in said("status")
    assert "/u.db: no database; move it away; then restart lokid" in said("doctor")


def test_one_that_could_not_be_opened_says_why(daemon):
    daemon(**answers(CLOSED))
    assert "extra socket closed: others may enter /run/x" in said("status")
    done = lokictl("doctor")
    assert done.returncode == 1
    assert b"problem: the extra socket is not open: others may enter /run/x" in done.stdout


def test_without_one_nothing_is_said_but_that_it_is_off(daemon):
    daemon(**answers(None))
    assert "extra" not in said("status")
    assert ["extra_socket", "off"] in [line.split() for line in said("info").splitlines()]
