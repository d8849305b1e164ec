"""What the files hold: configuration, ``.env``, systemd credentials and vault, read and parsed as one."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from lokid import logs, sandbox
from lokid.config import Config, Problem, nodes, parse, secret_names, vault_settings
from lokid.config import Vault as VaultSettings
from lokid.config.overrides import PATCH, variable
from lokid.config.parse import MEND
from lokid.config.problem import at_most
from lokid.config.redact import hidden
from lokid.config.secrets import names as placeholders
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ClientSettings, FileSecret
from lokid.rpc import address
from lokid.runtime import lingering, regular, replaceable, watch
from lokid.runtime.identities import regions
from lokid.runtime.known import Models
from lokid.runtime.secrets import sources as secrets
from lokid.runtime.secrets.client_secrets import secret_keys, secret_texts
from lokid.runtime.secrets.vault import LOCKED, UNLOCK, Contents, Vault

TICK = 0.05
"""Seconds. Two changes within one tick of the kernel's clock (4 ms, network file systems more) look alike
to ``stat``: what changed this shortly before it was read is read once more."""

KEY_IS_ENOUGH = {
    "openai": ("OPENAI_API_KEY",),
    "claude": ("ANTHROPIC_API_KEY", "CLAUDE_API_KEY"),
    "gemini": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "cohere": ("COHERE_API_KEY",),
}
"""Types of providers that can be asked with nothing but a key -> names of it, the best one last."""

PATIENCE_S = 1.0
"""Seconds that a load waits for all files of which it only wants to know who may read them."""

_KEY = os.urandom(32)  # of this process: a hash of a short secret tells nobody anything

MAX_BYTES = 64 * 1024 * 1024  # what lokid.config takes at most (16 Mi characters), at 4 bytes each


@dataclass(frozen=True, slots=True)
class Paths:
    config: str
    env_file: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Paths:
        """Those that lokictl knows too. Raises ``NoHome``."""
        return cls(os.path.abspath(address.config_file(environ)), os.path.abspath(address.env_file(environ)))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files hold. ``config`` is None if there are ``problems``. ``texts``: a hash of what was read
    (None: no such file). ``young``: something changed so shortly before that ``marks`` of the ``files``
    may not tell. ``unread``: the system could not read a file that is there (no descriptor was free, for
    instance), or may not use it for what its directory is, so it is worth another look although nothing
    changed. ``settings``: where the vault is."""

    config: Config | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    used_names: frozenset[str] = frozenset()
    models: Mapping[str, Models] = field(default_factory=dict, repr=False)
    texts: tuple[str | None, ...] = ()
    marks: tuple[watch.Mark, ...] = ()
    young: bool = False
    unread: bool = False
    files: tuple[str, ...] = ()
    vault: Contents = field(default_factory=lambda: Contents("absent"))
    settings: VaultSettings = field(default_factory=VaultSettings)


