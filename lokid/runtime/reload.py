"""From files to a generation, as one transaction: read, parse, plan, open, swap, retire.

A file with a problem changes nothing: the generation before stays, the problems show in the status. So
does a file that is gone. A good one takes over in one assignment; clients whose entry did not change are
the very same objects in the next generation, the others close after their last lease.
"""

from __future__ import annotations

import logging
import os
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakSet

import anyio
import anyio.lowlevel
import anyio.to_thread

from lokid import logs
from lokid.config import Config, Plan, Problem, plan
from lokid.errors import ConfigInvalid, SecretMissing
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ClientSettings
from lokid.runtime import often, refused_keys, watch
from lokid.runtime.clients import OpenClient, Surroundings
from lokid.runtime.generation import Generation
from lokid.runtime.launching import children
from lokid.runtime.launching.launch import Spawn
from lokid.runtime.loading import Loaded, Paths, load
from lokid.runtime.oauth.tokens import Unsaved
from lokid.runtime.secrets import freed, sealing
from lokid.runtime.secrets import sources as secrets
from lokid.runtime.secrets.environment import Environment
from lokid.runtime.secrets.vault import LOCKED, Vault, all_locked

QUIET = 0.02
"""Seconds without a change before a file is read: programs truncate and then write, or write in pieces."""

BUSY = 0.5
"""Seconds after which a file that never comes to rest is read all the same."""

AT_ONCE = 500
"""Models that go at once, which takes half a millisecond."""

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


