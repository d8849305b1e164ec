"""Envelopes of Loki's vault, made with another library than the one that opens them: ``cryptography`` has
Argon2id and ChaCha20-Poly1305; HChaCha20 (draft-irtf-cfrg-xchacha-03, 2.2) is written out here."""

from __future__ import annotations

import base64
import os
import struct

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

VARIANTS = ("zero key", "later source", "as meant", "text as salt")

_HEADER = "$VAULT;v1"


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """The key of the inner cipher. ``nonce``: its first 16 bytes."""
    state = [
        *struct.unpack("<4L", b"expand 32-byte k"),
        *struct.unpack("<8L", key),
        *struct.unpack("<4L", nonce),
    ]

    def add(a: int, b: int, d: int, turn: int) -> None:
        state[a] = (state[a] + state[b]) & 0xFFFFFFFF
        mixed = state[d] ^ state[a]
        state[d] = ((mixed << turn) | (mixed >> (32 - turn))) & 0xFFFFFFFF

    for _ in range(10):
        for a, b, c, d in (
            (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
            (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
        ):  # fmt: skip
            add(a, b, d, 16)
            add(c, d, b, 12)
            add(a, b, d, 8)
            add(c, d, b, 7)
    return struct.pack("<8L", *state[:4], *state[12:])


def seal(key: bytes, nonce: bytes, text: bytes, aad: bytes) -> bytes:
    """XChaCha20-Poly1305."""
    inner = hchacha20(key, nonce[:16])
    return ChaCha20Poly1305(inner).encrypt(bytes(4) + nonce[16:], text, aad)


def envelope(
    value: str | bytes, password: str, variant: str = "as meant", *, m: int = 64, t: int = 1, p: int = 1
) -> str:
    """As one of the four ways of gman writes it. Costs are small: they are in the envelope."""
    salt, nonce = os.urandom(16), os.urandom(24)
    salt_text = base64.b64encode(salt).decode()
    cost = f"m={m},t={t},p={p}"
    aad = _HEADER
    taken = salt
    if variant == "text as salt":
        salt_text = salt_text.rstrip("=")  # as a PHC salt is written
        taken = salt_text.encode()
    elif variant == "later source":
        aad = f"{_HEADER};argon2id;{cost}"
    derived = Argon2id(salt=taken, length=32, iterations=t, lanes=p, memory_cost=m)
    key = bytes(32) if variant == "zero key" else derived.derive(password.encode())
    data = value if isinstance(value, bytes) else value.encode()
    sealed = base64.b64encode(seal(key, nonce, data, aad.encode())).decode()
    return f"{_HEADER};argon2id;{cost};salt={salt_text};nonce={base64.b64encode(nonce).decode()};ct={sealed}"
