"""`lokictl daemon install` and `uninstall` in a genuine ``systemd --user``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.fakes.daemon import ROOT

pytestmark = pytest.mark.external

UID = 61235
"""No account has it."""


def readable_python() -> str | None:
    """An interpreter of this version that another user may run (one below /root is not)."""
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        path = Path(os.path.realpath(candidate))
        if path.exists() and all(parent.stat().st_mode & 0o005 == 0o005 for parent in (path, *path.parents)):
            return str(path)
    return None


@pytest.mark.timeout(120)
def test_install_replaces_a_running_daemon_by_a_service_and_uninstall_keeps_what_is_the_users(
    tmp_path: Path,
) -> None:
    python = readable_python()
    needed = ("unshare", "setpriv", "/lib/systemd/systemd", "systemctl")
    if os.geteuid() != 0 or python is None or not all(shutil.which(program) for program in needed):
        pytest.skip("needs root, systemd, util-linux, and a Python that another user may run")
    scenario = tmp_path / "scenario.sh"
    text = (ROOT / "tests" / "e2e" / "install_scenario.sh").read_text()
    scenario.write_text(f"PYTHON={python}\n{text}")
    packages = sysconfig.get_paths()["purelib"]
    done = subprocess.run(
        [str(ROOT / "tests" / "e2e" / "user_systemd.sh"), str(UID), packages, str(ROOT), str(scenario)],
        capture_output=True,
        text=True,
        timeout=110,
    )
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    report = done.stdout + done.stderr
    assert said["install"] == "0", report
    assert said["told"] == "1", report
    assert said["old_gone"] == "yes", report
    assert said["enabled"] == "enabled", report
    assert said["writable"] == "0", report
    assert said["again"] == "0 active", report
    assert said["uninstall"] == "0 inactive 0", report
    assert int(said["kept"]) >= 1, report
