"""Restarts and kills under load, with the shipped units in a genuine ``systemd --user``.

``make lab`` is the long form: 100 restarts, 50 kills, five streams. What must never happen: a question fails
that may be asked again, one is paid twice, a stream is cut by a restart.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes import user_systemd

pytestmark = pytest.mark.external

UID = 61236
"""No account has it."""

RESTARTS = int(os.environ.get("LAB_RESTARTS", "5"))
KILLS = int(os.environ.get("LAB_KILLS", "4"))
STREAMS = int(os.environ.get("LAB_STREAMS", "1"))
LIMIT_S = 60 + 10 * (RESTARTS + KILLS) + 20 * STREAMS


@pytest.mark.timeout(LIMIT_S + 10)
def test_no_question_fails_and_none_is_paid_twice_while_the_daemon_is_restarted_and_killed(
    tmp_path: Path,
) -> None:
    said, report = user_systemd.run(
        "faults/systemd_load.sh",
        UID,
        tmp_path,
        timeout=LIMIT_S,
        RESTARTS=RESTARTS,
        KILLS=KILLS,
        STREAMS=STREAMS,
    )
    print(report)  # the figures, for `make lab`
    counted = {name: int(value) for name, value in said.items() if value.isdigit()}
    # A restart drains: even what was accepted gets its answer.
    assert counted["restart_answered"] >= RESTARTS, report
    assert counted["restart_failed"] == counted["restart_cut"] == 0, report
    assert counted["restart_paid_twice"] == 0, report
    # kill -9 cuts what the provider may have begun to answer; that is said, and not asked twice.
    assert counted["kill_answered"] >= KILLS, report
    assert counted["kill_failed"] == counted["kill_paid_twice"] == 0, report
    assert counted["kill_cut"] <= 8 * KILLS, report
    assert counted["streams_whole"] == STREAMS, report
    assert counted["bugs"] == 0, report
