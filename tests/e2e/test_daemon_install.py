"""`lokictl daemon install` and `uninstall` in a genuine ``systemd --user``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import user_systemd

pytestmark = pytest.mark.external

UID = 61235
"""No account has it."""


@pytest.mark.timeout(120)
def test_install_replaces_a_running_daemon_by_a_service_and_uninstall_keeps_what_is_the_users(
    tmp_path: Path,
) -> None:
    said, report = user_systemd.run("e2e/install_scenario.sh", UID, tmp_path, timeout=110)
    assert said["install"] == "0", report
    assert said["told"] == "1", report
    assert said["old_gone"] == "yes", report
    assert said["enabled"] == "enabled", report
    assert said["writable"] == "0", report
    assert said["again"] == "0 active", report
    assert said["uninstall"] == "0 inactive 0", report
    assert int(said["kept"]) >= 1, report
