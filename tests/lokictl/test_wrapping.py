"""On a narrow terminal lines end between words."""

from __future__ import annotations

import time

import click
import pytest

import lokid
from lokictl.__main__ import run
from lokictl.cli import lokictl
from lokictl.commands import COMMANDS
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


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("run lokictl secret set A_KEY and ask", ["run", "  lokictl secret set A_KEY", "  and ask"]),
        ("now `systemctl --user stop x` ends", ["now", "  `systemctl --user stop x`", "  ends"]),
        ('say it "a b c d e f g h i j k" twice', ["say it", '  "a b c d e f g h i j k"', "  twice"]),
        ("lokictl daemon run; then it is seen", ["lokictl daemon run; then it", "  is seen"]),
        ("chmod go= /a/b and look at others", ["chmod go= /a/b and look at", "  others"]),
    ],
)
def test_a_command_to_copy_stays_on_one_line(text, lines):
    assert wrap(text, 27, commands=True) == lines


@pytest.mark.parametrize("columns", [40, 80])
def test_errors_and_their_hints_end_between_words(terminal, columns):
    shown = terminal("status", env={"COLUMNS": str(columns), "NO_COLOR": "1"})
    assert shown.wait() == 69
    lines = shown.output.decode().splitlines()
    assert len(lines) > 1 and lines[-1] == "hint: lokictl daemon start"
    assert all(width(line) <= columns or "/" in line for line in lines)
    assert "lokid is not running (no answer on " in " ".join(map(str.strip, lines))


@pytest.mark.parametrize("command", [*COMMANDS, "secret set", "daemon install", "import loki"])
def test_help_fits_into_forty_columns_but_for_the_commands_to_copy(command, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    assert run([*command.split(), "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    examples = lines.index("Examples:") if "Examples:" in lines else len(lines)
    usage = next(number for number, line in enumerate(lines) if line.startswith("Usage:"))
    assert [line for line in lines[:examples] + lines[usage:] if len(line) > 40] == []
    meanings = [line for line in lines[examples:usage] if line.startswith("    ")]
    assert [line for line in meanings if len(line) > 40] == []


def test_models_fit_into_forty_columns(daemon, terminal):
    model = {
        "client": "openai", "name": "gpt-5-mini", "type": "chat", "max_input_tokens": 400_000,
        "input_price": 0.25, "output_price": 2.0, "supports_function_calling": True,
    }  # fmt: skip
    daemon(models__list=lambda *_: [model])
    narrow = terminal("models", env={"COLUMNS": "40"})
    narrow.wait()
    assert narrow.output.decode().splitlines() == [
        "openai:gpt-5-mini",
        "  type chat, input 400k, price in 0.25,",
        "  price out 2, can tools",
    ]
    wide = terminal("models", env={"COLUMNS": "100"})
    wide.wait()
    assert b"MODEL" in wide.output


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


def test_every_command_of_a_group_is_one_to_copy():
    groups = {name: lokictl.get_command(click.Context(lokictl), name) for name in COMMANDS}
    for name, group in groups.items():
        for inner in getattr(group, "commands", ()):
            line = f"lokictl {name} {inner}"
            assert wrap(f"{line} now", len(line) - 1, commands=True)[0] == line
