"""``lokictl ps``"""

from __future__ import annotations

from typing import Any

import click

from lokictl import link
from lokictl.command import Command, json_option
from lokictl.render import note
from lokictl.tables import duration, show, show_json, table
from lokictl.vault_paths import is_locked

HEADERS = ("id", "method", "model", "program", "pid", "state", "elapsed")


@click.command(
    cls=Command,
    name="ps",
    examples=(
        ("lokictl ps", "what runs or waits for its turn, for whom, how long"),
        ("lokictl cancel 7", "end one of them"),
    ),
)
@json_option
def command(as_json: bool) -> int:
    """The requests that run now. When no lokid runs, nothing does: it is not started for this."""
    running = link.call("requests.list", start=False)
    if as_json:
        show_json(running)
    else:
        show(table(HEADERS, [row(request) for request in running], fits=True))
        if is_locked():
            note("lokid is locked: lokictl unlock")
    return 0


def row(request: dict[str, Any]) -> tuple[object, ...]:
    if request.get("model") == "":  # nobody named one, and lokid has not got to it yet
        request = {**request, "model": "(default)"}
    return (*(request.get(key) for key in HEADERS[:-1]), duration(request["elapsed_s"]))
