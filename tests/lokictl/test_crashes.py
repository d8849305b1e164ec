"""A service that ends as soon as it starts is told from one that is slow."""

from __future__ import annotations

import pytest

from lokictl import crashes
from lokictl.failure import Failure


def watch(monkeypatch: pytest.MonkeyPatch, *restarts: int, program: str = "systemd") -> crashes.Watch:
    """Systemd says one number of restarts after another."""
    said = [{"NRestarts": str(number), "ExecMainCode": "1", "ExecMainStatus": "3"} for number in restarts]
    monkeypatch.setattr(crashes, "properties", lambda *_names: said.pop(0) if said else None)
    monkeypatch.setattr(crashes, "_program", lambda _pid: program)
    return crashes.Watch(1)


def test_a_daemon_that_hung_and_was_replaced_is_no_crash_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    looking = watch(monkeypatch, 0, 0, 1, 1)
    for _ in range(4):
        looking.look()


def test_restarts_while_we_wait_are_told_with_where_to_read_why(monkeypatch: pytest.MonkeyPatch) -> None:
    looking = watch(monkeypatch, 7, 7, 12)
    looking.look()
    looking.look()
    with pytest.raises(Failure) as caught:
        looking.look()
    assert caught.value.code == "daemon_unavailable"
    assert "(status 3); systemd has started it again 12 times" in caught.value.message
    assert "journalctl --user -u lokid.service" in (caught.value.hint or "")


def test_a_slow_start_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    looking = watch(monkeypatch, 9, 9)
    for _ in range(5):
        looking.look()


def test_without_systemd_behind_the_socket_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    looking = watch(monkeypatch, 1, 2, program="python3")
    looking.look()
    looking.look()
