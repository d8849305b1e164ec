"""A headless Neovim with the plugin, driven over its own RPC, as an editor's user would."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest

from tests.fakes.terminal import ROOT, environment

PLUGIN = Path(ROOT) / "editors" / "nvim"


@contextmanager
def neovim(folder: Path, lokictl: str) -> Iterator[Neovim]:
    """One that finds ``lokictl``, the line of a shell script, under that name. Skips where there is none."""
    if not shutil.which("nvim"):
        pytest.skip("no Neovim here")
    programs = folder / "bin"
    programs.mkdir()
    (programs / "lokictl").write_text(f"#!/bin/sh\n{lokictl}\n")
    (programs / "lokictl").chmod(0o755)
    editor = Neovim(folder / "nvim.sock", environment(PATH=f"{programs}:{os.environ['PATH']}"))
    try:
        yield editor
    finally:
        editor.close()


class Neovim:
    """A Neovim with the plugin."""

    def __init__(self, path: Path, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["nvim", "--headless", "--clean", "-n", "--listen", str(path), "--cmd", f"set rtp^={PLUGIN}"],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._unpacker = msgpack.Unpacker()
        self._id = 0
        deadline = time.monotonic() + 20
        while True:
            try:
                return self._socket.connect(str(path))
            except OSError:
                assert time.monotonic() < deadline, "Neovim did not start"
                time.sleep(0.02)

    def call(self, method: str, *arguments: object) -> object:
        self._id += 1
        self._socket.sendall(msgpack.packb([0, self._id, method, arguments]))
        while True:
            for message in self._unpacker:
                if message[:2] == [1, self._id]:
                    assert message[2] is None, message[2]
                    return message[3]
            data = self._socket.recv(65536)
            assert data, "Neovim has gone"
            self._unpacker.feed(data)

    def run(self, command: str) -> None:
        self.call("nvim_command", command)

    def lines(self) -> list[str]:
        return self.call("nvim_buf_get_lines", 0, 0, -1, False)

    def messages(self) -> str:
        return self.call("nvim_exec", "messages", True)

    def wait(self, wanted, read=None):
        deadline = time.monotonic() + 20
        while not wanted(seen := (read or self.lines)()):
            assert time.monotonic() < deadline, f"{seen}\n{self.messages()}"
            time.sleep(0.02)
        return seen

    def close(self) -> None:
        self._socket.close()
        self._process.kill()
        self._process.wait()
