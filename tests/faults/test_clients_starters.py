"""Many ask at once and no daemon runs: whoever starts one, all of them are answered by the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_usage import Provider
from tests.fakes.daemon import ROOT, connect, poll
from tests.fakes.http_threads import serving

pytestmark = [pytest.mark.external, pytest.mark.timeout(180)]

STARTERS = 6
BEFORE = ("nothing at all", "a socket that nobody hears", "no socket", "a lock")
ASK = [sys.executable, "-m", "lokictl", "ask", "-m", "c:m", "hello"]


@pytest.fixture
def place(home: Path) -> Iterator[Path]:
    """Where the socket will be. Whatever daemon is there at the end is killed."""
    config = home / ".config/lokid/config.yaml"
    config.parent.mkdir(parents=True)
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"
    with serving(Provider) as url:
        client = {"type": "openai-compatible", "name": "c", "api_base": f"{url}/v1", "models": ["m"]}
        config.write_text(json.dumps({"clients": [client]}))
        yield path
        kill(path)


def kill(path: Path) -> None:
    """The daemon that listens there, as -9 does; its socket file stays."""
    client = connect(path)
    pid = client.ask("hello")["pid"]
    os.kill(pid, signal.SIGKILL)
    poll(lambda: client.message() is None)
    client.close()


def daemons(home: Path) -> int:
    """How many have served so far."""
    return (home / ".local/state/lokid/lokid.log").read_text().count(" serves ")


def test_of_six_who_find_none_each_is_answered_and_by_the_same(home: Path, place: Path) -> None:
    environ = {**os.environ, "LOKICTL_AUTOSTART": "1"}
    for number, left in enumerate(BEFORE, 1):
        if left == "no socket":
            place.unlink()
        elif left == "a lock":
            for file in place.parent.iterdir():
                if not file.name.endswith("lock"):
                    file.unlink()
        askers = [
            subprocess.Popen(ASK, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(STARTERS)
        ]
        told = [asker.communicate(timeout=60) for asker in askers]
        assert told == [(b"hi\n", b"")] * STARTERS, left
        assert daemons(home) == number, left
        client = connect(place)
        assert client.ask("usage.query", since=None)[0]["requests"] == number * STARTERS
        client.close()
        if number < len(BEFORE):  # the last one is the fixture's
            kill(place)
