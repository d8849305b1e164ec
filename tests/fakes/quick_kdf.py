"""In place of ``lokid.runtime.secrets.kdf``: the same program to who calls it, without the second and the
512 MiB of one derivation. A passphrase that is the path of a FIFO takes until somebody has opened that."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import sys

from lokid.runtime.secrets.kdf import WRONG

HEAD = b"age-encryption.org/v1\n"


def main() -> int:
    request = json.load(sys.stdin)
    passphrase: str = request["passphrase"]
    if os.path.exists(passphrase) and stat.S_ISFIFO(os.stat(passphrase).st_mode):
        with open(passphrase, "rb"):
            pass
    head = HEAD + hashlib.sha256(passphrase.encode()).digest()
    if "wrap" in request:
        result = head + base64.b64decode(request["wrap"])
    else:
        data = base64.b64decode(request["unwrap"])
        if not data.startswith(head):
            return WRONG
        result = data[len(head) :]
    sys.stdout.write(base64.b64encode(result).decode())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
