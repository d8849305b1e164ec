"""Records ``docs/recording.svg``: a real session on a real terminal, as a picture that moves.

``python -m tools.recording FOLDER_WITH_LOKICTL`` (`make recording`) types ``COMMANDS`` into bash under tmux,
with a home of its own and the small local model, and looks at the screen ten times a second. Each screen that
differs from the one before is a frame. Pauses are kept up to ``LONGEST_S``: the first question starts the
daemon and loads the model, and nobody wants to watch that twice.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rich.color import Color
from rich.style import Style
from rich.text import Text

PICTURE = Path(__file__).parent.parent / "docs" / "recording.svg"
COLUMNS, ROWS = 80, 22

COMMANDS = (
    "lokictl ask 'What is the capital of France? Answer in one short sentence.'",
    "lokictl ask -u 'Name three colours as a list.' | tr a-z A-Z",
    "lokictl usage --by program",
    "lokictl clients",
)
"""What a new user does: an answer, a pipe, the bill, and who is ready."""

LOOK_S = 0.1
LONGEST_S = 1.2
READ_S = 2.5
"""At the end of each command, to read what it said."""

PATIENCE_S = 120.0
"""For one command, on a busy machine."""

CELL, LINE, PADDING = 8.4, 18, 12
"""Pixels of a character of 14 px in the usual monospaced fonts, of a line, and around the screen."""

PALETTE = ("#45475a", "#f38ba8", "#a6e3a1", "#f9e2af", "#89b4fa", "#f5c2e7", "#94e2d5", "#bac2de")
TEXT, GROUND = "#cdd6f4", "#1e1e2e"


@dataclass(frozen=True, slots=True)
class Frame:
    """A screen with its escapes, and how long it stands, in seconds."""

    lines: tuple[str, ...]
    for_s: float


class Terminal:
    """bash under a tmux of its own."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._tmux = ("tmux", "-f", os.devnull, "-S", str(folder / "tmux"))
        self._env = env
        size = ("-x", str(COLUMNS), "-y", str(ROWS))
        self._run("new-session", "-d", *size, "bash", "--norc", "--noprofile", "-i")

    def type(self, text: str) -> None:
        self._run("send-keys", "-l", "--", text)

    def enter(self) -> None:
        self._run("send-keys", "Enter")

    def lines(self) -> tuple[str, ...]:
        return tuple(self._run("capture-pane", "-p", "-e").rstrip().split("\n"))

    def close(self) -> None:
        self._run("kill-server")

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], env=self._env, capture_output=True, check=True)  # noqa: S603
        return done.stdout.decode()


