"""Signing in with the real lokictl, daemon and authorization server; many expiries; several processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.authorization import AuthorizationServer, Person, serving
from tests.fakes.last_call import forks

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.external, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def server() -> Iterator[AuthorizationServer]:
    with serving(TTL="3600") as running:
        yield running


class Machine:
    """A home with a configuration, and lokictl in it. ``log`` is what the daemon writes."""

    def __init__(self, home: Path, *clients: dict[str, Any]) -> None:
        self.home = home
        directory = home / ".config/lokid"
        directory.mkdir(parents=True)
        (directory / "config.yaml").write_text(json.dumps({"clients": clients}))
        (directory / "config.yaml").chmod(0o600)
        self.environ = {**os.environ, "PYTHONPATH": str(ROOT), "LOKID_LOG": "debug"}
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION"):
            self.environ.pop(name, None)

    def lokictl(self, *words: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lokictl", *words],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **settings,
        )

    @contextmanager
    def starting(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "lokictl", *words],
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    @property
    def tokens(self) -> Path:
        return self.home / ".local/state/lokid/tokens/mine.json"

    @property
    def log(self) -> str:
        return (self.home / ".local/state/lokid/lokid.log").read_text()


@pytest.fixture
def machine(home: Path, server: AuthorizationServer) -> Iterator[Machine]:
    made = Machine(home, server.client())
    yield made
    made.lokictl("daemon", "stop")


def url_in(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"https?://\S+", line):
            return found[0]
    raise AssertionError("lokictl showed no address")


def test_with_a_browser(machine: Machine, tmp_path: Path) -> None:
    asked = machine.lokictl("ask", "hello")
    assert asked.returncode == 77
    assert "lokictl auth login mine" in asked.stderr
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "noise"; echo "$1" > {opened}.new; mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    machine.environ["BROWSER"] = str(browser)
    with machine.starting("auth", "login") as login:
        url = url_in(login)
        until = time.monotonic() + 20
        while not opened.exists() and time.monotonic() < until:
            time.sleep(0.01)
        assert opened.read_text().strip() == url
        Person().visit(url)
        out, _ = login.communicate(timeout=30)
    assert login.returncode == 0 and out.startswith("signed in to mine, in ")
    assert machine.lokictl("ask", "hello").stdout == "hi\n"
    status = machine.lokictl("auth", "status").stdout.split("\t")
    assert status[:2] == ["mine", "signed_in"]
    assert machine.lokictl("auth", "logout", "mine").stdout.startswith("signed out of mine")
    assert machine.lokictl("ask", "hello").returncode == 77


def test_over_ssh_with_a_pasted_address_and_no_secret_leaves_the_file(machine: Machine) -> None:
    with machine.starting("auth", "login", "mine", "--no-browser") as login:
        ended = Person().address(url_in(login), "/cb?")
        out, _ = login.communicate(f"{ended}\n", timeout=30)
    assert login.returncode == 0, out
    said = [machine.lokictl(*words) for words in (("ask", "hi"), ("clients", "--json"), ("status",))]
    said += [machine.lokictl("auth", "status", "--json"), machine.lokictl("config", "show")]
    assert said[0].stdout == "hi\n"
    found = json.loads(machine.tokens.read_text())
    code = ended.partition("code=")[2].partition("&")[0]
    for secret in (found["access_token"], found["refresh_token"], code):
        for text in (out, machine.log, *(done.stdout + done.stderr for done in said)):
            assert secret not in text
        holding = [
            path
            for path in machine.home.rglob("*")
            if path.is_file() and secret.encode() in path.read_bytes()
        ]
        assert holding == ([] if secret == code else [machine.tokens])


def test_on_another_device(machine: Machine) -> None:
    with machine.starting("auth", "login", "--device") as login:
        Person().confirm(url_in(login))
        out, _ = login.communicate(timeout=30)
    assert login.returncode == 0 and "signed in to mine" in out
    assert machine.lokictl("ask", "hello").stdout == "hi\n"


def test_a_command_line_that_makes_no_sense_says_so(home: Path, server: AuthorizationServer) -> None:
    two = Machine(home, server.client(), {**server.client(), "name": "other"})
    try:
        assert two.lokictl("auth", "login", "--device", "--no-browser").returncode == 2
        several = two.lokictl("auth", "login")
        assert several.returncode == 2 and "mine, other" in several.stderr
        pasted = two.lokictl("auth", "login", "mine", "--no-browser", input="\n")
        assert pasted.returncode == 77 and "nothing was pasted" in pasted.stderr
        wrong = two.lokictl("auth", "login", "mine", "--no-browser", input="abc\n")
        assert wrong.returncode == 2 and "state" in wrong.stderr
    finally:
        two.lokictl("daemon", "stop")


def test_asks_through_several_expiries_never_fail(home: Path) -> None:
    with serving(TTL="5") as server:
        machine = Machine(home, server.client())
        try:
            with machine.starting("auth", "login", "--no-browser") as login:
                ended = Person().address(url_in(login), "/cb?")
                login.communicate(f"{ended}\n", timeout=30)
            until = time.monotonic() + 17
            answers: list[subprocess.CompletedProcess[str]] = []

            def ask() -> None:
                while time.monotonic() < until:
                    answers.append(machine.lokictl("ask", "hello"))

            threads = [threading.Thread(target=ask) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(answers) > 20
            assert [answer.stderr for answer in answers if answer.returncode] == []
            refreshes = server.seen("refresh_token")
            assert 3 <= len(refreshes) <= 5
            assert {one["status"] for one in refreshes} == {200}
        finally:
            machine.lokictl("daemon", "stop")


def sign_in(machine: Machine) -> None:
    with machine.starting("auth", "login", "--no-browser") as login:
        login.communicate(f"{Person().address(url_in(login), '/cb?')}\n", timeout=30)
    machine.lokictl("daemon", "stop")


def expire(machine: Machine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(machine.tokens.read_text())
    found["expires_at"] = time.time() - 1
    machine.tokens.write_text(json.dumps(found))
    return found


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_three_processes_with_seven_callers_each_are_one_request(
    machine: Machine, server: AuthorizationServer, backend: str
) -> None:
    sign_in(machine)
    old = expire(machine)
    before = len(server.seen("refresh_token"))
    command = [sys.executable, "-m", "tests.fakes.refreshing", json.dumps(server.client())]
    processes = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**machine.environ, "BACKEND": backend},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [json.loads(process.communicate(timeout=30)[0]) for process in processes]
    got = [token for tokens in said for token in tokens]
    assert len(got) == 21 and len(set(got)) == 1 and got[0] != old["access_token"]
    assert len(server.seen("refresh_token")) == before + 1
    # The family is alive: what was rotated last still works.
    expire(machine)
    assert machine.lokictl("ask", "hello").stdout == "hi\n"
    assert server.seen("refresh_token")[-1]["status"] == 200


CALLS = "openat,fchmod,write,fsync,close,rename,flock"

SAVE = """
from dataclasses import replace
from lokid.runtime import durable
from lokid.runtime.oauth import token_file
path = sys.argv[1]

def piece(_):
    old = token_file.read(path)
    with durable.lock(path):
        token_file.write(path, replace(old, gen=old.gen + 1))
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_killed_at_any_system_call_of_a_save_the_file_is_the_old_or_the_new_one(machine: Machine) -> None:
    sign_in(machine)
    log = machine.home / "strace.log"
    gens = set()
    with forks(SAVE, machine.environ, CALLS, log, str(machine.tokens)) as saves:
        for name, at in saves.calls(""):
            before = json.loads(machine.tokens.read_text())
            saves.die("", name, at)
            after = json.loads(machine.tokens.read_text())
            assert {**after, "gen": 0} == {**before, "gen": 0}
            gens.add(after["gen"] - before["gen"])
            assert machine.tokens.stat().st_mode & 0o777 == 0o600
    assert gens == {0, 1}
    assert machine.lokictl("ask", "hello").stdout == "hi\n"
    assert [name for name in os.listdir(machine.tokens.parent) if name.endswith(".tmp")] == []
