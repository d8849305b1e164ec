"""Other programs: what they see of the daemon's environment, and the one line that some are run for."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process

from lokid.runtime import lingering

# What programs need to run at all, and to find their libraries. An allow-list, so no key gets there: also the
# names of locale(7), of the XDG Base Directory Specification and of pam_systemd(8) one by one, since keys are
# called LC_SOMETHING too (it is what sshd takes from afar).
COMMON = frozenset(
    """
    HOME LANG LANGUAGE LD_LIBRARY_PATH LOGNAME PATH PYTHONPATH SHELL TERM TMPDIR TZ USER VIRTUAL_ENV
    LC_ADDRESS LC_ALL LC_COLLATE LC_CTYPE LC_IDENTIFICATION LC_MEASUREMENT LC_MESSAGES LC_MONETARY LC_NAME
    LC_NUMERIC LC_PAPER LC_TELEPHONE LC_TIME
    XDG_CACHE_HOME XDG_CONFIG_DIRS XDG_CONFIG_HOME XDG_CURRENT_DESKTOP XDG_DATA_DIRS XDG_DATA_HOME
    XDG_RUNTIME_DIR XDG_SEAT XDG_SESSION_CLASS XDG_SESSION_DESKTOP XDG_SESSION_ID XDG_SESSION_TYPE
    XDG_STATE_HOME XDG_VTNR
    """.split()  # noqa: SIM905 - names read better as words
)
# And what password managers need to ask their agent, or the user.
PASSWORD_MANAGERS = COMMON | frozenset(
    """
    DBUS_SESSION_BUS_ADDRESS DISPLAY GNUPGHOME GPG_TTY PASSWORD_STORE_DIR SSH_AUTH_SOCK WAYLAND_DISPLAY
    """.split()  # noqa: SIM905
)

MAX_OUTPUT = 64 * 1024
"""Bytes of the one line that a command is run for: ten times the longest token there is."""

LATE_OUTPUT = 0.5
"""Seconds to read what an ended command left in the pipe; a process that it started may keep it open."""


class CommandFailed(Exception):
    """``str()`` says how ("ended with exit status 2"), and nothing of what the command wrote."""


class NotFound(CommandFailed):
    """There is no such program."""


def environment(environ: Mapping[str, str], allowed: frozenset[str] = COMMON) -> dict[str, str]:
    """The part of ``environ`` that a child may see."""
    return {name: value for name, value in environ.items() if name in allowed}


async def existing(directory: str) -> str:
    """Where a child runs: in the directory of the configuration, or in ``/`` while that does not exist."""
    there = await lingering.look(("directory", directory), partial(os.path.isdir, directory))
    return directory if there else "/"


async def output(command: Sequence[str], written: bytes, environ: Mapping[str, str]) -> tuple[int, bytes]:
    """Exit status and standard output of a program that is given ``written``. Raises OSError if it cannot
    be started. Cancelling kills it."""
    process = await anyio.open_process(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environ,
    )
    assert process.stdin is not None and process.stdout is not None
    said = bytearray()

    async def read(stdout: ByteReceiveStream) -> None:
        async for data in stdout:
            said.extend(data)

    async with process, anyio.create_task_group() as group:
        group.start_soon(read, process.stdout)
        await _tell(process.stdin, written)
        status = await process.wait()
    return status, bytes(said)


async def first_line(
    command: Sequence[str], environ: Mapping[str, str], directory: str, timeout_s: float, told: bytes = b""
) -> str:
    """Runs ``command``, with ``told`` as its standard input, and returns the first line of its output. Raises
    CommandFailed for everything that is not such a line and exit status 0. Cancelling kills the command and
    what it started."""
    try:
        process = await anyio.open_process(
            list(command),
            stdin=subprocess.PIPE if told else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
            cwd=await existing(directory),
            start_new_session=True,
        )
    except OSError as error:
        kind = NotFound if isinstance(error, FileNotFoundError) else CommandFailed
        raise kind(f"cannot be run: {(error.strerror or 'unknown reason').lower()}") from None
    output = bytearray()
    try:
        with anyio.fail_after(timeout_s):
            if process.stdin is not None:
                await _tell(process.stdin, told)
            await _collect(process, output)
    except TimeoutError:
        raise CommandFailed(f"did not finish within {timeout_s:g} s") from None
    finally:
        with anyio.CancelScope(shield=True):
            kill(process, signal.SIGKILL)
            await process.aclose()
    if process.returncode:
        raise CommandFailed(how_it_ended(process.returncode))
    first, ended, _ = output.partition(b"\n")
    if not ended and len(output) > MAX_OUTPUT:
        raise CommandFailed(f"wrote a line of more than {MAX_OUTPUT:,} bytes")
    try:
        line = first.decode().rstrip("\r")
    except UnicodeDecodeError:
        raise CommandFailed("wrote something that is not text") from None
    if not line:
        raise CommandFailed("succeeded but its first line is empty")
    return line


async def _tell(stdin: ByteSendStream, data: bytes) -> None:
    """One that ends before it has read everything says by its status why; ``anyio.run_process`` makes a group
    of exceptions of that."""
    with suppress(anyio.BrokenResourceError):
        await stdin.send(data)
    await stdin.aclose()


async def _collect(process: Process, output: bytearray) -> None:
    """Until the process ended; more than a byte over ``MAX_OUTPUT`` is read and dropped."""
    assert process.stdout is not None
    stdout = process.stdout
    end = anyio.Event()

    async def read() -> None:
        async for data in stdout:
            output.extend(data[: MAX_OUTPUT + 1 - len(output)])
        end.set()

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await process.wait()
        with anyio.move_on_after(LATE_OUTPUT):
            await end.wait()
        group.cancel_scope.cancel()


def kill(process: Process, number: int) -> None:
    """Signals the process group of ``process``, which leads it. Nothing happens once it was reaped: the
    number may belong to somebody else by then."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def how_it_ended(status: int) -> str:
    """``status`` as ``Popen.returncode`` or as a shell's ``$?``, where 128 + number is a signal."""
    number = -status if status < 0 else status - 128
    if number > 0:
        with suppress(ValueError):
            return f"was killed by {signal.Signals(number).name}"
    return f"ended with exit status {status}"
