"""What a caller made up as the state of an earlier answer, and names something that is stored for the owner
of the key. No model answers with that, and callers of the extra socket may not read what the owner may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def holds(value: Any, names_stored: Callable[[Mapping[str, Any]], bool]) -> bool:
    """Whether ``names_stored`` is true of a map in the JSON value, however deep it lies there."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            if names_stored(one):
                return True
            left += one.values()
        elif isinstance(one, list):
            left += one
    return False
