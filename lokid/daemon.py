"""The composition root: the only place that knows all parts and ties them together.

Order of a start: ``lokid.__main__`` closes the memory; claim the socket (clients can connect from here on,
and wait), close the process to other curious eyes, then import what is heavy, then load. Hence the imports
inside functions.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import lokid
from lokid import logs, systemd
from lokid.rpc import address
from lokid.server import signals
from lokid.server.endpoint import EXTRA, Endpoint, EndpointBusy, EndpointError, open_endpoint

if TYPE_CHECKING:
    import argparse

    from lokid.server.life import Life
    from lokid.server.service import Runtime

Environ = MutableMapping[str, str]
MakeRuntime = Callable[[Environ], "Runtime"]

BUSY = 75
"""EX_TEMPFAIL of sysexits.h: another daemon serves this user."""

FAILED = 1
CONFIG = 78

WANTED_FILES = 16384
"""Descriptors, as in lokid.service: the usual soft limit of 1024 is two clients at their own limit."""

LEAST_FILES = 32
"""Below 24 not even one client gets in, and would wait for ever."""

REMOVED = ("SSLKEYLOGFILE", "OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES")
"""Python's ssl writes the keys of every connection to the file that the first names; OpenSSL loads the code
that the others name when ``ssl`` is imported, which is later. What acts before Python runs (LD_PRELOAD,
PYTHONPATH and the like) only the unit can remove."""

PR_SET_DUMPABLE = 4
"""linux/prctl.h"""

M_ARENA_MAX, ARENAS = -8, 1
"""malloc.h of glibc. By itself it gives threads up to eight heaps a core, and each keeps what it once needed:
26 of 87 MiB after half an hour of load (benchmarks/soak.py). Python's threads take turns: one is enough."""

M_MMAP_THRESHOLD, LARGE = -3, 1024 * 1024
M_TRIM_THRESHOLD, FREE = -1, 2 * LARGE
"""The same: bytes from which on a block is none of the heap's, and of free space that the heap keeps at its
end. A block of its own grows without being copied, for which everybody waited while a frame of 15 MB came in,
12 ms at best. By itself glibc raises both, up to 32 and 64 MiB, with each larger block that is freed."""


def main(argv: Sequence[str] | None = None, make_runtime: MakeRuntime | None = None) -> int:
    """Runs the daemon in the foreground until a signal ends it; returns the exit status.

    ``make_runtime`` is called in the event loop; without one it is the real runtime.
    """
    _occupy_standard_descriptors()
    environ = os.environ
    check = False
    if words := sys.argv[1:] if argv is None else argv:  # without any there is nothing to import for
        options = command_line().parse_args(words)
        check = options.check
        if options.config is not None:
            environ["LOKID_CONFIG"] = os.path.abspath(options.config)
    os.umask(0o077)
    if 0 <= (files := _most_files()) < LEAST_FILES:
        return _fail(f"at most {files} files may be open here, lokid needs {LEAST_FILES}: ulimit -n", FAILED)
    logs.setup(environ)
    signals.hold()
    try:
        inherited = systemd.take_listen_fds(environ, os.getpid())
        path = address.socket_path(environ)
        if os.path.basename(path) == EXTRA:  # also where no configuration can say so
            return _fail(f"{path} is for the extra socket: LOKID_SOCK must name another, or nothing", FAILED)
        endpoint = open_endpoint(path, inherited)
    except EndpointBusy as error:
        found = _check(environ, make_runtime or _runtime) if check else 0
        return found or _fail(str(error), BUSY)
    except (EndpointError, address.NoHome) as error:
        return _fail(str(error), FAILED)
    with contextlib.closing(endpoint) as held:
        if check:
            held.close()  # what takes long now does not keep another one from starting
            return _check(environ, make_runtime or _runtime)
        harden(environ)
        return _serve(endpoint, environ, make_runtime or _runtime)


def harden(environ: Environ) -> None:
    """Before the first secret is read: no core dump, and no other process of this user may read our
    memory, environment or descriptors, nor trace us. (Root may; code of this user may still *ask*.)"""
    import ctypes
    import faulthandler
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < WANTED_FILES:
        wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, WANTED_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        if hasattr(libc, "mallopt"):  # musl has none, and no such heaps
            libc.mallopt(M_ARENA_MAX, ARENAS)
            libc.mallopt(M_MMAP_THRESHOLD, LARGE)
            libc.mallopt(M_TRIM_THRESHOLD, FREE)
    for name in REMOVED:
        environ.pop(name, None)
    # pydantic would import whatever an installed package offers as its plugin, and look through all of them
    # for that at every start.
    environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    # The watchdog ends a hung daemon with SIGABRT: the journal then shows where it hung, without values.
    faulthandler.enable(2)
    from lokid import sandbox

    sandbox.of_this_process()  # here, where its reads and tries hold up nobody


