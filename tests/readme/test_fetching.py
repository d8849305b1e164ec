"""What `make` fetches shows on a terminal how far it is, and nothing anywhere else."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.readme.pages import PATIENCE, ROOT
from tools.fetching import line, size

PROGRAM = (sys.executable, ROOT / "tools" / "fetching.py")
# As pip does it: a file in a folder of the directory for temporary files, beside a second copy of it. It
# ends when standard input does.
FETCH = 'mkdir "$TMPDIR/a"; head -c 3000000 /dev/zero | tee "$TMPDIR/copy" > "$TMPDIR/a/b"; cat; exit 7'
pytestmark = pytest.mark.timeout(PATIENCE)


def test_a_terminal_sees_megabytes_until_the_command_ends_and_nothing_stays(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    ours, terminal = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, "40", "sh", "-c", FETCH],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "TMPDIR": str(place)},
    ) as process:
        os.close(terminal)
        shown = b""
        while b"  3 of about 40 MB, " not in shown:
            shown += os.read(ours, 4096)
        said, _ = process.communicate(b"all\n")
        rest = os.read(ours, 4096)
    os.close(ours)
    assert (process.returncode, said) == (7, b"all\n")
    assert rest.endswith(b"\r\x1b[K")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("terminal", [False, True])
def test_where_nobody_could_see_it_nothing_is_printed(terminal: bool) -> None:
    ours, theirs = pty.openpty() if terminal else os.pipe()
    status = subprocess.run(
        [*PROGRAM, "40", "sh", "-c", "exit 7"],
        stderr=theirs,
        env={**os.environ, "TERM": "dumb" if terminal else "xterm"},
        check=False,
    ).returncode
    os.write(theirs, b"end")
    os.close(theirs)
    assert (status, os.read(ours, 4096)) == (7, b"end")
    os.close(ours)


def test_a_command_that_a_signal_ended_is_told_apart() -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [*PROGRAM, "0", "sh", "-c", "kill -TERM $$"],
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
        check=False,
    )
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 128 + 15


def test_ctrl_c_ends_the_command_and_shows_no_traceback() -> None:
    ours, theirs = pty.openpty()
    loop = "trap 'echo ended; exit 130' INT; echo runs; while :; do read x; done"
    with subprocess.Popen(
        [*PROGRAM, "0", "sh", "-c", loop],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        assert process.stdout is not None
        assert process.stdout.readline() == b"runs\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
        assert process.stdout.readline() == b"ended\n"
        assert process.wait() == 130
    assert b"Traceback" not in os.read(ours, 4096)
    os.close(ours)


def test_without_a_known_size_seconds_are_all() -> None:
    assert line(5_000_000, 0, 12.4) == "12 s"
    assert line(43_900_000, 93, 12.4) == "43 of about 93 MB, 12 s"


def test_a_folder_that_is_gone_is_empty(tmp_path: Path) -> None:
    assert size(str(tmp_path / "gone")) == 0
