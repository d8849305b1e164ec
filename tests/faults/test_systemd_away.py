"""The socket of the shipped units, its directory or lokid's program is away, in a genuine ``systemd --user``.

What must never happen: a lokid without sandbox in the service's place, a question that nobody answers, the
end of one in whose place none would start.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import user_systemd

pytestmark = pytest.mark.external

UID = 61240
"""No account has it."""


@pytest.mark.timeout(130)
def test_the_service_stays_the_one_that_answers(tmp_path: Path) -> None:
    said, report = user_systemd.run("faults/systemd_away.sh", UID, tmp_path, timeout=120)
    print(report)  # for `make lab`
    assert said["removed"] == "re: removed by the_service", report
    assert said["at_once"] == "8 by the_service active", report
    assert said["ended"] == "re: ended by the_service", report
    assert said["unheard"] == "0", report
    assert said["drained"] == "re: meanwhile by the_service", report
    assert said["outlasted"] == "re: beside by the_service", report
    assert said["whole"] == "1", report
    assert said["installed"] == "0 by the_service", report
    assert said["state_away"] == "1", report
    assert said["booked"] == "1 by the_service", report
    assert said["refused"] == "69 1 same_pid", report
