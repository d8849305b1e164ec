"""The extra socket of a real daemon, forwarded as ``ssh -R`` would, with lokictl on the other side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.daemon import ROOT, Client, connect, poll
from tests.fakes.forwarding import forwarding
from tests.fakes.talking import Talker, lokid, talking


def directory() -> Path:
    return Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid"


@pytest.fixture
def talker(home: Path) -> Iterator[Talker]:
    with talking() as talker:
        yield talker


def configure(**extra: Any) -> None:
    path = Path(os.environ["HOME"]) / ".config" / "lokid" / "config.yaml"
    config = json.loads(path.read_text())
    config["extra_socket"] = extra
    path.write_text(json.dumps(config))


def elsewhere(tmp_path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """lokictl on the machine at the other end: another home, no runtime directory, and the socket."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "there"),
        "LOKID_SOCK": str(tmp_path / "there" / "lokid.sock"),
        "LOKICTL_AUTOSTART": "0",
    }
    command = [sys.executable, "-m", "lokictl", *args]
    return subprocess.run(
        command,
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_lokictl_asks_over_a_forwarded_socket_and_can_do_nothing_else(talker: Talker, tmp_path: Path) -> None:
    configure(models=["talker:echo", "talker:v*"])
    with lokid(), forwarding(str(tmp_path / "there" / "lokid.sock"), str(directory() / "lokid-extra.sock")):
        poll((directory() / "lokid-extra.sock").exists)
        asked = elsewhere(tmp_path, "ask", "-m", "talker:echo", "from", "there")
        assert (asked.stdout.strip(), asked.returncode) == ("from there", 0), asked.stderr
        assert elsewhere(tmp_path, "ask", "by default").stdout.strip() == "by default"
        listed = elsewhere(tmp_path, "models", "--json")
        assert [row["id"] for row in json.loads(listed.stdout)] == ["talker:echo", "talker:vectors"]

        for args in (["status"], ["config", "show"], ["secret", "list"], ["ps"]):
            refused = elsewhere(tmp_path, *args)
            assert refused.returncode == 77, args
            assert "restricted socket" in refused.stderr, args
        for args in (["ask", "-m", "talker:busy", "x"], ["ask", "-m", "nobody:x", "x"]):
            refused = elsewhere(tmp_path, *args)
            assert refused.returncode == 2
            assert "does not serve that model" in refused.stderr
        # The first word as well is a model only if there its client is known.
        refused = elsewhere(tmp_path, "ask", "talker:busy", "x")
        assert (refused.returncode, "does not serve that model" in refused.stderr) == (2, True)
        words = elsewhere(tmp_path, "ask", "note:this", "please")
        assert (words.stdout.strip(), words.returncode) == ("note:this please", 0), words.stderr
        assert 'no client is named "note"' in words.stderr
        refused = elsewhere(tmp_path, "ask", "--dry-run", "-m", "talker:echo", "x")
        assert refused.returncode == 77
        for said in (refused, asked, listed):
            for private in (talker.url, str(os.environ["HOME"]), "config.yaml"):
                assert private not in said.stdout + said.stderr
        assert talker.prompts() == ["from there", "by default", "note:this please"]

        own = connect(directory() / "rpc.sock")
        rows = own.ask("usage.query", group_by="program")
        assert [(row["program"].startswith("extra:"), row["requests"]) for row in rows] == [(True, 3)]
        state = own.ask("status")["daemon"]["extra_socket"]
        assert state["models"] == ["talker:echo", "talker:v*"]
        assert state["today"]["requests"] == 3
        own.close()


def chat(client: Client, model: str = "talker:echo", prompt: str = "hi") -> Any:
    client.send("chat", model=model, prompt=prompt)
    message = client.message()
    assert message is not None
    return message[2] or message[3]


def test_its_budget_is_its_own_and_outlives_the_daemon(talker: Talker) -> None:
    # An answer costs 10 * 1 + 5 * 2 = 20 millionths of a dollar.
    configure(models=["talker:*"], budget={"usd_per_day": 0.00003})
    extra, own = directory() / "lokid-extra.sock", directory() / "rpc.sock"
    said = "budget_exceeded: the restricted socket of lokid (extra_socket): the budget is used up"
    with lokid() as running:
        client = connect(own)
        for _ in range(3):
            assert chat(client)["text"] == "hi", "what the user spends is not counted"
        client.close()
        client = connect(extra)
        assert [isinstance(chat(client), dict) for _ in range(2)] == [True, True]
        assert chat(client) == said
        client.close()
        poll(lambda: _rows(own) == 5)  # none of who was turned away
        running.kill()
    with lokid():
        client = connect(extra)
        assert chat(client) == said
        client.close()
        client = connect(own)
        assert chat(client)["text"] == "hi"
        client.close()
    assert len(talker.asked) == 6


def _rows(path: Path) -> int:
    client = connect(path)
    try:
        [row] = client.ask("usage.query")
        return int(row["requests"])
    finally:
        client.close()


def test_it_comes_and_goes_with_the_configuration_and_its_limits_refuse(talker: Talker) -> None:
    extra = directory() / "lokid-extra.sock"
    with lokid():
        assert not extra.exists(), "off by default"
        configure(models=["talker:*"], limits={"concurrency": 1, "requests_per_minute": 2})
        client = connect(extra)
        first = client.send("chat", model="talker:held", prompt="one two", stream=True)
        assert (client.message() or [])[1] == "chat.event"
        other = connect(extra)
        assert chat(other).startswith("overloaded: ")
        talker.go.set()
        while (message := client.message()) is not None and message[0] != 1:
            pass
        assert message is not None and (message[1], message[2]) == (first, None)
        assert chat(other)["text"] == "hi"
        assert chat(other).startswith("rate_limited: ")
        assert _rows(directory() / "rpc.sock") == 2, "it would fill the disk"
        configure(models=["talker:nothing"])
        poll(lambda: "unknown_model" in str(chat(other)))
        other.close()
        client.close()
