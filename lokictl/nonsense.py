"""Whose fault it is when lokictl breaks off: its own, or that of a daemon, or of something else on
its socket, that answers what nobody can read.

Loaded after the failure only, so it may look closely.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lokid
from lokictl.failure import Failure
from lokictl.link import heard
from lokid.rpc import shapes
from lokid.rpc.codes import EXIT_STATUS
from lokid.rpc.methods import METHODS

REPORT = "lokictl doctor > report.txt has what a report of it needs, and no secret"


def explained(what: str) -> tuple[str, str, int]:
    """Message, hint, exit status. ``what``: kind and place of the exception; its text may hold a prompt."""
    wrong = _wrong(heard)
    if wrong is None:
        return f"this is a bug in lokictl: {what}", REPORT, 1
    version, ours = heard.get("version"), lokid.__version__
    hint = "lokictl daemon restart"
    if version == ours:
        hint += f"; if it happens again, {REPORT}"
    said = f"lokid {str(version)[:40]} answered {heard['method']} with something that makes no sense"
    return f"{said} to lokictl {ours} ({wrong or what})", hint, EXIT_STATUS["daemon_unavailable"]


def unreadable(why: str, *, greeted: bool) -> Failure:
    """What came is no message, or none that is for a program. ``why``: in brackets after a space, or
    nothing. ``greeted``: it has said that it is lokid."""
    if not greeted:
        said, hint = f"what answers on the socket is not lokid{why}", "lokictl info shows its path"
    else:
        said, hint = f"lokid sent what is no message of its protocol{why}", "lokictl daemon restart"
    return Failure("daemon_unavailable", said, hint)


def _wrong(heard: Mapping[str, Any]) -> str | None:
    """What is wrong with what was heard; nothing is said of values. "": that cannot be told from here, as
    the method's result has a free form. None: nothing, or nobody answered."""
    if "version" not in heard or "method" not in heard:
        return None
    for event in heard.get("events", ()):
        if not isinstance(event, Mapping) or not isinstance(event.get("text", ""), str):
            return "an event that is none"
    if "result" not in heard:
        return None if "events" in heard else "an error that is none"
    shape = METHODS.get(heard["method"], (None, None))[1]
    if shape is None:
        return ""
    try:
        shapes.check(heard["result"], shape)
    except shapes.ShapeError as error:
        return str(error)[:200]
    return None
