"""What the fast paths cost, in instructions of the processor: the same on a busy machine. valgrind counts.

Each is a ratio to something that the same Python does in the same run, so that a newer Python or another
processor changes little. A bound is what was measured (it stands beside) and a quarter more of what is ours;
who goes over it has made the path slower, or has a reason to write a new number here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

import lokid
from tests.fakes.daemon import ROOT
from tests.fakes.rpc_daemon import RPCDaemon, say

pytestmark = [
    pytest.mark.external,
    pytest.mark.timeout(300),  # valgrind runs a program fifty times slower
    pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed"),
]

ASK = 1.43
"""``lokictl ask``: 1.34 bare starts of Python without ``site``. With ``site``, as people start it, 1.07 to
1.2: that is more of Python, and no more of lokictl."""

TAB = 4.30
"""TAB among 10,000 models: 3.84 bare starts; 8.6 if lokictl read all of the answer itself."""

EVENT = 1.30
"""An event through HTTP, SSE, dialect and RPC: 1.02 times parsing its JSON and packing its text alone."""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Without ``site``, which costs what is installed beside lokid, and with bytecode of its own."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    path = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    return {**here, "PYTHONPATH": path, "PYTHONPYCACHEPREFIX": str(tmp_path / "pyc"), "PYTHONHASHSEED": "0"}


@pytest.fixture
def daemon() -> Iterator[None]:
    path = os.path.join(os.environ["XDG_RUNTIME_DIR"], "lokid", "rpc.sock")
    answers = {
        "chat": say(*["word "] * 20),
        "models.names": lambda *_: [f"openai:a-model-with-a-long-name-{number}" for number in range(10_000)],
        "clients.list": lambda *_: [{"name": "openai", "type": "openai", "state": "ready"}],
    }
    running = RPCDaemon(path, answers, lokid.__version__)
    yield
    running.close()


def instructions(program: list[str], environ: dict[str, str], out: Path, *options: str) -> list[int]:
    """Between the calls that ``options`` name, in order."""
    command = [sys.executable, "-S", *program]
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)  # bytecode
    counting = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *options]
    done = subprocess.run([*counting, *command], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = []
    for number in range(1, 10):
        piece = out.with_name(f"{out.name}.{number}")
        if piece.exists():
            found.append(piece)
    totals = [re.search(r"^totals: (\d+)", piece.read_text(), re.MULTILINE) for piece in [*found, out]]
    return [int(total[1]) for total in totals if total]


def test_a_question_costs_little_more_than_a_bare_start(daemon, environ, tmp_path):
    bare = instructions(["-c", "pass"], environ, tmp_path / "bare")
    ask = instructions([str(ROOT / "bin" / "lokictl"), "ask", "hello"], environ, tmp_path / "ask")
    assert sum(ask) / sum(bare) < ASK


def test_ten_thousand_models_are_completed_for_little_more_than_a_bare_start(daemon, environ, tmp_path):
    bare = instructions(["-c", "pass"], environ, tmp_path / "bare")
    patient = "from lokictl import completion; completion.PATIENCE_S = 60.0"
    program = ["-c", f"{patient}; completion.complete(['ask', 'openai:'])"]
    tab = instructions(program, environ, tmp_path / "tab")
    assert sum(tab) / sum(bare) < TAB


def test_an_event_costs_little_more_than_reading_its_json(environ, tmp_path):
    program = [str(Path(__file__).with_name("relay.py"))]
    counts = instructions(program, environ, tmp_path / "relay", "--dump-before=sched_yield")
    _, relay, least, _ = counts
    assert relay / least < EVENT
