"""The sandbox of the shipped unit in a genuine ``systemd --user``: tried from inside, attacked from outside.

What must never happen: a line of the unit that does nothing, a sandbox that lokid only believes in, a process
of the same user or another that gets at the daemon's memory, environment, descriptors or socket.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes import user_systemd

pytestmark = pytest.mark.external

UID = 61238
"""No account has it."""

MAY = {
    "write the state",
    "read the configuration",
    "use temporary files",
    "talk internet",
    "use devices",
    # ProtectProc= and ProcSubset= are for system services: only who owns the pid namespace mounts a /proc.
    "see others' processes",
    "see the machine's memory figures",
}

MOUNT_BASED = {
    "write home",
    "write a start-up file",
    "write the configuration",
    "read an ssh key",
    "see others' temporary files",
}
"""What systemd lets through without a word when there is no user namespace."""

DROPPED = {
    "SSLKEYLOGFILE",
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "PYTHONPATH",
    "OPENSSL_CONF",
}


def can(probed: dict[str, object]) -> set[str]:
    return {name for name, possible in probed.items() if possible is True}


@pytest.mark.timeout(150)
def test_every_line_of_the_sandbox_holds_and_what_does_not_is_told(tmp_path: Path) -> None:
    said, report = user_systemd.run(
        "faults/systemd_sandbox.sh", UID, tmp_path, timeout=140, others="faults/others.sh"
    )
    print(report)  # the figures, for `make lab`

    # What systemd thinks of the unit, and what is true.
    assert float(said["exposure"]) <= 1.7, report
    probed = json.loads(said["probed"])
    assert can(probed) == MAY, report
    assert int(probed["CapEff"], 16) == int(probed["CapBnd"], 16) == 0, report
    assert (probed["Seccomp"], probed["NoNewPrivs"], probed["Umask"]) == ("2", "1", "0077"), report
    assert "LAB_KEPT" in probed["environ"], "the test could not fail"
    assert not DROPPED & set(probed["environ"]), report

    # What lokid found out by itself says the same.
    status = json.loads(said["status"])
    assert (status["state"], status["service"]) == ("complete", True), report
    assert "home read only" in said["status_line"], report
    assert said["doctor"] == "1 0", report

    # Other programs of the same user: the user namespace opens to them what is not closed by file modes, as
    # docs/security.md says. Other users: nothing, although the modes let them connect.
    attack = json.loads(said["attack"])
    assert set(attack["control"]) == set(attack["all"]), "the test could not fail"
    assert set(attack["lokid"]) == {"maps", "exe", "root", "ptrace", "process_vm_readv", "pidfd_getfd"}, (
        report
    )
    assert status["memory_closed"] is False, report
    assert (said["answered_0"], said["answered_65533"]) == ("0", "0"), report

    # What lokid starts works, or the error has the line that lets it.
    assert said["command"] == said["served"] == said["jit_with_drop_in"] == "re: hi", report
    assert "MemoryDenyWriteExecute=no" in said["jit"], report
    assert "ReadWritePaths=" in said["writes"], report
    assert "Read-only file system" in said["writes"], report

    # What the sandbox hides is checked all the same.
    assert said["checked"].startswith("/tmp/other.yaml:1:1: clients: is required"), report
    assert said["checked_good"] == " 0", report

    # A vault elsewhere: the error has the line, and `daemon install` writes it.
    assert "read-only file system" in said["link_closed"], report
    assert "lokictl daemon install opens /home/lab/Sync" in said["link_closed"], report
    assert "the service has a /tmp of its own" in said["own_key"], report
    assert said["own_tmp"].count("would be in the service's own /tmp") == 2, report
    assert {"vault.age", "identity.txt", "kept;"} <= set(said["link_opened"].split()), report
    assert "/home/lab/later" in said["not_there"], report
    assert {"v.age", "i.txt", "kept;"} <= set(said["file_opened"].split()), report

    # Without a user namespace the lines about files do nothing, in silence, and lokid is closed to debuggers.
    assert can(json.loads(said["open_probed"])) >= MAY | MOUNT_BASED, report
    attack = json.loads(said["open_attack"])
    assert set(attack["control"]) == set(attack["all"]), "the test could not fail"
    assert attack["lokid"] == [], report
    status = json.loads(said["open_status"])
    assert status["state"] == "partial", report
    assert not status["probes"]["home_read_only"], report
    assert not status["probes"]["temp_private"], report
    assert status["probes"]["no_executable_memory"], report
    assert status["memory_closed"] is True, report
    assert "home read only" in said["open_line"], report
    assert "PrivateUsers=yes" in said["open_doctor"], report
