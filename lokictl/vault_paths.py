"""Where the vault and its identity are: as the daemon says, else as the configuration does."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from lokictl import client
from lokictl.failure import Failure
from lokid.rpc import address

WITHIN_S = 10.0
"""Seconds for a look at the configuration by a program of lokid. It takes half of one."""


def vault_paths() -> tuple[str, str]:
    """Vault, identity. Raises ``address.NoHome``."""
    usual = address.vault_file(os.environ), address.identity_file(os.environ)
    try:
        found = client.call("secrets.status", start=False)
        return str(found["file"] or usual[0]), str(found["identity"] or usual[1])
    except (Failure, KeyError):
        return _configured() or usual


def is_locked() -> bool:
    """Whether the daemon that runs is locked. False if none runs."""
    try:
        return bool(client.call("secrets.status", start=False).get("locked"))
    except Failure:
        return False


def _configured() -> tuple[str, str] | None:
    """None: there is no word of a vault in the configuration, as in most, or it cannot be read."""
    try:
        with open(address.config_file(os.environ), encoding="utf-8", errors="replace") as file:
            if "vault" not in file.read():
                return None
        done = subprocess.run(
            [sys.executable, "-P", "-m", "lokid.runtime.whereabouts"],
            capture_output=True,
            timeout=WITHIN_S,
            check=True,
        )
        found = json.loads(done.stdout)
        return found["vault_file"], found["identity_file"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None
