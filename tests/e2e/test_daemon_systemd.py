"""The unit files in a genuine ``systemd --user``, sandbox included, with the real lokid.

Linux namespaces keep it apart from the machine, so it needs root and little else; see user_systemd.sh.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.fakes.daemon import ROOT

pytestmark = pytest.mark.external

UID = 61234
"""No account has it."""


def readable_python() -> str | None:
    """An interpreter of this version that another user may run (one below /root is not)."""
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        path = Path(os.path.realpath(candidate))
        if path.exists() and all(parent.stat().st_mode & 0o005 == 0o005 for parent in (path, *path.parents)):
            return str(path)
    return None


@pytest.mark.timeout(150)
def test_the_units_activate_reload_restart_and_replace_a_hung_daemon_without_losing_a_question(
    tmp_path: Path,
) -> None:
    python = readable_python()
    needed = ("unshare", "setpriv", "/lib/systemd/systemd", "systemctl")
    if os.geteuid() != 0 or python is None or not all(shutil.which(program) for program in needed):
        pytest.skip("needs root, systemd, util-linux, and a Python that another user may run")
    scenario = tmp_path / "scenario.sh"
    text = (ROOT / "tests" / "e2e" / "systemd_scenario.sh").read_text()
    scenario.write_text(f"PYTHON={python}\n{text}")
    packages = sysconfig.get_paths()["purelib"]
    done = subprocess.run(
        [str(ROOT / "tests" / "e2e" / "user_systemd.sh"), str(UID), packages, str(ROOT), str(scenario)],
        capture_output=True,
        text=True,
        timeout=140,
    )
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    report = done.stdout + done.stderr
    assert said["before_first_question"] == "inactive", report
    assert said["modes"] == "700 600"
    status = json.loads(said["status"])
    assert status["daemon"]["root"] is False
    assert status["daemon"]["socket"] == f"/run/user/{UID}/lokid/rpc.sock"
    assert said["active"] == "active"
    assert said["text"].startswith("serving ")
    assert said["environ_readable"] == "no", "of its own user"
    assert said["core"] == "0"
    assert said["reload"] == "0 same_pid"
    assert int(said["asked"]) > 50, report
    assert said["failed"].strip() == "0", report
    replaced, seconds = said["after_hang"].split(" in ")
    assert replaced == "0", "another process answers"
    assert int(seconds.removesuffix(" s")) < 15
    assert said["stopped"] == "inactive success"
    assert said["socket_stays"] == "yes"
    assert said["after_stop"] == "1"
    assert said["bugs"] == "0", report
