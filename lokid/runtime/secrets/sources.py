"""Where secret values come from: the environment, ``.env``, systemd credentials, commands, files and the
keyring of the operating system. (``vault`` has those of the vault.)

The environment is copied once, when the daemon starts; ``scrub`` then removes the names that clients use
from the process's own, so that no child inherits them. ``.env`` is read with every load of the
configuration and loses against the environment, like everywhere.
"""

from __future__ import annotations

import ctypes
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NoReturn, TypeVar, assert_never

import anyio
from pydantic import SecretStr

from lokid import logs, sandbox
from lokid.config import Problem
from lokid.errors import SecretMissing
from lokid.providers.settings import CommandSecret, FileSecret, KeyringSecret, Secret
from lokid.runtime import lingering, regular, watch
from lokid.runtime.launching import children
from lokid.runtime.secrets import os_keyring

MAX_FILE = 64 * 1024
"""Bytes of a secret's file: a certificate chain would fit, a wrong path to a large file would not."""

RECHECK = 1.0
"""Seconds after which a secret's file is looked at again: rotated credentials work at once, and the
file system is not asked for every request."""

MAX_CREDENTIALS = 1024 * 1024
"""Bytes, as systemd itself limits all credentials of a service (systemd.exec(5))."""

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "`": "`"}


def dotenv(text: str, path: str) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """The variables of a ``.env`` file and what is wrong with it. ``NAME=value`` lines, ``export`` before
    them, ``#`` comments, 'literal' and "escaped" quotes; nothing is expanded and no quote spans lines."""
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        name = name.strip()
        if not equals or not _NAME.fullmatch(name):
            problems.append(Problem(path, number, 1, "", "is not a NAME=value line"))
            continue
        parsed = _value(value.strip())
        if parsed is None:
            problems.append(
                Problem(path, number, 1, name, "has a quote that is not closed, or text after it")
            )
            continue
        values[name] = parsed
    return values, tuple(problems)


def _value(text: str) -> str | None:
    """None: badly quoted."""
    if text[:1] == "'":
        inner, closed, rest = text[1:].partition("'")
        return inner if closed and _is_comment(rest) else None
    if text[:1] == '"':
        found = re.match(r'"((?:[^"\\]|\\.)*)"', text)
        if not found or not _is_comment(text[found.end() :]):
            return None
        return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[0]), found[1])
    return re.split(r"\s#", text, maxsplit=1)[0].rstrip() if text[:1] != "#" else ""


def _is_comment(rest: str) -> bool:
    return not rest.strip() or rest.lstrip().startswith("#")


def scrub(names: Iterable[str]) -> None:
    """Removes the variables from the process's environment; whoever needs them has the copy. Their text is
    overwritten too: what a process was started with stays in ``/proc/PID/environ`` otherwise."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    for name in names:
        if place := getenv(os.fsencode(name)):
            ctypes.memset(place, 0, len(ctypes.string_at(place)))
        os.environ.pop(name, None)


def credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """The systemd credentials (``$CREDENTIALS_DIRECTORY``) that can be named in ``{{NAME}}``. Blocks."""
    directory = environ.get("CREDENTIALS_DIRECTORY")
    found: dict[str, str] = {}
    left = MAX_CREDENTIALS
    try:
        names = sorted(os.listdir(directory)) if directory else []
    except OSError:
        return {}
    for name in names:
        if directory and _CREDENTIAL.fullmatch(name) and left > 0:
            with suppress(OSError, ValueError):  # one that is no text may be there for something else
                found[name] = read(os.path.join(directory, name)).get_secret_value()
                left -= len(found[name])
    return found


_CREDENTIAL = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
"""Without ``-``: that of the vault's identity is none of them."""


def open_to_others(mode: int) -> bool:
    return bool(mode & (stat.S_IRGRP | stat.S_IROTH))


@dataclass(frozen=True, slots=True)
class _Failure:
    key: str
    message: str
    hint: str


