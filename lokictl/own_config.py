"""lokid's configuration as lokictl writes it: never over one that is there without somebody's word."""

from __future__ import annotations

import os
from collections.abc import Mapping

import click

from lokictl.failure import Failure
from lokictl.render import is_terminal, one_line
from lokid.rpc import address


def path(environ: Mapping[str, str]) -> str:
    """Where it is, whether or not it exists."""
    try:
        return address.config_file(environ)
    except address.NoHome as error:
        raise Failure("config_invalid", str(error)) from None


def may_replace(path: str) -> bool:
    """Asks. Only a person at a terminal can say so."""
    if not (is_terminal(0) and is_terminal(2)):
        return False
    return click.confirm(one_line(f"{path} is there already; replace it (it is kept as .bak)?"), err=True)


def write(path: str, text: str) -> str | None:
    """Whole or not at all, mode 0600; what was there is kept beside it, and its path is returned."""
    path = os.path.realpath(path)  # what is renamed into place must not replace a link
    backup = f"{path}.bak" if os.path.exists(path) else None
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        if backup is not None:
            with open(path, "rb") as old:
                _put(backup, old.read())
        _put(path, text.encode())
    except OSError as error:
        raise Failure("config_invalid", f"cannot write {path}: {error.strerror}") from None
    return backup


def _put(path: str, data: bytes) -> None:
    temporary = f"{path}.{os.urandom(8).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with open(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
