"""``lokictl cmd``"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import click

from lokictl import link, spinner
from lokictl.command import Command
from lokictl.danger import danger
from lokictl.failure import Failure, usage
from lokictl.render import clean, one_line, write

TIMEOUT_S = 60.0
"""A key that was pressed waits no longer."""

LONGEST_REASON = 200
"""Characters of why there is no command. A small model may not find an end."""

SYSTEM = """\
You turn a request into exactly one command for the shell {shell} on {system}.
Answer with the command and nothing else: no explanation, no Markdown, no prompt sign. It may be a pipeline. \
Prefer common tools, quote what needs it, and use no placeholder where something would work as it stands.
If no command can do it, answer with one line that begins with # and says why."""


@click.command(
    cls=Command,
    name="cmd",
    examples=(
        ('lokictl cmd "the five largest files here"', "prints a command, runs nothing"),
        ('eval "$(lokictl init bash)"', "then Alt-e does it with the words on the line"),
    ),
)
@click.argument("words", nargs=-1, required=True, metavar="TEXT...")
@click.option("-m", "--model", metavar="CLIENT:MODEL", help="Else $LOKICTL_MODEL, else the default.")
@click.option("--shell", metavar="NAME", help="Write for this shell. Default: the one of $SHELL.")
@click.option("--key", is_flag=True, hidden=True)
@click.option("--columns", type=int, hidden=True)
def command(
    words: tuple[str, ...], model: str | None, shell: str | None, key: bool, columns: int | None
) -> int:
    """One shell command from words. It is printed, never run; one that destroys is marked on stderr.

    What is sent: the words, and the names of your shell and system."""
    text = " ".join(words).strip()
    if not key:
        line = _command(text, model, shell, spinner.call)
        write(1, f"{line}\n")
        if (harm := danger(line)) is not None:
            write(2, f"careful: this {harm}\n")
        return 0
    # For the scripts in lokictl/shell: a line that is a message or empty, then the command, if there is one.
    try:
        line = _command(text, model, shell, link.call)
    except Failure as failure:
        hint = f" ({failure.hint})" if failure.hint else ""
        write(1, _message(f"lokictl: {one_line(failure.message + hint)}", columns) + "\n")
        return failure.exit_status
    harm = danger(line)
    write(1, (f"careful: this {harm}" if harm else "") + f"\n{line}\n")
    return 0


ROW = "\x1e"
"""Between the rows of a message for a shell that must know how many there are. In no text that is cleaned."""

MOST_ROWS = 12
"""Half of a small terminal. What is longer has hundreds of rows, and the prompt would leave the screen."""


def _message(text: str, columns: int | None) -> str:
    """``columns``: of the terminal, if the shell cannot wrap."""
    if columns is None or columns < 1:
        return text
    from lokictl.wrapping import width, wrap

    rows = [row for line in wrap(text, columns, commands=True) for row in _cut(line, columns, width)]
    return ROW.join(
        rows if len(rows) <= MOST_ROWS else [*rows[: MOST_ROWS - 1], "  lokictl status says more"]
    )


def _cut(line: str, columns: int, width: Callable[[str], int]) -> list[str]:
    """As the terminal itself does it to what has no blank: a path, a command."""
    rows, row = [], ""
    for character in line:
        if row and width(row) + width(character) > columns:
            rows.append(row)
            row = ""
        row += character
    return [*rows, row]


def _command(
    text: str, model: str | None, shell: str | None, call: Callable[[str, Mapping[str, Any]], Any]
) -> str:
    """Raises ``Failure``, also when the model has no command."""
    if not text:
        raise usage("say in words what the command should do", 'lokictl cmd "the five largest files here"')
    system = SYSTEM.format(
        shell=shell or os.path.basename(os.environ.get("SHELL", "")) or "sh", system=_system()
    )
    model = model or os.environ.get("LOKICTL_MODEL", "")
    result = call("chat", {"model": model, "prompt": text, "system": system, "timeout_s": TIMEOUT_S})
    line = bare(result["text"])
    if cut := _cut_off(result):
        raise Failure("incomplete_response", f"no command: {cut}", "lokictl ask shows what there is of it")
    if not line or line.startswith("#"):
        why = line.lstrip("# ").partition("\n")[0][:LONGEST_REASON]
        raise Failure("provider_error", "no command for that" + (f": {why}" if why else ""))
    return line


def _cut_off(result: Mapping[str, Any]) -> str | None:
    """Why half of the command may be missing, which may remove more than the whole of it."""
    from lokictl.reply import CUT, first_code_block

    reason, text = result.get("finish_reason", ""), result["text"]
    block = first_code_block(text)
    if reason == "length" and block.strip() and first_code_block(f"{text}\nmore") == block:
        return None  # it has ended, and what is missing comes behind it
    return CUT.get(reason)


def bare(answer: str) -> str:
    """The command in an answer, without what models put around it; nothing in it could steer a terminal."""
    from lokictl.reply import first_code_block

    text = first_code_block(clean(answer)).strip()
    if len(text) > 2 and text[0] == text[-1] == "`" and "`" not in text[1:-1]:
        text = text[1:-1].strip()
    return text.removeprefix("$ ").strip()


def _system() -> str:
    """``Linux (Debian GNU/Linux 12 (bookworm))``"""
    kernel = os.uname().sysname
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            facts = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    except OSError:
        return kernel
    name = facts.get("PRETTY_NAME", "").strip('"')
    return f"{kernel} ({name})" if name else kernel
