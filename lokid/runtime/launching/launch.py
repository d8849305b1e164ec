"""Servers that lokid starts itself: ``launch: {command, ready_timeout, idle_timeout}`` of a client.

The first request starts the command (concurrent requests wait for the same start), ``{port}`` in it is a
free loopback port. It is stopped when no request used it for ``idle_timeout`` seconds, when its client
retires, and when lokid ends, however lokid ends (see ``supervise``).

One ``Launched`` per open client; each run of its command is a ``_Run`` with its own task in the runtime's
task group, so that a cancelled request does not stop a start that others wait for. Output is always
drained, into a ring of bounded size, and its last lines are part of the error when the server dies.

A server that died is started again by the next request: at once after the first death, then after 1, 2,
4, ... 60 seconds while it keeps dying. A minute of good service forgets earlier deaths.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import anyio
from anyio.abc import ByteReceiveStream, Process
from pydantic import SecretStr

from lokid import logs, sandbox
from lokid.errors import IncompleteResponse, ProviderUnavailable
from lokid.protocols.address import address
from lokid.providers.addresses import PORT
from lokid.providers.settings import Launch
from lokid.runtime import often
from lokid.runtime.launching import children, listeners

KEY_VARIABLE = "LOKID_LAUNCH_KEY"
"""Where the command finds the key that callers will send, if it wants to check one (``lokid.llama`` does)."""

SUPERVISE = str(Path(__file__).with_name("supervise.py"))
STOP_GRACE = 5.0  # seconds between SIGTERM and SIGKILL: enough to close, short enough to wait for
FIRST_POLL, LONGEST_POLL = 0.02, 0.25  # seconds; a tiny server is ready in 10 ms, a large one in minutes
LAST_LINES, LINE_BYTES = 20, 3200  # 20 lines of 3,200 bytes: at most 64 KB of output are kept
SHOWN_LINES = 5  # in an error message, which people read
LONGEST_BACKOFF = 60.0
GOOD_SERVICE = 60.0  # seconds
LISTENS_WITHIN = 20.0  # seconds
DEATH_NOTICE = 1.0  # seconds that a request gets to end by itself after its server died

State = Literal["stopped", "starting", "ready", "stopping", "failed"]


class Spawn(Protocol):
    """``TaskGroup.start_soon`` of the runtime."""

    def __call__(self, func: Callable[..., Coroutine[Any, Any, Any]], /, *args: Any) -> object: ...


class Output:
    """The last lines of a program, in bounded memory, without control characters, without ``secret``
    and without what the log must not show."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._open = b""

    def feed(self, data: bytes) -> None:
        *complete, rest = (self._open + data).split(b"\n")
        # A program may write faster than lines can be cleaned, and only the last ones are kept anyway.
        for line in [line for line in complete if line.strip()][-LAST_LINES:]:
            self._lines.append(self._clean(line))
        self._open = rest[:LINE_BYTES]

    def lines(self) -> tuple[str, ...]:
        """Oldest first, an unfinished last line included."""
        last = (self._clean(self._open),) if self._open.strip() else ()
        return (*self._lines, *last)[-LAST_LINES:]

    def _clean(self, line: bytes) -> str:
        text = line[:LINE_BYTES].decode(errors="replace").replace(self._secret, "***").rstrip()
        text = logs.hide(text)
        return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)


@dataclass(eq=False)
class _Run:
    """One run of the command. ``failure`` is set when it ended without being asked to."""

    api_base: str
    port: int
    output: Output
    settled: anyio.Event = field(default_factory=anyio.Event)  # ready, or it will never be
    exited: anyio.Event = field(default_factory=anyio.Event)
    over: anyio.Event = field(default_factory=anyio.Event)  # exited or to be stopped
    output_end: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)  # nothing of it is left
    requests: set[anyio.CancelScope] = field(default_factory=set)
    closing: bool = False
    failure: str | None = None
    pid: int | None = None
    returncode: int | None = None
    ready_since: float | None = None
    started_at: float = field(default_factory=time.time)


