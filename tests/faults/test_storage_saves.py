"""A save that dies or fails anywhere leaves what was there before or what was to be there, never anything
else; a failure is told; nothing that holds secrets lies about afterwards; and the next save works."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr

from lokictl import own_config
from lokictl.failure import Failure
from lokid.config import Vault as Settings
from lokid.errors import LokidError
from lokid.protocols.oauth2_answers import Token
from lokid.runtime import durable
from lokid.runtime.oauth import token_file
from lokid.runtime.oauth.token_file import Record
from lokid.runtime.secrets import identity
from lokid.runtime.secrets.vault import Vault
from tests.faults import disk

RECORD = Record(1, Token(SecretStr("a1"), SecretStr("r1"), None, 0.0, 1.0), "https://as.example/", "id")


@dataclass(frozen=True)
class Save:
    """One save in a folder. ``state``: which of the two states lokid finds there; raises for anything else.
    ``files``: those that may be there afterwards."""

    prepare: Callable[[Path], object]
    save: Callable[[Path], object]
    state: Callable[[Path], str]
    files: frozenset[str]


# --- tokens


def _token(folder: Path) -> str:
    return str(folder / "mine.json")


def _refreshed(folder: Path) -> None:
    with durable.lock(_token(folder)):
        new = replace(RECORD, gen=2, token=replace(RECORD.token, refresh_token=SecretStr("r2")))
        token_file.write(_token(folder), new)


def _signed_out(folder: Path) -> None:
    with durable.lock(_token(folder)):
        token_file.remove(_token(folder))


def _which_token(folder: Path) -> str:
    durable.sweep(_token(folder))  # as the daemon does when it begins
    found = token_file.read(_token(folder))
    if found is None:
        return "new"
    assert found.token.refresh_token is not None
    return {(1, "r1"): "old", (2, "r2"): "new"}[found.gen, found.token.refresh_token.get_secret_value()]


# --- the vault


def _vault(folder: Path) -> Vault:
    return Vault({"HOME": str(folder), "XDG_DATA_HOME": str(folder)}, "/")


def _which_secret(folder: Path) -> str:
    found = _vault(folder).read(Settings())
    assert found.state in ("open", "absent"), found.reason
    if found.state == "open":
        assert found.secrets.get("A", "kept") == "kept"
    return {None: "old", "old": "old", "new": "new"}[found.secrets.get("B")]


def _wrapped(data: bytes, passphrase: str) -> bytes:
    head = b"age-encryption.org/v1\n" + passphrase.encode()
    return b":".join((head, hashlib.sha256(data).hexdigest().encode(), data))


async def _derive(what: str, data: bytes, passphrase: str, _environ: object) -> bytes:
    """In the place of scrypt, which takes a second: torn or of another passphrase, it does not open."""
    if what == "wrap":
        return _wrapped(data, passphrase)
    plain = data.partition(b":")[2].partition(b":")[2]
    if data != _wrapped(plain, passphrase):
        raise identity.WrongPassphrase
    return plain


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_derive", _derive)


async def _unlocked(folder: Path) -> tuple[Vault, str | None]:
    """By a daemon that comes after, and what opened it."""
    vault = _vault(folder)
    found = vault.read(Settings())
    if found.state == "refused":
        raise identity.Unusable(found.reason)
    if found.kind != "passphrase":
        return vault, None
    for passphrase in ("old", "new"):
        with suppress(identity.WrongPassphrase):
            await vault.unlock(Settings(), passphrase)
            return vault, passphrase
    raise AssertionError("no passphrase opens it")


def _protect(passphrase: str | None) -> Callable[[Path], object]:
    async def protect(folder: Path) -> None:
        vault, _ = await _unlocked(folder)
        await vault.protect(Settings(), passphrase)

    return lambda folder: anyio.run(protect, folder)


def _with_passphrase(passphrase: str | None) -> Callable[[Path], object]:
    def prepare(folder: Path) -> None:
        _vault(folder).change(Settings(), {"A": "kept", "B": "too"})
        if passphrase:
            _protect(passphrase)(folder)

    return prepare


def _which_passphrase(new: str | None) -> Callable[[Path], str]:
    def which(folder: Path) -> str:
        vault, opened_by = anyio.run(_unlocked, folder)
        found = vault.read(Settings())
        assert (found.state, dict(found.secrets)) == ("open", {"A": "kept", "B": "too"}), found.reason
        return "new" if opened_by == new else "old"

    return which


def _identity(folder: Path) -> str:
    return str(folder / "identity.txt")


def _which_identity(folder: Path) -> str:
    durable.sweep(_identity(folder), lock_of=str(folder / "vault.age"))
    if not os.path.exists(_identity(folder)):
        return "old"
    assert identity.keys(Path(_identity(folder)).read_bytes(), _identity(folder))
    return "new"


# --- the configuration as `lokictl setup` and `lokictl import` write it


def _config(folder: Path) -> str:
    return str(folder / "config.yaml")


def _which_config(folder: Path) -> str:
    path = Path(_config(folder))
    if not path.exists():
        return "old"
    return {"# old\n": "old", "# new\n": "new"}[path.read_text()]


SAVES = {
    "a token is refreshed": Save(
        lambda folder: token_file.write(_token(folder), RECORD),
        _refreshed,
        _which_token,
        frozenset({"mine.json", "mine.json.lock"}),
    ),
    "somebody signs out": Save(
        lambda folder: token_file.write(_token(folder), RECORD),
        _signed_out,
        _which_token,
        frozenset({"mine.json", "mine.json.lock"}),
    ),
    "a secret is changed": Save(
        lambda folder: _vault(folder).change(Settings(), {"A": "kept", "B": "old"}),
        lambda folder: _vault(folder).change(Settings(), {"B": "new"}),
        _which_secret,
        frozenset({"identity.txt", "vault.age", "vault.age.bak", "vault.age.lock"}),
    ),
    "the first secret": Save(
        lambda folder: None,
        lambda folder: _vault(folder).change(Settings(), {"B": "new"}),
        _which_secret,
        frozenset({"identity.txt", "vault.age", "vault.age.bak", "vault.age.lock"}),
    ),
    "a passphrase is set": Save(
        _with_passphrase(None),
        _protect("new"),
        _which_passphrase("new"),
        frozenset({"identity.age", "vault.age", "vault.age.lock"}),
    ),
    "a passphrase is changed": Save(
        _with_passphrase("old"),
        _protect("new"),
        _which_passphrase("new"),
        frozenset({"identity.age", "vault.age", "vault.age.lock"}),
    ),
    "a passphrase is taken off": Save(
        _with_passphrase("old"),
        _protect(None),
        _which_passphrase(None),
        frozenset({"identity.txt", "vault.age", "vault.age.lock"}),
    ),
    "an identity": Save(
        lambda folder: None,
        lambda folder: identity.create(_identity(folder)),
        _which_identity,
        frozenset({"identity.txt", "vault.age.lock"}),
    ),
    "a configuration is replaced": Save(
        lambda folder: Path(_config(folder)).write_text("# old\n"),
        lambda folder: own_config.write(_config(folder), "# new\n"),
        _which_config,
        frozenset({"config.yaml", "config.yaml.bak"}),
    ),
    "the first configuration": Save(
        lambda folder: None,
        lambda folder: own_config.write(_config(folder), "# new\n"),
        _which_config,
        frozenset({"config.yaml", "config.yaml.bak"}),
    ),
}

EACH = pytest.mark.parametrize("save", SAVES.values(), ids=[name.replace(" ", "_") for name in SAVES])


class Room:
    """A new folder for each try."""

    def __init__(self, path: Path, save: Save) -> None:
        self._path, self._save, self._number = path, save, 0

    def new(self) -> Path:
        self._number += 1
        folder = self._path / str(self._number)
        folder.mkdir(parents=True)
        self._save.prepare(folder)
        return folder

    def calls(self) -> list[str]:
        folder = self.new()
        return disk.count(folder, lambda: self._save.save(folder))


def _files(folder: Path) -> set[str]:
    return {name for _, _, names in os.walk(folder) for name in names}


def _is_whole(save: Save, folder: Path) -> str:
    state = save.state(folder)
    assert _files(folder) <= save.files
    for name in save.files & {"mine.json", "identity.txt", "vault.age"}:
        for path in folder.rglob(name):
            assert path.stat().st_mode & 0o077 == 0
    return state


@EACH
def test_no_kill_leaves_a_torn_file_or_a_secret_that_lies_about(save: Save, tmp_path: Path) -> None:
    room = Room(tmp_path / "room", save)
    found = set()
    names = room.calls()
    assert {"rename", "replace", "link", "unlink"} & set(names), "it changes nothing"
    for at in range(1, len(names) + 1):
        # After a call is before the next one; only after the last one nothing else says it.
        for after in (False, True) if at == len(names) else (False,):
            folder = room.new()
            disk.kill(folder, lambda folder=folder: save.save(folder), at, after=after)
            found.add(save.state(folder))
            save.save(folder)
            assert _is_whole(save, folder) == "new", f"{names[at - 1]}, call {at}"
    assert found == {"old", "new"}


@EACH
def test_no_failing_disk_is_passed_over_in_silence(save: Save, tmp_path: Path) -> None:
    room = Room(tmp_path / "room", save)
    names = room.calls()
    for at, name in enumerate(names, 1):
        for fault in {errno.EIO, disk.FAULTS[at % len(disk.FAULTS)]}:
            folder = room.new()
            told: Exception | None = None
            with disk.failing(folder, at, fault):
                try:
                    save.save(folder)
                except (OSError, LokidError, Failure, identity.Unusable) as error:
                    told = error
            state = save.state(folder)
            # Without a word it is done; with one it is done or not, and never half.
            assert told is not None or state == "new", f"{name}, call {at}: {os.strerror(fault)}"
            if isinstance(told, LokidError):
                assert os.strerror(fault).lower() in told.message.lower() or "cannot be" in told.message
            save.save(folder)
            assert _is_whole(save, folder) == "new", f"{name}, call {at}: {os.strerror(fault)}"
            shutil.rmtree(folder)
