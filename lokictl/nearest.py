"""Whether a name is another one with a slip of the finger: what ``ask`` refuses before it costs anything.

Stricter than ``difflib``, which takes ``localhost`` for ``local``: words of a question stay words.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST = 3
"""Letters. ``re:`` and ``a:`` are one slip away from half of all short names."""

LONG = 7
"""From here on two slips are still one word, as in ``anthorpic``."""


def mistyped(word: str, names: Iterable[str]) -> str | None:
    """The name that ``word`` was to be, and is not."""
    word = word.casefold()
    if len(word) < SHORTEST:
        return None
    allowed = 2 if len(word) >= LONG else 1
    slips = sorted((_slips(word, name.casefold()), name) for name in names)
    return slips[0][1] if slips and slips[0][0] <= allowed else None


def _slips(a: str, b: str) -> int:
    """Letters left out, added, changed, or swapped with the next one (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                least = min(least, older[j - 2] + 1)
            row.append(least)
    return row[-1]
