"""``lokictl daemon start|stop|restart|run``"""

from __future__ import annotations

import os
import select
import signal
import subprocess

import click

from lokictl import autostart, client
from lokictl.command import Command, Group
from lokictl.failure import Failure
from lokictl.tables import show

UNIT = "lokid.service"


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
    hello = client.greet()
    if hello is None:
        show("lokid is not running\n")
    elif _is_unit(hello["pid"]):
        _systemctl("stop", UNIT)
        show("stopped (by systemd; if lokid.socket is active, the next question starts it again)\n")
    else:
        _stop(hello["pid"])
        show("stopped\n")
    return 0


@command.command("restart")
def restart() -> int:
    """Stop lokid and start it again; questions of other programs wait meanwhile."""
    hello = client.greet()
    if hello is not None and _is_unit(hello["pid"]):
        _systemctl("restart", UNIT)
    elif hello is not None:
        _stop(hello["pid"])
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


def _stop(pid: int) -> None:
    """Asks it to end and waits until it is gone; a descriptor of the process, so never of another one."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        ended, _, _ = select.select([process], [], [], autostart.DRAIN_S)
    except PermissionError:
        raise Failure("daemon_unavailable", f"lokid (pid {pid}) belongs to another user") from None
    finally:
        os.close(process)
    if not ended:
        raise Failure(
            "timeout",
            f"lokid (pid {pid}) still runs after {autostart.DRAIN_S:.0f} s",
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
