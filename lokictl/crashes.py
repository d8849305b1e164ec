"""Why systemd's socket takes a connection that nobody answers: the service ends as soon as it starts.

systemd starts it again for as long as it takes (a limit would close the socket as well), so a connection
would wait for ever. Whoever waits looks here now and then; loaded only then.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping

from lokictl.failure import Failure
from lokictl.render import one_line
from lokictl.systemctl import UNIT, properties
from lokid.rpc import address

ENOUGH = 2

TAIL = 4096
"""Bytes of a log."""

WORDS_S = 2.0
"""How long the reason is waited for."""

POLL_S = 0.02


class Watch:
    """``pid``: who made the socket. ``look`` raises ``Failure`` once the service was started anew twice since
    the first look. Once is the end of a daemon that hung, and the next one may well answer; a slow start is
    none, nor what happened yesterday."""

    def __init__(self, pid: int) -> None:
        self._systemd = _program(pid) == "systemd"
        self._first: int | None = None

    def look(self) -> None:
        if not self._systemd:
            return
        if (facts := properties("NRestarts", "ExecMainCode", "ExecMainStatus")) is None:
            return
        restarts = int(facts.get("NRestarts") or 0)
        if self._first is None:
            self._first = restarts
        elif restarts >= self._first + ENOUGH:
            raise Failure(
                "daemon_unavailable",
                f"lokid ends as soon as it starts{_how(facts)};"
                f" systemd has started it again {restarts} times",
                f"journalctl --user -u {UNIT} -n 20 shows why; it needs no reset once that is mended",
            )


class Log:
    """What a lokid without systemd writes from now on, of which its last error is told."""

    def __init__(self) -> None:
        self._path, self._begin = os.devnull, 0
        with contextlib.suppress(OSError, address.NoHome):
            self._path = address.log_file(os.environ)
            self._begin = os.path.getsize(self._path)

    def again_and_again(self, seconds: float) -> Failure:
        return _ended(f"lokid closed the connection again and again, for {seconds:.0f} s{self._error()}")

    def at_once(self) -> Failure:
        """Of one that was started just now. It may close its socket before it has said why."""
        until = time.monotonic() + WORDS_S
        while not (error := self._error()) and time.monotonic() < until:
            time.sleep(POLL_S)
        return _ended(f"lokid ended as soon as it had started{error}")

    def _error(self) -> str:
        """The end of a sentence; nothing if there is none."""
        try:
            with open(self._path, "rb") as file:
                size = file.seek(0, os.SEEK_END)
                # One that has grown too long is moved aside by who starts lokid.
                file.seek(max(self._begin if self._begin <= size else 0, size - TAIL))
                lines = file.read(TAIL).decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        found = next(filter(None, map(_error, reversed(lines))), "")
        return f"; its log says: {one_line(found)}" if found else ""


def _ended(said: str) -> Failure:
    hint = "lokictl daemon run shows why; lokictl info shows where its log is"
    return Failure("daemon_unavailable", said, hint)


def _error(line: str) -> str:
    """What the line says, if that is an error: one of the log (time, level and the rest), or what lokid says
    that has no log yet."""
    if line.startswith("lokid: "):
        return line.removeprefix("lokid: ")
    words = line.split(" ", 2)
    return words[2] if words[1:2] == ["error"] and len(words) > 2 else ""


def _how(facts: Mapping[str, str]) -> str:
    """Nothing while the next one is starting."""
    kinds = {"1": "status", "2": "signal", "3": "signal"}  # CLD_EXITED, CLD_KILLED, CLD_DUMPED of siginfo_t
    kind = kinds.get(facts.get("ExecMainCode", ""))
    return f" ({kind} {facts.get('ExecMainStatus')})" if kind else ""


def _program(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""
