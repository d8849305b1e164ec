"""From a host's name to a connection: look-ups that hang hold up neither other hosts nor the end of lokid.

A look-up is a call of the C library that nobody can break off, and one whose server does not answer takes
half a minute. The event loops have a common place for such calls, asyncio 6 threads on 2 cores, trio
40, and whoever comes after these waits however healthy his host is (9.7 s were measured). So here a look-up
is a thread of its own, at most ``PER_HOST`` for a name, and nobody waits for a thread at the end.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from time import monotonic
from typing import Any, TypeVar

import anyio
import anyio.from_thread
import anyio.lowlevel

from lokid.providers.addresses import is_loopback

C = TypeVar("C")

PER_HOST = 4
"""Look-ups of one name at a time. More than one, because the first may hang from before the network came
back; more than a few hang as the first one does."""

JOIN_S = 2.0
"""Whoever comes within this time waits for the look-up that runs; who comes later starts another one."""

MOST = 64
"""Of all names, beyond which a name gets one each. TasksMax=256 of the service leaves room."""

STAGGER_S = 0.25
"""Until the next address of a host is tried beside the one before (RFC 8305, section 8)."""


@dataclass(slots=True)
class _Waiter:
    token: anyio.lowlevel.EventLoopToken
    event: anyio.Event = field(default_factory=anyio.Event)
    found: list[str] | None = None
    error: OSError | None = None


@dataclass(slots=True)
class _LookUp:
    started_at: float
    waiters: list[_Waiter] = field(default_factory=list)


_running: dict[str, list[_LookUp]] = {}
"""By name, oldest first. Threads end their own."""
_lock = threading.Lock()


THIS_MACHINE = ["::1", "127.0.0.1"]


async def addresses(host: str) -> list[str]:
    """Those of ``host``, IPv6 and IPv4 in turn as the system prefers them. Raises ``socket.gaierror``.
    Cancelling leaves the look-up to itself."""
    with suppress(ValueError):
        return [ip_address(host).compressed]
    if not is_loopback(host):
        return await _looked_up(host)
    # ``x.localhost`` is this machine by definition (RFC 6761, section 6.3), so plain HTTP may go there. The C
    # library asks the name server all the same, and that may name any machine.
    try:
        return [found for found in await _looked_up(host) if is_loopback(found)] or THIS_MACHINE
    except socket.gaierror:
        return THIS_MACHINE


async def _looked_up(host: str) -> list[str]:
    waiter = _Waiter(anyio.lowlevel.current_token())
    now = monotonic()
    with _lock:
        running = _running.setdefault(host, [])
        most = PER_HOST if sum(map(len, _running.values())) < MOST else 1
        if running and (len(running) >= most or now - running[-1].started_at < JOIN_S):
            running[-1].waiters.append(waiter)
            started = None
        else:
            started = _LookUp(now, [waiter])
            running.append(started)
    if started is not None:
        # A daemon thread: the interpreter does not wait for it.
        threading.Thread(target=_look_up, args=(host, started), name="resolver", daemon=True).start()
    await waiter.event.wait()
    if waiter.found is None:
        error = waiter.error or socket.gaierror(socket.EAI_FAIL, "the look-up failed")
        raise type(error)(*error.args)  # one exception must not get the tracebacks of many
    return waiter.found


async def connect(
    host: str, connect: Callable[[str], Awaitable[C]], close: Callable[[C], Awaitable[object]]
) -> C:
    """A connection to the first address of ``host`` that takes one. ``connect``: to an address, raises any
    exception; ``close``: of one that came second. Raises ``socket.gaierror``, or what ``connect`` raised,
    of several addresses as a group."""
    found = await addresses(host)
    if len(found) == 1:
        return await connect(found[0])
    made: list[C] = []
    failures: list[Exception] = []

    async def attempt(address: str, over: anyio.Event) -> None:
        try:
            connection = await connect(address)
        except Exception as error:  # each transport has its own; all of them are raised below
            failures.append(error)
        else:
            made.append(connection)
            group.cancel_scope.cancel()
        finally:
            over.set()

    try:
        async with anyio.create_task_group() as group:
            for address in found:
                over = anyio.Event()
                group.start_soon(attempt, address, over)
                with anyio.move_on_after(STAGGER_S):
                    await over.wait()
    except BaseException:
        await _close(made, close)
        raise
    if not made:
        raise OSError(f"none of {len(found)} addresses takes a connection") from ExceptionGroup("", failures)
    await _close(made[1:], close)
    return made[0]


class Resolving:
    """The way to the network of the HTTP library, ``backend``, but for the look-up of names."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    async def connect_tcp(self, host: str, port: int, **options: Any) -> Any:
        async def attempt(address: str) -> Any:
            return await self._backend.connect_tcp(address, port, **options)

        async def close(stream: Any) -> None:
            await stream.aclose()

        return await connect(host, attempt, close)


async def _close(connections: list[C], close: Callable[[C], Awaitable[object]]) -> None:
    for connection in connections:
        with anyio.CancelScope(shield=True):
            await close(connection)


def _look_up(host: str, this: _LookUp) -> None:
    """The thread."""
    found: list[str] | None = None
    error: OSError | None = None
    try:
        found = _in_turn(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except OSError as failure:
        error = failure
    except UnicodeError:  # the name is none: an empty label, or one that is too long
        error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    with _lock:
        running = _running[host]
        running.remove(this)
        told = this.waiters
        if found is not None:  # whoever waits for an older one that hangs is helped as well
            told = told + [waiter for other in running for waiter in other.waiters]
            for other in running:
                other.waiters = []
        if not running:
            del _running[host]
    for waiter in told:
        waiter.found, waiter.error = found, error
        with suppress(RuntimeError, anyio.RunFinishedError):  # its loop may have ended
            anyio.from_thread.run_sync(waiter.event.set, token=waiter.token)


def _in_turn(infos: Sequence[tuple[Any, ...]]) -> list[str]:
    """Addresses with the families in turn (RFC 8305, section 4): one of them may be broken as a whole."""
    families: dict[int, list[str]] = {}
    for family, _, _, _, address in infos:
        families.setdefault(family, []).append(address[0])
    first, *others = families.values()
    second = [address for other in others for address in other]
    mixed = []
    for number in range(max(len(first), len(second))):
        mixed += [*first[number : number + 1], *second[number : number + 1]]
    return list(dict.fromkeys(mixed))
