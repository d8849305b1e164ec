"""pyrage, imported when the first of it is needed: a megabyte that a daemon without a vault does not have."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    import pyrage

    return getattr(pyrage, name)
