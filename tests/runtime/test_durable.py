from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lokid.runtime import durable
from tests.faults import disk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def replace(path: Path, data: bytes, *, backup: bool = False) -> None:
    with durable.written(str(path), data) as temporary:
        durable.replace(str(path), temporary, backup=backup)


def test_a_file_is_replaced_whole_private_and_without_leftovers(folder: Path) -> None:
    path = folder / "f"
    old = os.umask(0)
    try:
        for data in (b"one", b"two" * 100_000):
            replace(path, data)
            assert path.read_bytes() == data
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(old)
    assert os.listdir(folder) == ["f"]


def test_a_file_is_on_the_disk_before_its_name_and_the_name_before_it_counts(folder: Path) -> None:
    calls = disk.count(folder, lambda: replace(folder / "f", b"one"))
    name = next(at for at, call in enumerate(calls) if call in ("rename", "replace"))
    assert "fsync" in calls[calls.index("write") : name]  # else a power cut leaves an empty file
    assert "fsync" in calls[name:]  # of the directory: else it leaves the old one


def test_a_backup_is_what_was_there_before(folder: Path) -> None:
    path = folder / "f"
    for number in range(3):
        replace(path, b"%d" % number, backup=True)
    assert (path.read_bytes(), (folder / "f.bak").read_bytes()) == (b"2", b"1")
    assert sorted(os.listdir(folder)) == ["f", "f.bak"]


@pytest.mark.parametrize("number", [0, errno.EPERM, errno.EOPNOTSUPP])
def test_without_hard_links_it_is_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As on FAT, and in directories that a virtual machine shares."""

    def refuses(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    if number:
        monkeypatch.setattr(durable.os, "link", refuses)
    path = folder / "f"
    for data, placed in ((b"first", True), (b"second", False)):
        with durable.written(str(path), data) as temporary:
            assert durable.place_new(str(path), temporary) is placed
    assert path.read_bytes() == b"first"
    replace(path, b"third", backup=True)
    assert (path.read_bytes(), (folder / "f.bak").read_bytes()) == (b"third", b"first")
    assert {each.name for each in folder.iterdir()} - {"f.lock"} == {"f", "f.bak"}
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}


def test_a_link_that_fails_for_another_reason_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(durable.os, "link", full)
    path = folder / "f"
    with durable.written(str(path), b"a") as temporary, pytest.raises(OSError, match="full"):
        durable.place_new(str(path), temporary)
    path.write_bytes(b"a")
    with pytest.raises(OSError, match="full"):
        replace(path, b"b", backup=True)
    assert [each.name for each in folder.iterdir()] == ["f"]


def test_what_is_not_renamed_is_removed(folder: Path) -> None:
    with durable.written(str(folder / "f"), b"x"):
        assert len(os.listdir(folder)) == 1
    assert os.listdir(folder) == []


def test_two_threads_never_hold_the_lock_together(folder: Path) -> None:
    path = folder / "n"
    path.write_text("0")

    def work() -> None:
        for _ in range(25):
            with durable.lock(str(path)):
                replace(path, b"%d" % (int(path.read_text()) + 1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() == "100"


def test_a_lock_that_another_program_keeps_is_told_after_a_while(folder: Path) -> None:
    path = str(folder / "f")
    code = "import fcntl,sys; f=open(sys.argv[1],'w'); fcntl.flock(f,2); print('held',flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, f"{path}.lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(durable.Busy, match=r"f\.lock"), durable.lock(path, patience=0.05):
            raise AssertionError("not reached")
        other.communicate(b"\n")
    with durable.lock(path, patience=0):
        pass


def test_leftovers_are_swept_unless_somebody_writes(folder: Path) -> None:
    path = str(folder / "f")
    stale = folder / ".f.0123.tmp"
    other = folder / ".g.0123.tmp"
    for each in (stale, other):
        each.write_text("x")
    with durable.lock(path):
        assert durable.sweep(path) == 0
    assert durable.sweep(path) == 1
    assert not stale.exists()
    assert other.exists()
    assert durable.sweep(str(folder / "nowhere" / "f")) == 0


def test_a_link_in_the_place_of_the_lock_is_not_followed(folder: Path) -> None:
    (folder / "f.lock").symlink_to(folder / "elsewhere")
    with pytest.raises(OSError), durable.lock(str(folder / "f")):
        raise AssertionError("not reached")
    assert not (folder / "elsewhere").exists()


def test_what_is_missing_above_a_directory_is_private_too(folder: Path) -> None:
    old = os.umask(0)
    try:
        for _ in range(2):
            durable.make_directory(str(folder / "a" / "b" / "c"))
    finally:
        os.umask(old)
    for made in (folder / "a", folder / "a" / "b", folder / "a" / "b" / "c"):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    (folder / "file").write_text("")
    with pytest.raises(FileExistsError):
        durable.make_directory(str(folder / "file"))
    (folder / "circle").symlink_to(folder / "circle")
    with pytest.raises(OSError, match="Too many levels"):
        durable.make_directory(str(folder / "circle"))


def test_a_directory_that_is_there_may_be_forbidden_to_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As NFS says of one that it was not asked for lately."""

    def forbidden(path: str, mode: int) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "mkdir", forbidden)
    durable.make_directory(str(tmp_path))
    with pytest.raises(PermissionError):
        durable.make_directory(str(tmp_path / "new"))
