"""Whose a port is. The kernel's own table is asked about sockets of ours; only who "we" are is made up."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lokid.runtime.launching import listeners

ADDRESSES = ("127.0.0.1", "0.0.0.0", "127.8.8.8", "::1", "::", "::ffff:127.0.0.1")


def stranger(api_base: str) -> int | None:
    return listeners.stranger(listeners.uids(api_base))


@contextmanager
def listening(host: str) -> Iterator[int]:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.bind((host, 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> int:
    """All sockets of ours are those of this uid, which is not ours."""
    real = os.geteuid()
    monkeypatch.setattr(listeners, "ROOT", 4711)
    monkeypatch.setattr(listeners.os, "geteuid", lambda: 4712)
    return real


@pytest.mark.parametrize("host", ADDRESSES)
def test_a_program_of_another_user_is_seen_at_every_address_of_this_machine(host: str, others: int) -> None:
    with listening(host) as port:
        for name in ("127.0.0.1", "localhost", "[::1]"):
            assert stranger(f"http://{name}:{port}/v1") == others
    assert stranger(f"http://127.0.0.1:{port}/v1") is None  # closed
    assert stranger(f"https://example.com:{port}/v1") is None  # not here


@pytest.mark.parametrize("host", ADDRESSES)
def test_ones_own_is_none_and_roots_neither(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(host) as port:
        assert stranger(f"http://127.0.0.1:{port}") is None
        monkeypatch.setattr(listeners, "ROOT", os.geteuid())
        monkeypatch.setattr(listeners.os, "geteuid", lambda: 4712)
        assert stranger(f"http://127.0.0.1:{port}") is None


def test_what_connects_from_that_port_does_not_listen_there(others: int) -> None:
    with (
        listening("127.0.0.1") as port,
        socket.create_connection(("127.0.0.1", port)) as client,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        assert stranger(f"http://127.0.0.1:{client.getsockname()[1]}") is None
        assert stranger(f"http://127.0.0.1:{other.getsockname()[1]}") == others


def test_a_kernel_that_does_not_say_is_asked_nothing(
    others: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "TABLES", (str(tmp_path / "tcp"),))
    with listening("127.0.0.1") as port:
        assert listeners.uids(f"http://127.0.0.1:{port}") is None
        assert stranger(f"http://127.0.0.1:{port}") is None


def test_a_user_has_a_name() -> None:
    assert listeners.name(0) == "root (uid 0)"
    assert listeners.name(4711) == "uid 4711"
