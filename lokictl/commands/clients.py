"""``lokictl clients``"""

from __future__ import annotations

import click

from lokictl import client
from lokictl.command import Command, json_option
from lokictl.tables import show, show_json, state_style, table

HEADERS = ("client", "type", "auth", "state", "reason")


@click.command(
    cls=Command,
    name="clients",
    examples=(("lokictl clients", "who is ready, and what the others need"), ("lokictl clients --json", "")),
)
@json_option
def command(as_json: bool) -> int:
    """The configured clients and whether they are ready."""
    clients = client.call("clients.list")
    if as_json:
        show_json(clients)
    else:
        show(table(HEADERS, [[c.get(key) for key in ("name", *HEADERS[1:])] for c in clients], state_style))
    return 0
