"""A lokid whose processes have other numbers than here, as in a container. Needs root."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.daemon import ROOT, connect, process

APART = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
"""A PID namespace below ours."""


@pytest.fixture
def apart(home: Path) -> Iterator[subprocess.Popen[str]]:
    with process({}, [*APART, sys.executable, "-m", "lokid"]) as running:
        connect(Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock").close()
        yield running
        running.kill()
        running.communicate(timeout=20)


def stop(*before: str) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-m", "lokictl", "daemon", "stop"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_the_process_is_ended_that_has_this_number_there(apart: subprocess.Popen[str]) -> None:
    """And not that of lokictl's own namespace: number 1 here is init."""
    done = stop()
    assert (done.returncode, done.stdout) == (0, "stopped\n"), done.stderr
    assert apart.wait(20) is not None


def test_one_that_cannot_be_seen_is_not_said_to_have_ended(apart: subprocess.Popen[str]) -> None:
    done = stop(*APART)
    assert done.returncode == 69 and done.stdout == ""
    assert "in a PID namespace that cannot be seen from here" in done.stderr
    assert apart.poll() is None
