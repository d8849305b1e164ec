"""A daemon that answers what nobody can read is told from a bug of lokictl, with what mends it."""

from __future__ import annotations

import pytest

import lokid
from tests.fakes.rpc_daemon import Refused, result, say
from tests.fakes.terminal import ROOT, lokictl


def crooked(call, _params):
    call.accepted()
    call.event(type="text", text=7)
    return result("x")


class Odd(Refused):
    """Answers with an error that is none."""

    def __init__(self):
        self.error = 5


def odd(*_):
    raise Odd


@pytest.mark.parametrize(
    ("answers", "line"),
    [
        ({"chat": lambda *_: {"text": 7}}, ("ask", "x")),
        ({"chat": lambda *_: "hello"}, ("ask", "x")),
        ({"chat": crooked}, ("ask", "x")),
        ({"chat": odd}, ("ask", "x")),
        ({"status": lambda *_: []}, ("status",)),
        ({"clients__list": lambda *_: 7}, ("clients",)),
        ({"clients__list": lambda *_: [{"name": "a"}, 7]}, ("clients",)),
        ({"requests__list": lambda *_: {"a": "b"}}, ("ps",)),
        ({"models__list": lambda *_: [[]]}, ("models",)),
    ],
)
def test_it_is_named_with_both_versions_and_the_command_that_mends_it(daemon, answers, line):
    daemon(version="0.0.9", **answers)
    done = lokictl(*line)
    said = done.stderr.decode()
    assert done.returncode == 69, said
    assert "lokictl: lokid 0.0.9 answered " in said
    assert f" makes no sense to lokictl {lokid.__version__} (" in said
    assert said.endswith("\nhint: lokictl daemon restart\n")


def test_of_the_same_version_a_restart_may_not_be_enough(daemon):
    daemon(chat=lambda *_: {"text": 7})
    assert b"restart; if it happens again, lokictl doctor > report.txt" in lokictl("ask", "x").stderr


def test_a_bug_after_a_good_answer_is_lokictls_own(daemon, tmp_path):
    daemon(chat=say("hello"))
    (tmp_path / "sitecustomize.py").write_text(
        "import lokictl.reply as a\ndef broken(self, result): raise ValueError\na.Reply.result = broken\n"
    )
    done = lokictl("ask", "x", env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert done.returncode == 1
    assert done.stderr.startswith(b"lokictl: this is a bug in lokictl: ValueError at ")
