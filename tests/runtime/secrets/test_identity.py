"""The identity moves to another file, or nothing has changed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lokid.runtime import durable
from lokid.runtime.secrets import identity
from lokid.runtime.secrets.identity import Place, Unusable

PLAIN, WRAPPED = "identity.txt", "identity.age"
Break = Callable[[pytest.MonkeyPatch, Path], None]


def move(folder: Path, to: str) -> None:
    vault = str(folder / "vault.age")
    place = Place(vault, str(folder / PLAIN), str(folder / WRAPPED), vault)
    identity.move(place, str(folder / to), b"new", (b"old", b"plain"))


def held(folder: Path) -> dict[str, bytes]:
    """Whatever was left beside them too."""
    there = (each for each in folder.iterdir() if each.is_file() and each.name != "vault.age.lock")
    return {each.name: each.read_bytes() for each in there}


def failed(*_: Any, **__: Any) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def no_rename(monkeypatch: pytest.MonkeyPatch, _folder: Path) -> None:
    monkeypatch.setattr(os, "rename", failed)


def no_flush(monkeypatch: pytest.MonkeyPatch, _folder: Path) -> None:
    monkeypatch.setattr(durable, "flush_directory", failed)


def no_second_flush(monkeypatch: pytest.MonkeyPatch, _folder: Path) -> None:
    """After the old file was removed."""
    flush = [durable.flush_directory]
    monkeypatch.setattr(durable, "flush_directory", lambda path: (flush.pop() if flush else failed)(path))


def immutable(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """All that is there, as behind ``chattr +i``."""
    unlink, fixed = os.unlink, {str(path) for path in folder.iterdir()} - {str(folder / WRAPPED)}
    monkeypatch.setattr(os, "unlink", lambda path: (failed if path in fixed else unlink)(path))


@pytest.mark.parametrize(
    ("there", "to"),
    [
        ({PLAIN: b"plain"}, WRAPPED),
        ({WRAPPED: b"old"}, WRAPPED),
        ({WRAPPED: b"old"}, PLAIN),
        # Somebody who set a passphrase was killed half-way.
        ({PLAIN: b"plain", WRAPPED: b"old"}, WRAPPED),
        ({PLAIN: b"plain", WRAPPED: b"old"}, PLAIN),
        ({PLAIN: b"of another", WRAPPED: b"old"}, WRAPPED),
    ],
)
class TestMove:
    def test_leaves_one(self, tmp_path: Path, there: dict[str, bytes], to: str) -> None:
        for name, data in there.items():
            (tmp_path / name).write_bytes(data)
        move(tmp_path, to)
        assert held(tmp_path) == {name: data for name, data in there.items() if data == b"of another"} | {
            to: b"new"
        }

    @pytest.mark.parametrize("broken", [no_rename, no_flush, no_second_flush, immutable])
    def test_that_fails_has_changed_nothing(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        there: dict[str, bytes],
        to: str,
        broken: Break,
    ) -> None:
        for name, data in there.items():
            (tmp_path / name).write_bytes(data)
        broken(monkeypatch, tmp_path)
        try:
            move(tmp_path, to)
        except OSError:
            assert held(tmp_path) == there
        else:  # this one does nothing that fails
            assert broken in (no_second_flush, immutable)
            assert held(tmp_path)[to] == b"new"


@pytest.mark.parametrize("to", [PLAIN, WRAPPED])
@pytest.mark.parametrize("size", [None, identity.MAX_FILE + 1])
def test_a_file_that_is_no_identity_is_found_before_anything_changes(
    tmp_path: Path, to: str, size: int | None
) -> None:
    other = tmp_path / ({PLAIN, WRAPPED} - {to}).pop()
    other.write_bytes(b"x" * size) if size else other.mkdir()
    (tmp_path / to).write_bytes(b"old")
    with pytest.raises(Unusable):
        move(tmp_path, to)
    assert (tmp_path / to).read_bytes() == b"old"
    assert other.exists()


def test_who_cannot_be_put_back_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the new one stays: without it nothing would open the vault."""
    (tmp_path / PLAIN).write_bytes(b"plain")
    rename = [os.rename]
    monkeypatch.setattr(os, "rename", lambda *paths: (rename.pop() if rename else failed)(*paths))
    no_second_flush(monkeypatch, tmp_path)
    with pytest.raises(Unusable, match=r"identity\.age was written, and what was there before could not"):
        move(tmp_path, WRAPPED)
    assert held(tmp_path) == {WRAPPED: b"new"}
