"""Keeps the generated parts of the documentation current: ``python -m tools.pages`` (`make fix` does it).

A generated part stands between two comments that name it. What draws it is in the table ``PARTS``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tools import capabilities, layers, man, tables

ROOT = Path(__file__).parent.parent

PARTS: dict[tuple[str, str], Callable[[], str]] = {
    ("README.md", "capabilities"): tables.capabilities,
    ("docs/architecture.md", "layers"): layers.picture,
    ("docs/configuration.md", "capabilities"): tables.capabilities,
    ("docs/configuration.md", "client keys"): tables.client_keys,
    ("docs/configuration.md", "model keys"): tables.model_keys,
    ("docs/configuration.md", "extra keys"): tables.extra_keys,
    ("docs/configuration.md", "launch keys"): tables.launch_keys,
    ("docs/configuration.md", "extra socket keys"): tables.extra_socket_keys,
    ("docs/providers.md", "capability matrix"): capabilities.matrix,
    ("docs/providers.md", "refused requests"): capabilities.refusals,
    ("docs/providers.md", "vendors"): capabilities.known_vendors,
    ("docs/providers.md", "ways in"): capabilities.ways,
    ("docs/configuration.md", "oauth keys"): tables.oauth_keys,
}
"""Page and name of the part -> what draws it."""


def current(page: str) -> str:
    """The text of the page as it should be."""
    text = (ROOT / page).read_text()
    for (where, name), draw in PARTS.items():
        if where == page:
            begin, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->\n"
            before, found, rest = text.partition(begin)
            _, closed, after = rest.partition(end)
            assert found and closed, f"{page} has no place for {name!r}"
            text = f"{before}{begin}\n{draw()}\n{end}{after}"
    return text


def main() -> None:
    for page in {page for page, _ in PARTS}:
        wanted = current(page)
        if wanted != (ROOT / page).read_text():
            (ROOT / page).write_text(wanted)
    man.main()


if __name__ == "__main__":
    main()
