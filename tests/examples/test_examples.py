"""What lies in examples/ and docs/status-bars.md does what it says, with the real daemon."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.talking import Talker, lokid, talking
from tests.fakes.terminal import ROOT, environment
from tests.fakes.tmux import Screen

EXAMPLES = ROOT / "examples"
PAGE = (ROOT / "docs" / "status-bars.md").read_text()


@pytest.fixture
def talker() -> Iterator[Talker]:
    with talking() as talker, lokid():
        yield talker


@pytest.fixture
def env(tmp_path: Path, home: Path) -> dict[str, str]:
    """With the programs of an installed lokid on the path."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "lokictl").write_text(f'#!/bin/sh\nexec {sys.executable} -m lokictl "$@"\n')
    (programs / "lokictl").chmod(0o755)
    return environment(PATH=f"{programs}:{os.environ['PATH']}", LANG="C.UTF-8")


def run(
    env: dict[str, str], *command: str | Path, text: str = "", folder: Path | None = None, status: int = 0
):
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} here")
    done = subprocess.run(
        command, input=text, env=env, cwd=folder, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == status, done.stderr
    return done


def test_every_example_is_in_the_list_and_at_most_a_screen():
    listed = set(re.findall(r"^\| \[([\w.-]+)\]", (EXAMPLES / "README.md").read_text(), re.MULTILINE))
    there = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    assert listed | {"README.md"} == there
    for name in there:
        assert len((EXAMPLES / name).read_text().splitlines()) <= 72


def test_many_files_are_summarised_and_none_is_paid_twice(talker, env, tmp_path):
    for number in range(4):
        (tmp_path / f"{number} a.txt").write_text(f"text {number}")
    files = sorted(str(path) for path in tmp_path.glob("*.txt"))
    (tmp_path / "0 a.txt.summary").write_text("from yesterday")
    # As cron would: with no more than this in the environment, and what the line in it sets.
    cron = {name: env[name] for name in ("HOME", "PATH", "PYTHONPATH", "XDG_RUNTIME_DIR")}
    run(cron, "sh", EXAMPLES / "summaries.sh", *files)
    assert "text 3" in (tmp_path / "3 a.txt.summary").read_text()
    assert (tmp_path / "0 a.txt.summary").read_text() == "from yesterday"
    assert len(talker.asked) == 3
    (tmp_path / "-d.txt").write_text("a name like an option")
    run(env, "sh", EXAMPLES / "summaries.sh", "-d.txt", folder=tmp_path)
    assert "like an option" in (tmp_path / "-d.txt.summary").read_text()
    (tmp_path / "new.txt").write_text("x")
    failed = run(
        env | {"LOKICTL_MODEL": "talker:busy"},
        "sh",
        EXAMPLES / "summaries.sh",
        tmp_path / "new.txt",
        status=123,
    )
    assert "come back later" in failed.stderr
    cut = run(
        env | {"LOKICTL_MODEL": "talker:cut"},
        "sh",
        EXAMPLES / "summaries.sh",
        tmp_path / "new.txt",
        status=123,
    )
    assert cut.stderr == "lokictl: the answer stops at the limit of tokens (--max-tokens)\n"
    assert not list(tmp_path.glob("new.txt.*"))


def test_a_commit_gets_a_draft_and_goes_on_without_one(talker, env, tmp_path):
    folder = tmp_path / "clone"
    folder.mkdir()
    said = tmp_path / "said"
    # The editor of a person who takes what is there.
    env |= {"GIT_EDITOR": f"cp -f $1 {said} #", "GIT_CONFIG_GLOBAL": os.devnull}
    env |= {
        f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    env["GIT_EDITOR"] = f'sh -c \'cp "$1" {said}; echo mine >> "$1"\' editor'
    run(env, "git", "init", "-q", folder=folder)
    shutil.copy(EXAMPLES / "prepare-commit-msg", folder / ".git" / "hooks")

    def commit(name: str, *options: str, **changes: str) -> str:
        (folder / name).write_text("let there be light\n")
        run(env | changes, "git", "add", ".", folder=folder)
        run(env | changes, "git", "commit", "-q", *options, folder=folder)
        return run(env, "git", "log", "-1", "--format=%B", folder=folder).stdout

    assert commit("a").startswith("Write a commit message for this change")
    assert "+let there be light" in talker.prompts()[0]
    assert "let there be light" in said.read_text() and "# Please enter" in said.read_text()
    assert commit("b", "-m", "by hand") == "by hand\n\n"
    assert commit("c", LOKICTL_MODEL="talker:busy") == "mine\n\n"
    assert commit("d", LOKI_COMMIT="0") == "mine\n\n"
    assert len(talker.asked) == 2


def test_a_batch_keeps_its_order_and_goes_on_after_a_failure(talker, env):
    lines = "".join(f"phrase {number}\n" for number in range(20))
    done = run(env, sys.executable, EXAMPLES / "batch.py", "Translate", text=lines)
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    assert [row["line"] for row in rows] == lines.splitlines()
    assert rows[3]["text"] == "Translate\n\nphrase 3" and rows[3]["cost_usd"] > 0
    odd = run(env, sys.executable, EXAMPLES / "batch.py", "x", text="a\n \nb\u2028c\fd\n").stdout
    assert [json.loads(row)["line"] for row in odd.strip().split("\n")] == ["a", "b\u2028c\fd"]
    [row] = map(
        json.loads,
        run(env, sys.executable, EXAMPLES / "batch.py", "x", "talkr:y", text="a\n").stdout.splitlines(),
    )
    assert row["error"] == "unknown_model"
    cut = run(env, sys.executable, EXAMPLES / "batch.py", "x", "talker:cut", text="a\n").stdout
    assert json.loads(cut)["finish_reason"] == "length"


def test_perl_alone_is_enough_for_a_client(talker, env):
    script = EXAMPLES / "ask.pl"
    assert run(env, "perl", script, "Grüße 🐈 12").stdout == "Grüße 🐈 12 \n"
    long = "lang " * 3000
    assert run(env, "perl", script, long).stdout == long + " \n"
    assert run(env, "perl", script, "hi", "talker:cut").stderr == "the answer ended early: length\n"
    refused = run(env, "perl", script, "hi", "talkr:x", status=255)
    assert "unknown_model: no client is called 'talkr'; did you mean 'talker'?" in refused.stderr
    absent = run(env | {"LOKID_SOCK": "/nowhere"}, "perl", script, "hi", status=2)
    assert absent.stderr == "lokid does not run: lokictl daemon start\n"


@pytest.mark.external
def test_node_streams_and_cancels(talker, env, tmp_path):
    modules = ROOT / "tests" / "node" / "node_modules"
    if not (modules.is_dir() and shutil.which("node")):
        pytest.skip("Node and its packages are not installed: install nodejs and npm, then `make test`")
    (tmp_path / "node_modules").symlink_to(modules)
    script = shutil.copy(EXAMPLES / "ask.mjs", tmp_path)
    done = run(env, "node", script, "Grüße 🐈")
    assert done.stdout == "Grüße 🐈 \n[talker:echo, 5 tokens, 0.00002 USD]\n"
    assert run(env, "node", script, "hi", "talker:cut").stderr == "the answer ended early: length\n"
    absent = run(env | {"LOKID_SOCK": "/nowhere"}, "node", script, "hi", status=69)
    assert absent.stderr == "lokid does not run (ENOENT): lokictl daemon start\n"
    with subprocess.Popen(
        ["node", script, "on", "talker:endless"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as endless:
        assert endless.stdout.read(12) == b"on and on an"
        endless.send_signal(signal.SIGINT)
        _, error = endless.communicate(timeout=20)
    assert endless.returncode == 1
    assert b"\ncancelled: " in error
    assert talker.gone.wait(10)


@pytest.mark.external
def test_a_status_bar_of_tmux_shows_what_happens(talker, env, home, tmp_path):
    for needed in ("tmux", "jq"):
        if shutil.which(needed) is None:
            pytest.skip(f"no {needed} here")
    place = home / ".local" / "bin"
    place.mkdir(parents=True)
    shutil.copy(EXAMPLES / "bar.sh", place)
    [config] = re.findall(r"^```tmux\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "tmux.conf").write_text(config)
    inner = ("tmux", "-f", str(tmp_path / "tmux.conf"), "-S", str(tmp_path / "inner"))
    screen = Screen(tmp_path, ("env", "-u", "TMUX", *inner, "new-session", "cat"), env)
    try:
        screen.wait_for("lokid 0 USD")
        with subprocess.Popen(
            [sys.executable, "-m", "lokictl", "ask", "-m", "talker:held", "one two"],
            env=env,
            stdout=subprocess.DEVNULL,
        ) as asking:
            screen.wait_for("lokid 0 USD *")
            talker.go.set()
            assert asking.wait(20) == 0
        screen.wait_for("lokid 2e-05 USD")
    finally:
        subprocess.run([*inner, "kill-server"], env=env, check=False, capture_output=True)
        screen.close()


def test_the_commands_for_other_bars_run(talker, env, tmp_path):
    if shutil.which("jq") is None:
        pytest.skip("no jq here")
    [bar] = re.findall(r'"exec": "(.*)"', PAGE)
    command = bar.replace("~/.local/bin", str(EXAMPLES))
    with subprocess.Popen(["sh", "-c", command], env=env, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout.readline() == "lokid 0 USD \n"
        running.kill()
    [when] = re.findall(r'^when = "(.*)"$', PAGE, re.MULTILINE)
    assert (
        subprocess.run(["sh", "-c", when], env=env, timeout=30).returncode == 1
    )  # there is no vault to be locked
