"""``lokictl doctor``"""

from __future__ import annotations

import os
import platform
import shutil
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

import lokid
from lokictl import ending, last_error, link, own_config, sandbox, starting
from lokictl.command import Command, json_option
from lokictl.commands.config import problem_line
from lokictl.commands.usage import counts_from, ledger_line
from lokictl.failure import Ending, Failure, NotRunning
from lokictl.reply import version_skew
from lokictl.systemctl import SOCKET, UNIT, properties
from lokictl.tables import duration, pairs, prose, show, show_json
from lokictl.vault_paths import vault_paths
from lokid.rpc import address

PACKAGES = ("anyio", "click", "httpx2", "markdown-it-py", "msgpack", "pydantic", "pyrage", "pyyaml", "rich")

PRIVATE = {"env_file", "vault_file", "identity_file", "socket", "state_dir", "log"}
"""What nobody but its owner may read."""

OF_ROOT = {"config_file", "env_file", "identity_file"}
"""What may be root's: lokid reads it only (NixOS keeps it so, or an administrator)."""

KEYRING = "keyring:"
"""Begins the place of an identity that is no file."""

BUILT_AT = 1_760_000_000
"""October 2025, before this was written: a clock that says less is wrong."""


@click.command(
    cls=Command,
    name="doctor",
    examples=(
        ("lokictl doctor", "what is wrong, and what mends it"),
        ("lokictl doctor > report.txt", "for a bug report: it holds no secret"),
    ),
)
@json_option
def command(as_json: bool) -> int:
    """Look at everything lokid needs. Ends with 1 when something is wrong. Starts no daemon.

    The report can be pasted: no secret, no value of the environment, and ~ in place of your home."""
    facts, problems = examine()
    if as_json:
        show_json({"facts": dict(facts), "problems": problems})
    else:
        show(pairs(facts, fits=True) + "\n")
        show(prose([f"problem: {problem}" for problem in problems] or ["nothing is wrong"]))
    return 1 if problems else 0


