"""A scenario in a genuine ``systemd --user``. Linux namespaces keep it apart from the machine, so it needs
root and little else; see tests/e2e/user_systemd.sh."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.fakes.daemon import ROOT

PROGRAMS = ("unshare", "setpriv", "/lib/systemd/systemd", "systemctl")


def readable_python() -> str | None:
    """An interpreter of this version that another user may run (one below /root is not)."""
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        path = Path(os.path.realpath(candidate))
        if path.exists() and all(parent.stat().st_mode & 0o005 == 0o005 for parent in (path, *path.parents)):
            return str(path)
    return None


def run(scenario: str, uid: int, directory: Path, *, timeout: float) -> tuple[dict[str, str], str]:
    """What ``tests/e2e/SCENARIO`` said, as ``key value`` lines and as a whole. ``uid``: of no account."""
    python = readable_python()
    if os.geteuid() != 0 or python is None or not all(shutil.which(program) for program in PROGRAMS):
        pytest.skip("needs root, systemd, util-linux, and a Python that another user may run")
    folder = ROOT / "tests" / "e2e"
    script = directory / "scenario.sh"
    script.write_text(f"PYTHON={python}\n{(folder / scenario).read_text()}")
    packages = sysconfig.get_paths()["purelib"]
    done = subprocess.run(
        [str(folder / "user_systemd.sh"), str(uid), packages, str(ROOT), str(script)],
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    return said, done.stdout + done.stderr