class Keyring:
    """The secrets of one client. ``values``: as configured, by settings key.

    Resolved once: text as it is, a command's first line until ``forget``, a file's text until the file
    changes. Concurrent callers wait for one resolution and share its failure.
    """

    def __init__(
        self,
        client: str,
        values: Mapping[str, Secret],
        *,
        environ: Mapping[str, str],
        directory: str,
    ) -> None:
        self._client = client
        self._values = values
        self._environ = environ
        self._directory = directory
        self._lock = anyio.Lock()
        self._in_files = [value for value in values.values() if isinstance(value, FileSecret)]
        self._resolved: Mapping[str, SecretStr] | None = None
        self._marks: tuple[watch.Mark, ...] = ()
        self._checked_at = float("-inf")
        self._failures = 0
        self._failure: _Failure | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The settings keys that have a value in some form."""
        return tuple(self._values)

    def forget(self) -> None:
        """Commands run again and files are read again at the next use."""
        self._resolved = None

    async def get(self) -> Mapping[str, SecretStr]:
        """Raises SecretMissing with the client, the key and what failed; never with the value."""
        if self._resolved is not None and not self._in_files:
            return self._resolved
        failures = self._failures
        async with self._lock:
            if self._failures != failures and self._failure is not None:
                raise self._missing(self._failure)  # of the try that this caller waited for
            if self._resolved is None or await self._files_changed():
                self._resolved = await self._resolve()
            return self._resolved

    async def _look(self, work: Callable[[], T]) -> T:
        return await lingering.look(("secrets", self._client), work)

    def _files(self) -> tuple[str, ...]:
        return tuple(secret_path(value, self._directory) for value in self._in_files)

    async def _files_changed(self) -> bool:
        now = time.monotonic()
        if now - self._checked_at < RECHECK:
            return False
        marks = await self._look(partial(watch.marks, self._files()))
        self._checked_at = now
        return marks != self._marks

    async def _resolve(self) -> Mapping[str, SecretStr]:
        marks = await self._look(partial(watch.marks, self._files()))
        resolved = {key: await self._one(key, value) for key, value in self._values.items()}
        for value in resolved.values():
            logs.register(value.get_secret_value())
        self._marks = marks
        self._checked_at = time.monotonic()
        return resolved

    async def _one(self, key: str, value: Secret) -> SecretStr:
        match value:
            case SecretStr():
                return value
            case CommandSecret(command=command, timeout=timeout):
                environ = children.environment(self._environ, children.PASSWORD_MANAGERS)
                try:
                    return SecretStr(await children.first_line(command, environ, self._directory, timeout))
                except children.CommandFailed as error:
                    program = os.path.basename(command[0])
                    hint = _mends(program, error) + sandbox.advice(sandbox.of_this_process(), str(error))
                    self._fail(key, f"could not be had: {program!r} {error}", hint)
            case FileSecret():
                path = secret_path(value, self._directory)
                try:
                    return await self._look(partial(read, path))
                except (OSError, ValueError) as error:
                    reason = error.strerror if isinstance(error, OSError) else str(error)
                    hint = "put it elsewhere: the service has a /tmp of its own"
                    hint = hint if sandbox.hidden([path]) else "check the file"
                    self._fail(key, f"could not be read: {path}: {reason}", hint)
            case KeyringSecret(keyring=(service, name)):
                try:
                    return SecretStr(await os_keyring.ask(service, name))
                except os_keyring.KeyringFailed as error:
                    self._fail(key, f"could not be had: the keyring {error}", os_keyring.HINT)
            case _:
                assert_never(value)

    def _fail(self, key: str, what: str, hint: str) -> NoReturn:
        self._failures += 1
        self._failure = _Failure(key, f"{key} of client {self._client!r} {what}", hint)
        raise self._missing(self._failure)

    def _missing(self, failure: _Failure) -> SecretMissing:
        return SecretMissing(failure.message, hint=failure.hint, client=self._client)


def _mends(program: str, error: children.CommandFailed) -> str:
    if isinstance(error, children.NotFound):
        return f"install {program}, or write where it is (its whole path): lokictl config edit"
    return "run the command by hand"


def secret_path(value: FileSecret, directory: str) -> str:
    """Relative paths begin at the configuration's ``directory``."""
    return os.path.join(directory, os.path.expanduser(value.file))


def read(path: str) -> SecretStr:
    """The text of a secret's file, without the final newline. Raises OSError and ValueError. Blocks."""
    with regular.opened(path) as (file, _):
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise ValueError("is larger than 64 KiB")
    try:
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError("is not text") from None
    if not text:
        raise ValueError("is empty")
    return SecretStr(text)
