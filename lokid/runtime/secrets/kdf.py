"""A program of its own that locks and unlocks an identity with a passphrase: ``python kdf.py`` with a JSON
request on standard input, ``{"passphrase", "wrap" | "unwrap": base64}``; the result in base64 on standard
output. Exit status ``WRONG``: not with this passphrase.

A program, because the key derivation takes a second and 512 MiB on purpose and pyrage keeps the
interpreter's lock all the while: in a thread of the daemon it would stop every answer. Its memory goes
with it.
"""

from __future__ import annotations

WRONG = 3


def main() -> int:
    import sys

    # As the daemon itself, before what takes time: whoever has opened the memory by then keeps it.
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    import base64
    import json
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import pyrage

    request = json.load(sys.stdin)
    passphrase: str = request["passphrase"]
    try:
        if "wrap" in request:
            result = pyrage.passphrase.encrypt(base64.b64decode(request["wrap"]), passphrase)
        else:
            result = pyrage.passphrase.decrypt(base64.b64decode(request["unwrap"]), passphrase)
    except pyrage.DecryptError:
        return WRONG
    sys.stdout.write(base64.b64encode(result).decode())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
