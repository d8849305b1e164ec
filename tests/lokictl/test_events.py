"""``lokictl events``: what a status bar reads, for as long as it lives, and no longer."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest

from lokictl import link
from lokictl.grammar import candidates
from lokid.server.feed import TOPICS
from tests.fakes.daemon import connect, process
from tests.fakes.terminal import COMMAND, environment, lokictl


def socket_path() -> Path:
    return Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"


@contextmanager
def served():
    """The real server around a fake runtime; a client of it."""
    with process() as running:
        client = connect(socket_path())
        try:
            yield running, client
        finally:
            client.close()
            running.kill()
            running.communicate()


@contextmanager
def following(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*COMMAND, "events", *arguments],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def line(running):
    return json.loads(running.stdout.readline())


def test_it_says_how_things_are_then_what_changes_until_it_is_interrupted():
    with served() as (_, client), following("reloads", "vault") as events:
        assert line(events) == {"topic": "reloads", "generation": 1, "loaded_at": 1.0, "problems": []}
        assert line(events) == {"topic": "vault", "state": "open"}
        client.ask("config.reload")
        assert line(events)["generation"] == 2
        events.send_signal(signal.SIGINT)
        assert events.wait(10) == 130
        assert events.stderr.read().strip() == ""


def test_it_ends_with_its_reader_although_nothing_changes():
    with served(), following("vault") as events:
        assert line(events)["topic"] == "vault"
        events.stdout.close()
        assert events.wait(10) == 141
        assert events.stderr.read() == ""


def test_once_says_how_everything_is_and_ends():
    with served():
        done = lokictl("events", "--once")
    assert done.returncode == 0
    assert [json.loads(one)["topic"] for one in done.stdout.splitlines()] == [*TOPICS]


def test_topics_are_completed():
    assert candidates(["events", "--once", "usage"], "t") == [("tokens", "")]


def test_a_topic_with_a_typo_is_named():
    with served():
        done = lokictl("events", "client")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.endswith(b', did you mean "clients"?\n')


def test_without_lokid_it_ends_and_starts_none():
    done = lokictl("events", env={"LOKICTL_AUTOSTART": "1"})
    assert (done.returncode, done.stdout) == (69, b"")
    assert b"lokid is not running" in done.stderr
    assert not socket_path().exists()
    patient = lokictl("events", "--once", "--wait")
    assert (patient.returncode, json.loads(patient.stdout)) == (0, {"topic": "daemon", "state": "down"})


def test_the_end_of_lokid_is_an_error_unless_it_may_come_back():
    with following("vault", "--wait") as patient:
        assert line(patient) == {"topic": "daemon", "state": "down"}
        with served() as (daemon, _):
            up = line(patient)
            assert (up["topic"], up["state"], up["pid"]) == ("daemon", "up", daemon.pid)
            assert line(patient) == {"topic": "vault", "state": "open"}
            with following("vault") as events:
                assert line(events) == {"topic": "vault", "state": "open"}
                daemon.kill()
                assert events.wait(10) == 69
                assert "lokid has ended" in events.stderr.read()
            assert line(patient) == {"topic": "daemon", "state": "down"}
        with served():
            assert line(patient)["state"] == "up"


def test_a_change_that_comes_together_with_the_answer_is_not_lost():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        hello = {"server": "lokid", "version": "1"}
        news = {"topic": "vault", "state": "locked"}
        frames = ([1, 0, None, hello], [1, 1, None, {"now": []}], [2, "event", [news]])
        theirs.sendall(b"".join(map(msgpack.packb, frames)))
        connection = link.Link(ours, lambda _: None)
        asked = connection.request("events.subscribe", {}, lambda: None)
        with pytest.raises(StopIteration):
            next(asked)
        assert next(connection.follow(lambda _: pytest.fail("it waited"))) == news
