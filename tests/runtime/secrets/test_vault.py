"""The vault as a file: what opens it, what is refused, and that nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyrage
import pytest

from lokid import logs
from lokid.config import Vault as Settings
from lokid.errors import ConfigInvalid, InvalidParams, SecretMissing
from lokid.runtime.secrets import identity, vault
from lokid.runtime.secrets.vault import Contents, Vault

VALUE = "sk-planted-in-the-vault-0123456789"
PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def folder(home: Path) -> Path:
    return home / ".local" / "share" / "lokid"


@pytest.fixture
def one(home: Path) -> Vault:
    return another(home)


def another(home: Path, **environ: str) -> Vault:
    """As a daemon that has just started."""
    return Vault({"HOME": str(home), "PATH": os.environ["PATH"], **environ}, str(home))


def set_(one: Vault, settings: Settings | None = None, **secrets: str | None) -> Contents:
    return one.change(settings or Settings(), secrets)


def read(one: Vault, **settings: object) -> Contents:
    return one.read(Settings(**settings))


def files(folder: Path) -> dict[str, int]:
    """Name -> mode."""
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in sorted(folder.iterdir())}


class TestTheFirstSecret:
    def test_makes_the_vault_and_its_identity_for_nobody_else(self, one: Vault, folder: Path) -> None:
        assert read(one).state == "absent"
        assert not folder.exists()
        set_(one, A=VALUE)
        assert files(folder) == {"identity.txt": 0o600, "vault.age": 0o600, "vault.age.lock": 0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert VALUE.encode() not in (folder / "vault.age").read_bytes()
        assert read(one).secrets == {"A": VALUE}

    def test_is_there_for_the_next_daemon(self, one: Vault, home: Path) -> None:
        set_(one, A=VALUE)
        found = another(home).read(Settings())
        assert (found.state, found.kind, found.secrets) == ("open", "file", {"A": VALUE})

    def test_uses_an_identity_that_is_there(self, one: Vault, folder: Path) -> None:
        folder.mkdir(parents=True)
        identity.create(str(folder / "identity.txt"))
        text = (folder / "identity.txt").read_text()
        set_(one, A=VALUE)
        assert (folder / "identity.txt").read_text() == text

    def test_needs_a_home(self) -> None:
        homeless = Vault({}, "/")
        assert homeless.read(Settings()).state == "absent"
        with pytest.raises(ConfigInvalid, match="HOME"):
            homeless.change(Settings(), {"A": "x"})


class TestChanges:
    def test_keep_the_version_before_as_bak(self, one: Vault, folder: Path, home: Path) -> None:
        set_(one, A=VALUE)
        set_(one, B="two")
        assert read(one).secrets == {"A": VALUE, "B": "two"}
        os.rename(folder / "vault.age.bak", folder / "vault.age")
        assert another(home).read(Settings()).secrets == {"A": VALUE}

    def test_that_change_nothing_write_nothing(self, one: Vault, folder: Path) -> None:
        set_(one, A=VALUE)
        before = (folder / "vault.age").stat().st_ino
        set_(one, A=VALUE, B=None)
        assert (folder / "vault.age").stat().st_ino == before

    @pytest.mark.parametrize(("name", "value"), [("", "x"), ("A B", "x"), ("A", "")])
    def test_that_are_none_are_the_callers_fault(self, one: Vault, name: str, value: str) -> None:
        with pytest.raises(InvalidParams):
            one.change(Settings(), {name: value})

    def test_go_to_the_file_behind_a_link(self, one: Vault, folder: Path, tmp_path: Path) -> None:
        folder.mkdir(parents=True)
        target = tmp_path / "dotfiles"
        target.mkdir()
        (folder / "vault.age").symlink_to(target / "mine.age")
        set_(one, A=VALUE)
        assert (folder / "vault.age").is_symlink()
        assert "mine.age" in files(target)
        assert read(one).secrets == {"A": VALUE}

    def test_of_a_program_without_the_lock_are_not_lost(self, one: Vault, folder: Path, monkeypatch) -> None:
        set_(one, A=VALUE)
        key = identity.keys((folder / "identity.txt").read_bytes(), "")
        encrypted, rounds = one._encrypted, []

        def meanwhile(*arguments):
            if not rounds:
                text = json.dumps({"A": VALUE, "THEIRS": "x"}).encode()
                (folder / "vault.age").write_bytes(pyrage.encrypt(text, [key[0].to_public()]))
            rounds.append(1)
            return encrypted(*arguments)

        monkeypatch.setattr(one, "_encrypted", meanwhile)
        set_(one, MINE="y")
        assert read(one).secrets == {"A": VALUE, "THEIRS": "x", "MINE": "y"}
        assert len(rounds) == 2

    def test_of_two_processes_are_both_there(self, one: Vault, home: Path) -> None:
        code = (
            "import os, sys\nfrom lokid.config import Vault as S\n"
            "from lokid.runtime.secrets.vault import Vault\n"
            "one = Vault(dict(os.environ), '/')\n"
            "for n in range(15): one.change(S(), {f'{sys.argv[1]}{n}': 'x'})\n"
        )
        running = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "AB"]
        assert [each.wait(60) for each in running] == [0, 0]
        assert len(read(one).secrets) == 30


class TestRefused:
    def refused(self, one: Vault, folder: Path, said: str) -> None:
        """Reads nothing, writes nothing, touches nothing."""
        before = {name: (folder / name).read_bytes() for name in files(folder)}
        found = read(one)
        assert (found.state, found.secrets) == ("refused", {})
        assert said in found.reason
        with pytest.raises(ConfigInvalid, match="not changed") as caught:
            set_(one, NEW="x")
        assert said in caught.value.message
        assert VALUE not in caught.value.message
        assert {name: (folder / name).read_bytes() for name in files(folder)} == before

    @pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other", "head"])
    def test_a_damaged_vault_is_never_overwritten(self, one: Vault, folder: Path, damage: str) -> None:
        set_(one, A=VALUE)
        path = folder / "vault.age"
        data = bytearray(path.read_bytes())
        match damage:
            case "empty":
                data.clear()
            case "cut":
                del data[-5:]
            case "flipped":
                data[-5] ^= 1
            case "other":
                data = bytearray(b"something else\n")
            case "head":
                data[60] ^= 1
        path.write_bytes(data)
        self.refused(one, folder, str(path))

    def test_a_damaged_vault_names_what_was_there_before(self, one: Vault, folder: Path) -> None:
        set_(one, A=VALUE)
        set_(one, B=VALUE)
        path = folder / "vault.age"
        path.write_bytes(path.read_bytes()[:-1])
        self.refused(one, folder, "vault.age.bak")

    @pytest.mark.parametrize("text", [b"[]", b"{", b'{"A": 1}', b"\xff"])
    def test_another_text_in_it(self, one: Vault, folder: Path, text: bytes) -> None:
        set_(one, A=VALUE)
        key = identity.keys((folder / "identity.txt").read_bytes(), "")[0]
        (folder / "vault.age").write_bytes(pyrage.encrypt(text, [key.to_public()]))
        self.refused(one, folder, "vault.age")

    def test_another_identity(self, one: Vault, folder: Path) -> None:
        set_(one, A=VALUE)
        (folder / "identity.txt").unlink()
        identity.create(str(folder / "identity.txt"))
        key = identity.keys((folder / "identity.txt").read_bytes(), "")[0]
        path = folder / "identity.txt"
        why = f"was not encrypted to the identity in {path}: where it can be read, vault.recipients needs"
        self.refused(one, folder, f"{why} {key.to_public()}")

    def test_no_identity(self, one: Vault, folder: Path) -> None:
        set_(one, A=VALUE)
        (folder / "identity.txt").unlink()
        self.refused(one, folder, "restore it")
        assert "identity.txt" not in files(folder)

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
    def test_an_identity_that_others_may_read(self, one: Vault, folder: Path, mode: int) -> None:
        set_(one, A=VALUE)
        (folder / "identity.txt").chmod(mode)
        self.refused(one, folder, f"chmod 600 {folder / 'identity.txt'}")

    def test_a_vault_that_others_may_write(self, one: Vault, folder: Path) -> None:
        set_(one, A=VALUE)
        (folder / "vault.age").chmod(0o622)
        self.refused(one, folder, f"chmod 600 {folder / 'vault.age'}")

    @pytest.mark.parametrize("text", ["", "# nothing\n", "AGE-SECRET-KEY-1ZZ\n", "\xff", "-----BEGIN X\n"])
    def test_an_identity_that_is_none(self, one: Vault, folder: Path, text: str) -> None:
        set_(one, A=VALUE)
        (folder / "identity.txt").write_text(text, "latin-1")
        self.refused(one, folder, "identity.txt")

    def test_what_is_no_file(self, one: Vault, folder: Path) -> None:
        folder.mkdir(parents=True)
        os.mkfifo(folder / "vault.age")
        assert read(one).reason.endswith("is not a regular file")


def test_an_encrypted_vault_that_others_may_read_is_a_warning(one: Vault, folder: Path) -> None:
    set_(one, A=VALUE)
    (folder / "vault.age").chmod(0o644)
    found = read(one)
    assert found.state == "open"
    assert found.warnings == (
        (
            str(folder / "vault.age"),
            f"other users may read the encrypted vault: chmod 600 {folder}/vault.age",
        ),
    )
    set_(one, B="x")
    assert read(one).warnings == ()


def test_a_folder_that_others_may_write_to_is_a_warning(one: Vault, folder: Path) -> None:
    set_(one, A=VALUE)
    folder.chmod(0o777)
    assert read(one).warnings == (
        (str(folder), f"other users may replace the vault in it: chmod go-w {folder}"),
    )


class TestRecipients:
    def test_can_read_it_too(self, one: Vault, folder: Path) -> None:
        friend = pyrage.x25519.Identity.generate()
        set_(one, Settings(recipients=(str(friend.to_public()),)), A=VALUE)
        assert json.loads(pyrage.decrypt((folder / "vault.age").read_bytes(), [friend])) == {"A": VALUE}
        assert read(one).secrets == {"A": VALUE}

    def test_that_are_none_change_nothing(self, one: Vault, folder: Path) -> None:
        set_(one, A=VALUE)
        bad = "age1" + "q" * 58
        with pytest.raises(ConfigInvalid, match=r"vault\.recipients\[0\]"):
            set_(one, Settings(recipients=(bad,)), B="x")
        assert read(one).secrets == {"A": VALUE}

    def test_an_ssh_key_opens_it_if_its_public_half_is_one(self, one: Vault, tmp_path: Path) -> None:
        key = tmp_path / "id_ed25519"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        public = Path(f"{key}.pub").read_text().strip()
        with pytest.raises(ConfigInvalid, match=r"vault\.recipients"):
            set_(one, Settings(identity=str(key)), A=VALUE)
        friend = str(pyrage.x25519.Identity.generate().to_public())
        with pytest.raises(ConfigInvalid, match="your own identity"):
            set_(one, Settings(identity=str(key), recipients=(friend,)), A=VALUE)
        set_(one, Settings(identity=str(key), recipients=(public,)), A=VALUE)
        assert read(one, identity=str(key)).secrets == {"A": VALUE}


def test_a_systemd_credential_is_the_identity(home: Path, tmp_path: Path, folder: Path) -> None:
    identity.create(str(tmp_path / "vault-identity"))
    (tmp_path / "vault-identity").chmod(0o440)  # as systemd has it
    one = another(home, CREDENTIALS_DIRECTORY=str(tmp_path))
    set_(one, A=VALUE)
    found = read(one)
    assert (found.state, found.kind, found.secrets) == ("open", "credential", {"A": VALUE})
    assert "identity.txt" not in files(folder)
    assert another(home).read(Settings()).state == "refused"


def test_the_configuration_says_where_it_is(one: Vault, home: Path, folder: Path) -> None:
    settings = Settings(file="mine/v.age", identity="~/keys/i")
    set_(one, settings, A=VALUE)
    assert (home / "mine" / "v.age").exists()
    assert (home / "keys" / "i").exists()
    assert one.read(settings).secrets == {"A": VALUE}
    assert not folder.exists()


class TestLocking:
    def test_a_lock_forgets_and_keeps_everybody_out(self, one: Vault, folder: Path) -> None:
        set_(one, A=VALUE)
        assert read(one).state == "open"
        assert logs.redact(VALUE) == "[secret]"
        stale = one.epoch
        one.lock()
        assert one.epoch != stale
        found = read(one)
        assert (found.state, found.reason, found.secrets) == ("locked", vault.LOCKED, {})
        before = (folder / "vault.age").read_bytes()
        with pytest.raises(SecretMissing, match="locked") as caught:
            set_(one, B="x")
        assert caught.value.hint == "lokictl unlock"
        assert (folder / "vault.age").read_bytes() == before

    @pytest.mark.anyio
    async def test_unlocking_without_a_passphrase_needs_none(self, one: Vault) -> None:
        set_(one, A=VALUE)
        one.lock()
        await one.unlock(Settings(), None)
        assert read(one).secrets == {"A": VALUE}

    @pytest.mark.anyio
    async def test_a_passphrase_is_needed_by_every_new_daemon(
        self, one: Vault, home: Path, folder: Path
    ) -> None:
        set_(one, A=VALUE)
        await one.protect(Settings(), PASSPHRASE)
        assert "identity.txt" not in files(folder)
        assert files(folder)["identity.age"] == 0o600
        assert read(one).secrets == {"A": VALUE}
        fresh = another(home)
        assert (read(fresh).state, read(fresh).kind) == ("locked", "passphrase")
        with pytest.raises(SecretMissing):
            set_(fresh, B="x")
        with pytest.raises(InvalidParams, match="passphrase"):
            await fresh.unlock(Settings(), None)
        with pytest.raises(identity.WrongPassphrase):
            await fresh.unlock(Settings(), "wrong")
        assert read(fresh).state == "locked"
        await fresh.unlock(Settings(), PASSPHRASE)
        set_(fresh, B="x")
        assert read(fresh).secrets == {"A": VALUE, "B": "x"}
        await fresh.protect(Settings(), None)
        assert "identity.age" not in files(folder)
        assert another(home).read(Settings()).secrets == {"A": VALUE, "B": "x"}

    @pytest.mark.anyio
    async def test_a_lock_while_the_passphrase_is_set_leaves_no_key(
        self, one: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_(one, A=VALUE)

        async def locked_meanwhile(data: bytes, _passphrase: str, _environ: object) -> bytes:
            one.lock()
            return data

        monkeypatch.setattr(identity, "wrap", locked_meanwhile)
        await one.protect(Settings(), PASSPHRASE)
        assert one._unwrapped == {}
        assert read(one).state == "locked"

    def test_a_lock_during_a_look_finds_whom_to_encrypt_to(
        self, one: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_(one, A=VALUE)
        read(one)
        known: list[bool] = []
        recipients = identity.recipients

        def looked_at(*given: Any) -> list[Any]:
            known.append(one.sealer() is not None)
            return recipients(*given)

        monkeypatch.setattr(identity, "recipients", looked_at)
        read(one)
        assert known == [True]

    @pytest.mark.anyio
    async def test_an_identity_that_cannot_be_removed_stays_the_only_one(
        self, one: Vault, home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As behind ``chattr +i``: what was told to be untouched was locked from then on."""
        unlink = os.unlink

        def forbidden(path: str, **_: Any) -> None:
            if str(path).endswith("identity.txt"):
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)
            unlink(path)

        set_(one, A=VALUE)
        monkeypatch.setattr(os, "unlink", forbidden)
        with pytest.raises(ConfigInvalid, match="could not be saved"):
            await one.protect(Settings(), PASSPHRASE)
        assert "identity.age" not in files(folder)
        assert read(another(home)).secrets == {"A": VALUE}

    @pytest.mark.anyio
    async def test_what_has_no_file_takes_no_passphrase(self, one: Vault) -> None:
        with pytest.raises(InvalidParams, match="not there, so"):
            await one.protect(Settings(), PASSPHRASE)

    @pytest.mark.anyio
    async def test_a_plain_identity_beside_the_encrypted_one_is_told(self, one: Vault, folder: Path) -> None:
        set_(one, A=VALUE)
        plain = (folder / "identity.txt").read_bytes()
        await one.protect(Settings(), PASSPHRASE)
        (folder / "identity.txt").write_bytes(plain)
        assert [path for path, _ in read(one).warnings] == [str(folder / "identity.txt")]


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_old_vault(one: Vault, folder: Path) -> None:
    set_(one, A=VALUE)
    before = files(folder)
    with no_file_longer_than(64), pytest.raises(ConfigInvalid, match=r"could not be saved.*untouched"):
        set_(one, B="x")
    assert files(folder) == before
    assert read(one).secrets == {"A": VALUE}
    set_(one, B="x")


def test_a_full_disk_makes_no_identity_without_a_vault(one: Vault, folder: Path) -> None:
    with no_file_longer_than(0), pytest.raises(ConfigInvalid, match="could not be saved"):
        set_(one, A=VALUE)
    assert set(files(folder)) == {"vault.age.lock"}


def test_what_a_killed_writer_left_is_swept_by_the_next_daemon(one: Vault, folder: Path, home: Path) -> None:
    set_(one, A=VALUE)
    for name in (".vault.age.00.tmp", ".identity.txt.00.tmp", ".vault.age.00.bak.tmp", ".other.00.tmp"):
        (folder / name).write_text("x")
    assert read(another(home)).state == "open"
    assert [name for name in files(folder) if name.endswith(".tmp")] == [".other.00.tmp"]


def test_nothing_of_it_is_shown_by_a_repr(one: Vault, folder: Path) -> None:
    set_(one, A=VALUE)
    found = identity.find(one.place(Settings()))
    assert "AGE-SECRET" not in repr(found)
    assert VALUE not in repr(read(one))
