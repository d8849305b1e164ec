"""``lokictl cancel``"""

from __future__ import annotations

import click

from lokictl import link
from lokictl.command import Command


@click.command(
    cls=Command, name="cancel", examples=(("lokictl ps", "the ids"), ("lokictl cancel 7", "end number 7"))
)
@click.argument("request_id", metavar="ID", type=int)
def command(request_id: int) -> int:
    """End the request ID of ps: at the provider too. Its caller sees the error "cancelled"."""
    link.call("requests.cancel", {"id": request_id}, start=False)
    return 0
