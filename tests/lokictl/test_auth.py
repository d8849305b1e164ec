"""``lokictl auth``: what it asks the daemon, what it shows, and what it never opens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.rpc_daemon import Refused, RPCDaemon
from tests.fakes.terminal import Terminal, lokictl

Start = Callable[..., RPCDaemon]

URL = "https://as.example/authorize?state=s"
MINE = {"name": "mine", "type": "gemini", "auth": "oauth", "state": "needs_login"}
KEY = {"name": "other", "type": "openai", "auth": "key", "state": "ready"}
NOWHERE = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "BROWSER": "", "SSH_CONNECTION": ""}


def begun(method: str = "browser", **more: Any) -> dict[str, Any]:
    return {"login_id": "L1", "method": method, "url": URL, "expires_at": time.time() + 300, **more}


def answers(method: str = "browser", clients: Any = (MINE, KEY), **more: Any) -> dict[str, Any]:
    done = {"client": "mine", "state": "signed_in", "refreshes": True}
    done |= {"obtained_at": time.time(), "expires_at": time.time() + 3659}
    return {
        "clients__list": lambda call, params: list(clients),
        "auth__login": lambda call, params: begun(method, **more),
        "auth__finish": lambda call, params: done,
    }


def test_login_opens_the_browser_and_waits(daemon: Start, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\necho noise; echo "$1" > {opened}.new; mv {opened}.new {opened}; sleep 30\n'
    )
    browser.chmod(0o755)
    running = daemon(**answers())
    done = lokictl("auth", "login", env={**NOWHERE, "BROWSER": str(browser)})
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"signed in to mine, in 1h00m\n"
    assert URL.encode() in done.stderr
    assert running.params("auth.login") == {"client": "mine"}
    assert running.params("auth.finish") == {"login_id": "L1"}
    until = time.monotonic() + 10
    while not opened.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert opened.read_text() == f"{URL}\n"


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        (["--no-browser"], {**NOWHERE, "DISPLAY": ":0", "BROWSER": "/bin/false"}),
        ([], {**NOWHERE, "DISPLAY": ":0", "SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"}),
        ([], NOWHERE),
    ],
)
def test_login_without_a_browser_here_takes_what_is_pasted(
    daemon: Start, words: list[str], environ: dict[str, str]
) -> None:
    running = daemon(**answers())
    done = lokictl(
        "auth", "login", "mine", *words, stdin=b"http://127.0.0.1:1/x?code=c&state=s\n", env=environ
    )
    assert done.returncode == 0, done.stderr
    assert running.params("auth.login") == {"client": "mine", "method": "code"}
    assert running.params("auth.finish") == {
        "login_id": "L1",
        "code": "http://127.0.0.1:1/x?code=c&state=s",
    }


def test_login_asks_for_the_code_on_a_terminal(daemon: Start, terminal: Callable[..., Terminal]) -> None:
    running = daemon(**answers("code"))
    screen = terminal("auth", "login", env=NOWHERE)
    screen.read_until(b"paste the address")
    screen.type(b"abc#s\n")
    screen.read_until(b"signed in to mine")
    assert running.params("auth.finish") == {"login_id": "L1", "code": "abc#s"}


def test_login_on_another_device_shows_the_code(daemon: Start) -> None:
    running = daemon(**answers("device", user_code="AB-CD\x1b[2J"))
    done = lokictl("auth", "login", "--device", env=NOWHERE)
    assert done.returncode == 0
    assert b"AB-CD" in done.stderr and b"\x1b" not in done.stderr and URL.encode() in done.stderr
    assert running.params("auth.login") == {"client": "mine", "method": "device"}
    assert running.params("auth.finish") == {"login_id": "L1"}


@pytest.mark.parametrize(
    ("clients", "words"),
    [([KEY], b"no client has"), ([MINE, {**MINE, "name": "two"}], b"mine, two")],
)
def test_login_without_a_name_wants_exactly_one_client(daemon: Start, clients: Any, words: bytes) -> None:
    daemon(**answers(clients=clients))
    done = lokictl("auth", "login", env=NOWHERE)
    assert done.returncode == 2 and words in done.stderr


def test_login_that_is_refused_ends_with_its_status(daemon: Start) -> None:
    def refuse(call: object, params: object) -> Any:
        raise Refused("login_required", "the sign-in was refused", hint="lokictl auth login mine")

    daemon(**{**answers("device", user_code="A"), "auth__finish": refuse})
    done = lokictl("auth", "login", "--device")
    assert done.returncode == 77 and b"hint: lokictl auth login mine" in done.stderr


ROWS = [
    {
        "client": "mine",
        "state": "signed_in",
        "refreshes": True,
        "scope": "a b",
        "obtained_at": 1.0,
        "expires_at": 4e9,
    },
    {"client": "key", "state": "signed_in", "refreshes": False, "obtained_at": 1.0, "expires_at": None},
    {
        "client": "old",
        "state": "needs_login",
        "refreshes": False,
        "obtained_at": 1.0,
        "expires_at": 2.0,
        "reason": "the sign-in has run out",
    },
    {"client": "none", "state": "needs_login", "refreshes": False, "reason": "nobody signed in"},
]


def test_status_is_a_row_for_each_client(daemon: Start) -> None:
    daemon(auth__status=lambda call, params: ROWS)
    rows = [line.split("\t") for line in lokictl("auth", "status").stdout.decode().splitlines()]
    assert [row[0] for row in rows] == ["mine", "key", "old", "none"]
    assert rows[0][2].startswith("in ") and [row[2] for row in rows[1:]] == ["never", "over", ""]
    assert rows[2][5] == "the sign-in has run out"
    assert json.loads(lokictl("auth", "status", "--json").stdout) == ROWS


@pytest.mark.parametrize(("revoked", "words"), [(True, b"took the sign-in back"), (False, b"was not told")])
def test_logout_says_whether_the_provider_knows(daemon: Start, revoked: bool, words: bytes) -> None:
    running = daemon(auth__logout=lambda call, params: {"client": "mine", "revoked": revoked})
    done = lokictl("auth", "logout", "mine")
    assert done.returncode == 0 and words in done.stdout
    assert running.params("auth.logout") == {"client": "mine"}
