"""``events.subscribe``: how things are, for status bars.

Strategy: an event says how one thing *is*, not what happened to it, so nothing has to be queued. A
subscriber is told the difference between what it was told last and what is so now, whenever it has taken
what came before. A slow one skips what was in between and gets the newest; a stopped one holds a few
kilobytes and keeps nobody waiting.

Requests of the daemon give a nudge when they begin and when they end. What changes without one (a saved file,
a refreshed token, the end of a pause, midnight) is seen by looking. Nobody looks without a subscriber, and a
nudge then costs one addition.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import anyio

from lokid.logs import place
from lokid.rpc.messages import encode_notification
from lokid.rpc.methods import EventMap, Topic
from lokid.server.outbox import Outbox
from lokid.server.service import Service

LOOK_S = 1.0
"""Between two looks without a nudge: eyes do not see a status bar earlier. A look at twenty clients takes a
tenth of a millisecond."""

PAUSE_S = 0.1
"""After each look: a thousand requests in a second are ten looks, not two thousand."""

GONE = "gone"
"""The ``state`` of a client that is not in the configuration any more."""

log = logging.getLogger(__name__)

Subject = tuple[Topic, str | None]
"""What an event is about: a topic, and with some of them a client."""


def changes(told: Mapping[Subject, EventMap], now: Mapping[Subject, EventMap]) -> Iterator[EventMap]:
    """What to tell somebody who knows ``told``."""
    for subject, event in now.items():
        if subject not in told or not _same(told[subject], event):
            yield event
    for topic, client in told:
        if client is not None and (topic, client) not in now:
            yield {"topic": topic, "client": client, "state": GONE}


def _same(told: EventMap, now: EventMap) -> bool:
    # The reason of a pause counts its seconds.
    return told == now or told.get("state") == now.get("state") == "cooling_down"


class Subscription:
    """Of one connection. ``begun``: whether ``run`` was started; ``scope`` ends it."""

    def __init__(self, service: Service, topics: Sequence[Topic]) -> None:
        self._service = service
        self._topics = topics
        self._seen = service.requests.moves
        self._told = look(service, topics)
        self.scope = anyio.CancelScope()
        self.begun = False

    def now(self) -> list[EventMap]:
        """What was so when it was made; ``run`` tells what has changed since."""
        return list(self._told.values())

    async def run(self, outbox: Outbox) -> None:
        """Until cancelled. A bug here ends it, and nothing else."""
        try:
            with self.scope:
                while True:
                    await self._tell(outbox)
                    await anyio.sleep(PAUSE_S)
                    with anyio.move_on_after(LOOK_S):
                        await self._service.requests.moved(self._seen)
        except Exception as error:
            log.error("bug in events.subscribe: %s", place(error))  # noqa: TRY400 - the place, never the text

    async def _tell(self, outbox: Outbox) -> None:
        self._seen = self._service.requests.moves
        now = look(self._service, self._topics)
        frames = [encode_notification("event", [event]) for event in changes(self._told, now)]
        self._told = now
        if frames:
            await outbox.send(b"".join(frames))
            await outbox.flushed()  # who does not read is not looked for


# --- what there is to tell


def look(service: Service, topics: Iterable[Topic]) -> dict[Subject, EventMap]:
    """How everything of ``topics`` is now."""
    found = (cast("EventMap", {"topic": topic, **row}) for topic in topics for row in TOPICS[topic](service))
    return {(event["topic"], event.get("client")): event for event in found}


Row = Mapping[str, Any]


def _reloads(service: Service) -> Iterable[Row]:
    yield _only(service.runtime.config_status(), "generation", "loaded_at", "problems")


def _clients(service: Service) -> Iterable[Row]:
    for row in service.runtime.list_clients():
        yield {"client": row["name"]} | _only(row, "state", "auth", "reason")


def _tokens(service: Service) -> Iterable[Row]:
    for row in service.runtime.auth.status(None):
        yield _only(row, "client", "state", "refreshes", "obtained_at", "expires_at", "reason")


def _requests(service: Service) -> Iterable[Row]:
    running, waiting = service.requests.count()
    yield {"running": running, "waiting": waiting}


def _usage(service: Service) -> Iterable[Row]:
    yield _only(service.runtime.usage_status(), "today", "month", "budgets")


def _vault(service: Service) -> Iterable[Row]:
    yield _only(service.runtime.secrets.state(), "state", "reason")


TOPICS: dict[Topic, Callable[[Service], Iterable[Row]]] = {
    "reloads": _reloads,
    "clients": _clients,
    "tokens": _tokens,
    "requests": _requests,
    "usage": _usage,
    "vault": _vault,
}


def _only(row: Row, *keys: str) -> dict[str, Any]:
    return {key: row[key] for key in keys if key in row}