def examine() -> tuple[list[tuple[str, str]], list[str]]:
    """(name, value) of what there is, and sentences about what is wrong."""
    problems: list[str] = []
    facts = [
        ("lokictl", lokid.__version__),
        ("python", f"{platform.python_version()} {_short(sys.executable)}"),
        ("system", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("packages", ", ".join(f"{name} {_version(name)}" for name in PACKAGES)),
    ]
    status = _status()
    facts += _paths(problems, status)
    facts += _daemon(problems, status)
    problems += _open_directory(status)
    problems += _another()
    problems += _service(status)
    facts += _certificates(problems)
    facts += _clock(problems)
    facts.append(("environment", ", ".join(_variables()) or "nothing that concerns lokid"))
    return facts, [_short(problem) for problem in problems]


def _status() -> Mapping[str, Any] | Failure:
    try:
        answer: Mapping[str, Any] = link.call("status", start=False)
    except Failure as failure:
        return failure
    return answer


def _paths(problems: list[str], status: Mapping[str, Any] | Failure) -> list[tuple[str, str]]:
    facts = []
    known = None if isinstance(status, Failure) else status
    try:
        paths = {
            "config_file": address.config_file(os.environ),
            "env_file": address.env_file(os.environ),
            **dict(zip(("vault_file", "identity_file"), vault_paths(known), strict=True)),
            "state_dir": address.state_dir(os.environ),
            "socket": address.socket_path(os.environ),
            "log": address.log_file(os.environ),
        }
    except address.NoHome as error:
        problems.append(str(error))
        return []
    for name, path in paths.items():
        if path.startswith(KEYRING):
            facts.append((name, path))
            continue
        try:
            found = os.stat(path)
        except OSError as error:
            facts.append((name, f"{_short(path)} ({(error.strerror or 'unreadable').lower()})"))
            continue
        mode = stat.S_IMODE(found.st_mode)
        owner = "" if found.st_uid == os.geteuid() else f", of uid {found.st_uid}"
        facts.append((name, f"{_short(path)} ({mode:04o}{owner})"))
        if owner and not (found.st_uid == 0 and name in OF_ROOT):
            problems.append(f"{path} belongs to uid {found.st_uid}, not to you")
        elif name in PRIVATE and mode & 0o077:
            problems.append(f"others may read {path}: chmod go= {path}")
    return facts


def _daemon(problems: list[str], status: Mapping[str, Any] | Failure) -> list[tuple[str, str]]:
    if isinstance(status, Failure):
        return [("lokid", _unanswered(problems, status))]
    daemon: Mapping[str, Any] = status["daemon"]
    if skew := version_skew(daemon):
        problems.append(skew.removeprefix("lokictl: "))
    if daemon.get("root"):
        problems.append("lokid runs as root, and with it everything that it starts")
    if lacks := sandbox.problem(daemon):
        problems.append(lacks)
    config: Mapping[str, Any] = status["config"]
    if (its := own_config.of_daemon(status, os.environ)) is not None:
        problems.append(f"lokid uses another configuration, {its}; for yours: lokictl daemon restart")
    problems += [problem_line(one, paint_on=False) for one in config.get("problems") or ()]
    vault: Mapping[str, Any] = status.get("vault") or {}
    if vault.get("state") == "refused" and not any(vault["reason"] in problem for problem in problems):
        problems.append(f"the vault cannot be read: {vault['reason']}")
    ledger: Mapping[str, Any] = (status.get("usage") or {}).get("ledger") or {}
    if unsaved := ledger_line(ledger):
        problems.append(f"usage: {unsaved}")
    if since := counts_from(ledger):
        problems.append(since)
    states: dict[str, int] = {}
    for one in status["clients"]:
        state = f"{one['type']} {one['state']}"
        states[state] = states.get(state, 0) + 1
        if wrong := last_error.words(one):
            problems.append(f"a client of type {one['type']}: {wrong} (lokictl status says which)")
        elif one["state"] in ("needs_login", "needs_secret"):
            problems.append(f"a client of type {one['type']}: {one['state']} (lokictl status says which)")
    return [
        ("lokid", f"{daemon['version']}, up {duration(time.time() - daemon['started_at'])}"),
        ("extra_socket", _extra(daemon.get("extra_socket"), problems)),
        ("sandbox", sandbox.line(daemon)),
        ("memory", sandbox.memory(daemon)),
        (
            "configuration",
            f"generation {config.get('generation')}, {_count(len(config.get('problems') or ()), 'problem')}",
        ),
        ("clients", ", ".join(f"{count} {state}" for state, count in states.items()) or "none"),
    ]


def _unanswered(problems: list[str], failure: Failure) -> str:
    match failure:
        case Ending():
            return "is ending: the requests that run may finish"
        case NotRunning() if not link.may_start():
            if os.environ.get("LOKID_SOCK"):  # forwarded, or of another container
                problems.append(f"{failure.message}: {failure.hint}")
            return "not running, and LOKICTL_AUTOSTART=0 keeps lokictl from starting it"
        case NotRunning():
            would = starting.tried()
            problems += would.problems
            return "not running (the first question starts it)" if would.start else "not running"
    try:
        address.socket_path(os.environ)
    except address.NoHome:  # told with the paths
        return "does not answer"
    problems.append(f"{failure.message}: {failure.hint}" if failure.hint else failure.message)
    return "does not answer"


def _open_directory(status: Mapping[str, Any] | Failure) -> list[str]:
    """A sentence about the directory of a lokid that runs, which has become one in which none may start."""
    if isinstance(status, Failure) or os.environ.get("LOKID_SOCK"):
        return []
    directory = os.path.dirname(address.socket_path(os.environ))
    try:
        mode = os.stat(directory).st_mode
    except OSError:  # told by lokid, which makes it again
        return []
    return [f"others may enter {directory}: chmod 700 {directory}"] if mode & 0o077 else []


def _another() -> list[str]:
    """A sentence about a second lokid: of jobs without ``XDG_RUNTIME_DIR``, or that of the session."""
    if os.environ.get("LOKID_SOCK"):
        return []
    session = os.environ.get("XDG_RUNTIME_DIR")
    name = "XDG_RUNTIME_DIR"
    others = {**os.environ, name: f"/run/user/{os.geteuid()}"} if not session else {**os.environ, name: ""}
    try:
        place = address.socket_path(others)
    except address.NoHome:
        return []  # told already
    # lokid's own socket has another name in that table: it was bound before it was put there.
    if ending.pid(place) is None and not _listens(place):
        return []
    mend = f"cron jobs and the like want {name}={session}" if session else f"set {name}={others[name]}"
    return [f"another lokid of yours listens at {place}, with limits and today's spending of its own: {mend}"]


def _service(status: Mapping[str, Any] | Failure) -> list[str]:
    """A sentence about a service that is installed and is not what answers: its socket was removed (in its
    sandbox it may not make the directory again), or both units were stopped."""
    if os.environ.get("LOKID_SOCK") or not shutil.which("systemctl"):
        return []
    if isinstance(status, Ending) or not isinstance(status, Mapping | NotRunning):
        return []
    pid = (properties("MainPID") or {}).get("MainPID", "0")
    enabled = (properties("UnitFileState", unit=SOCKET) or {}).get("UnitFileState") == "enabled"
    answers = None if isinstance(status, Failure) else str(status["daemon"]["pid"])
    if answers == pid or (pid == "0" and not enabled):
        return []
    runs = f" (pid {pid})" if pid != "0" else ""
    instead = f", and the one that does (pid {answers}) has no sandbox" if answers else ""
    mend = f"systemctl --user restart {SOCKET} {UNIT}"
    mend = f"lokictl daemon stop && {mend}" if answers else mend
    return [f"the lokid of the service{runs} does not answer here{instead}: {mend}"]


LISTENING = "00010000"
"""``__SO_ACCEPTCON`` among the flags of a socket."""


def _listens(path: str) -> bool:
    """Whether systemd does. Not by connecting, for which it starts a daemon. Lines of the table: number,
    references, protocol, flags, type, state, inode, path; ``proc_pid_net(5)``."""
    try:
        with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as table:
            rows = [line.rstrip("\n").split(maxsplit=7) for line in table]
    except OSError:  # not Linux
        return False
    return any(row[7:] == [path] and row[3] == LISTENING for row in rows)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _extra(extra: Mapping[str, Any] | None, problems: list[str]) -> str:
    if not extra:
        return "off"
    if extra["state"] != "open":
        problems.append(f"the extra socket is not open: {extra.get('reason', 'see the log')}")
        return "closed"
    if unknown := extra.get("budget_unknown"):
        problems.append(f"the extra socket answers budget_exceeded: {unknown['reason']}; then restart lokid")
    budgets = ", ".join(f"{one['usd']:g} USD a {one['period']}" for one in extra["budgets"])
    patterns = _count(len(extra["models"]), "pattern")
    return f"{_short(str(extra['path']))}, {patterns}, {budgets or 'without a budget'}"


def _certificates(problems: list[str]) -> list[tuple[str, str]]:
    store = ssl.create_default_context().cert_store_stats()["x509_ca"]
    if not store:
        problems.append(
            "no certificate authorities are installed: on Debian, apt-get install ca-certificates"
        )
    return [("certificates", f"{store} authorities, {ssl.OPENSSL_VERSION}")]


def _clock(problems: list[str]) -> list[tuple[str, str]]:
    now = time.time()
    if now < BUILT_AT:
        problems.append("the clock is wrong: certificates and tokens look not yet valid")
    synchronised = "not known whether it is synchronised"
    if shutil.which("timedatectl"):
        asked = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],  # noqa: S607 (as any command)
            capture_output=True,
            text=True,
            check=False,
        )
        known = {"yes": "synchronised", "no": "not synchronised"}
        synchronised = known.get(asked.stdout.strip(), synchronised)
    return [("clock", f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(now))}, {synchronised}")]


def _variables() -> list[str]:
    """Names alone: values are secrets or private."""
    wanted = ("_API_KEY", "_PROXY", "_proxy", "_TOKEN")
    return sorted(
        name for name in os.environ if name.startswith(("LOKI", "XDG_", "SSL_")) or name.endswith(wanted)
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _short(text: str) -> str:
    home = os.environ.get("HOME", "")
    # lokid tells where a file really is, behind all links.
    for each in sorted({home, os.path.realpath(home)} if home else (), key=len, reverse=True):
        if len(each) > 1:
            text = text.replace(each, "~")
    return text
