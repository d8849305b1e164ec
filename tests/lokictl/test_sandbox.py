"""How the sandbox that lokid found itself in is told."""

from __future__ import annotations

from typing import Any

from lokictl import sandbox


def daemon(state: str, *, reason: str | None = None, **probes: bool) -> dict[str, Any]:
    found = {"state": state, "service": state != "none", "probes": probes, "memory_closed": False}
    return {"sandbox": found | ({"reason": reason} if reason else {})}


def test_what_holds_and_what_does_not_is_named() -> None:
    assert sandbox.line(daemon("complete", home_read_only=True)) == "complete (home read only)"
    partial = daemon("partial", home_read_only=False, temp_private=True)
    assert sandbox.line(partial) == "not complete, there is no: home read only"
    assert "lokictl daemon install" in sandbox.line(daemon("none", home_read_only=False))


def test_only_a_units_missing_part_is_a_problem() -> None:
    assert sandbox.problem(daemon("none", home_read_only=False)) is None
    told = sandbox.problem(daemon("partial", reason="because\x1b[31m", home_read_only=False))
    assert told is not None
    assert told.startswith("the sandbox of lokid.service lacks: home read only. because")
    assert "\x1b" not in told


def test_an_older_lokid_is_not_judged() -> None:
    assert sandbox.line({}) == sandbox.memory({}) == "not known"
    assert sandbox.problem({}) is None