def _occupy_standard_descriptors() -> None:
    """Who starts us may have closed them, and then what a library or a child writes to its standard error
    would go to whatever we opened under that number: the lock, or a client."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, and that is this one
    if sys.stderr is None:  # what Python makes of a closed one
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for good


def _most_files() -> int:
    """Open at a time, -1 for any number."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return -1 if hard == resource.RLIM_INFINITY else hard


def command_line() -> argparse.ArgumentParser:
    """The manual page is made of it too."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="lokid",
        description="ssh-agent for LLMs: holds keys, tokens, warm connections; lokictl and others ask.",
        epilog="It stays in the foreground and logs to standard error (LOKID_LOG: debug, info, warning,"
        " error). SIGHUP reloads, SIGTERM drains and ends, a second one later does not wait.",
    )
    parser.add_argument("--config", metavar="FILE", help="the configuration (also LOKID_CONFIG)")
    parser.add_argument("--check", action="store_true", help="say what keeps lokid from starting, and end")
    parser.add_argument("--version", action="version", version=f"lokid {lokid.__version__}")
    return parser


def _fail(sentence: str, status: int) -> int:
    with contextlib.suppress(OSError):  # on a full disk the status still says it
        print(f"lokid: {logs.redact(sentence)}", file=sys.stderr)  # noqa: T201 - nobody reads a log yet
    return status


def _serve(endpoint: Endpoint, environ: Environ, make_runtime: MakeRuntime) -> int:
    async def live() -> None:
        await _assemble(endpoint, environ, make_runtime).run()

    return _run(live)


def _check(environ: Environ, make_runtime: MakeRuntime) -> int:
    """All but to serve."""
    harden(environ)
    problems: list[dict[str, Any]] = []

    async def look() -> None:
        _import_pydantic()
        import_module("lokid.server.life")
        problems.extend(make_runtime(environ).check(vault=True))

    status = _run(look)
    if problems:
        from lokid.config import Problem

        for problem in problems:
            status = _fail(str(Problem(**problem)), CONFIG)
    return status


def _run(work: Callable[[], Awaitable[None]]) -> int:
    try:
        import anyio

        anyio.run(work, backend_options={"loop_factory": _loop_factory()})
    except ImportError as error:
        which = f"the package {error.name}" if error.name else "a package"
        return _fail(f"{which} is missing or broken: install lokid again", FAILED)
    except address.NoHome as error:
        return _fail(str(error), FAILED)
    except Exception as error:  # instead of the interpreter's traceback, which shows values
        return _fail(f"stopped by a bug: {logs.place(error)}", FAILED)
    return 0


def _assemble(endpoint: Endpoint, environ: Environ, make_runtime: MakeRuntime) -> Life:
    _import_pydantic()
    from lokid.server.life import Life

    notifier = systemd.Notifier.take(environ)
    watchdog_s = systemd.take_watchdog_interval(environ, os.getpid())
    return Life(endpoint, make_runtime(environ), notifier, watchdog_s)


def _import_pydantic() -> None:
    """Without what it looks for plugins with, which ``harden`` has forbidden: ``importlib.metadata`` brings
    26 more modules (zipfile, email, csv), 2 MiB of an idle daemon. Pydantic's loader imports an empty one;
    for everybody else there is the real one."""
    name = "importlib.metadata"
    if name in sys.modules:
        return
    empty = ModuleType(name)
    vars(empty)["entry_points"] = lambda **_: ()
    sys.modules[name] = empty
    try:
        import_module("pydantic.plugin._loader")
    except ImportError:  # a version that wants more of it: then it is imported as it is
        pass
    finally:
        del sys.modules[name]


def _runtime(environ: Environ) -> Runtime:
    from lokid.runtime.core import Runtime

    return Runtime(environ)


def _loop_factory() -> Any:
    """Of asyncio's loop, with turns that are shared out."""
    from lokid.server.selector import loop_factory

    return loop_factory()
