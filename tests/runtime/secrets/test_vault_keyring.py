"""The vault's identity in the keyring of the operating system: the real package, with a backend of ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import pytest
from keyring.errors import KeyringLocked

from lokid.config import Vault as Settings
from lokid.config import parse
from lokid.errors import ConfigInvalid, InvalidParams, SecretMissing
from lokid.runtime.secrets import os_keyring
from lokid.runtime.secrets.identity import Unusable
from lokid.runtime.secrets.vault import Contents, Vault

VALUE = "sk-planted-in-the-vault-0123456789"
SETTINGS = Settings.model_validate({"identity": {"keyring": ["lokid", "vault"]}})


class Backend(keyring.backend.KeyringBackend):
    """A dict. ``trouble``: what it raises. ``hangs``: until ``release``."""

    priority = 1.0  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}
        self.trouble: Exception | None = None
        self.hangs = False
        self.release = threading.Event()
        self.asked = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        if self.hangs:
            self.release.wait(30)
        if self.trouble is not None:
            raise self.trouble
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.kept[service, username] = password


@pytest.fixture
def backend() -> Iterator[Backend]:
    before, backend = keyring.get_keyring(), Backend()
    keyring.set_keyring(backend)
    yield backend
    backend.release.set()
    keyring.set_keyring(before)


@pytest.fixture
def one(home: Path) -> Vault:
    return Vault({"HOME": str(home)}, str(home))


def read(vault: Vault) -> Contents:
    return vault.read(SETTINGS)


def test_the_first_secret_makes_an_identity_there_and_no_file(
    backend: Backend, one: Vault, home: Path
) -> None:
    assert (read(one).state, read(one).kind) == ("absent", "none")
    one.change(SETTINGS, {"A": VALUE})
    assert "AGE-SECRET-KEY-1" in backend.kept["lokid", "vault"]
    assert not list(home.rglob("identity*"))
    found = read(one)
    assert (found.state, found.kind, found.identity) == ("open", "keyring", "keyring:lokid/vault")
    assert found.secrets == {"A": VALUE}


def test_it_is_asked_once_and_again_by_another_daemon(backend: Backend, one: Vault, home: Path) -> None:
    one.change(SETTINGS, {"A": VALUE})
    read(one)
    asked = backend.asked
    for _ in range(3):
        assert read(one).secrets == {"A": VALUE}
    assert backend.asked == asked
    assert Vault({"HOME": str(home)}, str(home)).read(SETTINGS).secrets == {"A": VALUE}
    assert backend.asked == asked + 1


@pytest.mark.anyio
async def test_a_lock_forgets_it_and_an_unlock_asks_again(backend: Backend, one: Vault) -> None:
    one.change(SETTINGS, {"A": VALUE})
    sealer = (read(one), one.sealer())[1]
    assert sealer is not None
    sealed = sealer(b"kept")
    one.lock()
    asked = backend.asked
    assert read(one).state == "locked"
    assert backend.asked == asked
    backend.trouble = KeyringLocked(VALUE)
    with pytest.raises(Unusable, match=r"keyring:lokid/vault .* failed \(KeyringLocked\)") as caught:
        await one.unlock(SETTINGS, None, sealed)
    assert VALUE not in str(caught.value)
    assert read(one).state == "locked"
    backend.trouble = None
    assert await one.unlock(SETTINGS, None, sealed) == b"kept"
    assert read(one).secrets == {"A": VALUE}


@pytest.mark.anyio
async def test_one_that_answers_nothing_is_given_up_and_unlocking_tries_again(
    backend: Backend, one: Vault, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.change(SETTINGS, {"A": VALUE})
    monkeypatch.setattr(os_keyring, "WITHIN_S", 0.05)
    backend.hangs = True
    fresh = Vault({"HOME": str(home)}, str(home))
    found = read(fresh)
    assert (found.state, found.reason) == (
        "locked", "the vault is locked: the keyring did not answer within 0.05 s",
    )  # fmt: skip
    asked = backend.asked
    assert read(fresh).state == "locked"
    assert backend.asked == asked  # not with every look
    with pytest.raises(SecretMissing):
        fresh.change(SETTINGS, {"A": "x"})
    backend.hangs = False
    backend.release.set()
    monkeypatch.undo()
    await fresh.unlock(SETTINGS, None)
    assert read(fresh).secrets == {"A": VALUE}


def test_a_vault_whose_identity_is_gone_is_not_written_to(backend: Backend, one: Vault, home: Path) -> None:
    one.change(SETTINGS, {"A": VALUE})
    backend.kept.clear()
    fresh = Vault({"HOME": str(home)}, str(home))
    found = read(fresh)
    assert (found.state, "keyring:lokid/vault, which opens it, is not" in found.reason) == ("refused", True)
    before = Path(found.file).read_bytes()
    with pytest.raises(ConfigInvalid):
        fresh.change(SETTINGS, {"A": "x"})
    assert Path(found.file).read_bytes() == before
    assert not backend.kept


@pytest.mark.anyio
async def test_it_takes_no_passphrase(backend: Backend, one: Vault) -> None:
    one.change(SETTINGS, {"A": VALUE})
    with pytest.raises(InvalidParams, match="is in the keyring, so it takes no passphrase"):
        await one.protect(SETTINGS, "open sesame")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("{keyring: [lokid]}", "vault.identity.keyring"),
        ("{keyrin: [a, b]}", "vault.identity"),
        ("5", "vault.identity: must be text"),
        ("''", "vault.identity: must not be empty"),
    ],
)
def test_a_mistake_has_its_place(said: str, problem: str) -> None:
    text = f"vault: {{identity: {said}}}\nclients: []\n"
    problems = parse(text, "c.yaml", lookup={}, environ={})
    assert isinstance(problems, tuple)
    assert problem in str(problems[0])
