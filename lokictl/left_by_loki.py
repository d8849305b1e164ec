"""The files that Loki and aichat leave behind. lokictl reads them, since the daemon opens no file that a
caller names, and understands none of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field

from lokictl.failure import usage

MAX_CONFIG = 16 * 1024 * 1024
MAX_VAULT = 16 * 1024 * 1024
MAX_TOKEN = 64 * 1024
"""Bytes. More than any of these files has; the daemon has its own bounds."""

MAX_TOKENS = 64
"""Files with tokens: clients that sign in."""

MAX_PASSWORD = 64 * 1024

_TOKENS = "_oauth_tokens.json"


@dataclass(frozen=True, slots=True)
class Left:
    """Paths; None where there is no file. ``tokens``: client -> its file."""

    config: str | None
    vault: str | None
    tokens: Mapping[str, str] = field(default_factory=dict)


def find(environ: Mapping[str, str], config: str | None, vault: str | None) -> Left:
    """What is there. ``config`` and ``vault`` name files to take instead of the usual ones."""
    home = environ.get("HOME", "")
    configs = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    cache = environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    usual = [_config_of(program, environ, configs) for program in ("loki", "aichat")]
    folder = os.path.join(cache, "loki", "oauth")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    tokens = {
        name.removesuffix(_TOKENS): os.path.join(folder, name)
        for name in names
        if name.endswith(_TOKENS) and name != _TOKENS
    }
    if len(tokens) > MAX_TOKENS:
        raise usage(f"{folder} holds the tokens of more than {MAX_TOKENS} clients")
    return Left(
        config or next(filter(os.path.isfile, usual), None),
        vault or next(filter(os.path.isfile, [os.path.join(configs, "loki", "vault.yml")]), None),
        tokens,
    )


def find_aichat(environ: Mapping[str, str], config: str | None) -> Left:
    """The configuration alone, and never Loki's."""
    configs = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", ""), ".config")
    usual = _config_of("aichat", environ, configs)
    return Left(config or (usual if os.path.isfile(usual) else None), None)


def _config_of(program: str, environ: Mapping[str, str], configs: str) -> str:
    prefix = program.upper()
    folder = environ.get(f"{prefix}_CONFIG_DIR") or os.path.join(configs, program)
    return environ.get(f"{prefix}_CONFIG_FILE") or os.path.join(folder, "config.yaml")


def read(path: str, limit: int, *, pipe: bool = False) -> str:
    """The text of a regular file, or of a ``pipe`` too. Raises ``Failure``, which quotes nothing of it."""
    path = os.path.expanduser(path)
    wait = 0 if pipe else os.O_NONBLOCK  # to open a pipe that nobody writes to would hang
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | wait), "rb") as file:
            if not (pipe or stat.S_ISREG(os.fstat(file.fileno()).st_mode)):
                raise usage(f"{path} is not a regular file")
            data = file.read(limit + 1)
    except OSError as error:
        raise usage(f"cannot read {path}: {error.strerror}") from None
    if len(data) > limit:
        raise usage(f"{path} is too large for what it should be")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise usage(f"{path} is not UTF-8 text") from None


def password_in(path: str) -> str:
    """As Loki reads it: without the white space around it. ``<(pass show loki)`` is a pipe."""
    if not (password := read(path, MAX_PASSWORD, pipe=True).strip()):
        raise usage(f"{path} is empty, and should hold the password of Loki's vault")
    return password
