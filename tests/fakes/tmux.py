"""A real terminal: tmux, with a server of its own, and keys and screens instead of pipes."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil


class Screen:
    """``command`` on a terminal of ``width`` columns. ``keys`` are tmux's names ("Tab", "M-e", "C-c"),
    ``text`` is typed as it is; ``wait`` polls the screen, because that is all that a person sees too."""

    def __init__(
        self,
        folder: Path,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        width: int = 80,
        height: int = 24,
    ) -> None:
        self._tmux = ("tmux", "-f", os.devnull, "-S", str(folder / "tmux"))
        self._env = {**env, "TERM": "xterm-256color"}
        # tmux starts its server with our environment, and that passes it on; TMUX would make it refuse.
        self._env.pop("TMUX", None)
        self._run(
            "new-session", "-d", "-x", str(width), "-y", str(height), shlex.join(command),
            ";", "set", "-g", "remain-on-exit", "on", ";", "set", "-s", "escape-time", "0",
        )  # fmt: skip

    def keys(self, *names: str) -> None:
        self._run("send-keys", *names)

    def text(self, text: str) -> None:
        self._run("send-keys", "-l", "--", text)

    def resize(self, width: int, height: int = 24) -> None:
        self._run("resize-window", "-x", str(width), "-y", str(height))

    def lines(self, *, history: bool = False, styles: bool = False) -> list[str]:
        """What is on the screen, without what is empty at its end."""
        options = [*(["-S", "-"] if history else []), *(["-e"] if styles else [])]
        return self._run("capture-pane", "-p", *options).rstrip().split("\n")

    def cursor(self) -> tuple[int, int]:
        """Line and column, from 0."""
        line, column = self._run("display-message", "-p", "#{cursor_y} #{cursor_x}").split()
        return int(line), int(column)

    def wait(self, wanted: Callable[[list[str]], bool], what: str = "") -> list[str]:
        deadline = time.monotonic() + 20
        while not wanted(lines := self.lines()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{what or 'what was awaited'} did not come:\n" + "\n".join(lines))
            time.sleep(0.02)
        return lines

    def wait_for(self, text: str) -> list[str]:
        return self.wait(lambda lines: any(text in line for line in lines), repr(text))

    def is_stopped(self) -> bool:
        """Whether a job of the shell is, which says so when it is asked the next time."""
        shell = psutil.Process(int(self._run("display-message", "-p", "#{pane_pid}")))
        return any(job.status() == psutil.STATUS_STOPPED for job in shell.children())

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], env=self._env, capture_output=True, check=False)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], env=self._env, capture_output=True, timeout=20)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()