def load(
    paths: Paths,
    environ: Mapping[str, str],
    builtin: Callable[[], tuple[ClientSettings, ...]],
    vault: Vault | None = None,
    before: Loaded | None = None,
    data: bytes | None = None,
) -> Loaded:
    """Reads all files. ``builtin``: the clients that are there when no configuration file is. ``before``:
    what was loaded last; returned, but for ``young``, if the very same files hold the same. ``data``: of a
    configuration that this process cannot read. Blocks."""
    both = (paths.config, paths.env_file)
    begun = time.time()
    marks = watch.marks(both)
    problems: list[Problem] = []
    warnings: list[Problem] = []
    failures: list[OSError] = []
    text = read(paths.config, problems, failures, data)
    env_text = read(paths.env_file, problems, failures)
    if env_text is not None:
        found, wrong = secrets.dotenv(env_text, paths.env_file)
        problems += wrong
        environ = {**found, **environ}
        warnings += _exposed(paths.env_file, "holds secrets")
    texts: tuple[str | None, ...] = (_hash(text), _hash(env_text))
    tree: nodes.Tree | None = None
    if before is not None and before.texts[:2] == texts and not problems and not before.problems:
        settings = before.settings
    else:
        before = None
        # Once: of all that follows it takes longest.
        tree = nodes.read(text or "", paths.config, places=False)
        settings = vault_settings(text or "", paths.config, environ, tree)
    kept = (vault or Vault(environ, os.path.dirname(paths.config))).read(settings)
    if kept.state == "refused":
        warnings.append(Problem.of_whole(kept.file, kept.reason))
    warnings += [Problem.of_whole(path, what) for path, what in kept.warnings]
    texts += (_hash(repr((kept.state, kept.reason, kept.secrets))),)
    young = _is_young(marks, begun) or _is_young(kept.marks, time.time())
    if before is not None and (before.texts, before.marks) == (texts, marks + kept.marks) and not failures:
        return replace(before, young=young)
    lookup = {**secrets.credentials(environ), **environ, **kept.secrets}
    config: Config | None = None
    names: frozenset[str] = frozenset()
    more: tuple[str, ...] = ()
    more_marks: tuple[watch.Mark, ...] = ()
    if not problems and text is None:
        config = _without_file(paths.config, kept, environ, builtin())
    elif not problems and text is not None:
        tree = tree or nodes.read(text, paths.config, places=False)
        names = secret_names(text, tree)
        parsed = parse(text, paths.config, lookup=lookup, environ=environ, mend=_mend(kept), tree=tree)
        if isinstance(parsed, Config):
            if more := regions.files(parsed, environ):
                more_marks = watch.marks(more)
                parsed = regions.fill(parsed, more, environ)
            config = parsed
            warnings = [*config.warnings, *warnings, *_file_warnings(config, text)]
        else:
            problems += parsed
    loaded = Loaded(
        config,
        at_most(problems),
        marks=marks + kept.marks + more_marks,
        young=young or _is_young(more_marks, time.time()),
        unread=bool(failures),
        texts=(*texts, *map(_hash, map(repr, more_marks))),
        files=both + kept.files + more,
        vault=replace(kept, secrets=dict.fromkeys(kept.secrets, "")),  # the names are enough from here on
        settings=settings,
    )
    if config is None:
        return loaded
    for secret in (*hidden(config), *(lookup.get(name, "") for name in names)):
        logs.register(secret)
    models = {one.name: Models(one, PROVIDERS[one.type]) for one in config.clients}
    used = names | _variables(config, environ)
    return replace(loaded, warnings=tuple(warnings), environ=environ, used_names=used, models=models)


def _without_file(
    path: str, kept: Contents, environ: Mapping[str, str], builtin: tuple[ClientSettings, ...]
) -> Config:
    """What is there without a configuration: a client for every provider whose key is in the vault, so that
    ``lokictl secret set OPENAI_API_KEY`` is all there is to do, and those that need no key. A variable of
    the environment makes none: nobody put it there for lokid, and questions cost money. While the vault
    cannot be read nobody knows which keys it has, so all of these clients are there and say so."""
    keys = {
        kind: name
        for kind, names in KEY_IS_ENOUGH.items()
        for name in names
        if name in kept.secrets or kept.state in ("locked", "refused")
    }
    entries = [f"{{type: {kind}, api_key: '{{{{{name}}}}}'}}" for kind, name in keys.items()]
    text = f"clients: [{', '.join(entries)}]"
    config = parse(text, path, lookup=kept.secrets, environ=environ, mend=_mend(kept))
    if not isinstance(config, Config):  # a variable for another key of a client has a problem
        config = Config(path)
    return replace(config, clients=config.clients + builtin)


def _mend(kept: Contents) -> str:
    match kept.state:
        case "locked":
            return f"{LOCKED}: {UNLOCK}"
        case "refused":
            return "the vault cannot be read: lokictl status"
    return MEND


def _is_young(marks: tuple[watch.Mark, ...], taken_at: float) -> bool:
    changed_at = max((mark[4] / 1e9 for mark in marks if len(mark) > 4), default=0.0)
    return 0 <= taken_at - changed_at < TICK  # a time in the future is a wrong clock


def _hash(text: str | None) -> str | None:
    """To compare with: the text itself holds secrets, and would keep them in memory."""
    if text is None:
        return None
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=_KEY).hexdigest()


