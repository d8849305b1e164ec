"""The manual pages, from what also makes ``--help`` and the documentation: ``python -m tools.pages`` writes
them into ``man/``, and the wheel carries them to ``share/man``, where ``man`` finds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

import lokid
from lokictl.cli import lokictl
from lokictl.command import Command, Group
from lokictl.commands import COMMANDS
from lokid.daemon import command_line
from tools.roff import bold, code, escaped, header, italic, line, markdown, paragraphs, prose, tagged, tidied

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "man"

RELEASED = {"0.1.0": "2026-11-27"}
"""Version -> the date that its pages bear. A new version says its own here."""

ENVIRONMENT = (
    ("LOKICTL_MODEL", "The model to ask when none is named, as CLIENT:MODEL."),
    (
        "LOKICTL_PROGRAM",
        "Who asks, for lokictl ps and lokictl usage --by program, which show it behind lokictl.",
    ),
    ("LOKICTL_AUTOSTART", "With 0, no lokid is started when none runs."),
    ("LOKID_CONFIG", "The configuration, if it lies elsewhere."),
    ("LOKID_ENV_FILE", "More environment for lokid; else .env beside the configuration."),
    ("LOKID_STATE_DIR", "Tokens, usage and log, if they lie elsewhere."),
    ("LOKID_SOCK", "The socket, if it lies elsewhere."),
    ("NO_COLOR", "Set to anything: no colours."),
    ("FORCE_COLOR", "Set to anything but 0: colours in a pipe too."),
    ("VISUAL, EDITOR", "What `lokictl config edit` opens."),
)
FILES = (
    ("$XDG_CONFIG_HOME/lokid/config.yaml", "The configuration: lokid-config(5)."),
    ("$XDG_CONFIG_HOME/lokid/.env", "More environment for lokid."),
    ("$XDG_DATA_HOME/lokid/vault.age", "The vault, and identity.txt beside it, which opens it."),
    ("$XDG_STATE_HOME/lokid/", "Tokens of sign-ins, usage.db, and the log of a lokid without systemd."),
    ("$XDG_RUNTIME_DIR/lokid/rpc.sock", "The socket; without a runtime directory under the state directory."),
)


def pages() -> dict[str, str]:
    """File name -> text of every manual page."""
    texts = {"lokictl.1": _lokictl(), "lokid.1": _lokid(), "lokid-config.5": _config()}
    for name in COMMANDS:
        texts[f"lokictl-{name}.1"] = _command(name)
    return {name: "\n".join(tidied(lines)) + "\n" for name, lines in texts.items()}


def _header(name: str, section: str, about: str) -> list[str]:
    version = lokid.__version__
    return header(name, section, RELEASED[version], version, about)


def _lokictl() -> list[str]:
    lines = [
        *_header("lokictl", "1", "ask lokid, which holds the keys and connections of your LLM providers"),
        ".SH SYNOPSIS",
        f"{bold('lokictl')} {italic('COMMAND')} [{italic('OPTION')}]... [{italic('ARGUMENT')}]...",
        ".SH DESCRIPTION",
        prose(
            "lokictl asks lokid, the daemon that holds the configuration, the keys and the warm connections"
            " of every provider its user has. It starts lokid when none runs. Standard output carries"
            " the answer and nothing else; what is for a person goes to standard error."
        ),
        ".SH COMMANDS",
    ]
    for name, about in COMMANDS.items():
        lines += tagged(_reference(f"lokictl-{name}", "1"), prose(about))
    lines += [".SH OPTIONS", *_options(lokictl), ".SH EXAMPLES", *_examples(lokictl)]
    readme = (ROOT / "README.md").read_text()
    lines.append(".SH EXIT STATUS")
    for status, meaning in re.findall(r"^\| (\d+) \| (.+) \|$", readme, re.MULTILINE):
        lines += tagged(bold(status), prose(meaning))
    lines += [".SH ENVIRONMENT", *_entries(ENVIRONMENT), ".SH FILES", *_entries(FILES)]
    return lines + _see_also("lokictl-ask(1)", "lokictl-status(1)", "lokid(1)", "lokid-config(5)")


def _command(name: str) -> list[str]:
    command = lokictl.get_command(_context(lokictl), name)
    assert command is not None
    lines = [
        *_header(f"lokictl-{name}", "1", COMMANDS[name]),
        ".SH SYNOPSIS",
        _usage(command, f"lokictl {name}"),
        ".SH DESCRIPTION",
        *paragraphs(_help(command)),
        ".SH OPTIONS",
        *_options(command),
    ]
    if isinstance(command, click.Group):
        lines.append(".SH COMMANDS")
        for word, sub in command.commands.items():
            lines += [f".SS {_usage(sub, f'lokictl {name} {word}')}", *paragraphs(_help(sub))]
            own = [param for param in sub.params if isinstance(param, click.Option)]
            lines += _options(sub) if own else []
    if examples := _examples(command):
        lines += [".SH EXAMPLES", *examples]
    return lines + _see_also("lokictl(1)", "lokid(1)", "lokid-config(5)")


def _lokid() -> list[str]:
    parser = command_line()
    lines = [
        *_header("lokid", "1", "one daemon per user that holds the keys of its LLM providers"),
        ".SH SYNOPSIS",
        f"{bold('lokid')} [{bold('--config')} {italic('FILE')}]",
        ".SH DESCRIPTION",
        prose(parser.description or ""),
        ".PP",
        prose(
            "lokictl(1) starts it when it is needed; `lokictl daemon install` makes it a systemd user service"
            " with socket activation. It listens on one Unix socket, takes connections of its own user"
            " alone, and speaks MessagePack-RPC."
        ),
        ".PP",
        prose(parser.epilog or ""),
        ".SH OPTIONS",
    ]
    for action in parser._actions:  # noqa: SLF001 (argparse has no public list of its options)
        value = f" {italic(str(action.metavar))}" if action.metavar else ""
        lines += tagged(", ".join(map(bold, action.option_strings)) + value, prose(action.help or ""))
    lines += [".SH ENVIRONMENT"]
    lines += _entries((("LOKID_LOG", "debug, info (default), warning or error."), *ENVIRONMENT[2:6]))
    lines += [".SH FILES", *_entries(FILES)]
    return lines + _see_also("lokictl(1)", "lokictl-daemon(1)", "lokid-config(5)")


def _config() -> list[str]:
    """docs/configuration.md as it is."""
    text = (ROOT / "docs" / "configuration.md").read_text().partition("\n")[2]
    about = "the configuration of lokid"
    rest = "Pages whose names end in .md are in the folder docs/ of the source."
    lines = [*_header("lokid-config", "5", about), ".SH DESCRIPTION", *markdown(text)]
    return [*lines, *_see_also("lokictl-config(1)", "lokictl-setup(1)", "lokid(1)"), ".PP", prose(rest)]


def _help(command: click.Command) -> str:
    return (command.help or "").split("\f")[0]


def _usage(command: click.Command, path: str) -> str:
    words = " ".join(command.collect_usage_pieces(_context(command)))
    return f"{bold(path)} {escaped(words)}".rstrip()


def _options(command: click.Command) -> list[str]:
    return [row for name, about in _records(command) for row in tagged(name, prose(about))]


def _records(command: click.Command) -> Iterator[tuple[str, str]]:
    ctx = _context(command)
    for param in command.get_params(ctx):
        if isinstance(param, click.Option) and (record := param.get_help_record(ctx)) is not None:
            names, about = record
            parts = (part.partition(" ") for part in names.split(", "))
            yield (
                ", ".join(
                    f"{bold(name)} {italic(value)}" if value else bold(name) for name, _, value in parts
                ),
                about,
            )


def _context(command: click.Command) -> click.Context:
    """With the names that commands have from ``lokictl`` when they are called."""
    return click.Context(command, help_option_names=lokictl.context_settings["help_option_names"])


def _examples(command: click.Command) -> list[str]:
    assert isinstance(command, Command | Group)
    lines = []
    for example, about in command.examples:
        if about:
            lines += [".PP", prose(f"{about[0].upper()}{about[1:]}:")]
        lines += code(example)
    return lines


def _entries(rows: tuple[tuple[str, str], ...]) -> list[str]:
    return [row for name, about in rows for row in tagged(bold(name), prose(about))]


def _reference(name: str, section: str) -> str:
    return f"{bold(name)}({section})"


def _see_also(*names: str) -> list[str]:
    found = (_reference(*name.rstrip(")").split("(")) for name in names)
    return [".SH SEE ALSO", line(", ".join(found))]


def main() -> None:
    """Writes what has changed, and removes the pages of commands that are gone."""
    wanted = pages()
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = FOLDER / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
