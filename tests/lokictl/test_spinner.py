"""The spinner: on a terminal that several lokictl share, nothing of it stays between their answers."""

from __future__ import annotations

import os
import pty
import sys
import threading

import pytest

from lokictl.spinner import Spinner
from tests.fakes.rpc_daemon import result
from tests.fakes.terminal import ROOT, environment
from tests.fakes.tmux import Screen


@pytest.fixture
def tty():
    """The two ends of a terminal."""
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def drawn(ends: tuple[int, int]) -> bytes:
    """What came since the last call. The kernel hands it over in its own time, so a mark follows it."""
    master, slave = ends
    os.write(slave, b"|")
    data = b""
    while not data.endswith(b"|"):
        data += os.read(master, 1000)
    return data[:-1]


def due(spinner: Spinner) -> float | None:
    """Calls it when its time has come."""
    spinner._next_at = 0.0
    return spinner.wait()


@pytest.fixture
def spinner(tty):
    """``spinner()``: one more on the terminal; closed as the end of its process would."""
    opened = []

    def open_():
        opened.append(Spinner(tty[1]))
        return opened[-1]

    yield open_
    for each in opened:
        if each._lock is not None:
            os.close(each._lock)


def test_it_is_drawn_only_by_one_that_is_alone(tty, spinner):
    first = spinner()
    assert due(first) is not None
    assert drawn(tty) == "\r⠋\r".encode()
    second = spinner()
    assert due(second) is None
    assert due(first) is None
    first.clear()
    assert drawn(tty) == b"", "what stands there may be the other one's answer"


def test_while_one_prints_its_answer_another_draws_nothing(tty, spinner):
    printing = spinner()
    printing.clear()
    assert due(spinner()) is None
    assert drawn(tty) == b""


def test_who_comes_after_another_has_ended_is_alone(tty, spinner):
    first = spinner()
    due(first)
    first.clear()
    first.clear()
    os.close(first._lock)
    first._lock = None
    assert due(spinner()) is not None
    assert drawn(tty) == "\r⠋\r\r\x1b[K\r⠋\r".encode()


@pytest.mark.parametrize("arguments", [["embed", "-m", "c:m", "text"], ["cmd", "list files"]])
def test_other_commands_that_wait_for_a_provider_show_it_too(daemon, terminal, arguments):
    gone = threading.Event()

    def slow(call, params):
        gone.wait(0.6)
        return {"embeddings": [b"\x00\x00\x00?"]} if "texts" in params else result("ls")

    daemon(embed=slow, chat=slow)
    tty = terminal(*arguments)
    assert tty.wait() == 0
    assert "\r⠋\r".encode() in tty.output
    assert tty.output.endswith((b"\r\x1b[K[0.5]\r\n", b"\r\x1b[Kls\r\n"))


@pytest.mark.external
def test_nothing_of_it_stays_between_the_answers_of_many_on_one_screen(tmp_path, daemon):
    """One after another is told to answer, while the others go on waiting."""
    turns = [threading.Event() for _ in range(4)]

    def chat(call, params):
        call.accepted()
        turns[int(params["prompt"])].wait(20)
        return result(f"answer {params['prompt']}")

    daemon(chat=chat)
    script = f"seq 0 3 | xargs -P 4 -n 1 {sys.executable} -m lokictl ask -m fake:model; echo done; cat"
    screen = Screen(tmp_path, ["sh", "-c", script], environment(PYTHONPATH=str(ROOT), LANG="C.UTF-8"))
    try:
        for number, turn in enumerate(turns):
            turn.set()
            screen.wait_for(f"answer {number}")
            screen.wait(lambda _, row=number: screen.cursor()[0] > row, "the end of its line")
        lines = screen.wait_for("done")
    finally:
        screen.close()
    assert lines == [*(f"answer {number}" for number in range(4)), "done"]