def read(
    path: str, problems: list[Problem], failures: list[OSError], given: bytes | None = None
) -> str | None:
    """The text of the file; None if there is none, or with a problem. What was no fault of the file also
    goes to ``failures``. ``given``: what it holds, if this process cannot read it."""

    def problem(message: str) -> None:
        problems.append(Problem.of_whole(path, message))

    try:
        if given is not None and not os.access(path, os.R_OK):
            return given.decode()
        with regular.opened(path) as (file, facts):
            if facts.st_mode & stat.S_IWOTH:
                # Whoever may write here decides where the keys are sent to. ssh refuses it as well.
                problem(f"every user of this machine may write to it, so it is not used: chmod o-w {path}")
            elif why := replaceable.why(path, facts.st_uid):
                problem(why)
                failures.append(PermissionError(errno.EPERM, why))  # its mend changes no file
            else:
                data = file.read(MAX_BYTES + 1) or b""  # None: a file of the kernel's, which waits for more
                if len(data) <= MAX_BYTES:
                    return data.decode()
                problem("is larger than 64 MiB")
    except (FileNotFoundError, NotADirectoryError) as error:
        if link := _dangling(path):  # of dotfiles that are not mounted: not the same as no file
            place = "here" if link == path else f"at {link}"
            unseen = sandbox.hidden([path]) and ", as the service has a /tmp of its own"
            problem(f"there is a link {place} to where there is nothing{unseen}")
            failures.append(error)
    except regular.NotRegular as error:
        problem(str(error))
    except OSError as error:
        problem(f"cannot be read: {(error.strerror or 'unknown reason').lower()}")
        failures.append(error)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problems.append(Problem(path, line, 1, "", "is not UTF-8 text"))
    return None


def _dangling(path: str) -> str | None:
    """The link on the way to ``path`` that leads to nothing. Links may be switched meanwhile."""
    while not os.path.lexists(path):
        above = os.path.dirname(path)
        if above == path:
            return None
        path = above
    return path if os.path.islink(path) and not os.path.exists(path) else None


def _exposed(path: str, why: str) -> list[Problem]:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return []
    if not secrets.open_to_others(mode):
        return []
    return [Problem.of_whole(path, f"{why} and other users may read it: chmod 600 {path}")]


def _file_warnings(config: Config, text: str) -> list[Problem]:
    """Secrets that other users may read: in the configuration itself, and in files that it names."""
    found: list[Problem] = []
    literal = any(
        len(value) >= 8 and value in text and not placeholders(value)
        for client in config.clients
        for value in (secret.get_secret_value() for secret in secret_texts(client))
    )
    if literal:
        found += _exposed(config.path, "holds a secret")
    named: dict[str, list[tuple[str, str, str]]] = {}  # directory -> path, key, client
    for client in config.clients:
        for key in secret_keys(PROVIDERS[client.type]):
            value = getattr(client, key, None)
            if isinstance(value, FileSecret):
                path = secrets.secret_path(value, os.path.dirname(config.path))
                named.setdefault(os.path.dirname(path), []).append((path, key, client.name))
    # One thread for those of one directory, which hang together if they do.
    looked = lingering.within(PATIENCE_S, {where: partial(_readable, all_) for where, all_ in named.items()})
    for where, files in named.items():
        late = [
            Problem.of_whole(path, f"does not answer: {client} waits for it") for path, _, client in files
        ]
        found += looked.get(where, late)
    return found


def _readable(files: Sequence[tuple[str, str, str]]) -> list[Problem]:
    """``files``: path, key and client."""
    return [one for path, key, client in files for one in _exposed(path, f"holds {key} of client {client}")]


def _variables(config: Config, environ: Mapping[str, str]) -> frozenset[str]:
    """The environment variables that hold secrets of these clients; patches have keys of gateways in them."""
    own = frozenset(
        variable(client.name, key) for client in config.clients for key in secret_keys(PROVIDERS[client.type])
    )
    patches = {name for name in environ if name.startswith(PATCH)}
    return own.union(patches, *(PROVIDERS[client.type].environment for client in config.clients))
