"""The service manager hears what it must, and children inherit nothing that speaks for us."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lokid import systemd
from lokid.systemd import Notifier, take_listen_fds, take_watchdog_interval

ME = os.getpid()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@lokid-notify-{ME}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(address.replace("@", "\0"))
        sock.settimeout(5)
        yield sock, address


def test_states_are_one_datagram_each(manager: tuple[socket.socket, str]) -> None:
    sock, address = manager
    environ = {"NOTIFY_SOCKET": address}
    notifier = Notifier.take(environ)
    assert environ == {}
    notifier.ready("serving")
    notifier.alive()
    notifier.stopping()
    assert [sock.recv(1000) for _ in range(3)] == [b"READY=1\nSTATUS=serving", b"WATCHDOG=1", b"STOPPING=1"]
    before = time.monotonic_ns() // 1000
    notifier.reloading()
    reloading, usec = sock.recv(1000).split(b"\nMONOTONIC_USEC=")
    assert reloading == b"RELOADING=1"
    assert before <= int(usec) <= time.monotonic_ns() // 1000


@pytest.mark.parametrize("address", [None, "", "relative", "/nowhere/at/all"])
def test_without_a_manager_nothing_happens(address: str | None) -> None:
    Notifier(address).ready("serving")


def test_a_manager_that_does_not_read_is_not_waited_for(manager: tuple[socket.socket, str]) -> None:
    notifier = Notifier(manager[1])
    for _ in range(5000):  # more than any queue of datagrams holds
        notifier.alive()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(ME)}, 10.0),
        ({"WATCHDOG_USEC": "30000000"}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0", "WATCHDOG_PID": str(ME)}, None),
        ({"WATCHDOG_USEC": "soon", "WATCHDOG_PID": str(ME)}, None),
        ({"WATCHDOG_PID": str(ME)}, None),
        ({}, None),
    ],
)
def test_signs_of_life_come_every_third_of_the_limit(environ: dict[str, str], seconds: float | None) -> None:
    assert take_watchdog_interval(environ, ME) == seconds
    assert environ == {}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "x", "LISTEN_PID": str(ME)},
        {"LISTEN_FDS": "0", "LISTEN_PID": str(ME)},
        {"LISTEN_FDS": "9" * 5000, "LISTEN_PID": str(ME)},
    ],
)
def test_descriptors_for_another_process_are_not_taken_and_not_passed_on(environ: dict[str, str]) -> None:
    assert take_listen_fds(environ, ME) == []
    assert environ == {}


def test_inherited_descriptors_come_with_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    # Real ones begin at 3, where this process has something else; here three in a row that nobody has.
    first = 900
    null = os.open(os.devnull, os.O_RDONLY)
    fds = [os.dup2(null, first + number) for number in range(3)]
    os.close(null)
    monkeypatch.setattr(systemd, "FIRST_FD", first)
    for fd in fds:
        os.set_inheritable(fd, True)
    # More are promised than there are: those of a shell that has set the variable and opened fewer.
    environ = {
        "LISTEN_FDS": "999999",
        "LISTEN_PID": str(ME),
        "LISTEN_FDNAMES": "rpc:",
        "LISTEN_PIDFDID": "7",
    }
    assert take_listen_fds(environ, ME) == [(first, "rpc"), (first + 1, "unknown"), (first + 2, "unknown")]
    assert environ == {}
    assert not any(os.get_inheritable(fd) for fd in fds)
    for fd in fds:
        os.close(fd)
