"""Node with the MessagePack library from its registry, as a client that nobody here wrote."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.daemon import connect, process

HERE = Path(__file__).parent
pytestmark = pytest.mark.external


@pytest.fixture
def served() -> Iterator[Path]:
    """The socket of the real daemon around a fake runtime."""
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"
    with process() as running:
        connect(path).close()
        yield path
        running.kill()
        running.communicate()


def ask(path: Path, method: str, **params: Any) -> list[list[Any]]:
    """All messages that came, the response last."""
    program = shutil.which("node")
    if program is None or not (HERE / "node_modules").is_dir():
        pytest.skip("Node and its packages are not installed: install nodejs and npm, then `make test`")
    command = [program, HERE / "client.mjs", path, method, json.dumps(params)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    return [json.loads(line) for line in said.splitlines()]


def test_node_asks_and_gets_an_answer(served: Path) -> None:
    [[kind, msgid, error, result]] = ask(served, "chat", model="echo", prompt="grüße 🐈")
    assert (kind, msgid, error) == (1, 1, None)
    assert result["text"] == "grüße 🐈"


def test_node_sees_events_before_the_response(served: Path) -> None:
    *events, response = ask(served, "chat", model="echo", prompt="one two", stream=True)
    assert [event[:2] for event in events] == [[2, "chat.event"]] * len(events)
    assert [event[2][1]["text"] for event in events] == ["one", "two"]
    assert response[3]["text"] == "one two"


def test_node_sees_an_error_as_a_string(served: Path) -> None:
    [[_, _, error, result]] = ask(served, "chat", model="rate_limited", prompt="x")
    assert error.startswith("rate_limited: ") and result is None
