"""JSON Merge Patch (RFC 7396), with a record of who set what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(target: Any, patch: Any) -> Any:
    """The patched value. ``target`` and ``patch`` stay as they are; nothing of the result that was merged
    is shared with either, the rest is."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


LONGEST = 256
"""Characters of a path. Each value below has one of its own: of a megabyte of keys inside each other they
would be gigabytes."""


def origins(patch: Any, label: str, place: str = "") -> dict[str, str]:
    """What ``patch`` decides: dotted path of each value that it sets or removes -> ``label``. What lies below
    a path of more than ``LONGEST`` is one value.

    Later patches win, so the records of several are joined in the order in which they apply.
    """
    found: dict[str, str] = {}
    _record(patch, label, place, found)
    return found


def _record(patch: Any, label: str, place: str, found: dict[str, str]) -> None:
    if not isinstance(patch, Mapping) or (place and not patch) or len(place) > LONGEST:
        found[place] = label
        return
    for key, value in patch.items():
        _record(value, label, f"{place}.{key}" if place else key, found)