@contextmanager
def scratch(programs: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """A home of its own, and its environment; the daemon in it is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="lokid-", dir="/tmp") as name:
        folder = Path(name)
        (folder / "run").mkdir(mode=0o700)
        env = {
            "HOME": name,
            "XDG_RUNTIME_DIR": f"{name}/run",
            "PATH": f"{programs}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "PS1": "\\[\\e[32m\\]$\\[\\e[0m\\] ",
            "PS2": "",
        }
        try:
            yield folder, env
        finally:
            subprocess.run(["lokictl", "daemon", "stop"], env=env, stdout=subprocess.DEVNULL, check=False)  # noqa: S607


def record(programs: str) -> list[Frame]:
    """Raises TimeoutError if a command does not end."""
    frames: list[Frame] = []
    with scratch(programs) as (folder, env):
        terminal = Terminal(folder, env)
        try:
            _until_prompt(terminal, frames)
            for command in COMMANDS:
                for word in command.split(" "):
                    terminal.type(f"{word} ")
                    _look(terminal, frames)
                terminal.enter()
                _until_prompt(terminal, frames)
                frames[-1] = Frame(frames[-1].lines, READ_S)
        finally:
            terminal.close()
    return frames


def _until_prompt(terminal: Terminal, frames: list[Frame]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while Text.from_ansi(_look(terminal, frames)[-1]).plain.strip() != "$":
        if time.monotonic() > give_up_at:
            raise TimeoutError("a command of the recording did not end")


def _look(terminal: Terminal, frames: list[Frame]) -> tuple[str, ...]:
    time.sleep(LOOK_S)
    lines = terminal.lines()
    if frames and frames[-1].lines == lines:
        frames[-1] = Frame(lines, min(frames[-1].for_s + LOOK_S, LONGEST_S))
    else:
        frames.append(Frame(lines, LOOK_S))
    return lines


def picture(frames: Sequence[Frame]) -> str:
    """One SVG without anything from elsewhere: the frames below each other, and a window that moves over
    them. Who asks for no motion sees the last one."""
    width, height = round(COLUMNS * CELL) + 2 * PADDING, ROWS * LINE + 2 * PADDING
    total = sum(frame.for_s for frame in frames)
    kinds: dict[str, str] = {}
    shown, steps, at = [], [], 0.0
    for number, frame in enumerate(frames):
        steps.append(f"{100 * at / total:.3f}% {{transform: translateY({-number * height}px)}}")
        at += frame.for_s
        for row, text in enumerate(frame.lines):
            if drawn := _line(text):
                name = kinds.setdefault(drawn, f"l{len(kinds)}")
                y = number * height + PADDING + (row + 1) * LINE - 4
                shown.append(f'<use href="#{name}" x="{PADDING}" y="{y}"/>')
    last = -(len(frames) - 1) * height
    font = "14px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
    style = [
        f"text {{font: {font}; fill: {TEXT}; white-space: pre}}",
        f"#film {{animation: film {total:.1f}s step-end infinite}}",
        "@keyframes film {",
        *steps,
        "}",
        "@media (prefers-reduced-motion: reduce) {",
        f"#film {{animation: none; transform: translateY({last}px)}}",
        "}",
    ]
    defs = [f'<text id="{name}">{drawn}</text>' for drawn, name in kinds.items()]
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" {size}>',
        "<title>lokictl on a terminal: an answer, a pipe, the bill, the clients</title>",
        *("<style>", *style, "</style>"),
        *("<defs>", *defs, "</defs>"),
        f'<rect width="{width}" height="{height}" rx="8" fill="{GROUND}"/>',
        # What does not animate shows the end.
        *(f'<g id="film" transform="translate(0 {last})">', *shown, "</g>", "</svg>"),
    ]
    return "\n".join(rows) + "\n"


def _line(text: str) -> str:
    """The inside of a ``text`` element; every piece at its column, whatever the font."""
    line = Text.from_ansi(text)
    line.rstrip()
    pieces, column = [], 0
    for piece in line.divide(sorted({edge for span in line.spans for edge in (span.start, span.end)})):
        style = Style.combine(
            [Style.null(), *(one.style for one in piece.spans if isinstance(one.style, Style))]
        )
        if piece.plain.strip():
            size = f'x="{column * CELL:.1f}" textLength="{piece.cell_len * CELL:.1f}"'
            pieces.append(f"<tspan {size}{_look_of(style)}>{escape(piece.plain, quote=False)}</tspan>")
        column += piece.cell_len
    return "".join(pieces)


def _look_of(style: Style) -> str:
    said = f' fill="{_colour(style.color)}"' if style.color is not None and not style.color.is_default else ""
    said += ' font-weight="bold"' if style.bold else ""
    return said + (' opacity="0.6"' if style.dim else "")


def _colour(colour: Color) -> str:
    if colour.number is not None and colour.number < 16:
        return PALETTE[colour.number % 8]
    return colour.get_truecolor().hex


def main() -> None:
    if len(sys.argv) != 2 or not shutil.which("tmux"):
        sys.exit("usage: python -m tools.recording FOLDER_WITH_LOKICTL (and tmux must be installed)")
    PICTURE.write_text(picture(record(os.path.abspath(sys.argv[1]))))
    print(f"{PICTURE} is written")  # noqa: T201 (a program of its own)


if __name__ == "__main__":
    main()
