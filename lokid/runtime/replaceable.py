"""Whether another user can put something else in the place of a file: its owner can, and whoever may write to
the directory that it is in. Root can do anything, and is not meant."""

from __future__ import annotations

import os
import stat


def why(path: str, owner: int) -> str | None:
    """The end of a sentence that begins with the path; None if nobody can. ``owner``: of the open file."""
    if _is_strange(owner):
        return "belongs to another user, so it is not used: make it your own with chown"
    # At the end of all links, and where the first of them is.
    for directory in dict.fromkeys((os.path.dirname(os.path.realpath(path)), os.path.dirname(path))):
        try:
            facts = os.stat(directory or ".")
        except OSError:
            continue  # it was there when the file was opened; the next look tells
        if _is_strange(facts.st_uid):
            return f"is in a directory of another user, who may replace it, so it is not used: {directory}"
        if facts.st_mode & stat.S_IWOTH and not facts.st_mode & stat.S_ISVTX:
            return f"may be replaced by every user of this machine, so it is not used: chmod o-w {directory}"
    return None


def _is_strange(uid: int) -> bool:
    return uid not in (os.geteuid(), 0) and not (uid == _NOBODY and _sees_not_all_users())


_NOBODY = 65534
"""As who the kernel shows the users that a namespace does not have (its default for ``overflowuid``)."""


def _sees_not_all_users() -> bool:
    """In a sandbox of systemd's (``PrivateUsers=``) root is one of them."""
    try:
        with open("/proc/self/uid_map") as file:
            return file.read().split() != ["0", "0", "4294967295"]
    except OSError:
        return False
