"""``lokictl lock``"""

from __future__ import annotations

import click

from lokictl import link
from lokictl.command import Command
from lokictl.render import note, write


@click.command(
    cls=Command,
    name="lock",
    examples=(("lokictl lock", "before you leave the machine"), ("lokictl unlock", "when you are back")),
)
def command() -> int:
    """Make lokid forget every key, token and login, until `lokictl unlock`. Requests that run finish."""
    answer = link.call("secrets.lock", start=False)
    write(1, "locked\n")
    if "environment" in answer.get("kept", ()):
        note("a copy of lokid's environment stays in its memory, as there is no open vault to encrypt it to")
        note("keys in it can move: lokictl secret import-env")
    for what in answer.get("kept", ()):
        if what != "environment":
            note(f"{what} stay in memory until they are on disk: make room, or mend the permissions")
    if answer.get("in_flight"):
        note("requests still run; what they have goes with them")
    if answer.get("identity_kind") == "file":
        note("unlocking asks for nothing, and a restart of lokid unlocks too: lokictl secret passphrase")
    return 0
