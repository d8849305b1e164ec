"""From files to a generation, as one transaction: read, parse, plan, open, swap, retire.

A file with a problem changes nothing: the generation before stays, the problems show in the status. So
does a file that is gone. A good one takes over in one assignment; clients whose entry did not change are
the very same objects in the next generation, the others close after their last lease.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import anyio
import anyio.to_thread

from lokid import logs
from lokid.config import Config, Problem, parse, plan, secret_names
from lokid.config.overrides import variable
from lokid.errors import ConfigInvalid
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ClientSettings, FileSecret, ModelSettings
from lokid.runtime import children, secrets, watch
from lokid.runtime.clients import OpenClient, Surroundings, known_models, secret_keys, secret_texts
from lokid.runtime.generation import Generation
from lokid.runtime.launch import Spawn

QUIET = 0.02
"""Seconds without a change before a file is read: programs truncate and then write, or write in pieces."""

BUSY = 0.5
"""Seconds after which a file that never comes to rest is read all the same."""

TICK = 0.05
"""Seconds. Two changes within one tick of the kernel's clock (4 ms, network file systems more) look alike
to ``stat``: what changed this shortly before it was read is read once more."""

MAX_BYTES = 64 * 1024 * 1024  # what lokid.config takes at most (16 Mi characters), at 4 bytes each

log = logging.getLogger("lokid.reload")


@dataclass(frozen=True, slots=True)
class Paths:
    config: str
    env_file: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Paths:
        """DESIGN 1.1."""
        home = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", "/"), ".config")
        config = environ.get("LOKID_CONFIG") or os.path.join(home, "lokid", "config.yaml")
        beside = os.path.join(os.path.dirname(config), ".env")
        return cls(os.path.abspath(config), os.path.abspath(environ.get("LOKID_ENV_FILE") or beside))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files hold. ``config`` is None if there are ``problems``. ``texts``: what was read (None:
    no such file). ``young``: something changed so shortly before that ``marks`` may not tell."""

    config: Config | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    used_names: frozenset[str] = frozenset()
    models: Mapping[str, tuple[ModelSettings, ...]] = field(default_factory=dict, repr=False)
    texts: tuple[str | None, ...] = field(default=(), repr=False)
    marks: tuple[watch.Mark, ...] = ()
    young: bool = False


def load(
    paths: Paths, environ: Mapping[str, str], builtin: Callable[[], tuple[ClientSettings, ...]]
) -> Loaded:
    """Reads both files. ``builtin``: the clients that are there when no configuration file is. Blocks."""
    both = (paths.config, paths.env_file)
    marks = watch.marks(both)
    changed_at = max((mark[4] / 1e9 for mark in marks if len(mark) > 4), default=0.0)
    young = 0 <= time.time() - changed_at < TICK  # a time in the future is a wrong clock
    problems: list[Problem] = []
    warnings: list[Problem] = []
    texts = tuple(_read(path, problems) for path in both)
    text, env_text = texts
    if env_text is not None:
        found, wrong = secrets.dotenv(env_text, paths.env_file)
        problems += wrong
        environ = {**found, **environ}
        warnings += _exposed(paths.env_file, "holds secrets")
    config: Config | None = None
    names: frozenset[str] = frozenset()
    if not problems and text is None:
        config = Config(paths.config, clients=builtin())
    elif not problems and text is not None:
        names = secret_names(text)
        parsed = parse(text, paths.config, lookup=environ, environ=environ)
        if isinstance(parsed, Config):
            config = parsed
            names |= _variables(config)
            warnings = [*config.warnings, *warnings, *_file_warnings(config, text)]
        else:
            problems += parsed
    if config is None:
        return Loaded(None, tuple(problems), marks=marks, young=young, texts=texts)
    for secret in (secret for client in config.clients for secret in secret_texts(client)):
        logs.register(secret.get_secret_value())
    models = {one.name: known_models(one, PROVIDERS[one.type]) for one in config.clients}
    return Loaded(config, (), tuple(warnings), environ, names, models, texts, marks, young)


