"""Whose fault it is that a socket cannot be reached."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from lokictl import kept_out


@pytest.mark.parametrize(
    ("place", "mode", "remedy"),
    [("here", 0o000, "chmod u+rwx"), ("here", 0o600, "chmod u+rwx"), ("here/rpc.sock", 0o000, "chmod u+rw")],
)
def test_what_is_ones_own_is_not_called_another_users(
    tmp_path: Path, place: str, mode: int, remedy: str
) -> None:
    (tmp_path / "here").mkdir(mode=0o700)
    path = tmp_path / "here" / "rpc.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        os.chmod(tmp_path / place, mode)
        failure = kept_out.forbidden(str(path))
        os.chmod(tmp_path / place, 0o700)
        assert f"{tmp_path / place} is closed to you, whose it is (mode {mode:04o})" in failure.message
        assert failure.hint == f"{remedy} {tmp_path / place}"
        assert "belongs to another user" in kept_out.forbidden(str(path)).message
