"""Connections that are there before the question: dialled ahead for clients that were used lately.

When lokid starts, after a suspend, and when the provider has closed an idle one. One look in ``LOOK_S``
seconds notices all of that, so an idle lokid wakes up for it every ten seconds and no more. No key, no
prompt and nothing else of a question goes out; a client that nobody used for half an hour is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from urllib.parse import urlsplit
from weakref import ref

import anyio

from lokid.providers.addresses import is_loopback
from lokid.runtime.clients import OpenClient

LOOK_S = 10.0

START_S = 1.0
"""After the start. Whoever's question started lokid dials himself, and has the processor first."""

LATELY_S = 1800.0
"""Since the last question, or since the start for those of the day before. Providers close idle connections
after one to six minutes: for a person who reads and thinks in between some twenty handshakes at most."""

CLIENTS = 3
"""That are kept warm at a time. A person uses one or two."""

APART_S = 60.0
"""Between two times that a client is dialled: it may be down, or close every idle connection at once."""


@dataclass(slots=True)
class _Known:
    """``client``: weak, as nothing may keep one alive after lokid was locked: it holds keys."""

    client: ref[OpenClient]
    requests: int
    used_at: float
    dialled_at: float = -inf


class Warmth:
    """``clients``: those of the present generation. ``locked``: whether the vault is, and then nobody is
    there to ask anything."""

    def __init__(self, clients: Callable[[], Mapping[str, OpenClient]], locked: Callable[[], bool]) -> None:
        self._clients = clients
        self._locked = locked
        self._known: dict[str, _Known] = {}

    async def run(self, lately: Iterable[str]) -> None:
        """Until cancelled. ``lately``: names of clients that were used before the start."""
        now = anyio.current_time()
        clients = self._clients()
        self._known = {
            name: _Known(ref(clients[name]), clients[name].requests, now)
            for name in lately
            if name in clients
        }
        del clients  # as for ``_Known``
        await anyio.sleep(START_S)
        while True:
            await _dial(self.cold(anyio.current_time()))
            await anyio.sleep(LOOK_S)

    def cold(self, now: float) -> list[OpenClient]:
        """Whom to dial now; counts as done. ``now``: on the clock of ``anyio.current_time``."""
        clients = self._clients()
        for name, client in clients.items():
            known = self._known.get(name)
            if known is None:
                known = self._known[name] = _Known(ref(client), 0, -inf)
            if known.client() is not client:  # its entry was changed
                known.client, known.requests, known.dialled_at = ref(client), 0, -inf
            if client.requests != known.requests:
                known.requests, known.used_at = client.requests, now
        self._known = {name: known for name, known in self._known.items() if name in clients}
        if self._locked():
            return []
        used = [
            (known, clients[name]) for name, known in self._known.items() if now - known.used_at <= LATELY_S
        ]
        used.sort(key=lambda each: -each[0].used_at)
        cold = [
            (known, client)
            for known, client in used[:CLIENTS]
            if now - known.dialled_at >= APART_S and _may_be_dialled(client)
        ]
        for known, _ in cold:
            known.dialled_at = now
        return [client for _, client in cold]


def _may_be_dialled(client: OpenClient) -> bool:
    """Not one of this machine, whose connections cost nothing; not one that nothing could be asked; not
    one behind a proxy, to which a request would have to be sent."""
    if client.launched is not None or client.in_use or not client.http.dials_in_silence:
        return False
    if client.http.is_warm() or client.state(lately=False)[0] != "ready":
        return False
    host = urlsplit(client.provider.base_url(client.settings)).hostname
    return host is not None and not is_loopback(host)


async def _dial(clients: list[OpenClient]) -> None:
    async with anyio.create_task_group() as group:
        for client in clients:
            group.start_soon(_dial_one, client)


async def _dial_one(client: OpenClient) -> None:
    with client.lease():
        await client.dial()
