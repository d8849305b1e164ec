"""What ``status`` and ``doctor`` say about the sandbox that lokid found itself in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lokictl.render import one_line


def line(daemon: Mapping[str, Any]) -> str:
    """``daemon``: of ``status``. What holds and what does not, as lokid tried it."""
    sandbox = daemon.get("sandbox")
    if not sandbox:
        return "not known"  # an older lokid
    missing = _names(sandbox["probes"], holds=False)
    match sandbox["state"]:
        case "complete":
            return f"complete ({_names(sandbox['probes'], holds=True)})"
        case "none":
            return "none (lokictl daemon install has one)"
        case _:
            return f"not complete, there is no: {missing}"


def memory(daemon: Mapping[str, Any]) -> str:
    """Whether other programs of the same user can look into lokid."""
    sandbox = daemon.get("sandbox")
    if not sandbox or "memory_closed" not in sandbox:
        return "not known"
    if sandbox["memory_closed"]:
        return "closed to other programs"
    return 'open to debuggers that you run (docs/security.md, "The sandbox")'


def problem(daemon: Mapping[str, Any]) -> str | None:
    """Where the unit promises more than the kernel keeps."""
    sandbox = daemon.get("sandbox") or {}
    reason = sandbox.get("reason")
    if not reason:
        return None
    missing = _names(sandbox["probes"], holds=False)
    return one_line(f"the sandbox of lokid.service lacks: {missing}. {reason}")


def _names(probes: Mapping[str, bool], *, holds: bool) -> str:
    return ", ".join(one_line(name).replace("_", " ") for name, held in probes.items() if held is holds)
