"""``lokictl events``"""

from __future__ import annotations

import json
import select
from collections.abc import Callable, Mapping
from typing import Any, get_args

import click

from lokictl import link, subscription
from lokictl.command import Command
from lokictl.failure import ClosedPipe, Failure
from lokictl.render import clean, is_terminal, write
from lokid.rpc.methods import Topic

AGAIN_S = 1.0
"""Between two looks for a daemon: as often as a daemon looks for what has changed."""


class Topics(click.Choice[str]):
    """Completed from these, judged by lokid, which may be newer and suggests the nearest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        return str(value)


@click.command(
    cls=Command,
    name="events",
    examples=(
        ("lokictl events", "how everything is, then every change; a JSON map a line"),
        ("lokictl events clients tokens", "only these topics"),
        ("lokictl events --once usage", "how it is now, and end"),
        ("lokictl events --wait", "for a status bar: lokid may come and go"),
    ),
)
@click.argument("topics", nargs=-1, metavar="[TOPIC]...", type=Topics(get_args(Topic)))
@click.option("--once", is_flag=True, help="Print how things are and end.")
@click.option(
    "--wait",
    "patient",
    is_flag=True,
    help="Wait for lokid while none runs, and tell so with the topic daemon.",
)
def command(topics: tuple[str, ...], once: bool, patient: bool) -> int:
    """What happens in lokid, for status bars: one JSON map a line.

    Topics: reloads, clients, tokens, requests, usage, vault. Starts no lokid.
    """
    on_wait = None if once else _until_something
    is_down = False

    def on_hello(hello: Mapping[str, Any]) -> None:
        nonlocal is_down
        is_down = False
        if patient:
            told = {"version": hello["version"], "pid": hello["pid"]}
            _print({"topic": "daemon", "state": "up", **told})

    while True:
        try:
            for event in subscription.events(topics or None, on_hello=on_hello, on_wait=on_wait):
                _print(event)
        except Failure as failure:
            if failure.code != "daemon_unavailable" or not patient:
                raise
            if not is_down:  # what took our connection may have been about to end, too
                _print({"topic": "daemon", "state": "down"})
            is_down = True
        if once:
            return 0
        _until_connected()


def _print(event: Mapping[str, Any]) -> None:
    text = json.dumps(event, ensure_ascii=False) + "\n"
    write(1, clean(text) if is_terminal(1) else text)


def _until_something(connection: link.Link) -> None:
    """A bar that has gone shows only when something is written to it, and that may be tomorrow."""
    _poll(lambda poller: poller.register(connection.fileno(), select.POLLIN))


def _until_connected() -> None:
    path = link.path_of_socket()
    sock = None
    while sock is None:
        _poll(lambda _: None, AGAIN_S)
        sock = link.connect(path)
    sock.close()


def _poll(register: Callable[[select.poll], None], timeout_s: float | None = None) -> None:
    """Waits; raises ClosedPipe when nobody reads standard output any more."""
    poller = select.poll()
    poller.register(1, 0)  # POLLERR comes unasked: the reader of the pipe has gone
    register(poller)
    ready = dict(poller.poll(None if timeout_s is None else timeout_s * 1000))
    if ready.get(1, 0) & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
        raise ClosedPipe
