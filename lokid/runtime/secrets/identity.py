"""The key of the vault, in age's words its identity: where it is, and what can be made of it.

A file of mode 0600 (``identity.txt``), the same encrypted with a passphrase (``identity.age``; which of the
two a file is, its first bytes tell), a systemd credential called ``vault-identity``, or an entry in the
keyring of the operating system (whose text ``Vault`` asks for, as that may take a while).
"""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import anyio

from lokid.config import Vault as Settings
from lokid.providers.settings import KeyringSecret
from lokid.rpc import address
from lokid.rpc.methods import IdentityKind
from lokid.runtime import durable, regular
from lokid.runtime.launching import children
from lokid.runtime.secrets import age, kdf, os_keyring

CREDENTIAL = "vault-identity"
"""Name of the systemd credential: ``LoadCredential=vault-identity:PATH``."""

MAX_FILE = 64 * 1024
"""Bytes. An identity is one line, an SSH key 3 KiB."""

KDF_S = 60.0
"""Seconds for one passphrase. It takes one or two, on a busy or small machine several times that."""

Identity = Any
"""``pyrage.x25519.Identity`` or ``pyrage.ssh.Identity``: the package has no types."""

_WRAPPED = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")


class Unusable(Exception):
    """``str()`` says why, and what mends it; nothing of what a file holds."""


class WrongPassphrase(Exception):
    """Or a file that was changed: the two look alike."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the vault and its identity are. ``plain`` and ``wrapped``: where an identity is written to; one
    path if the configuration names it. ``given``: where the vault is said to be, before any link is followed.
    ``credential``: of systemd, None if there is none or the
    configuration names a file. ``keyring``: service and name, and then no file counts."""

    file: str
    plain: str
    wrapped: str
    given: str
    credential: str | None = None
    keyring: tuple[str, str] | None = None

    @classmethod
    def of(cls, settings: Settings, environ: Mapping[str, str], directory: str) -> Place:
        """Relative paths begin at ``directory``. Raises ``address.NoHome``."""

        def path(text: str) -> str:
            return os.path.realpath(os.path.join(directory, os.path.expanduser(text)))

        given = settings.file or address.vault_file(environ)
        # At the end of all links: what is renamed into place must not replace a link.
        file = path(given)
        given = os.path.abspath(os.path.join(directory, os.path.expanduser(given)))
        if isinstance(settings.identity, KeyringSecret):
            service, name = settings.identity.keyring
            shown = f"keyring:{service}/{name}"
            return cls(file, shown, shown, given, keyring=(service, name))
        if settings.identity is not None:
            identity = path(settings.identity)
            return cls(file, identity, identity, given)
        plain = path(address.identity_file(environ))
        credential = None
        if folder := environ.get("CREDENTIALS_DIRECTORY"):
            credential = os.path.join(folder, CREDENTIAL)
        return cls(file, plain, f"{plain.removesuffix('.txt')}.age", given, credential)

    def is_away(self, *, held: bool) -> str | None:
        """Why no vault is to be made here: a new one would take the place of one whose disk is not mounted.
        ``held``: there was one."""
        for at in (self.given, *map(str, PurePath(self.given).parents)):
            there = os.path.dirname(self.file) if at == self.given else at
            if os.path.islink(at) and _is_missing(there):
                return f"{at} is a link to {os.path.realpath(at)}, which is not there: is its disk mounted?"
        if held and _is_missing(self.file):
            return (
                f"{self.file} is not there any more: put it back (is its disk mounted?), or begin a new one,"
                " without what it held, with lokictl daemon restart"
            )
        return None

    @property
    def files(self) -> tuple[str, ...]:
        """All whose change matters, the vault first."""
        own = (self.wrapped, self.plain) if self.keyring is None else ()
        return tuple(dict.fromkeys((self.file, *own)))


@dataclass(frozen=True, slots=True)
class Found:
    """``data``: of the file. ``path``: where, also if there is none yet."""

    kind: IdentityKind
    path: str
    data: bytes = b""

    def __repr__(self) -> str:
        return f"Found({self.kind!r}, {self.path!r})"


def _is_missing(path: str) -> bool:
    """Where nobody can look now it is taken to be there: who reads or writes it is told why."""
    try:
        os.stat(path)
    except OSError as error:
        return isinstance(error, FileNotFoundError | NotADirectoryError)
    return False


