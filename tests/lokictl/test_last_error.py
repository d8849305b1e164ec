"""What a client's last request said about it stands in its row, as long as it is the reason."""

from __future__ import annotations

import time
from typing import Any

import pytest

import lokid
from lokictl import last_error
from tests.fakes.terminal import lokictl


def client(code: str = "", state: str = "ready", **facts: Any) -> dict[str, Any]:
    """With an error of three days and some hours ago, if it has a ``code``."""
    error = {"code": code, "message": "because", "at": time.time() - 76.5 * 3600}
    row = {"name": "a", "type": "openai", "auth": "key", "state": state}
    return row | ({"last_error": error | facts.pop("error", {})} if code else {}) | facts


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (client("provider_unavailable"), "unreachable 3d04h ago: because"),
        (client("timeout", error={"hint": "wait"}), "no answer 3d04h ago: because"),
        (client("authentication_failed", error={"hint": "set K"}), "key refused 3d04h ago: set K"),
        (client("authentication_failed", auth="oauth"), "login refused 3d04h ago: because"),
        (client("provider_error"), "no token 3d04h ago: because"),
        (client("of_a_later_lokid"), "of_a_later_lokid 3d04h ago: because"),
        # The state has its own reason; the error says more only where it is that reason.
        (client("timeout", "cooling_down", reason="three in a row"), None),
        (client("secret_missing", "needs_secret", reason="because"), "no key 3d04h ago: because"),
        (client(), None),
    ],
)
def test_it_says_what_failed_when_and_what_mends_it(row, line):
    assert last_error.line(row) == line


def test_it_stands_in_the_tables_and_the_report(daemon):
    rows = [client("authentication_failed", error={"hint": "lokictl secret set A_API_KEY"})]
    daemon(
        clients__list=lambda *_: rows,
        status=lambda *_: {
            "daemon": {"version": lokid.__version__, "pid": 1, "started_at": time.time(), "socket": "/s"},
            "config": {"path": "/c.yaml", "problems": []},
            "clients": rows,
            "requests": [],
        },
    )
    told = b"key refused 3d04h ago: lokictl secret set A_API_KEY\n"
    assert lokictl("clients").stdout.endswith(b"\t" + told)
    assert b"\tready\t" + told in lokictl("status").stdout
    assert b"a client of type openai: key refused (lokictl status says which)" in lokictl("doctor").stdout
