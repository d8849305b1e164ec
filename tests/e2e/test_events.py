"""What the real daemon tells a subscriber while files change, the vault is locked and clients come and go."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.daemon import Client, connect, process


@contextmanager
def subscribed(**params: Any) -> Iterator[tuple[Client, Client, list[dict[str, Any]]]]:
    """A subscriber, somebody else, and how everything was."""
    with process(command=[sys.executable, "-m", "lokid"]) as running:
        path = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"
        bar, other = connect(path), connect(path)
        try:
            yield bar, other, bar.ask("events.subscribe", **params)["now"]
        finally:
            bar.close()
            other.close()
            running.kill()
            running.communicate()


def until(bar: Client, **wanted: Any) -> dict[str, Any]:
    """The next event with these values."""
    while (message := bar.message()) is not None:
        assert message[:2] == [2, "event"]
        [event] = message[2]
        if wanted.items() <= event.items():
            return dict(event)
    raise AssertionError("the connection ended")


def entry(name: str, **keys: Any) -> dict[str, Any]:
    return {"type": "openai-compatible", "name": name, "api_base": "http://127.0.0.1:9/v1", **keys}


def test_files_the_vault_and_clients_are_followed(home: Path) -> None:
    config = home / ".config" / "lokid" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"clients": [entry("one"), entry("two", api_key="{{KEY}}")]}))
    with subscribed() as (bar, other, now):
        topics = [event["topic"] for event in now]
        assert topics == ["reloads", "clients", "clients", "requests", "usage", "vault"]
        assert [event.get("state") for event in now[1:3]] == ["ready", "needs_secret"]
        other.ask("secrets.set", name="KEY", value="sk-1")
        assert until(bar, topic="clients", client="two")["state"] == "ready"
        assert until(bar, topic="vault")["state"] == "open"
        other.ask("secrets.lock")
        assert until(bar, topic="clients", client="two")["state"] == "needs_secret"
        assert until(bar, topic="vault")["state"] == "locked"
        other.ask("secrets.unlock")
        assert until(bar, topic="vault")["state"] == "open"
        config.write_text("clients: 7\n")
        [problem] = until(bar, topic="reloads")["problems"]
        assert problem["line"] == 1
        config.write_text(json.dumps({"clients": [entry("three")]}))
        generation = until(bar, topic="reloads", problems=[])["generation"]
        assert until(bar, client="three")["state"] == "ready"
        assert {until(bar, state="gone")["client"], until(bar, state="gone")["client"]} == {"one", "two"}
        assert generation == other.ask("status")["config"]["generation"]
