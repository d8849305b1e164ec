"""Questions to a person at a terminal. What they type that is no answer is told in the words of the question,
which click's own prompts do not: "Error: invalid input"."""

from __future__ import annotations

from collections.abc import Sequence

import click

from lokictl.render import note, one_line


def confirm(question: str, *, default: bool = False) -> bool:
    marks = "Y/n" if default else "y/N"
    while True:
        said = _typed(f"{one_line(question)} [{marks}]").casefold()
        if said in ("", "y", "yes", "n", "no"):
            return said in ("y", "yes") or (not said and default)
        note("please type y for yes or n for no")


def choose(question: str, names: Sequence[str], *, default: str, otherwise: str) -> str:
    """One of ``names``. ``otherwise``: what to do who wants none of them."""
    while True:
        said = _typed(f"{question} ({', '.join(names)}) [{default}]").casefold() or default
        if said in names:
            return said
        import difflib

        near = difflib.get_close_matches(said, names, n=1)
        note(f"that is none of them{f', did you mean {near[0]}?' if near else ''}; {otherwise}")


def _typed(question: str) -> str:
    said: str = click.prompt(question, default="", show_default=False, err=True)
    return said.strip()
