"""``lokictl lock``"""

from __future__ import annotations

import click

from lokictl import client
from lokictl.command import Command


@click.command(
    cls=Command,
    name="lock",
    examples=(("lokictl lock", "before you leave the machine"), ("lokictl unlock", "when you are back")),
)
def command() -> int:
    """Make lokid forget every secret of the vault, until `lokictl unlock`. Requests that run finish."""
    client.call("secrets.lock", start=False)
    return 0
