"""A hung daemon, a crash loop, credentials, with the shipped units in a genuine ``systemd --user``.

What must never happen: a daemon that hangs for good, a crash loop that closes the socket, a lokictl that
waits for ever. ``make lab`` waits for the watchdog of the unit; here it is a shorter one.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes import user_systemd

pytestmark = pytest.mark.external

UID = 61237
"""No account has it."""

WATCHDOG_S = int(os.environ.get("LAB_WATCHDOG_S", "3"))
"""0: those of the unit."""

PROMISED_MS = 21_000
LIMIT_S = 180


@pytest.mark.timeout(LIMIT_S + 10)
def test_what_hangs_is_replaced_and_what_crashes_is_tried_again_and_told(tmp_path: Path) -> None:
    said, report = user_systemd.run(
        "faults/systemd_hangs.sh", UID, tmp_path, timeout=LIMIT_S, WATCHDOG=WATCHDOG_S
    )
    print(report)  # the figures, for `make lab`
    assert said["key"] == "Bearer from-a-credential", report
    assert said["vault"] == "in-the-vault", report
    assert said["reload"] == "0 same_pid", report
    for how in ("stopped", "blocked"):
        assert said[how] == "10 answered by another", report
        assert int(said[f"{how}_ms"]) <= PROMISED_MS, report
    assert int(said["stack"]) >= 1, report
    assert said["crash_exit"] == "69", report
    assert "lokid ends as soon as it starts" in said["crash_said"], report
    assert "journalctl --user -u lokid.service" in said["crash_said"], report
    assert said["crash_socket"] == "active", report
    assert said["mended"] == "re: mended", report
