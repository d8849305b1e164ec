"""What a lokid that starts now would say is wrong: ``lokid --check``, which does all but serve."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Sequence
from typing import NamedTuple

from lokictl import autostart, link
from lokictl.failure import Failure
from lokictl.render import one_line
from lokid.rpc.codes import EXIT_STATUS

CHECK_S = 20.0
"""For a start that ends before anything is loaded."""

LOCKED_S = 5.0
"""A lokid that starts has its socket after 0.1 s, and a look has the lock for less."""


class Would(NamedTuple):
    """Whether it would ``start``, and in sentences what is wrong."""

    start: bool
    problems: list[str]


def tried() -> Would:
    """Where none runs. Nothing is wrong where one has started meanwhile."""
    path = link.path_of_socket()
    until = time.monotonic() + LOCKED_S
    while True:
        status, said = _checked(path)
        if status != autostart.SECOND_PLACE or time.monotonic() > until:
            break
        if (sock := link.connect(path)) is not None:
            sock.close()
            return Would(True, [])
        time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 (two that look in step would meet again)
    if status in (0, EXIT_STATUS["config_invalid"]):
        return Would(True, said)
    return Would(False, [f"lokid cannot start: {said[-1]}"])


def again(program: str | None) -> str:
    """Why none would start in the place of the one that runs; empty if one would. ``program``: what systemd
    starts."""
    status, said = _checked(link.path_of_socket(), (program,) if program else autostart.COMMAND)
    starts = (0, autostart.SECOND_PLACE, EXIT_STATUS["config_invalid"])
    return "" if status in starts else said[-1]


def _checked(path: str, lokid: Sequence[str] = autostart.COMMAND) -> tuple[int, list[str]]:
    """Its status and the lines that it said."""
    try:
        autostart.check_directory(path)  # root would make things there that the user may not enter
    except Failure as failure:
        return 1, [failure.message]
    command = (*lokid, "--check")
    environ = autostart.environment()
    try:
        done = subprocess.run(command, env=environ, capture_output=True, timeout=CHECK_S, check=False)  # noqa: S603 (our own interpreter)
    except subprocess.TimeoutExpired:
        return 1, [f"it does not come up within {CHECK_S:g} s"]
    except OSError as error:
        return 1, [f"{lokid[0]}: {error.strerror}"]
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    said = [one_line(line.removeprefix("lokid: ")) for line in lines]
    return done.returncode, said if said or not done.returncode else [f"status {done.returncode}"]
