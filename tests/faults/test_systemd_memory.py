"""A limit on memory, as MemoryMax= of the unit or `ulimit -v` set one: what does not fit is refused, and
nothing else is lost."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.fakes.daemon import COMMAND, Client, connect, process

PIECE = 15 * 1024 * 1024
"""Bytes of one text: below the limit for a text, so that only memory can refuse four of them."""


def size_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmSize:"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("room_mib", "where"), [(150, "the values do not fit"), (30, "not even the bytes fit")]
)
def test_what_does_not_fit_into_memory_is_refused_and_the_daemon_answers_the_next(
    room_mib: int, where: str
) -> None:
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"
    with process() as running:
        client = connect(path)
        client.ask("hello")
        limit_kib = size_kib(running.pid) + room_mib * 1024
        client.close()
        running.terminate()
        running.communicate(timeout=20)
    with process(command=["sh", "-c", f'ulimit -v {limit_kib}; exec "$0" "$@"', *COMMAND]) as running:
        idle = connect(path)
        client = connect(path)
        answer = refused(client)
        assert answer is None or answer.startswith("overloaded: lokid has no memory left"), answer
        if where == "the values do not fit":
            assert answer is not None, "what was asked is known, so that whoever asked is told"
        client.close()
        for asker in (idle, connect(path)):  # neither who was connected nor who comes later
            assert asker.ask("chat", model="echo", prompt="hi")["text"] == "hi"
            asker.close()
        running.terminate()
        _, log = running.communicate(timeout=20)
        assert running.returncode == 0
        assert "no memory left" in log
        assert "bug" not in log, log


def refused(client: Client) -> str | None:
    """The error that four large texts got, None if the connection just ended."""
    try:
        msgid = client.send("chat", model="echo", messages=[{"role": "user", "content": "x" * PIECE}] * 4)
        while (message := client.message()) is not None:
            if message[:2] == [1, msgid]:
                return str(message[2])
    except (BrokenPipeError, ConnectionResetError):
        pass
    return None
