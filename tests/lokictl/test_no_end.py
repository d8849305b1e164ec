"""What ``ask`` reads has a bound: what has no end, or more than lokid takes, is refused before it fills the
memory."""

from __future__ import annotations

import os
import resource
import shlex
import socket
import subprocess
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from lokictl import attach, question
from lokictl.failure import Failure
from lokid.config.schema import Limits as Configured
from lokid.rpc.connection import Limits
from tests.fakes.rpc_daemon import say
from tests.fakes.terminal import COMMAND, environment, lokictl

LOKICTL = shlex.join(COMMAND)


def shell(line: str, **most: int) -> subprocess.CompletedProcess[bytes]:
    """``line`` of bash, whose ``lokictl`` may have 1 GiB of memory."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))

    command = ["bash", "-c", line.replace("lokictl", LOKICTL, 1)]
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(),
        timeout=30,
        preexec_fn=limit,
    )


def test_the_usual_limit_is_lokids_own():
    assert question.USUAL == Limits().max_frame == Configured().max_frame_mib * 1024 * 1024


@pytest.mark.parametrize(
    "line", ["lokictl ask < /dev/zero", "lokictl ask hi - < /dev/zero", "lokictl embed -m a:b < /dev/zero"]
)
def test_standard_input_without_end_is_refused_at_64_mib(daemon, line):
    fake = daemon(chat=say("ok"))
    done = shell(line)
    assert done.returncode == 2
    assert done.stderr == (
        b"lokictl: standard input has more than 64 MiB, and lokid takes no more in one message\n"
        b"hint: send a part of it; or raise max_frame_mib of limits: in the configuration\n"
    )
    assert {method for method, _ in fake.calls} == {"hello", "config.show"}


def shows(max_frame_mib: Any) -> dict[str, Any]:
    """A daemon that is configured so."""
    return {"chat": say("ok"), "config__show": lambda *_: {"limits": {"max_frame_mib": max_frame_mib}}}


def test_the_configuration_may_allow_more(daemon, monkeypatch):
    monkeypatch.setattr(question, "USUAL", 1000)
    daemon(**shows(1))
    monkeypatch.setattr(question.os, "read", reading([b"x" * 900] * 3 + [b""]))
    assert question.standard_input() == b"x" * 2700
    monkeypatch.setattr(question.os, "read", reading([b"x" * 400_000] * 4))
    with pytest.raises(Failure, match="more than 1 MiB") as caught:
        question.standard_input()
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("says", [None, "many", -1])
def test_a_daemon_that_does_not_say_how_much_takes_the_usual(daemon, monkeypatch, says):
    monkeypatch.setattr(question, "USUAL", 1000)
    daemon(**shows(says))
    monkeypatch.setattr(question.os, "read", reading([b"x" * 900] * 2))
    with pytest.raises(Failure, match="more than 0 MiB"):
        question.standard_input()


def reading(pieces: list[bytes]) -> Any:
    """``os.read`` of a pipe that has ``pieces`` and nothing behind them: one more would fail."""
    rest = iter(pieces)
    return lambda _fd, _size: next(rest)


def test_all_files_together_have_a_limit_too(daemon, monkeypatch, tmp_path):
    daemon(**shows(64))
    path = tmp_path / "a"
    path.write_text("ä" * 40_000)
    monkeypatch.setattr(question, "USUAL", 100_000)
    monkeypatch.setattr(question, "is_terminal", lambda _fd: True)
    values: Mapping[str, Any] = {"model": None, "files": (str(path),), "no_stdin": False}
    assert len(question.Question(values, ["hi"]).prompt(model_named=False)) > 40_000
    monkeypatch.setattr("lokictl.room._configured", lambda: 0)
    with pytest.raises(Failure, match="the question with its files has more than"):
        question.Question({**values, "files": (str(path),) * 2}, ["hi"])


def test_a_secret_without_end_is_too_long():
    done = shell("lokictl secret set NAME < /dev/zero")
    assert (done.returncode, done.stderr) == (2, b"lokictl: standard input is too long for a secret\n")


# --- files that are none


def test_a_pipe_of_the_shell_is_read_as_a_file(daemon):
    fake = daemon(chat=say("{}"))
    done = shell("lokictl ask -f <(echo one) -f <(echo two) --schema <(echo '{}')")
    assert done.returncode == 0, done.stderr
    prompt = fake.params()["prompt"]
    assert ":\n```\none\n```\n" in prompt and ":\n```\ntwo\n```" in prompt
    assert fake.params()["response_schema"] == {}


def test_so_is_a_named_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("through a pipe",))
    writer.start()
    assert attach.load(str(path)) == ("text", "through a pipe")
    writer.join()


def test_a_pipe_without_end_is_too_large(daemon):
    daemon(chat=say("ok"))
    done = shell("lokictl ask hi -f <(cat /dev/zero)")
    assert done.returncode == 2
    assert done.stderr.startswith(b"lokictl: /dev/fd/") and done.stderr.endswith(b" is larger than 32 MiB\n")


@pytest.mark.parametrize("option", ["-f", "--schema"])
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/tty", "/dev/null", "/dev/random"])
def test_a_device_is_refused_unopened(option, device):
    done = lokictl("ask", "hi", option, device)
    assert done.returncode == 2
    said = f"lokictl: {device} is a device, and only files and pipes are read\n"
    assert done.stderr.decode() == said + "hint: standard input needs no -f: command | lokictl ask ...\n"


def test_so_is_a_socket(tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path)
        with pytest.raises(Failure, match="is a socket, and only files"):
            attach.load(path)
