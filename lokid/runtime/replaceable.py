"""Whether another user can put something else in the place of a file: its owner can, and whoever may write to
a directory on the way there, links included. Root can do anything, and is not meant."""

from __future__ import annotations

import os
import stat


def why(path: str, owner: int) -> str | None:
    """The end of a sentence that begins with the path; None if nobody can. ``owner``: of the open file."""
    if _is_strange(owner):
        return "belongs to another user, so it is not used: make it your own with chown"
    above = _on_the_way(os.environ.get("HOME") or "/")
    for directory in _on_the_way(path):
        if directory in above:
            continue  # who can replace the home, or a link to it, can do anything
        try:
            facts = os.stat(directory)
        except OSError:
            continue  # it was there when the file was opened; the next look tells
        if _is_strange(facts.st_uid):
            return f"is in a directory of another user, who may replace it, so it is not used: {directory}"
        if facts.st_mode & stat.S_IWOTH and not facts.st_mode & stat.S_ISVTX:
            return f"may be replaced by every user of this machine, so it is not used: chmod o-w {directory}"
    return None


MOST_LINKS = 40
"""As the kernel's own limit."""


def _on_the_way(path: str) -> dict[str, None]:
    """Each directory of which an entry (a link, say) leads to the file; the one that holds it first."""
    if not path.startswith("/"):  # only then: the directory in which lokid was started may be gone
        path = os.path.join(os.getcwd(), path)
    ahead = path.split("/")[:0:-1]  # the next part is the last
    at, seen, links = "/", list[str](), 0
    while ahead:
        part = ahead.pop()
        if part in ("", "."):
            continue
        if part == "..":
            at = os.path.dirname(at)
            continue
        seen.append(at)
        try:
            target = os.readlink(os.path.join(at, part))
        except OSError:  # not a link
            at = os.path.join(at, part)
            continue
        links += 1
        if links > MOST_LINKS:
            break
        at = "/" if target.startswith("/") else at
        ahead += target.split("/")[::-1]
    return dict.fromkeys(reversed(seen))


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
