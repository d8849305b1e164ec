"""``lokictl help``"""

from __future__ import annotations

from typing import Any

import click

from lokictl.command import Command


@click.command(
    cls=Command,
    name="help",
    examples=(
        ("lokictl help", "all commands"),
        ("lokictl help ask", "one of them"),
        ("lokictl help secret set", "one of a command's own"),
    ),
)
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
def command(words: tuple[str, ...]) -> Any:
    """What a command does, with examples: the same as COMMAND --help."""
    from lokictl.cli import lokictl

    return lokictl.main([*words, "--help"], prog_name="lokictl", standalone_mode=False)
