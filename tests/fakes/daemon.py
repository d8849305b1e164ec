"""``python -m tests.fakes.daemon``: the real daemon around a fake runtime, and how tests start one.

LOKID_TEST_DRAIN_S and LOKID_TEST_CHECK_S shorten waits that are minutes in life.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.fakes.daemon"]


class Client:
    """A blocking client for outside processes."""

    def __init__(self, path: Path, timeout_s: float = 10.0) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout_s)
        try:
            self.sock.connect(str(path))
        except OSError:
            self.sock.close()
            raise
        self._unpacker = msgpack.Unpacker()
        self._msgid = 0

    def send(self, method: str, /, **params: Any) -> int:
        self._msgid += 1
        self.sock.sendall(msgpack.packb([0, self._msgid, method, [params] if params else []]))
        return self._msgid

    def message(self) -> list[Any] | None:
        """The next one, None at the end."""
        while True:
            for message in self._unpacker:
                return list(message)
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._unpacker.feed(data)

    def ask(self, method: str, **params: Any) -> Any:
        """The result; raises AssertionError with the error."""
        self.send(method, **params)
        while (message := self.message()) is not None:
            if message[0] == 1:
                assert message[2] is None, message[2]
                return message[3]
        raise AssertionError("the connection ended before the answer")

    def close(self) -> None:
        self.sock.close()


def poll(condition: Any, limit_s: float = 15.0) -> Any:
    """What ``condition`` returns as soon as it is true; for outside processes only."""
    end = time.monotonic() + limit_s
    while not (value := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)
    return value


def connect(path: Path, limit_s: float = 15.0) -> Client:
    def attempt() -> Client | None:
        try:
            return Client(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    client: Client = poll(attempt, limit_s)
    return client


@contextmanager
def process(
    environ: Mapping[str, str] | None = None, command: list[str] | None = None, **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """A daemon with this process's environment and ``environ`` on top; killed at the end."""
    with subprocess.Popen(
        COMMAND if command is None else command,
        cwd=ROOT,
        env={**os.environ, **(environ or {})},
        stderr=subprocess.PIPE,
        text=True,
        **options,
    ) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGKILL)


def main() -> int:
    from lokid import daemon
    from lokid.server import life, listener
    from tests.fakes.runtime import FakeRuntime

    life.Life.__init__.__kwdefaults__["drain_s"] = float(os.environ.get("LOKID_TEST_DRAIN_S", "30"))
    listener.Listener.watch.__defaults__ = (float(os.environ.get("LOKID_TEST_CHECK_S", "30")),)
    return daemon.main(sys.argv[1:], lambda _environ: FakeRuntime())


if __name__ == "__main__":
    sys.exit(main())
