"""The unit files in a genuine ``systemd --user`` with the real lokid. Load, hangs, the sandbox: tests/faults.

Linux namespaces keep it apart from the machine, so it needs root and little else; see user_systemd.sh.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes import user_systemd

pytestmark = pytest.mark.external

UID = 61234
"""No account has it."""


@pytest.mark.timeout(150)
def test_the_units_activate_reload_and_stop_and_the_socket_stays(tmp_path: Path) -> None:
    said, report = user_systemd.run("e2e/systemd_scenario.sh", UID, tmp_path, timeout=140)
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
    assert said["stopped"] == "inactive success"
    assert said["socket_stays"] == "yes"
    assert said["after_stop"] == "1"
    assert said["bugs"] == "0", report
