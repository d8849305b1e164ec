"""The environment that the daemon was started with: the one source of secrets that cannot be read again.

Variables that are keys are removed from the process, so this is the only copy. While lokid is locked it is
an age ciphertext, as the vault on disk is, and only the variables that are no secrets by their nature stay.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from lokid.runtime.launching import children
from lokid.runtime.secrets.sources import scrub

OPEN = children.PASSWORD_MANAGERS | frozenset(
    """
    AWS_CA_BUNDLE CREDENTIALS_DIRECTORY JOURNAL_STREAM LOKID_CONFIG LOKID_ENV_FILE LOKID_LOG LOKID_SOCK
    LOKID_STATE_DIR NO_COLOR NOTIFY_SOCKET PWD REQUESTS_CA_BUNDLE SSL_CERT_DIR SSL_CERT_FILE
    """.split()  # noqa: SIM905 - names read better as words
)
"""Paths and manners. Whatever else there is may be somebody's key under a name that nobody knows."""


class Environment:
    """``environ`` is copied. ``open``: what stays readable while it is sealed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.open = {name: value for name, value in environ.items() if name in OPEN}
        self._rest: Mapping[str, str] = {n: value for n, value in environ.items() if n not in self.open}
        self.sealed: bytes | None = None
        """What ``seal`` has made of the rest."""

    @property
    def all(self) -> Mapping[str, str]:
        """Without what is sealed."""
        return {**self.open, **self._rest}

    def seal(self, encrypt: Callable[[bytes], bytes] | None) -> bool:
        """Keeps nothing but a ciphertext of what may be secret, and removes it from the process's own
        environment too. False: there is nothing to ``encrypt`` with, so a copy stays in memory."""
        scrub(self._rest)
        if self._rest and encrypt is not None:
            self.sealed, self._rest = encrypt(json.dumps(self._rest).encode()), {}
        return not self._rest

    def restore(self, plain: bytes | None) -> None:
        """``plain``: what was encrypted, None if nothing was."""
        if plain is not None:
            self._rest, self.sealed = json.loads(plain), None
