"""The vault of Loki, as its library gman writes it: a YAML mapping of name -> envelope,

``$VAULT;v1;argon2id;m=19456,t=2,p=1;salt=<base64>;nonce=<base64>;ct=<base64>``

which is XChaCha20-Poly1305 with a key that Argon2id makes of a password. ``v1`` stands for several things
(``tries``). What is computed, ``lokid.runtime.secrets.unseal`` computes; here texts are read and bounded.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lokid.config import nodes, vault

MAX_MEMORY_KIB = 1024 * 1024
MAX_PASSES = 10
MAX_LANES = 8
"""What one derivation may cost: 1 GiB and some seconds. gman's own is 19 MiB, two passes, one lane."""

MAX_SALT = 64
"""Bytes; gman's have 16."""

_NONCE, _TAG = 24, 16

_SHAPE = re.compile(
    r"\$VAULT;v1;argon2id;(?P<cost>m=(?P<m>\d{1,9}),t=(?P<t>\d{1,9}),p=(?P<p>\d{1,9}))"
    r";salt=(?P<salt>[A-Za-z0-9+/=]+);nonce=(?P<nonce>[A-Za-z0-9+/=]+);ct=(?P<ct>[A-Za-z0-9+/=]+)",
    re.ASCII,
)
_HEADER = b"$VAULT;v1"


class NotAVault(Exception):
    """``str()`` is the end of a sentence about the file; nothing of what it holds."""


class BadEnvelope(Exception):
    """``str()`` says why one secret cannot be opened."""


class BadName(BadEnvelope):
    """The vault of lokid cannot keep the name, and nobody should show it: it may be a value."""


@dataclass(frozen=True, slots=True)
class Try:
    """One way in which the envelope may have been made. ``salt`` None: the key is 32 zero bytes."""

    salt: bytes | None
    aad: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    memory_kib: int
    passes: int
    lanes: int
    nonce: bytes
    sealed: bytes = field(repr=False)
    tries: tuple[Try, ...] = field(repr=False)


def read(text: str) -> dict[str, Envelope | BadEnvelope]:
    """Name -> envelope, or what is wrong with it. Raises NotAVault."""
    if not text.strip():
        return {}
    root, problems = nodes.read(text, "")
    if problems:
        one = problems[0]
        raise NotAVault(f"line {one.line}, column {one.column}: {one.message}")
    if not isinstance(root, nodes.Mapping):
        raise NotAVault("it is not a mapping of names to envelopes ($VAULT;v1;...)")
    if len(root.entries) > vault.MAX_SECRETS:
        raise NotAVault(f"it holds more than {vault.MAX_SECRETS} secrets")
    return {name: _read(name, entry.node) for name, entry in root.entries.items()}


def _read(name: str, node: nodes.Node) -> Envelope | BadEnvelope:
    try:
        vault.check(name, "-")
        return envelope(node.text if isinstance(node, nodes.Scalar) else "")
    except vault.BadSecret as error:
        return BadName(str(error))
    except BadEnvelope as error:
        return error


def envelope(text: str) -> Envelope:
    """Raises BadEnvelope, for costs beyond the bounds above too."""
    found = _SHAPE.fullmatch(text.strip())
    if found is None:
        raise BadEnvelope("it is no envelope ($VAULT;v1;argon2id;...)")
    memory, passes, lanes = int(found["m"]), int(found["t"]), int(found["p"])
    if not (1 <= passes <= MAX_PASSES and 1 <= lanes <= MAX_LANES and 8 * lanes <= memory <= MAX_MEMORY_KIB):
        raise BadEnvelope("it asks for more work than any vault of Loki does, so it is not tried")
    salt, nonce, sealed = _bytes(found["salt"]), _bytes(found["nonce"]), _bytes(found["ct"])
    if not 8 <= len(salt) <= MAX_SALT or len(nonce) != _NONCE:
        raise BadEnvelope("it has a salt or a nonce of the wrong length")
    if not _TAG < len(sealed) <= 4 * vault.MAX_VALUE + _TAG:
        raise BadEnvelope("it is empty, or longer than a secret")
    return Envelope(memory, passes, lanes, nonce, sealed, _tries(salt, found["salt"], found["cost"]))


def _tries(salt: bytes, salt_text: str, cost: str) -> tuple[Try, ...]:
    """The cheap one first."""
    long = b"%b;argon2id;%b" % (_HEADER, cost.encode())
    return (
        Try(None, _HEADER),  # gman up to 0.2.3: it wiped the key before it used it
        Try(salt, long),  # its later source
        Try(salt, _HEADER),  # the first as it was meant
        Try(salt_text.encode(), _HEADER),  # its other function, which takes the text for the salt
    )


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except ValueError:
        raise BadEnvelope("it is damaged: what should be base64 is not") from None


@dataclass(frozen=True, slots=True)
class Opened:
    """``rotate``: its key was 32 zero bytes, so whoever had the file could read it."""

    value: str = field(repr=False)
    rotate: bool = False


def is_zero_key(one: Envelope, answer: tuple[int, bytes] | None) -> bool:
    """Whether ``answer``, the number of a try and what it gave, needed no password."""
    return answer is not None and one.tries[answer[0]].salt is None


def opened(one: Envelope, which: int, data: bytes) -> Opened:
    """What try number ``which`` of ``one`` gave. Raises BadEnvelope if it is not text."""
    try:
        value = data.decode()
        vault.check("A", value)
    except UnicodeDecodeError:
        raise BadEnvelope("it does not hold text") from None
    except vault.BadSecret as error:
        raise BadEnvelope(str(error)) from None
    return Opened(value, is_zero_key(one, (which, data)))


def unlike(envelopes: Mapping[str, Envelope | BadEnvelope]) -> dict[str, Envelope]:
    """Those that can be tried."""
    return {name: one for name, one in envelopes.items() if isinstance(one, Envelope)}
