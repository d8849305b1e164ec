"""``lokictl daemon start|stop|restart|run``"""

from __future__ import annotations

import os
import select
import signal
import subprocess
from typing import NamedTuple

import click

from lokictl import autostart, client
from lokictl.command import Command, Group
from lokictl.failure import Failure
from lokictl.tables import show

UNIT = "lokid.service"

HANGING_S = 5.0
"""Between SIGTERM and SIGKILL for a daemon that does not answer."""


class Running(NamedTuple):
    """``is_unit``: systemd runs it, and only systemd may end it. ``answers``: it does not hang."""

    pid: int
    is_unit: bool
    answers: bool


@click.group(
    cls=Group,
    name="daemon",
    examples=(
        ("lokictl daemon restart", "after an update"),
        ("lokictl daemon run", "in the foreground, to see why it does not start"),
    ),
)
def command() -> None:
    """Start, stop and restart lokid. lokictl ask starts it by itself."""


@command.command("start")
def start() -> int:
    """Start lokid, unless it runs."""
    client.dial(start=True).close()
    _tell()
    return 0


@command.command("stop")
def stop() -> int:
    """Stop lokid. Requests that run may finish (30 s)."""
    running = _running()
    if running is None:
        show("lokid is not running\n")
    elif running.is_unit:
        _systemctl("stop", UNIT)
        show("stopped (by systemd; if lokid.socket is active, the next question starts it again)\n")
    else:
        _stop(running)
        show("stopped\n")
    return 0


@command.command("restart")
def restart() -> int:
    """Stop lokid and start it again; questions of other programs wait meanwhile."""
    running = _running()
    if running is not None and running.is_unit:
        _systemctl("restart", UNIT)
    elif running is not None:
        _stop(running)
    client.dial(start=True).close()
    _tell()
    return 0


@command.command("run", cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[OPTION OF LOKID]...")
def run(arguments: tuple[str, ...]) -> None:
    """Run lokid in the foreground; Ctrl-C ends it."""
    os.execve(autostart.COMMAND[0], [*autostart.COMMAND, *arguments], autostart.environment())  # noqa: S606


def _tell() -> None:
    if (hello := client.greet()) is not None:
        show(f"lokid {hello['version']} runs, pid {hello['pid']}\n")


def _running() -> Running | None:
    try:
        hello = client.greet()
    except client.Hangs as hangs:
        # Where systemd made the socket, the process that we see is systemd's own.
        return Running(hangs.pid, not _is_lokid(hangs.pid) or _is_unit(hangs.pid), answers=False)
    return None if hello is None else Running(hello["pid"], _is_unit(hello["pid"]), answers=True)


def _is_lokid(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return b"lokid" in file.read()
    except OSError:
        return False


def _stop(running: Running) -> None:
    """Asks it to end and waits until it is gone; a descriptor of the process, so never of another one. One
    that does not answer may be stopped or in a loop, and has nothing to finish: it is killed."""
    pid = running.pid
    patience_s = autostart.DRAIN_S if running.answers else HANGING_S
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        ended, _, _ = select.select([process], [], [], patience_s)
        if not ended and not running.answers:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            ended, _, _ = select.select([process], [], [], patience_s)
    except PermissionError:
        raise Failure("daemon_unavailable", f"lokid (pid {pid}) belongs to another user") from None
    finally:
        os.close(process)
    if not ended:
        raise Failure(
            "timeout",
            f"lokid (pid {pid}) still runs after {patience_s:.0f} s",
            f"kill -9 {pid} ends it",
        )


def _is_unit(pid: int) -> bool:
    """Whether this daemon is systemd's; then only systemd may end it, or it comes back."""
    try:
        answer = subprocess.run(  # noqa: S603 (fixed words, found on PATH like any command)
            ["systemctl", "--user", "show", "--property=MainPID", "--value", UNIT],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == str(pid)


def _systemctl(verb: str, unit: str) -> None:
    done = subprocess.run(["systemctl", "--user", verb, unit], check=False)  # noqa: S603, S607 (fixed words)
    if done.returncode != 0:
        raise Failure(
            "daemon_unavailable", f"systemctl --user {verb} {unit} failed", f"journalctl --user -u {unit}"
        )
