"""``lokictl init``"""

from __future__ import annotations

import click

from lokictl.command import Command
from lokictl.shell import script
from lokictl.tables import show


@click.command(
    cls=Command,
    name="init",
    examples=(
        ('eval "$(lokictl init bash)"', "in ~/.bashrc"),
        ('eval "$(lokictl init zsh)"', "in ~/.zshrc"),
        ("lokictl init fish | source", "in ~/.config/fish/config.fish"),
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Code for your shell: TAB completes commands, options, clients, models and names of secrets; Alt-e turns
    the words that you typed into a command. It runs nothing by itself and starts no daemon."""
    show(script(shell))
    return 0
