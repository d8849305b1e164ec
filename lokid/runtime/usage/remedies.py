"""What is wrong with the files of the ledger, and what whoever has them can do."""

from __future__ import annotations

import errno
import sqlite3

from lokid import sandbox
from lokid.runtime.usage.rows import Unusable

_AWAY = "move it away, and lokid begins a new one"
_YOURS = "make it, its directory and its disk writable for you, or name another in LOKID_STATE_DIR"

_REMEDIES: dict[int, str] = {
    sqlite3.SQLITE_BUSY: "end the program that holds it",
    sqlite3.SQLITE_LOCKED: "end the program that holds it",
    sqlite3.SQLITE_CORRUPT: _AWAY,
    sqlite3.SQLITE_NOTADB: _AWAY,
    sqlite3.SQLITE_READONLY: _YOURS,
    sqlite3.SQLITE_CANTOPEN: _YOURS,
    sqlite3.SQLITE_PERM: _YOURS,
    sqlite3.SQLITE_FULL: "make room",
}

_REMEDIES_OF_THE_SYSTEM: dict[int | None, str] = {
    errno.EISDIR: _AWAY,
    errno.ENOTDIR: "a file is where its directory should be: move that file away",
    errno.EEXIST: "a file is where its directory should be: move that file away",
    errno.ELOOP: "it is a symbolic link, and those are not followed: put the file itself there",
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _YOURS),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room"),
}


def explained(error: sqlite3.Error | OSError | Unusable, path: str = "") -> str:
    """What is wrong and, after a semicolon, what to do. ``path``: of what was to be written."""
    what = str(error)
    match error:
        case OSError():
            what = (error.strerror or "unknown reason").lower()  # without the path, which is told already
            of_unit = sandbox.unwritable(sandbox.of_this_process(), error, [path])
            remedy = of_unit or _REMEDIES_OF_THE_SYSTEM.get(error.errno, "")
        case Unusable():
            remedy = "update lokid, or move it away"
        case _:  # the low byte is the kind, the rest a detail of it
            remedy = _REMEDIES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "")
    return f"{what}; {remedy}" if remedy else what
