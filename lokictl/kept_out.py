"""Why nobody is asked on a socket at which somebody listens. Loaded only then."""

from __future__ import annotations

import os
import stat

from lokictl.failure import Failure


def foreign(path: str) -> Failure:
    """Who listens there is another user."""
    return Failure(
        "daemon_unavailable",
        f"the lokid on {path} belongs to another user, and every user has their own",
        "run lokictl as that user, without sudo; or unset LOKID_SOCK and XDG_RUNTIME_DIR",
    )


def forbidden(path: str) -> Failure:
    """The system does not let us there: somebody changed the mode of what is ours, or it is another's."""
    place = "/"
    for name in path.split("/")[1:]:
        place = os.path.join(place, name)
        try:
            facts = os.lstat(place)
        except OSError:
            break
        needed, letters = (stat.S_IXUSR, "rwx") if stat.S_ISDIR(facts.st_mode) else (stat.S_IWUSR, "rw")
        if facts.st_uid == os.geteuid() and not facts.st_mode & needed:
            mode = stat.S_IMODE(facts.st_mode)
            what = f"{place} is closed to you, whose it is (mode {mode:04o}); the socket of lokid is {path}"
            return Failure("daemon_unavailable", what, f"chmod u+{letters} {place}")
    return foreign(path)
