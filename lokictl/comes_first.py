"""A variable that comes before a key of the vault: the key was kept, and another one is sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lokictl import link
from lokictl.render import note, one_line
from lokictl.systemctl import properties


def tell_of(names: Collection[str]) -> None:
    """Of secrets that were kept, once the configuration that uses them is in force."""
    for row in link.call("secrets.list") if names else ():
        if row["name"] in names:
            tell(row)


def tell(secret: Mapping[str, Any]) -> None:
    """``secret``: as ``secrets.set`` and ``secrets.list`` answer it."""
    if not (place := secret.get("overridden_by")):
        return
    name = one_line(secret["name"])
    first = one_line(secret.get("variable", secret["name"]))
    where, mend = f"in {one_line(place)}", "take it out there"
    if place == "environment":
        where = "with which lokid was started"
        is_unit = (properties("MainPID") or {}).get("MainPID", "0") != "0"
        unset = f"systemctl --user unset-environment {first}" if is_unit else f"unset {first}"
        mend = f"{unset}; lokictl daemon restart"
    said = (
        f"another {name} comes first, {where}" if first == name else f"{first}, {where}, comes before {name}"
    )
    note(f"lokictl: {said}: {mend}")
