"""A scenario in a genuine ``systemd --user``. Linux namespaces keep it apart from the machine, so it needs
root and little else; see tests/e2e/user_systemd.sh."""

from __future__ import annotations

import os
import shlex
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


def run(
    scenario: str, uid: int, directory: Path, *, timeout: float, others: str = "", **settings: object
) -> tuple[dict[str, str], str]:
    """What ``tests/SCENARIO`` said, as ``key value`` lines and as a whole. ``uid``: of no account.
    ``others``: a script under ``tests`` that runs beside it as root. ``settings``: variables of SCENARIO."""
    python = readable_python()
    if os.geteuid() != 0 or python is None or not all(shutil.which(program) for program in PROGRAMS):
        pytest.skip("needs root, systemd, util-linux, and a Python that another user may run")
    folder = ROOT / "tests"
    script = directory / "scenario.sh"
    lines = [f"{name}={shlex.quote(str(value))}\n" for name, value in {"PYTHON": python, **settings}.items()]
    script.write_text("".join(lines) + (folder / scenario).read_text())
    packages = sysconfig.get_paths()["purelib"]
    done = subprocess.run(
        [str(folder / "e2e" / "user_systemd.sh"), str(uid), packages, str(ROOT), str(script)]
        + ([str(folder / others)] if others else []),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    return said, done.stdout + done.stderr
