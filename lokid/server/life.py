"""From the loaded program to its end: signals, the service manager, draining.

SIGHUP reloads. SIGTERM or SIGINT drains; a second one ends the patience of the drain (what runs is
cancelled and told so), a third one ends everything where it stands.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import time
from collections.abc import AsyncIterable

import anyio
from anyio.abc import TaskGroup

import lokid
from lokid.errors import LokidError
from lokid.logs import place
from lokid.server.endpoint import Endpoint
from lokid.server.extra_listener import ExtraListener
from lokid.server.listener import DRAIN_S, Listener
from lokid.server.rest import rest
from lokid.server.service import Runtime, Service
from lokid.server.signals import HEEDED, release
from lokid.systemd import Notifier

TOGETHER_S = 1.0
"""Two programs that both end lokid at the same time (`lokictl daemon restart` in two windows) want what one
wants. Ctrl-C is a person, who may well mean it twice at once."""

YOUNG = 10_000
"""Objects made and not gone before the collector looks for cycles among them (Python's own figure is 700, of
the year 2000). A streamed question makes about a hundred that stay until it ends; 10,000 are 1 MiB."""

SECOND, ALL = 1, 50
"""After how many such looks it looks at those that stayed, and after how many of these at all. Everybody
waits meanwhile: of Python's own figure, ten, the second look takes 30 ms while thousands of connections are
made (110,000 objects), and after one it takes 7. Each look at all takes 100 ms with 10,000 connections; it
comes after a million objects that stayed, and what cycles it is for, a session and an answer leave none."""

log = logging.getLogger(__name__)


class Life:
    """``run`` returns after a stop signal, when all is closed; ``endpoint`` stays its owner's to close."""

    def __init__(
        self,
        endpoint: Endpoint,
        runtime: Runtime,
        notifier: Notifier,
        watchdog_s: float | None,
        *,
        drain_s: float = DRAIN_S,
    ) -> None:
        self._endpoint = endpoint
        self._runtime = runtime
        self._notifier = notifier
        self._watchdog_s = watchdog_s
        self._drain_s = drain_s
        service = Service(runtime, endpoint.path, time.time())
        self._requests = service.requests
        self._listener = Listener(endpoint, service)
        self._extra = ExtraListener(service)
        self._stop = anyio.Event()
        self._reload = anyio.Event()

    async def run(self) -> None:
        with anyio.open_signal_receiver(*HEEDED) as signals:
            release()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._heed, signals, tasks)
                await self._live()
                tasks.cancel_scope.cancel()

    async def _heed(self, signals: AsyncIterable[signal.Signals], tasks: TaskGroup) -> None:
        stops, before = 0, (signal.SIGHUP, 0.0)
        async for received in signals:
            if received is signal.SIGHUP:
                self._reload.set()
                continue
            now = anyio.current_time()
            if received is signal.SIGTERM is before[0] and now - before[1] < TOGETHER_S:
                continue
            stops, before = stops + 1, (received, now)
            log.info("%s, number %d", received.name, stops)
            if stops == 1:
                self._stop.set()
            elif stops == 2:
                self._listener.hurry()
                self._extra.hurry()
            else:
                tasks.cancel_scope.cancel()

    async def _live(self) -> None:
        async with anyio.create_task_group() as below:
            # Connections wait in the backlog until the runtime has loaded.
            await below.start(self._runtime.run)
            if self._extra.is_wanted_at(self._endpoint.path):
                # What has the path of the extra socket is forwarded to those who may do less.
                log.error("%s is the extra socket of this configuration: no lokid serves all there, so "
                          "LOKID_SOCK must name another, or nothing", self._endpoint.path)  # fmt: skip
                below.cancel_scope.cancel()
                return
            async with anyio.create_task_group() as serving:
                serving.start_soon(self._listener.run)
                serving.start_soon(self._watch)
                serving.start_soon(self._extra.run)
                serving.start_soon(self._reload_on_demand)
                serving.start_soon(rest, self._requests)
                if self._watchdog_s is not None:
                    serving.start_soon(self._give_signs_of_life, self._watchdog_s)
                self._announce()
                await self._stop.wait()
                self._notifier.stopping()
                self._runtime.stop()
                async with anyio.create_task_group() as draining:
                    draining.start_soon(self._extra.drain, self._drain_s)
                    await self._listener.drain(self._drain_s)
                serving.cancel_scope.cancel()
            # The runtime closes last: the requests that just ended were its own.
            below.cancel_scope.cancel()

    async def _watch(self) -> None:
        await self._listener.watch()
        # Draining, or nobody can reach us any more: two daemons must not both refresh the same tokens.
        self._stop.set()

    def _announce(self) -> None:
        _settle()
        path = self._endpoint.path
        log.info("lokid %s serves %s (pid %d)", lokid.__version__, path, os.getpid())
        if os.geteuid() == 0:
            log.warning("running as root: only root can use this lokid, and a fault in it is a fault of root")
        self._notifier.ready(f"serving {path}")

    async def _give_signs_of_life(self, every_s: float) -> None:
        """In the event loop, not in a thread: a thread would vouch for a loop that hangs."""
        while True:
            self._notifier.alive()
            await anyio.sleep(every_s)

    async def _reload_on_demand(self) -> None:
        """One reload at a time; signals that come during one are one more reload together."""
        while True:
            await self._reload.wait()
            self._reload = anyio.Event()
            if self._stop.is_set():
                continue
            self._notifier.reloading()
            try:
                answer = await self._runtime.reload()
                log.info("reloaded: generation %s", answer.get("generation"))
                status = "reloaded"
            except LokidError as error:
                log.warning("not reloaded, the old configuration stays: %s", error.message)
                status = "the configuration is invalid, the old one stays"
            except Exception as error:
                log.error("bug in a reload: %s", place(error))  # noqa: TRY400 - the place, never the text
                status = "not reloaded because of a bug, the old configuration stays"
            # READY either way: the service runs on, and systemd waits for the end of the reload.
            self._notifier.ready(status)


def _settle() -> None:
    """What was made for the start stays for good: the collector need not look through it again and again.
    Nearly all else goes by itself, without the collector, when its request ends; so that one comes less
    often. A tenth of the time of a short question."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, SECOND, ALL)
