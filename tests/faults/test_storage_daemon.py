"""A real daemon whose state and vault are on disks that are full, or may not be written to: it answers every
question, says what is wrong, and has lost nothing when the disk is mended."""

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


WHY = {"full": "no space left on device", "read only": "read-only file system"}


class World:
    """``state`` and ``data``: their directories, small disks of their own, where the test finds them."""

    def __init__(self, client: Client, running: subprocess.Popen[str], state: Path, data: Path) -> None:
        self.client, self._pid = client, running.pid
        self._root = Path(f"/proc/{running.pid}/root")
        self.state, self.data = self._root / state.relative_to("/"), self._root / data.relative_to("/")

    def remount(self, directory: Path, how: str) -> None:
        path = Path("/") / directory.relative_to(self._root)
        command = ["nsenter", "-t", str(self._pid), "-m", "mount", "-o", f"remount,{how}", str(path)]
        subprocess.run(command, check=True)

    @contextmanager
    def full(self, directory: Path) -> Iterator[None]:
        fill = directory / "fill"
        with fill.open("wb", buffering=0) as file, suppress(OSError):
            for size in (65536, 4096, 512, 1):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))
        yield
        fill.unlink()

    @contextmanager
    def read_only(self, directory: Path) -> Iterator[None]:
        self.remount(directory, "ro")
        yield
        self.remount(directory, "rw")

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
    state, data = tmp_path / "state", tmp_path / "data"
    for directory in (state, data):
        directory.mkdir(mode=0o700)
    config = home / ".config/lokid/config.yaml"
    config.parent.mkdir(parents=True)
    with serving(Provider) as url:
        client = {"type": "openai-compatible", "name": "c", "api_base": f"{url}/v1", "models": ["m"]}
        config.write_text(json.dumps({"clients": [client]}))
        mount = 'mount -t tmpfs -o mode=700,{} tmpfs "${}" && '
        mounts = mount.format(options, 1) + mount.format("size=64k", 2) + 'shift 2 && exec "$@"'
        words = ["sh", str(state), str(data), sys.executable, "-m", "lokid"]
        command = ["unshare", "-m", "sh", "-c", mounts, *words]
        with process({"LOKID_STATE_DIR": str(state), "XDG_DATA_HOME": str(data)}, command) as running:
            rpc = connect(Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock")
            yield World(rpc, running, state, data)
            rpc.close()
            running.terminate()
            running.communicate(timeout=30)


def test_a_full_disk_stops_no_answer_and_loses_no_row(home: Path, tmp_path: Path) -> None:
    with world(home, tmp_path) as one:
        one.ask(2)
        assert one.rows() == 2
        with one.full(one.state):
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
        one.remount(one.state, "rw")
        poll(lambda: one.ledger()["state"] == "ok")
        assert one.rows() == 3


@pytest.mark.parametrize("how", ["full", "read only"])
def test_a_secret_that_cannot_be_saved_is_never_said_to_be_nor_costs_the_others(
    how: str, home: Path, tmp_path: Path
) -> None:
    with world(home, tmp_path) as one:
        one.client.ask("secrets.set", name="OLD", value="kept")
        large = "x" * 9_000  # more than what the last page of a file has left
        with {"full": one.full, "read only": one.read_only}[how](one.data):
            for _ in range(2):
                with pytest.raises(AssertionError) as told:
                    one.client.ask("secrets.set", name="NEW", value=large)
                assert WHY[how] in str(told.value).lower()
                assert "what it held before is untouched" in str(told.value)
                assert one.client.ask("secrets.get", name="OLD")["value"] == "kept"
                assert [row["name"] for row in one.client.ask("secrets.list")] == ["OLD"]
            one.ask(2)
        one.client.ask("secrets.set", name="NEW", value=large)
        assert one.client.ask("secrets.get", name="NEW")["value"] == large
        assert one.client.ask("secrets.get", name="OLD")["value"] == "kept"
        assert sorted(os.listdir(one.data / "lokid")) == [
            "identity.txt",
            "vault.age",
            "vault.age.bak",
            "vault.age.lock",
        ]