def find(place: Place) -> Found:
    """The identity to use: the credential, else the encrypted file, else the plain one. (Both are there
    only if somebody was interrupted between writing one and removing the other.) One in the keyring comes
    without its text. Raises Unusable."""
    if place.keyring is not None:
        return Found("keyring", place.plain)
    if place.credential is not None and os.path.exists(place.credential):
        return Found("credential", place.credential, read(place.credential))
    for path in dict.fromkeys((place.wrapped, place.plain)):
        try:
            facts = os.stat(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Unusable(f"{path} cannot be looked at: {error.strerror}") from None
        data = read(path)
        if data.startswith(_WRAPPED):
            return Found("passphrase", path, data)
        if facts.st_uid not in (os.geteuid(), 0):
            raise Unusable(f"{path} belongs to another user, so it is not used")
        if facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Unusable(f"other users may read {path}, which opens the vault: chmod 600 {path}")
        return Found("file", path, data)
    return Found("none", place.plain)


def read(path: str) -> bytes:
    """An identity file as it is. Raises Unusable."""
    try:
        with regular.opened(path) as (file, _):
            data = file.read(MAX_FILE + 1)
    except regular.NotRegular as error:
        raise Unusable(f"{path} {error}") from None
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_FILE:
        raise Unusable(f"{path} is larger than 64 KiB, so it is no identity")
    return data


def keys(data: bytes, path: str) -> tuple[Identity, ...]:
    """Of an identity file as ``age-keygen`` writes it, or an SSH private key. Raises Unusable."""
    try:
        if data.lstrip().startswith(b"-----BEGIN "):
            return (age.ssh.Identity.from_buffer(data),)
        lines = (line.strip() for line in data.decode().splitlines())
        found = tuple(age.x25519.Identity.from_str(line) for line in lines if line and line[0] != "#")
    except (age.IdentityError, UnicodeDecodeError):
        raise Unusable(f"{path} holds a line that is no age identity (AGE-SECRET-KEY-1...)") from None
    if not found:
        raise Unusable(f"{path} holds no identity")
    return found


def recipients(identities: Sequence[Identity], texts: Sequence[str]) -> list[Any]:
    """Who can read what is written: the owners of ``identities`` (of an SSH key only if named), and those
    named in the configuration. Raises Unusable."""
    found = [one.to_public() for one in identities if isinstance(one, age.x25519.Identity)]
    for number, text in enumerate(texts):
        kind = age.ssh if text.startswith("ssh-") else age.x25519
        try:
            found.append(kind.Recipient.from_str(text))
        except age.RecipientError:
            raise Unusable(f"vault.recipients[{number}] is no key that age knows") from None
    if not found:
        raise Unusable("the identity is an SSH key, so its public key must be in vault.recipients")
    return found


def no_recipient(file: str, path: str, own: Sequence[Identity]) -> str:
    """Why the ``file`` is not opened by its ``own`` identities, and who mends that."""
    why = f"{file} was not encrypted to the identity in {path}"
    public = [str(one.to_public()) for one in own if isinstance(one, age.x25519.Identity)]
    if not public:
        return why
    return f"{why}: where it can be read, vault.recipients needs {' and '.join(public)}"


def _new() -> str:
    new = age.x25519.Identity.generate()
    return f"# Whoever has this file can read the vault of lokid.\n# public key: {new.to_public()}\n{new}\n"


def create_in_keyring(service: str, name: str) -> None:
    """A new identity in the keyring; one that is there stays. Raises KeyringFailed."""
    if os_keyring.get(service, name) is None:
        os_keyring.set(service, name, _new())


def create(path: str) -> None:
    """A new identity at ``path``, mode 0600; one that is there stays. Raises OSError."""
    text = _new()
    durable.make_directory(os.path.dirname(path))
    with durable.written(path, text.encode()) as temporary:
        durable.place_new(path, temporary)


def move(place: Place, new: str, data: bytes, same: tuple[bytes, bytes]) -> None:
    """To ``new``, as ``data``. ``same``: what the old file holds, and the identity in it. The other file goes
    if it is one of these: also the one that stayed when somebody who set a passphrase before was killed
    half-way. Raises Unusable, Busy and OSError, and then both are as before; where even that fails, Unusable
    says so."""
    others = {place.plain, place.wrapped} - {new}
    with durable.lock(place.file), durable.written(new, data) as temporary:
        before = {path: read(path) for path in (*others, new) if os.path.exists(path)}
        try:
            durable.replace(new, temporary)  # no backup: it would be a second key
            for old in others:
                if before.get(old) in same:
                    os.unlink(old)
                    durable.flush_directory(os.path.dirname(old))
        except OSError:
            _put_back(before, new)
            raise


def _put_back(before: Mapping[str, bytes], new: str) -> None:
    """``before``: path -> what it held. ``new``: the one that was written, last in it if it was there."""
    try:
        for path, data in before.items():
            if not os.path.exists(path) or read(path) != data:
                with durable.written(path, data) as temporary:
                    os.rename(temporary, path)
        if new not in before:
            with suppress(FileNotFoundError):
                os.unlink(new)
    except (OSError, Unusable):
        raise Unusable(
            f"{new} was written, and what was there before could not be put back:"
            " it may be what opens the vault now"
        ) from None
    with suppress(OSError):  # the one that may have failed before
        durable.flush_directory(os.path.dirname(new))


async def unwrap(data: bytes, passphrase: str, environ: Mapping[str, str]) -> bytes:
    """The identity file inside ``data``. Raises WrongPassphrase, and Unusable if it cannot be tried."""
    return await _derive("unwrap", data, passphrase, environ)


async def wrap(data: bytes, passphrase: str, environ: Mapping[str, str]) -> bytes:
    """``data`` encrypted with ``passphrase``, tried out: it is the only key there is."""
    wrapped = await _derive("wrap", data, passphrase, environ)
    if await unwrap(wrapped, passphrase, environ) != data:
        raise Unusable("what was encrypted with the passphrase does not decrypt with it")
    return wrapped


async def _derive(what: str, data: bytes, passphrase: str, environ: Mapping[str, str]) -> bytes:
    request = json.dumps({"passphrase": passphrase, what: base64.b64encode(data).decode()})
    try:
        with anyio.fail_after(KDF_S):
            # By its path and with -P: nothing is imported from where the daemon was started.
            command = (sys.executable, "-P", kdf.__file__)
            status, said = await children.output(command, request.encode(), children.environment(environ))
    except TimeoutError:
        raise Unusable(f"the passphrase could not be tried within {KDF_S:g} s") from None
    except OSError as error:
        raise Unusable(f"the passphrase could not be tried: {error.strerror}") from None
    if status == kdf.WRONG:
        raise WrongPassphrase
    if status:
        how = children.how_it_ended(status)
        raise Unusable(f"the passphrase could not be tried (it takes 512 MiB of memory): its program {how}")
    return base64.b64decode(said)
