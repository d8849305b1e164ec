"""``lokictl unlock``"""

from __future__ import annotations

import click

from lokictl import link, spinner
from lokictl.command import Command
from lokictl.render import write
from lokictl.secret_input import ask


@click.command(
    cls=Command,
    name="unlock",
    examples=(("lokictl unlock", "asks for the passphrase if there is one"),),
)
def command() -> int:
    """Let lokid have its keys, tokens and logins again. A passphrase is asked for if there is one, or read
    from standard input."""
    passphrase = None
    if link.call("secrets.status")["identity_kind"] == "passphrase":
        passphrase = ask("passphrase of the vault: ")
    spinner.call("secrets.unlock", {"passphrase": passphrase})  # a passphrase takes two seconds on purpose
    write(1, "unlocked\n")
    return 0