@dataclass(frozen=True, slots=True)
class Sealed:
    """``kept``: what stays in memory all the same. ``in_flight``: clients with requests that still run.
    ``over`` is set when they have ended and the rest is gone."""

    kept: tuple[str, ...]
    in_flight: int
    over: anyio.Event


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
        self.environment = Environment(environ)
        self.vault = Vault(self.environment.open, os.path.dirname(paths.config))
        self._unsaved: Unsaved = {}
        self._open: WeakSet[OpenClient] = WeakSet()
        """Also those of generations before that are still asked."""
        self._builtin = builtin
        self._lock = anyio.Lock()
        self._opened = anyio.Event()
        self._looking = anyio.CancelScope()
        self._swapped = anyio.Event()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why the last load failed; empty when it did not."""
        return self.loaded.problems

    async def reload(self, spawn: Spawn, *, forced: bool = True) -> Change:
        """Raises ConfigInvalid with every problem. Not ``forced``: files with the text they had before
        are not loaded again. One at a time; a second caller waits and then loads anew."""
        async with self._lock:
            loaded, steps = await self._load(forced=forced)
            if loaded.unread:  # also when somebody asked, while ``follow`` waits for a change
                self._looking.deadline = min(self._looking.deadline, anyio.current_time() + AGAIN)
            if loaded.config is None and not loaded.problems:
                self.loaded = loaded
                return Change(self.generation.number, kept=tuple(self.generation.clients))
            same = loaded.texts == self.loaded.texts and loaded.problems == self.loaded.problems
            old = self.generation
            if gone := self._gone(loaded):
                loaded = replace(loaded, config=None, problems=(gone,), models={})
            if loaded.config is None:
                said = "\n".join(map(str, loaded.problems))
                if old.sealed:
                    self.loaded = replace(loaded, environ={})
                    self._drop_stand_ins(spawn)
                    raise ConfigInvalid(said, hint="nothing is in use until that is mended")
                # What is in use came from the vault as it was before.
                kept = self.loaded
                self.loaded = replace(loaded, environ=kept.environ, vault=kept.vault, settings=kept.settings)
                hint = (
                    "the configuration before stays in use"
                    if self.generation.number
                    else "lokictl config edit"
                )
                raise ConfigInvalid(said, hint=hint)
            # Nothing but the generation itself keeps what came out of the vault.
            self.loaded = replace(loaded, config=None, models={})
            if same and not forced and old.number:
                return Change(old.number, kept=tuple(old.clients))
            return self._swap(old, steps, loaded, loaded.config, spawn, forced=forced)

    async def swapped(self) -> None:
        """Returns when the next generation is there."""
        await self._swapped.wait()

    async def _load(self, *, forced: bool) -> tuple[Loaded, Plan]:
        """What is in the files, and what follows for the clients of the present generation; without a
        configuration and problems it is what was there before, which only ``forced`` reads again. Raises
        SecretMissing while lokid is locked: what is read then would be in memory again."""
        while True:
            self.check_unlocked()
            epoch, old = self.vault.epoch, self.generation
            before = None if forced or not old.number else self.loaded
            read = partial(self._read, self.environment.all, old, before)
            found = await often.aside(read, reads="configuration")
            if epoch == self.vault.epoch and old is self.generation:
                return found

    def _read(
        self, environ: Mapping[str, str], old: Generation, before: Loaded | None
    ) -> tuple[Loaded, Plan]:
        """In a thread, the plan too: to compare ten thousand models takes 20 ms."""
        try:
            loaded = load(self.paths, environ, self._builtin, self.vault, before)
        except Exception as error:
            # Not a reason to say nothing, nor to try the same files over and over.
            log.error("bug in reading the configuration: %s", logs.place(error))  # noqa: TRY400 - never the text
            files = (self.paths.config, self.paths.env_file)
            why = Problem.of_whole(files[0], "a bug in lokid keeps this from being read; its log says where")
            return Loaded(None, (why,), marks=watch.marks(files)), Plan()
        config = old.config if old.number and not old.sealed else None
        return loaded, plan(config, loaded.config) if loaded.config else Plan()

    def _gone(self, loaded: Loaded) -> Problem | None:
        """A configuration that was in use and is not there any more, or a vault that cannot be read any more.
        Of those of before a lock nothing is in use."""
        if loaded.config is None or self.generation.sealed:
            return None
        if loaded.texts[0] is None and self.generation.from_file:
            said = "is gone; what it held stays in use until `lokictl daemon restart`"
            return Problem.of_whole(self.paths.config, said)
        before, now = self.loaded, loaded
        same = before.settings.file == now.settings.file  # the links on the way there may be others
        if same and before.vault.state == "open" and now.vault.state == "refused":
            return Problem.of_whole(now.vault.file, now.vault.reason)
        return None

    def check_unlocked(self) -> None:
        """Raises SecretMissing while lokid is locked."""
        if self.vault.locked:
            raise all_locked()

    def seal(self, spawn: Spawn) -> Sealed:
        """Takes every secret out of memory, at once and without a look at any file. Requests in flight finish
        with what they have, and what they have goes with them."""
        encrypt = self.vault.sealer()
        self.vault.lock()
        kept = [] if self.environment.seal(encrypt) else ["environment"]
        old, over = self.generation, anyio.Event()
        if self._opened.is_set():  # also when the unlock before has loaded nothing yet
            self._opened = anyio.Event()
        if not old.sealed:
            vault = replace(self.loaded.vault, state="locked", reason=LOCKED)
            # Nothing that is read from now on counts as the same.
            self.loaded = replace(self.loaded, environ={}, texts=(), vault=vault)
            self.generation = sealing.sealed(old, self._around({}, spawn))
        clients = [one for one in self._open if not one.closed]
        for one in clients:
            one.locked = True
        unsaved = {one.name for one in clients if one.tokens and one.tokens.is_unsaved()}
        kept += [f"tokens of {name}" for name in sorted(unsaved)]
        spawn(self._leave, [*clients], over)
        return Sealed(tuple(kept), sum(one.leased for one in clients), over)

    async def _leave(self, clients: list[OpenClient], over: anyio.Event) -> None:
        """What requests in flight may still say is hidden in the log until they have ended."""
        await _rested(clients)
        clients.clear()  # who called this has the list
        if self.vault.locked:
            logs.seal()
            # It remembers the last addresses that it took apart; one of a proxy may have a password in it.
            urllib.parse.clear_cache()  # type: ignore[attr-defined]
            await freed.overwrite()
        over.set()

    async def unseal(self, passphrase: str | None) -> None:
        """Raises as ``Vault.unlock``. What ``seal`` has dropped is back with the next ``reload``."""
        plain = await self.vault.unlock(self.loaded.settings, passphrase, self.environment.sealed)
        self.environment.restore(plain)
        logs.unseal()
        self._opened.set()

    def _around(self, environ: Mapping[str, str], spawn: Spawn) -> Surroundings:
        return Surroundings(environ, os.path.dirname(self.paths.config), spawn, self._unsaved)

    def _drop_stand_ins(self, spawn: Spawn) -> None:
        """lokid is unlocked, and there is nothing good to take their place."""
        old = self.generation
        self.generation = Generation(old.number, Config(self.paths.config), {}, None)
        for client in old.clients.values():
            spawn(client.retire)

    def _swap(
        self, old: Generation, steps: Plan, loaded: Loaded, config: Config, spawn: Spawn, *, forced: bool
    ) -> Change:
        """No await from here to the end: nobody sees anything between the two generations."""
        secrets.scrub(loaded.used_names - children.COMMON)
        around = self._around(loaded.environ, spawn)
        if old.sealed:
            steps = replace(steps, close=tuple(old.clients))
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
        for settings in config.clients:
            provider = PROVIDERS[settings.type]
            clients[settings.name].key_mend = refused_keys.mend(
                settings, provider, config, loaded.environ, self.environment.all
            )
        self._open.update(clients.values())
        self.generation = Generation(
            old.number + 1, config, clients, time.time(), from_file=loaded.texts[0] is not None
        )
        self._swapped.set()
        self._swapped = anyio.Event()
        for name in steps.close:
            spawn(_let_go, [old.clients[name]])
        for name in steps.open:
            clients[name].begin(spawn)
            if len(clients[name].models) > AT_ONCE:
                spawn(often.aside, clients[name].models.complete)
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
                if self.vault.locked:
                    await self._opened.wait()
                files = self.loaded.files or (self.paths.config, self.paths.env_file)
                await _arm(watching, files)
                if not self.loaded.young and await _marks(files) == self.loaded.marks:
                    with anyio.move_on_after(AGAIN if self.loaded.unread else None) as self._looking:
                        await watching.wait()
                        continue
                await _rest(files)
                before = (self.generation.number, self.problems)
                try:
                    change = await self.reload(spawn, forced=False)
                except SecretMissing:
                    continue
                except ConfigInvalid as error:
                    # A file that was written just now is read again (its time stamp may hide a second
                    # write), mostly to find the same.
                    if before != (self.generation.number, self.problems):
                        log.warning("configuration not loaded: %s", error.message)
                    continue
                if before != (change.generation, ()):
                    log.info("configuration loaded: generation %d", change.generation)


async def _let_go(clients: list[OpenClient]) -> None:
    """Retires the one client in the list, and takes thousands of models out of memory in steps: at once they
    would hold everybody up for 10 ms."""
    client = clients.pop()  # who called this has the list
    await client.retire()
    parts = client.parts()
    del client
    while parts:
        del parts[-AT_ONCE:]
        await anyio.lowlevel.checkpoint()


async def _rested(clients: Sequence[OpenClient]) -> None:
    for client in clients:
        client.rest()
    async with anyio.create_task_group() as group:
        for client in clients:
            group.start_soon(client.retire)
            group.start_soon(client.rested)


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
