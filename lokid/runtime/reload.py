"""From files to a generation, as one transaction: read, parse, plan, open, swap, retire.

A file with a problem changes nothing: the generation before stays, the problems show in the status. So
does a file that is gone. A good one takes over in one assignment; clients whose entry did not change are
the very same objects in the next generation, the others close after their last lease.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import anyio
import anyio.to_thread

from lokid.config import Config, Plan, Problem, plan
from lokid.config.problem import Path
from lokid.errors import ConfigInvalid
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ClientSettings
from lokid.runtime import children, secrets, watch
from lokid.runtime.clients import OpenClient, Surroundings, known_models
from lokid.runtime.generation import Generation
from lokid.runtime.launch import Spawn
from lokid.runtime.loading import Loaded, Paths, load
from lokid.runtime.vault import LOCKED, UNLOCK, Vault

QUIET = 0.02
"""Seconds without a change before a file is read: programs truncate and then write, or write in pieces."""

BUSY = 0.5
"""Seconds after which a file that never comes to rest is read all the same."""

AGAIN = 1.0
"""Seconds until a file that the system could not read is tried once more."""

log = logging.getLogger("lokid.reload")


@dataclass(frozen=True, slots=True)
class Change:
    """What a reload did, by client name."""

    generation: int
    kept: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


class Reloader:
    """Owns the current generation. ``environ``: the daemon's, copied at its start. ``spawn``, in its
    methods: starts a task that lives as long as the runtime."""

    def __init__(
        self,
        paths: Paths,
        environ: Mapping[str, str],
        *,
        builtin: Callable[[], tuple[ClientSettings, ...]] = lambda: (),
    ) -> None:
        self.paths = paths
        self.generation = Generation(0, Config(paths.config), {}, None)
        self.loaded = Loaded(None, ())
        self.vault = Vault(environ, os.path.dirname(paths.config))
        self._environ = environ
        self._builtin = builtin
        self._lock = anyio.Lock()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why the last load failed; empty when it did not."""
        return self.loaded.problems

    async def reload(self, spawn: Spawn, *, forced: bool = True) -> Change:
        """Raises ConfigInvalid with every problem. Not ``forced``: files with the text they had before
        are not loaded again. One at a time; a second caller waits and then loads anew."""
        async with self._lock:
            read = partial(load, self.paths, self._environ, self._builtin, self.vault)
            loaded = await anyio.to_thread.run_sync(read, abandon_on_cancel=True)
            while loaded.vault.epoch != self.vault.epoch:  # locked meanwhile
                loaded = await anyio.to_thread.run_sync(read, abandon_on_cancel=True)
            same = loaded.texts == self.loaded.texts and loaded.problems == self.loaded.problems
            old = self.generation
            if gone := self._gone(loaded):
                loaded = replace(loaded, config=None, problems=(gone,), models={})
            if loaded.config is None:
                # What is in use came from the vault as it was before.
                kept = self.loaded
                self.loaded = replace(loaded, environ=kept.environ, vault=kept.vault, settings=kept.settings)
                raise ConfigInvalid(
                    "\n".join(map(str, loaded.problems)), hint="the configuration before stays in use"
                )
            # Nothing but the generation itself keeps what came out of the vault.
            self.loaded = replace(loaded, config=None, models={})
            if same and not forced and old.number:
                return Change(old.number, kept=tuple(old.clients))
            return self._swap(old, loaded, loaded.config, spawn, forced=forced)

    def _gone(self, loaded: Loaded) -> Problem | None:
        """A file that was in use and is not there any more, or a vault that cannot be read any more."""
        if loaded.config is None:
            return None
        old, said = self.generation, "is gone; what it held stays in use until `lokictl daemon restart`"
        if loaded.texts[0] is None and old.from_file:
            return Problem(self.paths.config, 1, 1, "", said)
        before, now = self.loaded.vault, loaded.vault
        if before.state == "open" and before.file == now.file and now.state in ("absent", "refused"):
            why = now.reason or said
            return Problem(now.file, 1, 1, "", why)
        return None

    def seal(self, spawn: Spawn) -> None:
        """Takes everything that came out of the vault out of the clients, at once and without a look at
        any file. Requests in flight finish with what they have."""
        self.vault.lock()
        old, names = self.generation, self.loaded.vault.secrets.keys()
        # Nothing that is read from now on counts as the same.
        self.loaded = replace(
            self.loaded, texts=(), vault=replace(self.loaded.vault, state="locked", reason=LOCKED, secrets={})
        )
        if not old.number:
            return
        config = _sealed(old.config, frozenset(names))
        models = {
            one.name: known_models(one, PROVIDERS[one.type])
            if config.missing.get(one.name)
            else old.clients[one.name].models
            for one in config.clients
        }
        for client in old.clients.values():
            client.forget()
        text = "" if old.from_file else None
        sealed = Loaded(config, (), environ=self.loaded.environ, models=models, texts=(text,))
        self._swap(old, sealed, config, spawn, forced=True)

    def _swap(self, old: Generation, loaded: Loaded, config: Config, spawn: Spawn, *, forced: bool) -> Change:
        """No await from here to the end: nobody sees anything between the two generations."""
        secrets.scrub(loaded.used_names - children.COMMON)
        around = Surroundings(loaded.environ, os.path.dirname(self.paths.config), spawn)
        steps = plan(old.config if old.number else None, config)
        if anew := tuple(name for name in steps.keep if old.clients[name].outdated(loaded.environ)):
            keep = tuple(name for name in steps.keep if name not in anew)
            steps = Plan(keep=keep, open=steps.open + anew, close=steps.close + anew)
        clients = {
            settings.name: old.clients[settings.name]
            if settings.name in steps.keep
            else OpenClient(
                settings,
                PROVIDERS[settings.type],
                around,
                missing=config.missing.get(settings.name, ()),
                patch_overrides=config.patch_overrides.get(settings.name),
                models=loaded.models[settings.name],
            )
            for settings in config.clients
        }
        self.generation = Generation(
            old.number + 1, config, clients, time.time(), from_file=loaded.texts[0] is not None
        )
        for name in steps.close:
            spawn(old.clients[name].retire)
        for name in steps.open:
            clients[name].begin(spawn)
            if name in old.clients and old.clients[name].requests:
                spawn(clients[name].dial)  # its users should not wait for a handshake
        if forced:
            for name in steps.keep:
                clients[name].forget()
        return Change(old.number + 1, steps.keep, steps.open, steps.close)

    async def follow(self, spawn: Spawn) -> None:
        """Loads whenever a file changed, until cancelled."""
        with watch.Watch() as watching:
            while True:
                files = self.loaded.files or (self.paths.config, self.paths.env_file)
                await _arm(watching, files)
                if not self.loaded.young and await _marks(files) == self.loaded.marks:
                    with anyio.move_on_after(AGAIN if self.loaded.unread else None):
                        await watching.wait()
                        continue
                await _rest(files)
                before = (self.generation.number, self.problems)
                try:
                    change = await self.reload(spawn, forced=False)
                except ConfigInvalid as error:
                    # A file that was written just now is read again (its time stamp may hide a second
                    # write), mostly to find the same.
                    if before != (self.generation.number, self.problems):
                        log.warning("configuration not loaded: %s", error.message)
                    continue
                if before != (change.generation, ()):
                    log.info("configuration loaded: generation %d", change.generation)


