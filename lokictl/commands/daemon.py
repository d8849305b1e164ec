"""``lokictl daemon start|stop|restart|status|run|install|uninstall``"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
from typing import NamedTuple

import click

from lokictl import autostart, crashes, ending, folders, link, starting, systemctl
from lokictl.command import Command, Group, json_option
from lokictl.failure import Ending, Failure
from lokictl.greeting import greet
from lokictl.render import is_terminal, note
from lokictl.systemctl import SOCKET, UNIT, properties
from lokictl.tables import show

TELL_S = 1.0
"""A daemon without requests ends sooner; who waits longer is told why, on a terminal."""

HANGING_S = 5.0
"""Between SIGTERM and SIGKILL for a daemon that does not answer."""


class Running(NamedTuple):
    """``is_unit``: systemd runs it, and only systemd may end it. ``answers``: it does not hang. ``reached``:
    there is a socket to it."""

    pid: int
    is_unit: bool
    answers: bool
    reached: bool = True

    @property
    def units(self) -> tuple[str, ...]:
        """For systemd to restart: it makes the socket again, and its directory, where they have gone."""
        return (UNIT,) if self.reached else (SOCKET, UNIT)


@click.group(
    cls=Group,
    name="daemon",
    examples=(
        ("lokictl daemon restart", "after an update"),
        ("lokictl daemon install", "as a systemd user service, from login on"),
        ("lokictl daemon run", "in the foreground, to see why it does not start"),
    ),
)
def command() -> None:
    """Start, stop and restart lokid. lokictl ask starts it by itself."""


@command.command("start")
def start() -> int:
    """Start lokid, unless it runs."""
    _start(start=True)
    return 0


@command.command("stop")
def stop() -> int:
    """Stop lokid. Requests that run may finish (30 s)."""
    running = _running()
    if running is None and (pid := ending.pid(link.path_of_socket())) is not None:
        _stop(Running(pid, is_unit=False, answers=True), told=True)
        show("stopped\n")
    elif running is None:
        show("lokid is not running\n")
    elif running.is_unit:
        _through_systemd("stop", UNIT, running=running)
        show("stopped (by systemd; if lokid.socket is active, the next question starts it again)\n")
    else:
        _stop(running)
        show("stopped\n")
    return 0


@command.command("restart")
def restart() -> int:
    """Stop lokid and start it again; questions of other programs wait meanwhile. Where none could start (an
    update that is not complete, say) the one that runs goes on. While the configuration's file is broken it
    is refused with exit status 78: the one in force would be lost."""
    running = _running()
    if running is not None and running.answers:
        _keep_configuration()
        if why := starting.again(_program() if running.is_unit else None):
            raise Failure("daemon_unavailable", f"not restarted, as none would start again: {why}")
    if running is not None and running.is_unit:
        with contextlib.suppress(Failure):  # lokid answers without, and says what is wrong
            _make_directories()
        _through_systemd("restart", *running.units, running=running)
    elif running is not None:
        _stop(running)
    _start(start=True)
    return 0


@command.command("status", examples=(("lokictl daemon status", "the same as lokictl status"),))
@json_option
def status(as_json: bool) -> int:
    """What `lokictl status` says. Exit status 69 when no lokid runs, 78 when its configuration is wrong."""
    from lokictl.commands.status import tell

    return tell(as_json)


@command.command("run", cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[OPTION OF LOKID]...")
def run(arguments: tuple[str, ...]) -> None:
    """Run lokid in the foreground; Ctrl-C ends it."""
    os.execve(autostart.COMMAND[0], [*autostart.COMMAND, *arguments], autostart.environment())  # noqa: S606


@command.command("install")
def install() -> int:
    """Install and start lokid as a systemd user service. A socket unit holds its socket: lokid starts with
    the first question, or whoever else connects, and a restart loses none."""
    _need_systemd()
    folder, texts, vault = _units()
    _make_directories(folder)
    for directory in vault:
        _tell_if_closed(directory)
    running = _running()
    if running is not None and not running.is_unit:
        _stop(running)  # it holds the socket
    for name, text in texts.items():
        path = os.path.join(folder, name)
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(f"{path}.new", path)
        show(f"wrote {path}\n")
    _systemctl("daemon-reload")
    _systemctl("enable", "--now", SOCKET)
    if running is not None and running.is_unit:
        _systemctl("restart", *running.units)
    _start(start=False)  # starts it all the same: what is wrong shows now and not with the first question
    return 0


@command.command("uninstall")
def uninstall() -> int:
    """Stop lokid and remove its units. Configuration, vault, tokens and log stay."""
    from lokictl import units

    _need_systemd()
    folder = units.folder(os.environ)
    there = [path for name in units.NAMES if os.path.exists(path := os.path.join(folder, name))]
    if not there:
        show("no units of lokid are installed\n")
        return 0
    _systemctl("disable", "--now", SOCKET)
    _systemctl("stop", UNIT)
    for path in there:
        with contextlib.suppress(FileNotFoundError):  # a link, which systemd has removed itself
            os.unlink(path)
        show(f"removed {path}\n")
    _systemctl("daemon-reload")
    return 0


def _units() -> tuple[str, dict[str, str], tuple[str, ...]]:
    """The folder for units, their texts by name, and where else the vault has its directories."""
    from lokictl import units
    from lokictl.vault_paths import vault_paths
    from lokid.rpc import address

    beside = os.path.join(os.path.dirname(sys.executable), "lokid")
    program = beside if os.access(beside, os.X_OK) else shutil.which("lokid")
    if program is None:
        raise Failure(
            "daemon_unavailable",
            f"there is no program lokid, neither beside {sys.executable} nor on PATH",
            "make demo, in your clone of lokid, installs it beside lokictl",
        )
    if set(program) & set(units.IN_NO_PROGRAM):
        raise Failure(
            "config_invalid",
            f"systemd starts no program with quotes, $ or \\ in its path: {program}",
            "move the clone; or use lokid without systemd",
        )
    try:
        vault = vault_paths(None)
        texts = units.texts(os.path.abspath(program), os.environ, vault)
        return units.folder(os.environ), texts, units.of_vault(vault, os.environ)
    except address.NoHome as error:
        raise Failure("config_invalid", str(error)) from None
    except units.Unseen as error:
        raise Failure(
            "config_invalid",
            f"the service would not see {error}: {error.why}",
            "move it (the clone, or what lokictl info and secret path name); or use lokid without systemd",
        ) from None


def _make_directories(*more: str) -> None:
    """What is not there when it starts, lokid cannot make as a service."""
    from lokictl import units

    for directory in (*units.directories(os.environ), *more):
        try:
            folders.make(directory)
        except OSError as error:
            away = os.path.islink(directory) and not os.path.exists(directory)
            why = "it is a link to where there is nothing" if away else error.strerror
            raise Failure("config_invalid", f"{directory} cannot be made: {why}") from None


def _tell_if_closed(directory: str) -> None:
    from lokictl import units

    if units.holds_others(directory, os.environ):
        why = "the sandbox opens no directory of other programs; give the vault one of its own"
    elif os.path.isdir(directory):
        return
    else:
        why = "it is not there; make it, or mount its disk, and then: lokictl daemon restart"
    note(f"lokictl: the service cannot write to {directory}, where the vault or its identity is: {why}")


def _need_systemd() -> None:
    if (
        not shutil.which("systemctl")
        or subprocess.run(
            ["systemctl", "--user", "show-environment"],  # noqa: S607 (found on PATH like any command)
            capture_output=True,
            check=False,
        ).returncode
    ):
        raise Failure(
            "daemon_unavailable",
            "no service manager of systemd runs for this user",
            "lokictl starts lokid by itself, without systemd too",
        )


def _start(*, start: bool) -> None:
    """``start``: by us; a socket unit starts it for who connects."""
    log = crashes.Log()
    link.dial(start=start).close()
    if (hello := greet()) is None:
        raise log.at_once()
    show(f"lokid {hello['version']} runs, pid {hello['pid']}\n")
    # What worked before a restart may be off now: the file was broken while the old one stayed in force.
    from lokictl.commands.status import complain_of_configuration

    complain_of_configuration()


def _keep_configuration() -> None:
    """Raises Failure if a daemon that begins now had none, and this one has."""
    from lokictl.commands.config import problem_line

    try:
        config = link.call("status", start=False, on_wait=ending.Watch())["config"]
        problems = link.call("config.check", start=False) if config.get("generation") else ()
    except Failure:  # as of one that is locked, or older
        return
    if problems:
        lines = (problem_line(problem, paint_on=False) for problem in problems)
        raise Failure(
            "config_invalid",
            "\n".join(("not restarted: what was loaded before would be lost, because of:", *lines)),
            "lokictl config edit; or lokictl daemon stop, and then start",
        )


def _running() -> Running | None:
    try:
        hello = greet(ending.Watch())
    except Ending:
        return Running(int((properties("MainPID") or {}).get("MainPID") or 0), is_unit=True, answers=True)
    except link.Hangs as hangs:
        # Where systemd made the socket, the process that we see is systemd's own.
        return Running(hangs.pid, not ending.is_lokid(hangs.pid) or _is_unit(hangs.pid), answers=False)
    if hello is None:
        return _unheard()
    is_unit = _is_unit(hello["pid"])
    return Running(hello["pid"] if is_unit else hello["process"], is_unit, answers=True)


def _unheard() -> Running | None:
    """The lokid of the service whose socket has gone with its directory, which it may not make again."""
    if not systemctl.is_installed() or os.environ.get("LOKID_SOCK"):
        return None
    pid = int((properties("MainPID") or {}).get("MainPID") or 0)
    return Running(pid, is_unit=True, answers=True, reached=False) if pid else None


def _stop(running: Running, *, told: bool = False) -> None:
    """Asks it to end (unless it was ``told``: the second time it would not let its requests finish) and waits
    until it is gone; a descriptor of the process, so never of another one. One
    that does not answer may be stopped or in a loop, and has nothing to finish: it is killed."""
    pid = running.pid
    if not pid:
        raise Failure(
            "daemon_unavailable",
            "lokid runs in a PID namespace that cannot be seen from here, as in a container",
            "lokictl daemon stop, there",
        )
    patience_s = autostart.DRAIN_S if running.answers else HANGING_S
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not told:
            signal.pidfd_send_signal(process, signal.SIGTERM)
        ended, _, _ = select.select([process], [], [], min(TELL_S, patience_s))
        if not ended:
            _say_why(running)
        if not ended:
            ended, _, _ = select.select([process], [], [], max(0.0, patience_s - TELL_S))
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


def _program() -> str | None:
    """The lokid that systemd starts, as it shows it: ``{ path=/bin/lokid ; argv[]=... }``."""
    shown = (properties("ExecStart") or {}).get("ExecStart", "")
    program = shown.partition("path=")[2].partition(" ;")[0]
    return program if os.path.basename(program) == "lokid" else None


def _through_systemd(*words: str, running: Running) -> None:
    """systemd's own command, which waits and says nothing meanwhile."""
    with subprocess.Popen(["systemctl", "--user", *words]) as waiting:  # noqa: S603, S607 (fixed words)
        try:
            waiting.wait(TELL_S)
        except subprocess.TimeoutExpired:
            _say_why(running)
    if waiting.returncode != 0:
        raise _failed(*words)


def _say_why(running: Running) -> None:
    """To who waits for its end, on a terminal."""
    if not is_terminal(2):
        return
    if running.answers:
        note(f"lokictl: {ending.SAID}")
    elif running.is_unit:
        note("lokictl: lokid does not answer; systemd kills it after 45 s at most")


def _is_unit(pid: int) -> bool:
    """Whether this daemon is systemd's; then only systemd may end it, or it comes back."""
    return (properties("MainPID") or {}).get("MainPID") == str(pid)


def _systemctl(*words: str) -> None:
    done = subprocess.run(["systemctl", "--user", *words], check=False)  # noqa: S603, S607 (fixed words)
    if done.returncode != 0:
        raise _failed(*words)


def _failed(*words: str) -> Failure:
    said = " ".join(words)
    return Failure("daemon_unavailable", f"systemctl --user {said} failed", f"journalctl --user -u {UNIT}")
