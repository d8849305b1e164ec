"""The code of ``lokictl init`` in bash, zsh and fish, on real terminals: TAB, and what Alt-e promises."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading

import pytest

from tests.fakes.rpc_daemon import Refused, result
from tests.fakes.terminal import ROOT, environment
from tests.fakes.tmux import Screen

pytestmark = pytest.mark.external

START = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}
PREPARE = {
    "bash": "PS1='> '; eval \"$(lokictl init bash)\"",
    "zsh": "PS1='> '; eval \"$(lokictl init zsh)\"",
    "fish": "function fish_prompt; echo -n '> '; end; set -g fish_autosuggestion_enabled 0; "
    "lokictl init fish | source",
}
NAMES = ["local:tiny", "openai:gpt-5", "openai:gpt-5-mini"]
CLIENTS = [{"name": "local", "type": "openai-compatible", "state": "ready"}]


def names(_call, params):
    return [name for name in NAMES if name.startswith(params["prefix"])]


@pytest.fixture(params=START)
def shell(request, tmp_path, home):
    """A shell that has just run ``init``, with an empty screen and the prompt ``> ``."""
    name = request.param
    for program in ("tmux", name):
        if not shutil.which(program):
            pytest.skip(f"no {program} here")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "lokictl").write_text(f'#!/bin/sh\nexec {sys.executable} -m lokictl "$@"\n')
    (programs / "lokictl").chmod(0o755)
    (home / "plan.md").write_text("x")
    env = environment(PATH=f"{programs}:{os.environ['PATH']}", PYTHONPATH=str(ROOT), LANG="C.UTF-8")
    env.pop("LC_ALL", None)
    screen = Screen(tmp_path, START[name], env)
    screen.name = name
    screen.text("cd; " + PREPARE[name] + "; clear")
    screen.keys("Enter")
    screen.wait(lambda lines: lines == [">"], "the prompt")
    yield screen
    screen.close()


def shows(screen, line):
    """Waits until the prompt's line is ``line``."""
    return screen.wait(lambda lines: any(row.rstrip() == f"> {line}".rstrip() for row in lines), line)


@pytest.mark.parametrize("name", START)
def test_a_shell_without_a_person_reads_it_in_silence(name, home):
    """``scp`` and ``ssh host command`` read a ``~/.bashrc`` too."""
    if not shutil.which(name):
        pytest.skip(f"no {name} here")
    code = f"{sys.executable} -m lokictl init {name}"
    code = f"{code} | source" if name == "fish" else f'set -e; eval "$({code})"'
    env = environment(PYTHONPATH=str(ROOT))
    ran = subprocess.run((*START[name][:-1], "-c", code), capture_output=True, env=env)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


def test_tab_completes_commands_options_models_and_files(shell, daemon):
    daemon(models__names=names, clients__list=lambda *_: CLIENTS)
    shell.text("lokictl stat")
    shell.keys("Tab")
    shows(shell, "lokictl status")
    shell.keys("C-u")
    for typed, wanted in [
        ("lokictl ask --max-to", "lokictl ask --max-tokens"),
        ("lokictl ask lo", "lokictl ask local:tiny"),
        ("lokictl ask openai:gpt-5-", "lokictl ask openai:gpt-5-mini"),
        ("lokictl ask -m local:", "lokictl ask -m local:tiny"),
        ("lokictl ask --model=local:", "lokictl ask --model=local:tiny"),
        ("lokictl ask -f pl", "lokictl ask -f plan.md"),
        ("lokictl models loc", "lokictl models local"),
    ]:
        shell.text(typed)
        shell.keys("Tab")
        shows(shell, wanted)
        shell.keys("C-u")
        shows(shell, "")


def test_tab_shows_what_there_is_to_choose(shell, daemon):
    daemon(models__names=names, clients__list=lambda *_: CLIENTS)
    shell.text("lokictl ask openai:gp")
    shell.keys("Tab")
    shows(shell, "lokictl ask openai:gpt-5")
    shell.keys("Tab", "Tab")
    shell.wait(lambda lines: sum("gpt-5-mini" in line for line in lines[1:]) == 1, "the list")


