"""A program of its own that opens the envelopes of Loki's vault: ``python unseal.py`` with JSON on standard
input, ``{"password", "envelopes": [{"m", "t", "p", "nonce", "sealed", "tries": [[salt | null, aad]]}]}``,
bytes in base64. Answers per envelope ``[number of the try, secret]`` or null. Exit status ``LACKS``: without
the extra ``import``.

A program, because an envelope may ask for 1 GiB of memory, and so that the daemon never loads what it
needs once in its life. Nothing of lokid is imported.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # as typing takes time, see main
    from typing import Any

LACKS = 4


def main() -> int:
    import sys

    # As the daemon itself, before what takes time: whoever has opened the memory by then keeps it.
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    import json
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        import argon2  # noqa: F401 - as the next, only whether it is there
        import nacl  # noqa: F401
    except ImportError:
        return LACKS
    request = json.load(sys.stdin)
    password = request["password"].encode()
    json.dump([_open(password, one) for one in request["envelopes"]], sys.stdout)
    return 0


def _open(password: bytes, envelope: dict[str, Any]) -> tuple[int, str] | None:
    import base64

    import argon2.low_level
    import nacl.bindings
    import nacl.exceptions

    nonce, sealed = base64.b64decode(envelope["nonce"]), base64.b64decode(envelope["sealed"])
    keys = {None: bytes(32)}
    for number, (salt, aad) in enumerate(envelope["tries"]):
        if salt not in keys:
            # PyNaCl has Argon2id too, but only with salts of 16 bytes and one lane.
            keys[salt] = argon2.low_level.hash_secret_raw(
                password,
                base64.b64decode(salt),
                time_cost=envelope["t"],
                memory_cost=envelope["m"],
                parallelism=envelope["p"],
                hash_len=32,
                type=argon2.low_level.Type.ID,
            )
        try:
            secret = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed, base64.b64decode(aad), nonce, keys[salt]
            )
        except nacl.exceptions.CryptoError:
            continue
        return number, base64.b64encode(secret).decode()
    return None


if __name__ == "__main__":
    raise SystemExit(main())
