"""What ``eval "$(lokictl init SHELL)"`` gives a shell: completion on TAB, and Alt-e, which turns the words on
the line into a command. One file per shell; each keeps the same promises (docs/shell.md), and
tests/lokictl/test_shells.py holds all of them to these in real terminals.
"""

from __future__ import annotations

import os


def script(shell: str) -> str:
    """The code for ``bash``, ``zsh`` or ``fish``."""
    with open(os.path.join(os.path.dirname(__file__), f"lokictl.{shell}"), encoding="utf-8") as file:
        return file.read()
