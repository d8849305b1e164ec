"""What TAB is told: the right words, at once, and nothing when something is wrong."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import pytest

from lokictl.commands import COMMANDS
from tests.fakes.rpc_daemon import Refused
from tests.fakes.terminal import completed, environment, lokictl
from tests.lokictl.test_imports import modules

NAMES = {
    "chat": ["local:tiny", "openai:gpt-5", "openai:gpt-5-mini"],
    "embedding": ["openai:embed"],
    "reranker": ["cohere:rank"],
}
CLIENTS = [
    {"name": "local", "type": "openai-compatible", "state": "ready"},
    {"name": "openai", "type": "openai", "state": "needs_secret"},
]


def names(_call, params):
    return [name for name in NAMES[params["type"]] if name.startswith(params.get("prefix", ""))]


@pytest.fixture
def fake(daemon):
    return daemon(models__names=names, clients__list=lambda *_: CLIENTS)


def words(*arguments):
    """The candidates without their descriptions."""
    done = completed(*arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    return [line.partition("\t")[0] for line in done.stdout.decode().splitlines()]


def test_commands_and_their_options_need_no_daemon():
    assert words("") == list(COMMANDS)
    assert words("mo") == ["models"]
    assert words("--v") == ["--version"]
    assert words("ask", "--ma") == ["--max-tokens"]
    assert words("config", "ch") == ["check"]
    assert words("models", "--ty") == ["--type"]
    assert words("models", "--type", "e") == ["embedding"]
    assert words("init", "") == ["bash", "zsh", "fish"]
    assert words("ask", "--reasoning", "l") == ["low"]
    assert words("ask", "--reasoning=h") == ["--reasoning=high"]


def test_files_are_left_to_the_shell():
    assert words("ask", "-f", "") == [":files"]
    assert words("ask", "--file=x") == [":files"]
    assert words("config", "check", "") == [":files"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_completed(command):
    found = words(command, "-")
    assert "--help" in found


def test_models_come_as_whole_names(fake):
    assert words("ask", "o") == ["openai:gpt-5", "openai:gpt-5-mini"]
    assert words("ask", "openai:gpt-5-") == ["openai:gpt-5-mini"]
    assert words("ask", "-t", "0.5", "loc") == ["local:tiny"]
    assert words("ask", "hello", "-m", "lo") == ["local:tiny"]
    assert words("ask", "--model=lo") == ["--model=local:tiny"]
    assert words("embed", "-m", "") == ["openai:embed"]
    assert words("rerank", "--model", "c") == ["cohere:rank"]
    assert words("cmd", "-m", "lo") == ["local:tiny"]


def test_clients_come_with_what_they_are(fake):
    done = completed("models", "")
    assert done.stdout.decode() == "local\topenai-compatible\nopenai\topenai, needs_secret\n"


def test_secrets_are_completed_by_name_with_who_uses_them(daemon, monkeypatch):
    kept = [{"name": "OPENAI_API_KEY", "clients": ["a", "b"]}, {"name": "OTHER", "clients": []}]
    fake = daemon(secrets__list=lambda *_: kept)
    for before in (("delete",), ("delete", "OTHER"), ("get",), ("set",)):
        told = completed("secret", *before, "O").stdout.decode()
        assert told == "OPENAI_API_KEY\ta, b\nOTHER\n"
    assert words("secret", "get", "OTHER", "") == [], "one is all it takes"
    assert {method for method, _ in fake.calls} == {"secrets.list"}
    monkeypatch.setenv("SOME_API_KEY", "s")
    assert words("secret", "import-env", "SOME") == ["SOME_API_KEY"]
    assert words("cmd", "--shell", "f") == ["fish"]


def test_the_words_of_a_question_are_not_completed(fake):
    assert words("ask", "openai:gpt-5", "lo") == []
    assert words("ask", "--", "lo") == []
    assert words("ask", "what is o") == []
    assert [method for method, _ in fake.calls] == []


def test_of_many_models_the_clients_come_first(daemon):
    many = [f"openai:m{number}" for number in range(500)]
    daemon(
        models__names=lambda _, params: [name for name in many if name.startswith(params["prefix"])],
        clients__list=lambda *_: CLIENTS,
    )
    assert words("ask", "") == ["local:", "openai:"]
    assert len(words("ask", "openai:")) == 500


def test_the_usual_completions_import_no_click(fake):
    for arguments in (("",), ("ask", "--"), ("ask", "o"), ("models", "l"), ("ask", "-f", "")):
        assert not modules("__complete", *arguments) & {"click", "typing", "socket", "json", "msgpack"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_code_for_a_shell_costs_its_start_no_click(shell):
    assert not modules("init", shell) & {"click", "typing", "socket", "json"}
    assert lokictl("init", shell).stdout.decode().startswith("# lokictl for ")


def test_without_a_daemon_it_is_silent_and_starts_none():
    env = environment()
    del env["LOKICTL_AUTOSTART"]
    done = subprocess.run(
        [sys.executable, "-m", "lokictl", "__complete", "ask", "o"], capture_output=True, env=env, timeout=10
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not os.path.exists(os.path.join(os.environ["HOME"], ".local"))


def test_a_daemon_that_hangs_is_not_waited_for():
    path = os.path.join(os.environ["XDG_RUNTIME_DIR"], "lokid", "rpc.sock")
    os.makedirs(os.path.dirname(path))
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(path)
        deaf.listen(1)
        begun_at = time.monotonic()
        assert lokictl("__complete", "ask", "o").stdout == b""
        assert time.monotonic() - begun_at < 20  # 30 s is what ask waits


def test_errors_of_the_daemon_are_silence(daemon):
    def refuse(*_):
        raise Refused("config_invalid", "no")

    daemon(models__names=refuse, clients__list=refuse)
    assert words("ask", "o") == []


def test_no_name_can_steer_a_terminal_or_a_shell(daemon):
    daemon(
        models__names=lambda *_: ["c:a\x1b[2J", "c:b\nrm -r x", "c:e\tf", "c:d"], clients__list=lambda *_: []
    )
    assert words("ask", "c:") == ["c:a\ufffd[2J", "c:d"]


def test_a_description_is_a_whole_sentence():
    told = completed("config", "show").stdout.decode()
    assert told == "show\tThe configuration that is in force, as JSON without any secret.\n"
