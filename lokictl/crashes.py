"""Why systemd's socket takes a connection that nobody answers: the service ends as soon as it starts.

systemd starts it again for as long as it takes (a limit would close the socket as well), so a connection
would wait for ever. Whoever waits looks here now and then; loaded only then.
"""

from __future__ import annotations

from collections.abc import Mapping

from lokictl.failure import Failure
from lokictl.systemctl import UNIT, properties

ENOUGH = 2


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
