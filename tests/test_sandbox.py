"""What the kernel answered, and what is made of it. tests/faults/test_systemd_sandbox.py has real answers."""

from __future__ import annotations

import dataclasses
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lokid import sandbox
from lokid.sandbox import PROBES, Facts, advice, hidden, unwritable, verdict

CLOSED = Facts(
    status={
        "NoNewPrivs": "1",
        "Seccomp": "2",
        "CapEff": "0000000000000000",
        "CapPrm": "0000000000000000",
        "CapInh": "0000000000000000",
    },
    mounts=(("/", "/"), ("/tmp", "/"), ("/tmp", "/tmp/systemd-private-abc-lokid.service-x/tmp")),
    cgroup="/user.slice/user-1000.slice/user@1000.service/app.slice/lokid.service",
    own_user_namespace=True,
    home_read_only=True,
    system_read_only=True,
    keys_readable=False,
    devices=False,
    executable_memory=False,
    netlink=False,
    namespaces=False,
    dumpable=False,
)

OPEN = {
    "no_new_privileges": {"status": {**CLOSED.status, "NoNewPrivs": "0"}},
    "no_capabilities": {"status": {**CLOSED.status, "CapEff": "0000000000000400"}},
    "system_calls_filtered": {"status": {**CLOSED.status, "Seccomp": "0"}},
    "no_executable_memory": {"executable_memory": True},
    "no_other_networks": {"netlink": True},
    "no_namespaces": {"namespaces": True},
    "system_read_only": {"system_read_only": False},
    "home_read_only": {"home_read_only": False},
    "ssh_keys_hidden": {"keys_readable": True},
    "temp_private": {"mounts": CLOSED.mounts[:2]},
    "devices_private": {"devices": True},
}

BY_MOUNT = {
    "system_read_only": False,
    "home_read_only": False,
    "keys_readable": True,
    "devices": True,
    "mounts": (),
}


def test_a_sandbox_is_complete_when_every_probe_holds() -> None:
    found = verdict(CLOSED)
    assert (found.state, found.service, found.reason) == ("complete", True, None)
    assert all(found.probes.values())


@pytest.mark.parametrize("name", [probe.name for probe in PROBES])
def test_each_probe_fails_alone_and_is_named(name: str) -> None:
    found = verdict(dataclasses.replace(CLOSED, **OPEN[name]))
    assert found.state == "partial"
    assert [probe for probe, holds in found.probes.items() if not holds] == [name]
    assert found.reason == sandbox.CHANGED


def test_files_left_open_for_want_of_a_user_namespace_are_told_as_that() -> None:
    found = verdict(dataclasses.replace(CLOSED, own_user_namespace=False, **BY_MOUNT))
    assert found.state == "partial"
    assert found.reason == sandbox.NO_NAMESPACE
    assert {name for name, holds in found.probes.items() if not holds} == {
        "system_read_only", "home_read_only", "ssh_keys_hidden", "temp_private", "devices_private"
    }  # fmt: skip


def test_without_a_unit_nothing_is_wrong_with_having_none() -> None:
    shell = dataclasses.replace(
        CLOSED,
        status={"NoNewPrivs": "0", "Seccomp": "0", "CapEff": "0", "CapPrm": "0", "CapInh": "0"},
        cgroup="/user.slice/session-1.scope",
        executable_memory=True,
        **BY_MOUNT,
    )
    found = verdict(shell)
    assert (found.state, found.service, found.reason) == ("none", False, None)


def test_memory_is_closed_only_outside_a_user_namespace_of_ones_own() -> None:
    """Whoever made the namespace may trace what is in it, dumpable or not."""
    assert not verdict(CLOSED).memory_closed
    assert verdict(dataclasses.replace(CLOSED, own_user_namespace=False)).memory_closed
    assert not verdict(dataclasses.replace(CLOSED, own_user_namespace=False, dumpable=True)).memory_closed


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("OSError: [Errno 30] Read-only file system: '/home/me/.cache/x'", "ReadWritePaths="),
        ("was killed by SIGTRAP", "MemoryDenyWriteExecute=no"),
        ("ggml_cuda_init: failed to initialize CUDA: no device", "PrivateDevices=no"),
        ("std::bad_alloc: out of memory", "MemoryMax="),
        ("ended with exit status 2", "docs/security.md"),
    ],
)
def test_what_the_sandbox_breaks_comes_with_the_line_that_lets_it(said: str, line: str) -> None:
    assert line in advice(verdict(CLOSED), said)
    assert advice(dataclasses.replace(verdict(CLOSED), state="none"), said) == ""


def test_what_only_the_service_would_find_is_told() -> None:
    private = verdict(dataclasses.replace(CLOSED, mounts=(("/tmp", "/x/systemd-private-1/tmp"),)))
    assert private.probes["temp_private"]
    told = hidden(["/home/me/v.age", "/tmp/v.age"], private)
    assert told == "/tmp/v.age would be in the service's own /tmp, which ends with it"
    assert hidden(["/home/me/v.age"], private) == ""
    assert hidden(["/tmp/v.age"]) == ""  # of no service
    shared = verdict(
        dataclasses.replace(CLOSED, cgroup="/job.service", mounts=(("/tmp", "/x/systemd-private-1/tmp"),))
    )
    assert shared.probes["temp_private"] and hidden(["/tmp/v.age"], shared) == ""


def test_what_the_unit_keeps_lokid_from_saving_is_told_with_what_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_only, full = OSError(errno.EROFS, "read-only"), OSError(errno.ENOSPC, "full")
    files = [str(tmp_path / name) for name in ("v.age", "i.age", "i.txt")]
    away = unwritable(verdict(CLOSED), read_only, [*files, "/nowhere/i.txt"])
    assert away == "make /nowhere, or mount its disk, and then: lokictl daemon restart"
    monkeypatch.setattr(os, "access", lambda path, _mode: path != str(tmp_path))
    said = unwritable(verdict(CLOSED), read_only, files)
    assert said is not None
    assert f"lokictl daemon install opens {tmp_path} to lokid" in said
    assert unwritable(verdict(CLOSED), full, files) is None
    assert unwritable(verdict(dataclasses.replace(CLOSED, **BY_MOUNT)), read_only, files) is None
    assert unwritable(verdict(dataclasses.replace(CLOSED, cgroup="/a.scope")), read_only, files) is None


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel")
def test_probing_changes_nothing() -> None:
    code = """
        import os
        from lokid import sandbox
        def seen():
            spaces = [os.readlink(f"/proc/self/ns/{kind}") for kind in ("user", "net", "mnt")]
            return spaces, os.listdir("/proc/self/fd")
        before = seen()
        sandbox.probe(os.environ["HOME"])
        print(seen() == before, os.listdir(os.environ["HOME"]))
    """
    lines = "\n".join(line[8:] for line in code.splitlines())
    done = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == ["True", str(os.listdir(os.environ["HOME"]))]
