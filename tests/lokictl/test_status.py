"""``lokictl status``: one screen that says what is wrong, and the command that mends it."""

from __future__ import annotations

import time

import lokid
from tests.fakes.terminal import lokictl

PROBLEM = {"path": "/c.yaml", "line": 3, "column": 1, "key": "clients", "message": "is wrong"}
STARTED_AT = time.time()
CLIENTS = [
    {"name": "a", "type": "openai", "state": "needs_secret", "reason": "lokictl secret set A_API_KEY"},
    {"name": "b", "type": "gemini", "auth": "oauth", "state": "needs_login"},
]


def status(version=lokid.__version__, problems=(), clients=()):
    return {
        "daemon": {"version": version, "pid": 7, "started_at": STARTED_AT, "socket": "/s"},
        "config": {"path": "/c.yaml", "problems": list(problems)},
        "clients": list(clients),
        "requests": [],
    }


def test_each_thing_that_is_wrong_has_the_command_that_mends_it(daemon):
    daemon(status=lambda *_: status("0.0.1", [PROBLEM], CLIENTS))
    done = lokictl("status")
    said = done.stdout.decode()
    assert done.returncode == 78
    assert f"lokid 0.0.1 is running, lokictl is {lokid.__version__}: lokictl daemon restart" in said
    assert "/c.yaml:3:1: clients: is wrong\nmend it: lokictl config edit\n" in said
    assert "lokictl secret set A_API_KEY" in said
    assert "lokictl auth login b" in said


def test_a_daemon_that_began_with_a_broken_configuration_does_not_speak_of_one_before(daemon):
    broken = status(problems=[PROBLEM])
    broken["config"] |= {"generation": 0, "exists": False}
    broken["vault"] = {"file": "", "state": "absent"}
    daemon(status=lambda *_: broken)
    done = lokictl("status")
    said = done.stdout.decode()
    assert done.returncode == 78
    assert "nothing is in force, because of:\n/c.yaml:3:1: clients: is wrong\n" in said
    assert not any(wrong in said for wrong in ("no such file", "stays in force", "no clients", "vault"))


def test_without_clients_it_says_how_to_get_one(daemon):
    daemon(status=lambda *_: status())
    assert b"no clients are configured: lokictl setup\n" in lokictl("status").stdout


def test_without_a_daemon_it_says_how_to_start_one():
    done = lokictl("status")
    assert (done.returncode, done.stdout) == (69, b"")
    assert b"hint: lokictl daemon start" in done.stderr


def test_daemon_status_is_status(daemon):
    daemon(status=lambda *_: status(problems=[PROBLEM], clients=CLIENTS))
    asked, plain = lokictl("daemon", "status", "--json"), lokictl("status", "--json")
    assert (asked.returncode, asked.stdout) == (plain.returncode, plain.stdout)
    assert lokictl("daemon", "status").returncode == 78


def test_a_default_whose_key_was_refused_is_not_called_ready(daemon):
    answer = status(clients=CLIENTS)
    answer["config"]["default_model"] = "a:m"
    daemon(status=lambda *_: answer)
    told = b"default model a:m, of the first client that "
    assert told + b"lacks nothing; it is not ready all the same, see below\n" in lokictl("status").stdout
    answer["clients"] = [{**CLIENTS[0], "state": "ready"}]
    assert told + b"is ready\n" in lokictl("status").stdout