def test_tab_and_enter_never_run_what_a_name_says(shell, daemon, home):
    name = "evil:'; touch PWN; $(touch PWN)`touch PWN`|touch PWN"
    fake = daemon(
        chat=lambda *_: result("answered"), models__names=lambda *_: [name], clients__list=lambda *_: []
    )
    shell.text("lokictl ask -m evil:")
    shell.keys("Tab")
    shell.wait(lambda lines: "PWN" in lines[0], "the name")
    shell.text(" hi")
    shell.keys("Enter")
    shell.wait(lambda lines: any("answered" in line for line in lines), "the answer")
    assert fake.params()["model"] == name
    assert not (home / "PWN").exists()


def test_tab_is_silent_without_a_daemon(shell):
    shell.text("lokictl ask openai:")
    shell.keys("Tab")
    shell.text("x")
    lines = shows(shell, "lokictl ask openai:x")
    assert lines == ["> lokictl ask openai:x"]


def test_alt_e_turns_words_into_a_command_that_does_not_run(shell, daemon, home):
    fake = daemon(chat=lambda *_: result("```sh\ntouch 'made it'; ls\n```"))
    shell.text("make a file's sibling")
    shell.keys("M-e")
    shows(shell, "touch 'made it'; ls")
    assert fake.params()["prompt"] == "make a file's sibling"
    assert f"for the shell {shell.name} on" in fake.params()["system"]
    assert not (home / "made it").exists()
    shell.keys("C-_")  # undo, in all three
    shows(shell, "make a file's sibling")


def test_alt_e_marks_what_destroys(shell, daemon, home):
    daemon(chat=lambda *_: result("rm -rf ."))
    shell.text("clean up")
    shell.keys("M-e")
    shell.wait_for("careful: this deletes whole directories")
    shows(shell, "rm -rf .")
    assert (home / "plan.md").exists()


@pytest.mark.parametrize(
    "command",
    ["rm -rf " + " ".join(f"directory{n}" for n in range(20)), "cd there\nrm -rf .", "rm -rf .\nls\nls"],
)
def test_the_mark_of_what_destroys_shows_beside_a_command_of_several_rows(shell, daemon, command):
    daemon(chat=lambda *_: result(command))
    shell.text("clean up")
    shell.keys("M-e")

    def both(lines):
        shown = "".join("".join(lines).split())
        return "careful:thisdeletes" in shown and all(word in shown for word in command.split())

    shell.wait(both, "the command and its mark")


def test_an_error_shows_beside_words_of_several_rows(shell, daemon):
    def refuse(*_):
        raise Refused("overloaded", "too busy")

    words = " ".join(f"word{n}" for n in range(30))
    daemon(chat=refuse)
    shell.text(words)
    shell.keys("M-e")
    shell.wait(
        lambda lines: "lokictl:toobusy" in "".join("".join(lines).split()) and "word29" in "".join(lines),
        "the words and the error",
    )
    shell.text(" end")
    shell.wait(lambda lines: "word29 end" in " ".join(lines), "what is typed")


def test_an_error_shows_under_the_prompt_and_the_line_stays(shell, daemon):
    def refuse(*_):
        raise Refused("login_required", "openai wants a login", hint="lokictl auth login openai")

    daemon(chat=refuse)
    shell.text("list files")
    shell.keys("M-e")
    lines = shell.wait_for("lokictl: openai wants a login (lokictl auth login openai)")
    shows(shell, "list files")
    at = next(row for row, line in enumerate(lines) if "wants a login" in line)
    assert lines[at - 1].rstrip() == "> list files"
    shell.text(" here")
    shows(shell, "list files here")


def test_an_error_at_the_foot_of_the_screen_loses_nothing(shell, daemon):
    def refuse(*_):
        raise Refused("overloaded", "too busy" + " and more" * 25)

    daemon(chat=refuse)
    shell.text("printf '%s\\n' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25")
    shell.keys("Enter")
    shell.wait(lambda lines: lines[-1].rstrip() == ">", "the prompt")
    shell.text("list files")
    shows(shell, "list files")
    shell.keys("M-e")
    shell.wait_for("lokictl: too busy")
    shell.text(" here")
    lines = shows(shell, "list files here")
    assert any(line == "25" for line in lines)


def test_all_of_a_long_error_shows_and_the_line_stays(shell, daemon):
    words = [f"word{number}" for number in range(30)]

    def refuse(*_):
        raise Refused("overloaded", " ".join(words), hint="漢字 the end")

    daemon(chat=refuse)
    shell.text("list files")
    shell.keys("M-e")
    shell.wait_for("the end)")

    def stays(lines: list[str]) -> bool:
        at = next((row for row, line in enumerate(lines) if "lokictl: word0" in line), 0)
        return lines[at - 1].rstrip() == "> list files"

    lines = shell.wait(stays, "the line above the error")
    assert "".join(words) in "".join("".join(lines).split()), "zsh and fish break within words"
    shell.text(" here")
    shows(shell, "list files here")


