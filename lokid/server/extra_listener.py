"""The extra socket: opened, moved and closed as the configuration says, while everything else goes on.

lokid binds it itself, also under socket activation: systemd would hold a socket that the configuration may
not want, and who forwards it finds it again by its name.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import PurePath

import anyio
from anyio.abc import TaskGroup

from lokid.sandbox import hidden
from lokid.server.access import RESTRICTED
from lokid.server.endpoint import ELSEWHERE, Endpoint, EndpointError, open_endpoint
from lokid.server.listener import DRAIN_S, Listener
from lokid.server.service import Service

log = logging.getLogger(__name__)

AGAIN_S = 5.0
"""Until a socket that could not be opened is tried once more: its lock is held by a daemon that goes, or
somebody mends the directory."""

NAME = "the extra socket"

KEY = "extra_socket.path"


class ExtraListener:
    """``run`` until cancelled; ``drain`` first, so that nobody is cut off."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._listener: Listener | None = None
        self._listeners: set[Listener] = set()
        """It and those that are closed and have questions under way."""
        self._draining = False

    async def run(self) -> None:
        async with anyio.create_task_group() as tasks:
            while not self._draining:  # else a second drain would begin beside the one of all
                state = self._service.extra
                wanted = self._path()
                if wanted != state.path:
                    if self._listener is not None:
                        tasks.start_soon(partial(self._listener.drain, goes_on=True))
                        self._listener = None
                        log.info("%s %s is closed", NAME, state.path)
                    state.path = None
                    if wanted is not None:
                        self._open(wanted, tasks)
                if wanted is None:
                    state.problem = None
                with anyio.move_on_after(None if wanted is None else AGAIN_S):
                    await self._service.runtime.swapped()

    def is_wanted_at(self, path: str) -> bool:
        """Whether that is the path of the configuration's extra socket, of this lokid or of one whose own
        socket is elsewhere: what is relative there is relative to a directory that only that one knows."""
        if (given := self._service.runtime.extra_path()) is None:
            return False
        given = os.path.expanduser(given)
        if os.path.isabs(given):
            return os.path.realpath(given) == os.path.realpath(path)
        below = os.path.normpath(given)
        while below.startswith("../"):
            below = below[3:]
        here = os.path.realpath(path)
        above = {*PurePath(here).parents, *PurePath(os.path.abspath(path)).parents}
        return any(os.path.realpath(os.path.join(one, below)) == here for one in above)

    async def drain(self, limit_s: float = DRAIN_S) -> None:
        self._draining = True
        async with anyio.create_task_group() as draining:
            for listener in self._listeners:
                draining.start_soon(listener.drain, limit_s)

    def hurry(self) -> None:
        for listener in self._listeners:
            listener.hurry()

    def _path(self) -> str | None:
        path = self._service.runtime.extra_path()
        if path is None:
            return None
        return os.path.normpath(os.path.join(os.path.dirname(self._service.socket), os.path.expanduser(path)))

    def _open(self, path: str, tasks: TaskGroup) -> None:
        state = self._service.extra
        try:
            if path == os.path.normpath(self._service.socket):
                raise EndpointError(f"{path} is lokid's own socket:", "give {} another name.")
            if why := hidden([path]):
                raise EndpointError(f"{why}:", ELSEWHERE)
            endpoint = open_endpoint(path)
        except EndpointError as error:
            problem = error.told(KEY)
            if problem != state.problem:
                log.warning("%s is not open: %s", NAME, problem)
            state.problem = problem
            return
        state.path, state.problem = path, None
        self._listener = listener = Listener(endpoint, self._service, access=RESTRICTED)
        self._listeners.add(listener)
        log.info("%s serves %s", NAME, path)
        tasks.start_soon(self._serve, listener, endpoint)

    async def _serve(self, listener: Listener, endpoint: Endpoint) -> None:
        try:
            async with anyio.create_task_group() as watching:
                watching.start_soon(self._watch, listener)
                await listener.run()
                watching.cancel_scope.cancel()
        finally:
            self._listeners.discard(listener)
            endpoint.close()

    async def _watch(self, listener: Listener) -> None:
        await listener.watch()
        if self._listener is listener and not self._draining:  # somebody took its place
            self._listener = None
            self._service.extra.path = None
            await listener.drain(goes_on=True)
