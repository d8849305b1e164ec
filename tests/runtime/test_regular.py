"""What is no regular file costs no descriptor: lokid looks at the same place again and again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lokid.runtime.regular import NotRegular, opened


@pytest.mark.parametrize(
    "make",
    [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere"), lambda path: path.symlink_to("/")],
)
@pytest.mark.parametrize("follow", [True, False])
def test_what_is_no_regular_file_is_closed_again(
    tmp_path: Path, make: Callable[[Path], object], follow: bool
) -> None:
    make(path := tmp_path / "it")
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        with pytest.raises((OSError, NotRegular)), opened(str(path), follow=follow):
            pass
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_regular_file_is_read_and_closed(tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(b"read")
    before = os.listdir("/proc/self/fd")
    with opened(str(tmp_path / "it")) as (file, facts):
        assert (file.read(), facts.st_size) == (b"read", 4)
    assert len(os.listdir("/proc/self/fd")) == len(before)
