"""Nobody else can put anything into the directories that lokictl makes, whatever the umask of its shell."""

from __future__ import annotations

import os
import stat

import pytest

from lokictl import folders, own_config


def test_all_that_is_made_is_private(home):
    old = os.umask(0)
    try:
        own_config.write(str(home / ".config" / "lokid" / "config.yaml"), "clients: []\n")
    finally:
        os.umask(old)
    made = [path for path in home.rglob("*") if path.is_dir()]
    assert {path.name for path in made} == {".config", "lokid"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}


def test_one_that_is_there_is_enough_and_what_is_none_is_an_error(home):
    folders.make(str(home))
    (home / "file").write_text("")
    (home / "nowhere").symlink_to("gone")
    for path in ("file", "nowhere"):
        with pytest.raises(FileExistsError):
            folders.make(str(home / path))
    with pytest.raises(NotADirectoryError):
        folders.make(str(home / "file" / "below"))


def test_one_that_is_there_may_be_forbidden_to_make(home, monkeypatch):
    """As NFS says of one that it was not asked for lately."""

    def forbidden(path, mode):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "mkdir", forbidden)
    folders.make(str(home))
    with pytest.raises(PermissionError):
        folders.make(str(home / "new"))
