"""``lokictl unlock``"""

from __future__ import annotations

import click

from lokictl import link, spinner
from lokictl.command import Command
from lokictl.failure import Failure
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
    # The status has the identity as it was at the lock. Only unlocking looks at it anew.
    try:
        link.call("secrets.unlock", {"passphrase": None})
    except Failure as failure:
        if failure.code != "invalid_params":
            raise
        passphrase = ask("passphrase of the vault: ")
        spinner.call("secrets.unlock", {"passphrase": passphrase})  # that takes two seconds on purpose
    write(1, "unlocked\n")
    return 0
