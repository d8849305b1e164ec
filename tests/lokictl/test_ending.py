"""A lokid that lets its requests finish is not one that does not run, and who waits for its end is told."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from lokictl import ending, link
from lokictl.commands import daemon as daemon_command
from lokictl.failure import Ending
from lokictl.link import path_of_socket
from tests.fakes.daemon import ROOT
from tests.fakes.terminal import lokictl

HOLDS_THE_LOCK = """
import fcntl, sys
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""
SAYS = "lokictl: lokid is ending: it lets the requests that run finish, for 30 s at most\n"


@pytest.fixture
def draining():
    path = path_of_socket()
    os.makedirs(os.path.dirname(path))
    command = [sys.executable, "-c", HOLDS_THE_LOCK, f"{path}.lock"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process


def test_status_says_that_it_ends_and_not_that_there_is_none(draining):
    done = lokictl("status")
    assert (done.returncode, done.stdout) == (69, b"")
    assert done.stderr.decode().startswith(SAYS)
    assert b"is ending" in lokictl("doctor").stdout
    draining.communicate()
    done = lokictl("status")
    assert (done.returncode, b"is not running" in done.stderr) == (69, True)


def test_who_stops_one_that_ends_already_waits_for_it_and_does_not_hurry_it(draining, monkeypatch, capfd):
    monkeypatch.setattr(daemon_command, "TELL_S", 0.0)
    monkeypatch.setattr(daemon_command, "is_terminal", lambda _: True)
    monkeypatch.setattr(daemon_command, "note", lambda _: draining.stdin.close())
    assert daemon_command.stop.callback() == 0
    assert capfd.readouterr().out == "stopped\n"
    assert draining.wait() == 0


HIDDEN = """
import os, subprocess, sys
from lokictl import ending
subprocess.run(["mount", "-t", "proc", "-o", "hidepid=2", "proc", "/proc"], check=True)
parent = os.fork()
if not parent:
    import ctypes, time
    os.setresuid(61239, 61239, 61239)
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # as lokid
    time.sleep(30)
    os._exit(0)
import time
time.sleep(0.3)
os.setresgid(61239, 61239, 61239)
os.setresuid(61239, 61239, 61239)
print(os.path.exists(f"/proc/{parent}"), ending.is_lokid(parent), ending.is_lokid(99999))
os.kill(parent, 9)
"""


@pytest.mark.external
def test_one_that_its_own_user_cannot_see_in_proc_is_one():
    """``hidepid``, a usual hardening of machines with many users."""
    command = ["unshare", "--mount", "--pid", "--fork", sys.executable, "-c", HIDDEN]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT)
    assert done.stdout == "False True False\n", done.stderr


def test_a_lock_on_another_file_system_is_no_lokid(draining, monkeypatch):
    assert ending.pid(path_of_socket()) == draining.pid
    monkeypatch.setattr(ending, "is_lokid", lambda _: False)
    assert ending.pid(path_of_socket()) is None


TWO_OF_A_KIND = """
import fcntl, os, subprocess, sys
from lokictl import ending
paths = [os.path.join(sys.argv[2], name) for name in ("a", "b")]
for path in paths:
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
    open(f"{path}/rpc.sock.lock", "w").close()
assert len({os.stat(f"{path}/rpc.sock.lock").st_ino for path in paths}) == 1
lock = open(f"{paths[0]}/rpc.sock.lock")
fcntl.flock(lock, fcntl.LOCK_EX)
print([ending.pid(f"{path}/rpc.sock") == os.getpid() for path in paths])
"""


def test_nor_is_one_with_the_same_inode(tmp_path):
    """As of two users: each has a tmpfs, which counts its files from 1. Needs root."""
    command = ["unshare", "-m", sys.executable, "-c", TWO_OF_A_KIND, "lokid", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[True, False]\n", done.stderr


def test_the_socket_of_systemd_is_not_waited_on_while_the_service_ends(monkeypatch):
    monkeypatch.setattr(ending, "LOOK_S", 0.01)
    states = iter(["active", "deactivating"])
    monkeypatch.setattr(ending, "properties", lambda *_: {"ActiveState": next(states)})
    os.makedirs(os.path.dirname(path_of_socket()))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path_of_socket())
        sock.listen()
        with pytest.raises(Ending, match="is ending"):
            link.call("status", start=False, on_wait=ending.Watch())
    assert next(states, None) is None


@pytest.mark.parametrize(
    ("answers", "said"),
    [(True, SAYS), (False, "lokictl: lokid does not answer; systemd kills it after 45 s at most\n")],
)
def test_who_waits_for_systemd_to_stop_it_is_told_why(tmp_path, monkeypatch, capfd, answers, said):
    program = tmp_path / "systemctl"
    program.write_text('#!/bin/sh\nsleep 0.2; echo "$@"; exit 3\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(daemon_command, "TELL_S", 0.0)
    monkeypatch.setattr(daemon_command, "is_terminal", lambda _: True)
    running = daemon_command.Running(1, is_unit=True, answers=answers)
    with pytest.raises(link.Failure, match=r"systemctl --user restart lokid\.service failed"):
        daemon_command._through_systemd("restart", *running.units, running=running)
    assert capfd.readouterr() == ("--user restart lokid.service\n", said)
