"""The vault: one age file that holds every secret that ``lokictl secret set`` was given.

Its text (``lokid.config.vault``) is encrypted to the identity of its owner and to the recipients that the
configuration names. A file that cannot be understood is never written to. What is kept in memory between
two reads is no more than an identity that a passphrase opened or a keyring gave, and nothing at all once
``lock`` was called.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio.to_thread

from lokid import logs, sandbox
from lokid.config import Vault as Settings
from lokid.config import vault as contents
from lokid.errors import ConfigInvalid, InvalidParams, LokidError, SecretMissing
from lokid.rpc import address
from lokid.rpc.methods import IdentityKind
from lokid.runtime import durable, regular, watch
from lokid.runtime.secrets import age, identity, os_keyring
from lokid.runtime.secrets.identity import Found, Place, Unusable
from lokid.runtime.secrets.os_keyring import KeyringFailed

State = Literal["absent", "open", "locked", "refused"]

MAX_FILE = contents.MAX_TEXT + 64 * 1024
"""Bytes: the text, and what age puts around it for a few hundred recipients."""

TRIES = 5
"""Times that a change starts anew because a program without our lock (``age -o``) wrote in between."""

LOCKED = "the vault is locked"
UNLOCK = "lokictl unlock"
ALL_LOCKED = "lokid is locked"

ABSENT = b""
"""In the place of an identity: the keyring has answered that there is none."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What one look at the vault showed. ``reason``: why it is locked or refused. ``warnings``: path and
    what is wrong with it. ``files`` and their ``marks``, from before they were read. ``epoch``: of the
    vault then; ``lock`` begins a new one, and what was read before it counts no more."""

    state: State
    file: str = ""
    identity: str = ""
    kind: IdentityKind = "none"
    reason: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    warnings: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()
    marks: tuple[watch.Mark, ...] = ()
    epoch: int = 0


class Vault:
    """``environ``: the daemon's. ``directory``: where relative paths begin, that of the configuration. The
    methods that take ``settings`` block: they read and write files."""

    def __init__(self, environ: Mapping[str, str], directory: str) -> None:
        self._environ = environ
        self._directory = directory
        self._unwrapped: dict[str, bytes] = {}  # where an identity is that is no plain file -> its text
        self._owners: list[Any] = []  # who opens the vault; public
        self._silent = ""  # why the keyring gives no identity: it is not asked again by every look
        self._swept: set[str] = set()
        self._held: set[str] = set()  # where a vault was: none is made there when it is away
        self._turn = threading.Lock()  # looks are taken by threads
        self.locked = False
        self.epoch = 0

    def place(self, settings: Settings) -> Place:
        """Raises ConfigInvalid without a home."""
        try:
            return Place.of(settings, self._environ, self._directory)
        except address.NoHome as error:
            raise ConfigInvalid(str(error)) from None

    # --- reading -----------------------------------------------------------------------------------

    def read(self, settings: Settings) -> Contents:
        """Never raises: what is wrong is in the answer."""
        epoch = self.epoch
        try:
            place = self.place(settings)
        except ConfigInvalid:
            return Contents("absent", epoch=epoch)
        self._sweep(place)
        marks = watch.marks(place.files)
        found: Found | None = None
        secrets: Mapping[str, str] = {}
        state: State
        reason = ""
        warnings: list[tuple[str, str]] = []
        try:
            if unseen := sandbox.hidden(place.files):
                raise Unusable(unseen)
            found = self._find(place)
            if not self._is_locked(found):
                self._note_owners(found, settings)
            data = self._data(place, warnings)
            if data is None:
                if why := self._is_away(place):
                    raise Unusable(why)
                state = "absent"
            elif self._is_locked(found):
                state = "locked"
                silent = "" if self.locked or not self._silent else f": the keyring {self._silent}"
                reason = f"{LOCKED}{silent}"
            else:
                state, secrets = "open", self._opened(place, found, data)
            if state != "absent":
                self._held.add(place.given)
        except Unusable as error:
            state, reason = "refused", str(error)
        path = found.path if found is not None else place.plain
        kind: IdentityKind = found.kind if found is not None else "none"
        if kind == "passphrase" and place.plain != path and os.path.exists(place.plain):
            warnings.append((place.plain, f"opens the vault without the passphrase: rm {place.plain}"))
        if state != "absent" and _is_open_folder(os.path.dirname(place.file)):
            folder = os.path.dirname(place.file)
            warnings.append((folder, f"other users may replace the vault in it: chmod go-w {folder}"))
        answer = Contents(
            state, place.file, path, kind, reason, secrets, tuple(warnings), place.files, marks, epoch
        )
        for value in secrets.values():
            logs.register(value)
        return answer

    def _is_locked(self, found: Found) -> bool:
        return self.locked or (found.kind in ("passphrase", "keyring") and found.path not in self._unwrapped)

    def _is_away(self, place: Place) -> str | None:
        return place.is_away(held=place.given in self._held)

    def _find(self, place: Place) -> Found:
        """``identity.find``, and the keyring is asked, once."""
        found = identity.find(place)
        if place.keyring is None or self.locked:
            return found
        if found.path not in self._unwrapped and not self._silent:
            try:
                self._ask_keyring(place, self.epoch)
            except KeyringFailed as error:
                self._silent = str(error)
        return Found("none", found.path) if self._unwrapped.get(found.path) == ABSENT else found

    def _ask_keyring(self, place: Place, epoch: int) -> None:
        """Raises KeyringFailed."""
        assert place.keyring is not None
        text = (os_keyring.get(*place.keyring) or "").encode()
        if self._keep({place.plain: text or ABSENT}, epoch):
            self._silent = ""

    def _keep(self, unwrapped: dict[str, bytes], epoch: int) -> bool:
        """Unless it was locked after ``epoch``: no late answer puts a key back."""
        with self._turn:
            if epoch != self.epoch:
                return False
            self._unwrapped = unwrapped
            return True

    def _note_owners(self, found: Found, settings: Settings) -> None:
        """Whom to encrypt to what must outlast a lock. In one step: a lock may come at any time."""
        owners: list[Any] = []
        try:
            if found.kind != "none":
                own = self._identities(found)
                with suppress(Unusable, age.DecryptError):  # an SSH key whose public half nobody has named
                    known = identity.recipients(own, settings.recipients)
                    age.decrypt(age.encrypt(b"", known), own)
                    owners = known
        finally:
            self._owners = owners

    def _sweep(self, place: Place) -> None:
        """Once per file: what a killed writer left holds secrets, if encrypted ones."""
        for path in place.files:
            if path not in self._swept:
                self._swept.add(path)
                # All of them are written under the lock of the vault.
                durable.sweep(path, lock_of=place.file)

    def _data(self, place: Place, warnings: list[tuple[str, str]]) -> bytes | None:
        """The encrypted file, None if there is none."""
        path = place.file
        try:
            with regular.opened(path) as (file, facts):
                if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    # Whoever may write here decides which keys are used, and so who reads the prompts.
                    raise Unusable(f"other users may write to {path}, so it is not used: chmod 600 {path}")
                if facts.st_mode & (stat.S_IRGRP | stat.S_IROTH):
                    warnings.append((path, f"other users may read the encrypted vault: chmod 600 {path}"))
                data = file.read(MAX_FILE + 1)
        except FileNotFoundError:
            return None
        except regular.NotRegular as error:
            raise Unusable(f"{path} {error}") from None
        except OSError as error:
            raise Unusable(f"{path} cannot be read: {error.strerror}") from None
        if len(data) > MAX_FILE:
            raise Unusable(f"{path} is too large for a vault")
        return data

    def _identities(self, found: Found) -> tuple[identity.Identity, ...]:
        held = found.kind in ("passphrase", "keyring")
        return identity.keys(self._unwrapped.get(found.path, b"") if held else found.data, found.path)

    def _opened(self, place: Place, found: Found, data: bytes) -> Mapping[str, str]:
        if found.kind == "none":
            raise Unusable(f"{place.file} is there, but {place.plain}, which opens it, is not: restore it")
        try:
            return contents.decode(age.decrypt(data, self._identities(found)))
        except age.DecryptError as error:
            if "No matching keys" in str(error):
                raise Unusable(
                    identity.no_recipient(place.file, found.path, self._identities(found))
                ) from None
            raise Unusable(f"{place.file} is damaged{_spare(place.file)}") from None
        except contents.BadVault as error:
            raise Unusable(f"{place.file} {error}{_spare(place.file)}") from None

    # --- writing -----------------------------------------------------------------------------------

    def change(self, settings: Settings, changes: Mapping[str, str | None]) -> Contents:
        """Sets secrets, and removes those that are None. Returns what was there before. Makes the vault and
        its identity if there is none and was none. Raises a LokidError, and then nothing has changed."""
        place = self.place(settings)
        self._sweep(place)  # before the lock: sweeping takes it
        try:
            if why := sandbox.hidden(place.files) or self._is_away(place):
                raise Unusable(why)
            durable.make_directory(os.path.dirname(place.file))
            with durable.lock(place.file):
                return self._change(place, settings, changes)
        except contents.BadSecret as error:
            raise InvalidParams(str(error)) from None
        except (contents.BadVault, Unusable, durable.Busy) as error:
            raise ConfigInvalid(f"the vault was not changed: {error}") from None
        except KeyringFailed as error:
            raise ConfigInvalid(
                f"the vault was not changed: the keyring {error}", hint=os_keyring.HINT
            ) from None
        except OSError as error:
            raise unsaved(error, place) from None

    def _change(self, place: Place, settings: Settings, changes: Mapping[str, str | None]) -> Contents:
        for _ in range(TRIES):
            before = self.read(settings)
            if before.state == "refused":
                raise Unusable(before.reason)
            if before.state == "locked" or self._is_locked(self._find(place)):
                raise SecretMissing(LOCKED, hint=UNLOCK)
            after = contents.changed(before.secrets, changes)
            if after == before.secrets:
                return before
            folder = os.path.dirname(place.given)
            if before.state == "absent" and _mode(folder) & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH:
                raise Unusable(f"every user of this machine may put links into {folder}: chmod go-w {folder}")
            if before.kind == "none":
                if place.keyring is None:
                    identity.create(place.plain)
                else:
                    identity.create_in_keyring(*place.keyring)
                    self._unwrapped.pop(place.plain, None)
            data = self._encrypted(place, settings, contents.encode(after))
            with durable.written(place.file, data) as temporary:
                if watch.marks((place.file,)) == before.marks[:1]:
                    durable.replace(place.file, temporary, backup=True)
                    return before
        raise Unusable(f"another program writes to {place.file} all the time")

    def _encrypted(self, place: Place, settings: Settings, text: bytes) -> bytes:
        own = self._identities(self._find(place))
        data: bytes = age.encrypt(text, identity.recipients(own, settings.recipients))
        try:
            age.decrypt(data, own)  # a mistake in the recipients must not lock the owner out
        except age.DecryptError:
            raise Unusable("vault.recipients has no key of your own identity") from None
        return data

    # --- its identity ------------------------------------------------------------------------------

    async def unlock(
        self, settings: Settings, passphrase: str | None, sealed: bytes | None = None
    ) -> bytes | None:
        """Returns what ``sealer`` made ``sealed`` of. Raises WrongPassphrase, Unusable, InvalidParams if a
        passphrase is needed, SecretMissing if somebody locked it meanwhile; then it stays locked."""
        epoch, place = self.epoch, self.place(settings)
        found = await anyio.to_thread.run_sync(identity.find, place)
        opened = found.data
        if found.kind == "passphrase":
            if not passphrase:
                raise InvalidParams("the vault's identity is encrypted with a passphrase", hint=UNLOCK)
            opened = await identity.unwrap(found.data, passphrase, self._environ)
        elif place.keyring is not None:
            try:
                opened = (await anyio.to_thread.run_sync(os_keyring.get, *place.keyring) or "").encode()
            except KeyringFailed as error:
                raise Unusable(f"{found.path} does not give the vault's identity: it {error}") from None
        own = identity.keys(opened, found.path) if opened else ()
        plain: bytes | None = None
        if sealed is not None:
            with suppress(age.DecryptError):
                plain = age.decrypt(sealed, own) if own else None
            if plain is None:
                raise Unusable(
                    self._is_away(place)
                    or f"{found.path} does not hold the identity to which the environment was sealed at the"
                    " lock: put that one back, or start lokid again (lokictl daemon restart)"
                )
        with self._turn:
            if epoch != self.epoch:
                raise SecretMissing(LOCKED, hint=UNLOCK)
            held = found.kind in ("passphrase", "keyring")
            self._unwrapped, self._silent = {found.path: opened} if held else {}, ""
            self.locked = False
        return plain

    def lock(self) -> None:
        """Drops everything. What was read before and is not in use yet counts no more."""
        with self._turn:
            self.locked = True
            self.epoch += 1
            self._unwrapped = {}

    def sealer(self) -> Callable[[bytes], bytes] | None:
        """Encrypts to those who can open the vault, as of the last look; None if nobody is known who can."""
        owners = self._owners
        return (lambda data: bytes(age.encrypt(data, owners))) if owners else None

    async def protect(self, settings: Settings, passphrase: str | None) -> Found:
        """Encrypts the identity with ``passphrase``; None takes the passphrase off. Returns where it is
        now. Raises Unusable and a LokidError; then the old one still works."""
        epoch, place = self.epoch, self.place(settings)
        found = await anyio.to_thread.run_sync(self._find, place)
        if self._is_locked(found):
            raise SecretMissing(LOCKED, hint=UNLOCK)
        if what := _NOT_WRAPPED.get(found.kind):
            raise InvalidParams(f"the vault's identity is {what}, so it takes no passphrase")
        plain = self._unwrapped.get(found.path, found.data)
        data = await identity.wrap(plain, passphrase, self._environ) if passphrase else plain
        path = place.wrapped if passphrase else place.plain
        try:
            await anyio.to_thread.run_sync(identity.move, place, path, data, (found.data, plain))
        except OSError as error:
            raise unsaved(error, place) from None
        except durable.Busy as error:
            raise ConfigInvalid(str(error)) from None
        self._keep({path: plain} if passphrase else {}, epoch)
        return Found("passphrase" if passphrase else "file", path)


_NOT_WRAPPED: Mapping[IdentityKind, str] = {
    "credential": "a systemd credential",
    "keyring": "in the keyring",
    "none": "not there",
}


def _is_open_folder(path: str) -> bool:
    mode = _mode(path)
    return bool(mode & (stat.S_IWGRP | stat.S_IWOTH)) and not mode & stat.S_ISVTX


def _mode(path: str) -> int:
    try:
        return os.stat(path).st_mode
    except OSError:
        return 0


def all_locked(client: str | None = None) -> SecretMissing:
    """What whoever asks is told after ``lock``."""
    return SecretMissing(ALL_LOCKED, hint=UNLOCK, client=client)


def unsaved(error: OSError, place: Place) -> LokidError:
    hint = sandbox.unwritable(sandbox.of_this_process(), error, place.files)
    return ConfigInvalid(
        f"the vault could not be saved: {(error.strerror or 'unknown reason').lower()};"
        " what it held before is untouched",
        hint=hint or "lokictl secret path shows where it is",
    )


def _spare(file: str) -> str:
    spare = f"{file}.bak"
    return f"; {spare} is what it was before the last change" if os.path.exists(spare) else ""
