"""On a narrow terminal lines end between words."""

from __future__ import annotations

import time

import pytest

import lokid
from lokictl.wrapping import record, width, wrap

REASON = "is switched off: it lacks api_key (lokictl secret set CLAUDE_API_KEY)"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("fits", ["fits"]),
        ("one two three", ["one two", "  three"]),
        ("  one three", ["  one", "  three"]),
        ("key  value more", ["key  value", "  more"]),
        ("漢字 漢字 漢字", ["漢字 漢字", "  漢字"]),
        ("\x1b[31mone two three\x1b[0m", ["\x1b[31mone two", "  three\x1b[0m"]),
        ("a /longer/than/all b", ["a /longer/than/all", "  b"]),
    ],
)
def test_a_line_is_broken_between_words(text, lines):
    assert wrap(text, 10) == lines


def test_a_row_that_does_not_fit_is_a_few_lines():
    told = record(("client", "state", "why"), ("a", "", "b c"), 40)
    assert told == "a\n  why     b c"


@pytest.mark.parametrize("command", ["status", "clients", "doctor"])
@pytest.mark.parametrize("columns", [40, 60])
def test_no_word_is_broken_in_forty_columns(daemon, terminal, command, columns):
    clients = [
        {
            "name": "claude",
            "type": "openai-compatible",
            "state": "needs_secret",
            "auth": "key",
            "reason": REASON,
        },
        {"name": "b", "type": "openai", "state": "ready", "auth": "key"},
    ]
    daemon(
        clients__list=lambda *_: clients,
        status=lambda *_: {
            "daemon": {"version": lokid.__version__, "pid": 7, "started_at": time.time(), "socket": "/s"},
            "config": {"path": "/c.yaml", "problems": [], "default_model": "b:m"},
            "clients": clients,
            "requests": [],
        },
    )
    shown = terminal(command, env={"COLUMNS": str(columns)})
    shown.wait()
    lines = shown.output.decode().splitlines()
    too_long = [
        line for line in lines if width(line) > columns and not any("/" in word for word in line.split())
    ]
    assert not too_long
    if command != "doctor":
        assert REASON in " ".join(" ".join(lines).split())
