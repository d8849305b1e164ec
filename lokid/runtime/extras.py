"""How what a part of lokid needs beyond itself is installed."""

from __future__ import annotations

import sys


def hint(extra: str) -> str:
    """For errors. From the clone, as README installs: no package index has lokid, and whoever took its name
    there would be asked for it."""
    return f"in your clone of lokid: {pip()} '.[{extra}]'"


def pip() -> str:
    return f"{sys.executable} -m pip install"