def _read(path: str, problems: list[Problem]) -> str | None:
    """The text of the file; None if there is none, or with a problem."""

    def problem(message: str) -> None:
        problems.append(Problem(path, 1, 1, "", message))

    try:
        # O_NONBLOCK: opening a FIFO must not hang; only a regular file is then read.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                problem("is not a regular file")
            elif facts.st_mode & stat.S_IWOTH:
                # Whoever may write here decides where the keys are sent to. ssh refuses it as well.
                problem(f"every user of this machine may write to it, so it is not used: chmod o-w {path}")
            else:
                data = file.read(MAX_BYTES + 1)
                if len(data) <= MAX_BYTES:
                    return data.decode()
                problem("is larger than 64 MiB")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        problem(f"cannot be read: {(error.strerror or 'unknown reason').lower()}")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problems.append(Problem(path, line, 1, "", "is not UTF-8 text"))
    return None


def _exposed(path: str, why: str) -> list[Problem]:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return []
    if not secrets.open_to_others(mode):
        return []
    return [Problem(path, 1, 1, "", f"{why} and other users may read it: chmod 600 {path}")]


def _file_warnings(config: Config, text: str) -> list[Problem]:
    """Secrets that other users may read: in the configuration itself, and in files that it names."""
    found: list[Problem] = []
    literal = any(
        len(value) >= 8 and value in text
        for client in config.clients
        for value in (secret.get_secret_value() for secret in secret_texts(client))
    )
    if literal:
        found += _exposed(config.path, "holds a secret")
    for client in config.clients:
        for key in secret_keys(PROVIDERS[client.type]):
            value = getattr(client, key, None)
            if isinstance(value, FileSecret):
                path = secrets.secret_path(value, os.path.dirname(config.path))
                found += _exposed(path, f"holds {key} of client {client.name}")
    return found


def _variables(config: Config) -> frozenset[str]:
    """The environment variables that hold secrets of these clients."""
    return frozenset(
        variable(client.name, key) for client in config.clients for key in secret_keys(PROVIDERS[client.type])
    )


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
            read = partial(load, self.paths, self._environ, self._builtin)
            loaded = await anyio.to_thread.run_sync(read, abandon_on_cancel=True)
            same = loaded.texts == self.loaded.texts and loaded.problems == self.loaded.problems
            old = self.generation
            if loaded.config is not None and loaded.texts[0] is None and old.from_file:
                gone = "is gone; what it held before stays in use"
                loaded = Loaded(
                    None,
                    (Problem(self.paths.config, 1, 1, "", gone),),
                    marks=loaded.marks,
                    texts=loaded.texts,
                )
            if loaded.config is None:
                self.loaded = loaded
                raise ConfigInvalid(
                    "\n".join(map(str, loaded.problems)), hint="the configuration before stays in use"
                )
            self.loaded = loaded
            if same and not forced and old.number:
                return Change(old.number, kept=tuple(old.clients))
            return self._swap(old, loaded, loaded.config, spawn, forced=forced)

    def _swap(self, old: Generation, loaded: Loaded, config: Config, spawn: Spawn, *, forced: bool) -> Change:
        """No await from here to the end: nobody sees anything between the two generations."""
        secrets.scrub(loaded.used_names - children.COMMON)
        around = Surroundings(loaded.environ, os.path.dirname(self.paths.config), spawn)
        steps = plan(old.config if old.number else None, config)
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
            if name in old.clients and old.clients[name].requests:
                spawn(clients[name].dial)  # its users should not wait for a handshake
        if forced:
            for name in steps.keep:
                clients[name].forget()
        return Change(old.number + 1, steps.keep, steps.open, steps.close)

    async def follow(self, spawn: Spawn) -> None:
        """Loads whenever a file changed, until cancelled."""
        both = (self.paths.config, self.paths.env_file)
        with watch.Watch() as watching:
            while True:
                watching.arm(await anyio.to_thread.run_sync(watch.places, both, abandon_on_cancel=True))
                if not self.loaded.young and await _marks(both) == self.loaded.marks:
                    await watching.wait()
                    continue
                await _rest(both)
                try:
                    change = await self.reload(spawn, forced=False)
                except ConfigInvalid as error:
                    log.warning("configuration not loaded: %s", error.message)
                else:
                    log.info("configuration loaded: generation %d", change.generation)


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
