"""A real daemon whose state directory is full, or may not be written to: it answers every question, says what
is wrong, and has lost nothing when the disk is mended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_usage import Provider
from tests.fakes.daemon import Client, connect, poll, process
from tests.fakes.http_threads import serving

pytestmark = [
    pytest.mark.external,
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount"),
]


class World:
    """``state``: the state directory, a small disk of its own, as the daemon sees it and as the test does."""

    def __init__(self, home: Path, client: Client, running: subprocess.Popen[str], state: Path) -> None:
        self.client, self._pid = client, running.pid
        self.state = Path(f"/proc/{running.pid}/root{state}")
        self._mounted = state
        self.home = home

    def remount(self, how: str) -> None:
        command = ["nsenter", "-t", str(self._pid), "-m", "mount", "-o", f"remount,{how}", str(self._mounted)]
        subprocess.run(command, check=True)

    @contextmanager
    def full(self) -> Iterator[None]:
        fill = self.state / "fill"
        with fill.open("wb", buffering=0) as file, suppress(OSError):
            for size in (65536, 4096, 512, 1):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))
        yield
        fill.unlink()

    def ask(self, count: int) -> None:
        for _ in range(count):
            assert self.client.ask("chat", model="c:m", prompt="hi")["text"] == "hi"

    def ledger(self) -> dict[str, Any]:
        return dict(self.client.ask("status")["usage"]["ledger"])

    def rows(self) -> int:
        [row] = self.client.ask("usage.query", since=None)
        return int(row["requests"])


@contextmanager
def world(home: Path, tmp_path: Path, *, options: str = "size=512k") -> Iterator[World]:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    config = home / ".config/lokid/config.yaml"
    config.parent.mkdir(parents=True)
    with serving(Provider) as url:
        client = {"type": "openai-compatible", "name": "c", "api_base": f"{url}/v1", "models": ["m"]}
        config.write_text(json.dumps({"clients": [client]}))
        mount = f'mount -t tmpfs -o mode=700,{options} tmpfs "$1" && shift && exec "$@"'
        command = ["unshare", "-m", "sh", "-c", mount, "sh", str(state), sys.executable, "-m", "lokid"]
        with process({"LOKID_STATE_DIR": str(state)}, command) as running:
            rpc = connect(Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock")
            yield World(home, rpc, running, state)
            rpc.close()
            running.terminate()
            running.communicate(timeout=30)


def test_a_full_disk_stops_no_answer_and_loses_no_row(home: Path, tmp_path: Path) -> None:
    with world(home, tmp_path) as one:
        one.ask(2)
        assert one.rows() == 2
        with one.full():
            one.ask(5)
            told = poll(lambda: (said := one.ledger())["state"] == "degraded" and said)
            assert "no space left" in told["reason"].lower() or "full" in told["reason"]
            assert told["unsaved"] == 5 and told["lost"] == 0
            assert one.rows() == 7, "what waits in memory counts"
        poll(lambda: one.ledger() | {"path": ""} == {"path": "", "state": "ok", "unsaved": 0, "lost": 0})
        one.ask(1)
        assert one.rows() == 8


def test_a_disk_that_may_only_be_read_stops_no_answer_and_is_used_once_it_may_be_written(
    home: Path, tmp_path: Path
) -> None:
    with world(home, tmp_path, options="ro") as one:
        one.ask(3)
        assert one.ledger()["state"] == "degraded"
        assert one.rows() == 3
        one.remount("rw")
        poll(lambda: one.ledger()["state"] == "ok")
        assert one.rows() == 3
