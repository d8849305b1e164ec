"""A limit on memory, as MemoryMax= of the unit or `ulimit -v` set one: what does not fit is refused, and
nothing else is lost."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.fakes.daemon import COMMAND, Client, connect, poll, process
from tests.fakes.talking import lokid, talking

PIECE = 15 * 1024 * 1024
"""Bytes of one text: below the limit for a text, so that only memory can refuse four of them."""


def size_kib(pid: int, which: str = "VmSize:") -> int:
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(which))


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


UNIT = Path(__file__).parents[2] / "systemd" / "lokid.service"
ONE_EMOJI = "x" * (PIECE - 4) + "\N{GRINNING FACE}"
"""Python keeps such a text at four bytes a character."""


def high_kib() -> int:
    """Where the unit begins to slow lokid down, well below where it is killed."""
    found = re.search(r"^MemoryHigh=(\d+)M$", UNIT.read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.timeout(120)
def test_what_clients_may_send_together_never_reaches_the_limit_of_the_unit() -> None:
    """Each of them alone is legal, and the worst there is: as long as may be, with four bytes a character."""
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"
    messages = [{"role": "user", "content": f"wait {ONE_EMOJI}"}] * 4 + [{"role": "user", "content": "go on"}]
    with talking() as talker, lokid() as running:
        askers = []
        refused: list[str] = []
        for _ in range(3):
            asker = Client(path, 60)
            askers.append(asker)
            asker.send("chat", model="talker:held", messages=messages, stream=True)
            message = asker.message()  # a first word of the answer, or why there is none
            assert message is not None
            if message[0] == 1:
                refused.append(message[2])
        assert size_kib(running.pid, "VmHWM:") < high_kib()
        assert len(talker.asked) >= 1
        assert len(talker.asked) + len(refused) == 3
        assert all(one.startswith("overloaded: large requests of") for one in refused)
        for asker in askers:
            asker.close()
        again = connect(path)
        assert poll(lambda: again.ask("requests.list") == [])
        assert again.ask("chat", model="talker:echo", prompt="hi")["text"] == "hi"
        again.close()
