"""``lokictl clients``"""

from __future__ import annotations

from typing import Any

import click

from lokictl import link
from lokictl.command import Command, json_option
from lokictl.commands import status
from lokictl.commands.usage import money
from lokictl.tables import show, show_json, state_style, table

HEADERS = ("client", "type", "auth", "state", "today", "usd", "what to do")


@click.command(
    cls=Command,
    name="clients",
    examples=(("lokictl clients", "who is ready, and what the others need"), ("lokictl clients --json", "")),
)
@json_option
def command(as_json: bool) -> int:
    """The configured clients, whether they are ready, and today's requests and their cost."""
    clients = link.call("clients.list")
    if as_json:
        show_json(clients)
    else:
        show(table(HEADERS, [_row(one) for one in clients], state_style, fits=True))
    return 0


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    today = one.get("today")  # an older daemon does not tell
    used = (today["requests"], money(today["cost_usd"])) if today else (None, None)
    return (*(one.get(key) for key in ("name", "type", "auth", "state")), *used, status.step(one))