class Launched:
    """The server of one client.

    ``probe(api_base)`` answers whether the server is ready; it must not raise. ``spawn`` starts a task
    that outlives the request. ``directory`` is where the command runs.
    """

    def __init__(
        self,
        client: str,
        launch: Launch,
        api_base: str,
        *,
        spawn: Spawn,
        probe: Callable[[str], Awaitable[bool]],
        environ: Mapping[str, str],
        directory: str,
        key: SecretStr,
        now: Callable[[], float] = anyio.current_time,
    ) -> None:
        self._client = client
        self._launch = launch
        self._api_base = api_base
        self._spawn = spawn
        self._probe = probe
        self._environ = environ
        self._directory = directory
        self._key = key
        self._now = now
        self._run: _Run | None = None
        self._users = 0
        self._idle_since = 0.0
        self._deaths = 0
        self._not_before = 0.0
        self._last_failure: str | None = None
        self._retired = False

    @property
    def state(self) -> State:
        run = self._run
        if run is None:
            return "failed" if self._last_failure else "stopped"
        if run.closing:
            return "stopping"
        return "ready" if run.ready_since is not None else "starting"

    def status(self) -> dict[str, Any]:
        """For ``clients.list``: ``state``, and what is known of ``pid``, ``port``, ``started_at`` (epoch),
        ``last_failure`` and the last lines of its ``output``."""
        run = self._run
        facts: dict[str, Any] = {"state": self.state}
        if run is not None:
            facts |= {"pid": run.pid, "port": run.port, "started_at": run.started_at}
            facts["output"] = list(run.output.lines())
        if self._last_failure:
            facts["last_failure"] = self._last_failure
        return facts

    @asynccontextmanager
    async def use(self) -> AsyncIterator[str]:
        """Starts the server if it does not run and yields its base URL; it is not idle meanwhile.

        Raises ProviderUnavailable with its last lines when it cannot be started. What the body fails with
        because the server died gets them too, and stays IncompleteResponse if an answer had begun.
        """
        self._users += 1
        try:
            run = await self._ready_run()
            with anyio.CancelScope() as scope:
                run.requests.add(scope)
                try:
                    yield run.api_base
                except (ProviderUnavailable, IncompleteResponse) as error:
                    # The connection often breaks before the kernel reports the end of the process.
                    with anyio.move_on_after(DEATH_NOTICE):
                        await run.exited.wait()
                        await run.ended.wait()
                    if run.failure is None:
                        raise
                    because = self._unavailable(run.failure)
                    if isinstance(error, IncompleteResponse):
                        raise IncompleteResponse(because.message, because.hint, self._client) from error
                    raise because from error
                finally:
                    run.requests.discard(scope)
            if scope.cancelled_caught:
                raise self._unavailable(run.failure or "was stopped")
        finally:
            self._users -= 1
            self._idle_since = self._now()

    async def retire(self) -> None:
        """Stops the server for good; returns when nothing of it is left."""
        self._retired = True
        if self._run is not None:
            run = self._run
            run.over.set()
            await run.ended.wait()

    async def _ready_run(self) -> _Run:
        while True:
            run = self._run
            if run is None:
                run = self._start()
                self._spawn(self._serve, run)  # raises when lokid is stopping
                self._run = run
            if run.closing:
                await run.ended.wait()
                continue
            await run.settled.wait()
            if run.failure is not None:
                raise self._unavailable(run.failure)
            if not run.closing:
                return run

    def _start(self) -> _Run:
        if self._retired:
            raise self._unavailable("is being stopped because its client changed")
        wait = self._not_before - self._now()
        if self._last_failure is not None and wait > 0:
            message = f"{self._last_failure}\nIt will be tried again in {max(wait, 1):.0f} s."
            raise self._unavailable(message, retry_after_s=wait)
        port = free_port()
        return _Run(self._api_base.replace(PORT, str(port)), port, Output(self._key.get_secret_value()))

    def _unavailable(self, what: str, retry_after_s: float | None = None) -> ProviderUnavailable:
        return ProviderUnavailable(
            f"the server of client {self._client!r} {what}",
            hint=f"run its command by hand: {self._launch.command[0]} ..."
            + sandbox.advice(sandbox.of_this_process(), what),
            client=self._client,
            retry_after_s=retry_after_s,
            retryable=False,  # the waiting is done here
        )

    async def _serve(self, run: _Run) -> None:
        """The whole life of one run, in its own task."""
        try:
            await self._live(run)
        finally:
            if run.failure is None and not run.closing and not self._retired:
                run.failure = f"was stopped{_tail(run)}"
            self._run = None
            self._last_failure = run.failure
            run.settled.set()
            run.ended.set()
        if run.requests and run.failure:
            await anyio.sleep(DEATH_NOTICE)
            for scope in tuple(run.requests):
                scope.cancel()

    async def _live(self, run: _Run) -> None:
        command = [part.replace(PORT, str(run.port)) for part in self._launch.command]
        environ = {**children.environment(self._environ), KEY_VARIABLE: self._key.get_secret_value()}
        try:
            process = await anyio.open_process(
                [sys.executable, "-I", "-S", SUPERVISE, str(STOP_GRACE), *command],
                stdin=subprocess.PIPE,  # its end tells supervise that lokid is gone
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=await children.existing(self._directory),
                env=environ,
                start_new_session=True,
            )
        except OSError as error:
            self._died(run, f"cannot be started: {error.strerror}")
            return
        run.pid = process.pid
        assert process.stdout is not None
        async with anyio.create_task_group() as group:
            drained = anyio.CancelScope(shield=True)
            group.start_soon(_drain, process.stdout, run, drained)
            group.start_soon(_wait, process, run)
            try:
                if await self._becomes_ready(run):
                    run.ready_since = self._now()
                    run.settled.set()
                    await self._until_unwanted(run)
            finally:
                with anyio.CancelScope(shield=True):
                    await self._finish(run, process)
                    drained.cancel()
                    group.cancel_scope.cancel()
                    await process.aclose()

    async def _becomes_ready(self, run: _Run) -> bool:
        pause = FIRST_POLL
        late_at = self._now() + min(LISTENS_WITHIN, self._launch.ready_timeout / 2)
        with anyio.move_on_after(self._launch.ready_timeout):
            while not run.over.is_set():
                # Before a word goes there, and again before a question does.
                there = await self._listening(run)
                if self._is_taken(run, there):
                    return False
                # Not while nobody listens: the next who does may be a stranger. But a port that the kernel
                # passes on into a container never has anybody.
                if (there != () or self._now() > late_at) and await self._probe(run.api_base):
                    return not self._is_taken(run, await self._listening(run))
                with anyio.move_on_after(pause):
                    await run.over.wait()
                pause = min(pause * 1.5, LONGEST_POLL)
            return False
        if not run.over.is_set():
            self._died(run, f"was not ready within {self._launch.ready_timeout:g} s{_tail(run)}")
        return False

    async def _listening(self, run: _Run) -> tuple[int, ...] | None:
        return await often.aside(partial(listeners.uids, run.api_base))

    def _is_taken(self, run: _Run, there: tuple[int, ...] | None) -> bool:
        """Whether another user has the port; that ends the run."""
        if (uid := listeners.stranger(there)) is None:
            return False
        port = address(run.api_base).port
        self._died(run, f"was not asked: at its port {port} listens a program of {listeners.name(uid)}")
        return True

    async def _until_unwanted(self, run: _Run) -> None:
        """Until it exited, its client retired, or nobody used it for ``idle_timeout``. Requests do not
        wake this task: it looks again when the time could have come."""
        self._idle_since = self._now()
        while not run.over.is_set():
            left = self._launch.idle_timeout
            if not self._users:
                left -= self._now() - self._idle_since
            if left <= 0:
                break
            with anyio.move_on_after(left):
                await run.over.wait()

    async def _finish(self, run: _Run, process: Process) -> None:
        """Afterwards nothing of the run is left. What ended unasked becomes ``run.failure``."""
        if run.exited.is_set():
            with anyio.move_on_after(0.2):  # what it wrote last may still be in the pipe
                await run.output_end.wait()
            if run.failure is None:
                self._died(run, f"{children.how_it_ended(run.returncode or 0)}{_tail(run)}")
        else:
            run.closing = run.failure is None
            if run.closing:
                self._deaths = 0
            assert process.stdin is not None
            # ``supervise`` then ends everything that the command started, and then itself.
            await process.stdin.aclose()
            with anyio.move_on_after(STOP_GRACE * 2 + 1):
                await process.wait()
            children.kill(process, signal.SIGKILL)

    def _died(self, run: _Run, how: str) -> None:
        now = self._now()
        if run.ready_since is not None and now - run.ready_since >= GOOD_SERVICE:
            self._deaths = 0
        self._deaths += 1
        if self._deaths > 1:
            self._not_before = now + min(2.0 ** (self._deaths - 2), LONGEST_BACKOFF)
        run.failure = how


async def _drain(stream: ByteReceiveStream, run: _Run, scope: anyio.CancelScope) -> None:
    """Shielded, so that a server which is told to stop can still write; ends at ``scope.cancel()``."""
    with scope, suppress(anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
        while True:
            run.output.feed(await stream.receive())
    run.output_end.set()


async def _wait(process: Process, run: _Run) -> None:
    run.returncode = await process.wait()
    if run.returncode < 0:  # somebody killed ``supervise``, and what it has started is alone
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    run.exited.set()
    run.over.set()


def _tail(run: _Run) -> str:
    lines = run.output.lines()[-SHOWN_LINES:]
    return "; its last lines:\n" + "\n".join(f"  {line[:200]}" for line in lines) if lines else ""


def free_port() -> int:
    """A loopback port that is free now. The command binds it a moment later; if something else was
    faster, the command dies saying so and the next request picks another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