def _sealed(config: Config, names: frozenset[str]) -> Config:
    """``config`` without what came from the secrets ``names``; the clients that need them are missing it."""
    clients = []
    missing = dict(config.missing)
    for client in config.clients:
        ways = config.interpolated.get(client.name, {})
        lost = [way for way, used in ways.items() if names.intersection(used)]
        update = {
            str(way[0]): _default(client, str(way[0])) for way in lost if way[0] not in ("name", "type")
        }
        clients.append(client.model_copy(update=update))
        if lost:
            missing[client.name] = tuple(f"{name} ({LOCKED}: {UNLOCK})" for name in _used(ways, lost, names))
    return replace(config, clients=tuple(clients), missing=missing)


def _used(ways: Mapping[Path, tuple[str, ...]], lost: list[Path], names: frozenset[str]) -> dict[str, None]:
    return dict.fromkeys(name for way in lost for name in ways[way] if name in names)


def _default(client: ClientSettings, key: str) -> object:
    return type(client).model_fields[key].get_default(call_default_factory=True)


async def _arm(watching: watch.Watch, files: tuple[str, ...]) -> None:
    """Until what is watched is what there is: a directory that was made after the way was walked and before
    it was watched has no event to come, and the file in it would go unseen."""
    armed: dict[str, set[str]] | None = None
    while (wanted := await anyio.to_thread.run_sync(watch.places, files, abandon_on_cancel=True)) != armed:
        watching.arm(wanted)
        armed = wanted


async def _marks(paths: tuple[str, ...]) -> tuple[watch.Mark, ...]:
    return await anyio.to_thread.run_sync(watch.marks, paths, abandon_on_cancel=True)


async def _rest(paths: tuple[str, ...]) -> None:
    """Until nothing changed for ``QUIET`` seconds, but no longer than ``BUSY``."""
    last = await _marks(paths)
    with anyio.move_on_after(BUSY):
        while True:
            await anyio.sleep(QUIET)
            now = await _marks(paths)
            if now == last:
                return
            last = now
