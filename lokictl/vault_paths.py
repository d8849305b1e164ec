"""Where the vault and its identity are: as the daemon says, else as the configuration does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from lokictl import link
from lokictl.failure import Failure
from lokid.rpc import address

WITHIN_S = 10.0
"""Seconds for a look at the configuration by a program of lokid. It takes half of one."""


def vault_paths(status: Mapping[str, Any] | None) -> tuple[str, str]:
    """Vault, identity. ``status``: the daemon's, None if none runs. Raises ``address.NoHome``."""
    usual = address.vault_file(os.environ), address.identity_file(os.environ)
    vault = (status or {}).get("vault") or {}
    if "file" in vault:
        return str(vault["file"] or usual[0]), str(vault["identity"] or usual[1])
    return _configured() or usual


def is_locked() -> bool:
    """Whether the daemon that runs is locked. False if none runs."""
    try:
        return bool(link.call("secrets.status", start=False).get("locked"))
    except Failure:
        return False


def _configured() -> tuple[str, str] | None:
    """None: there is no word of a vault in the configuration, as in most, or it cannot be read."""
    try:
        with open(address.config_file(os.environ), encoding="utf-8", errors="replace") as file:
            if "vault" not in file.read():
                return None
        done = subprocess.run(
            [sys.executable, "-P", "-m", "lokid.runtime.secrets.whereabouts"],
            capture_output=True,
            timeout=WITHIN_S,
            check=True,
        )
        found = json.loads(done.stdout)
        return found["vault_file"], found["identity_file"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None