def test_no_command_is_a_reason_and_the_line_stays(shell, daemon):
    daemon(chat=lambda *_: result("# nothing makes coffee"))
    shell.text("make coffee")
    shell.keys("M-e")
    shell.wait_for("lokictl: no command for that: nothing makes coffee")
    shows(shell, "make coffee")


def test_without_a_daemon_the_line_stays(shell):
    shell.text("list files")
    shell.keys("M-e")
    shell.wait_for("lokid is not running")
    shows(shell, "list files")


def test_ctrl_c_gives_up_and_the_line_stays(shell, daemon):
    asked = threading.Event()

    def chat(call, params):
        asked.set()
        call.cancelled.wait(20)
        return result("ls")

    fake = daemon(chat=chat)
    shell.text("list files")
    shell.keys("M-e")
    assert asked.wait(10)
    shell.keys("C-c")
    assert fake.running[0].cancelled.wait(10)
    shell.text(" here")
    shows(shell, "list files here")


def test_several_lines_come_as_they_are_and_do_not_run(shell, daemon, home):
    daemon(chat=lambda *_: result('for f in *; do\n  touch "$f.new"\ndone'))
    shell.text("copy names")
    shell.keys("M-e")
    shell.wait_for('touch "$f.new"')
    assert not (home / "plan.md.new").exists()


def test_the_key_can_be_another_as_the_documentation_says(shell, daemon):
    daemon(chat=lambda *_: result("ls -l"))
    page = (ROOT / "docs" / "shell.md").read_text()
    lines = re.findall(rf"^\| {shell.name} \| `(bind.*)` \|$", page, re.MULTILINE)
    assert len(lines) == 1
    shell.text(f"{lines[0]}; clear")
    shell.keys("Enter")
    shell.wait(lambda rows: rows == [">"], "the prompt")
    shell.text("list files")
    shell.keys("C-x", "C-l")
    shows(shell, "ls -l")


def test_the_documentation_has_the_line_that_is_used_here():
    page = (ROOT / "docs" / "shell.md").read_text().replace("\\|", "|")
    for code in PREPARE.values():
        assert f"`{code.rpartition('; ')[2]}`" in page


def test_an_empty_line_asks_nothing(shell, daemon):
    fake = daemon(chat=lambda *_: result("ls"))
    shell.keys("M-e")
    shell.text("echo done")
    shows(shell, "echo done")
    assert fake.calls == []


def test_nothing_in_an_answer_can_steer_the_terminal(shell, daemon):
    daemon(chat=lambda *_: result("ls \x1b]0;t\x07 \x1b[2J\r\nx"))
    shell.text("list files")
    shell.keys("M-e")
    shell.wait_for("ls \ufffd]0;t\ufffd \ufffd[2J")


@pytest.mark.parametrize("start", ["&", "Ctrl-Z"])
def test_a_secret_is_asked_for_in_front_alone_and_hidden_whatever_way_it_came_there(shell, daemon, start):
    """Who sets a terminal from behind is stopped in that, and then told that it could not."""
    kept = {}

    def keep(_call, params):
        kept.update({params["name"]: params["value"]})
        return {"name": params["name"], "replaced": False, "clients": []}

    daemon(
        secrets__set=keep, secrets__status=lambda *_: {"state": "open", "file": "/v", "identity_kind": "file"}
    )
    shell.text("lokictl secret set A" + ("&" if start == "&" else ""))
    shell.keys("Enter")
    if start == "Ctrl-Z":
        shell.wait(lambda lines: "value of A:" in lines[-1], "the question")
        shell.keys("C-z")
    for command in ("bg", "bg", "fg"):
        # Stopped also from behind: bash wakes nobody up with ``fg`` that it takes for running.
        shell.wait(lambda lines: lines[-1].strip() == ">" and shell.is_stopped(), "the prompt")
        shell.text(command)
        shell.keys("Enter")
    shell.wait(lambda lines: "value of A:" in lines[-1], "the question again")
    shell.text("sk-planted-0123456789")
    shell.keys("Enter")
    shell.wait(lambda lines: lines[-1].strip() == ">" and "A kept" in "".join(lines), "the end")
    assert kept == {"A": "sk-planted-0123456789"}
    assert "planted" not in "".join(shell.lines(history=True))
