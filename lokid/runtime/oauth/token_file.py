"""Where the tokens of a client are kept: ``tokens/<client>.json`` of the state directory, mode 0600 in 0700.

A file is there whole or not at all (``durable``). ``gen`` counts its tokens. Whoever writes holds its lock,
reads it again and looks whether another process was quicker. ``refreshing`` says that a refresh token was
sent and the answer is not here yet: written before, gone with the answer. Found by somebody else, it tells
of a process that died in between.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import anyio
import anyio.to_thread
from pydantic import SecretStr

from lokid import logs
from lokid.protocols.oauth2_answers import Token
from lokid.rpc import address
from lokid.runtime import durable, regular

VERSION = 1

MAX_BYTES = 64 * 1024
"""Two tokens of 16 Ki characters and little else."""

PATIENCE = 60.0
"""Seconds to wait for another process that refreshes: twice what a token request may take."""

_END = 253_402_300_799.0  # the end of the year 9999

_PAUSE = 0.05  # seconds between two looks at a lock that is taken

Mark = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Refreshing:
    """``tries``: how many times the refresh token of this ``gen`` was sent without an answer."""

    gen: int
    at: float
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """``token_url`` and ``client_id``: who gave the tokens, and to whom; they go nowhere else.
    ``refused_at``: when the server said that the refresh token is not good any more."""

    gen: int
    token: Token
    token_url: str
    client_id: str
    issuer: str | None = None
    refreshing: Refreshing | None = None
    refused_at: float | None = None


class Unusable(Exception):
    """The file is there and cannot be used. The text is the end of a sentence about it."""


def path_of(client: str, environ: Mapping[str, str]) -> str:
    """Of the client's file. The name of a client can stand in a file name (``settings._client_name``).
    Raises ``address.NoHome``."""
    return os.path.join(os.path.abspath(address.state_dir(environ)), "tokens", f"{client}.json")


def mark(path: str) -> Mark:
    """Changes with every write and change of mode. Blocks for microseconds: the state directory is local."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_ino, facts.st_ctime_ns, facts.st_size


def read(path: str) -> Record | None:
    """None without a file. Raises Unusable. Blocks for microseconds."""
    try:
        with regular.opened(path, follow=False) as (file, facts):
            if facts.st_uid != os.geteuid():
                raise Unusable("belongs to another user")
            if facts.st_mode & 0o077:
                mode = stat.S_IMODE(facts.st_mode)
                why = "others could read the tokens in it: chmod 600 mends that"
                raise Unusable(f"has mode {mode:04o}, so {why}")
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except regular.NotRegular as error:
        raise Unusable(str(error)) from None
    except OSError as error:
        raise Unusable(f"cannot be read ({(error.strerror or 'unknown reason').lower()})") from None
    try:
        return _record(data)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise Unusable("is damaged") from None  # the message of what was raised quotes it


def write(path: str, record: Record) -> None:
    """Under ``locked``. On disk when it returns; raises OSError. Blocks."""
    data = json.dumps(_map(record), indent=1).encode()
    with durable.written(path, data) as temporary:
        durable.replace(path, temporary)


def remove(path: str) -> None:
    """Under ``locked``. Raises OSError. Blocks."""
    with suppress(FileNotFoundError):
        os.unlink(path)
        durable.flush_directory(os.path.dirname(path))


@asynccontextmanager
async def locked(path: str, patience: float = PATIENCE) -> AsyncIterator[None]:
    """Across processes, for as long as the block takes: requests may be in it. Makes the directory.
    Raises ``durable.Busy`` and OSError."""
    durable.make_directory(os.path.dirname(path))
    _close_to_others(os.path.dirname(path))
    until = anyio.current_time() + patience
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(durable.lock(path, patience=0))
                break
            except durable.Busy:
                if anyio.current_time() >= until:
                    raise
                await anyio.sleep(_PAUSE)
        yield


def _close_to_others(directory: str) -> None:
    """Raises OSError for a symbolic link: it may lead to a directory of everybody, /tmp for instance."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(fd, 0o700)
    finally:
        os.close(fd)


async def save(path: str, record: Record) -> None:
    """``write`` in a thread, to its end: what was begun is not left half done by a cancelled caller."""
    with anyio.CancelScope(shield=True):
        await anyio.to_thread.run_sync(write, path, record)


def lost(record: Record) -> float | None:
    """When a refresh token was sent whose answer nobody got, twice: by a process that died, and by the one
    that tried again. A third time would only tell the server that somebody has stolen it."""
    intent = record.refreshing
    return intent.at if intent is not None and intent.gen == record.gen and intent.tries > 1 else None


def intending(record: Record, now: float) -> Record:
    """``record`` as it is before its refresh token is sent."""
    intent = record.refreshing
    tries = intent.tries + 1 if intent is not None and intent.gen == record.gen else 1
    return replace(record, refreshing=Refreshing(record.gen, now, tries))


def _map(record: Record) -> dict[str, Any]:
    token, intent = record.token, record.refreshing
    return {
        "v": VERSION,
        "gen": record.gen,
        "issuer": record.issuer,
        "token_url": record.token_url,
        "client_id": record.client_id,
        "scope": token.scope,
        "access_token": token.access_token.get_secret_value(),
        "refresh_token": token.refresh_token.get_secret_value() if token.refresh_token else None,
        "obtained_at": token.obtained_at,
        "expires_at": token.expires_at,
        "refreshing": {"gen": intent.gen, "at": intent.at, "tries": intent.tries} if intent else None,
        "refused_at": record.refused_at,
    }


def _record(data: bytes) -> Record:
    """Raises ValueError, KeyError, TypeError and OverflowError for what ``_map`` has not made."""
    found = json.loads(data)
    if found["v"] != VERSION:
        raise ValueError
    refresh, intent = _text(found["refresh_token"]), found["refreshing"]
    access = found["access_token"]
    if not isinstance(access, str) or not access:
        raise ValueError
    token = Token(
        SecretStr(access),
        SecretStr(refresh) if refresh else None,
        _text(found["scope"]),
        _moment(found["obtained_at"]),
        None if found["expires_at"] is None else _moment(found["expires_at"]),
    )
    register(token)
    return Record(
        int(found["gen"]),
        token,
        str(found["token_url"]),
        str(found["client_id"]),
        _text(found["issuer"]),
        Refreshing(int(intent["gen"]), _moment(intent["at"]), int(intent["tries"])) if intent else None,
        None if found["refused_at"] is None else _moment(found["refused_at"]),
    )


def _moment(value: str | float) -> float:
    """Seconds since the epoch that a calendar has."""
    at = float(value)
    if not 0 <= at <= _END:
        raise ValueError
    return at


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError
    return value


def register(token: Token) -> None:
    """No line of the log shows it from now on."""
    for secret in (token.access_token, token.refresh_token):
        if secret is not None:
            logs.register(secret.get_secret_value())
