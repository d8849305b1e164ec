"""The words of any command, asked of click itself: whatever a command takes can be completed."""

from __future__ import annotations

import os

import click

from lokictl import completion
from lokictl.cli import lokictl

_KINDS = {"embed": "embedding", "rerank": "reranker"}
"""Command -> the type of the models that it takes."""


def candidates(before: list[str], current: str) -> list[tuple[str, str]]:
    """What ``current`` may become after the words ``before``, as ``completion.candidates``."""
    command, rest = _descend(before)
    if before[:1] == ["help"] and not current.startswith("-"):
        of, more = _descend(before[1:])
        return _subcommands(of, current) if isinstance(of, click.Group) and not more else []
    if command is None:
        return []
    options = {
        name: param for param in command.params if isinstance(param, click.Option) for name in param.opts
    }
    if rest and rest[-1] in options and not options[rest[-1]].is_flag:
        return _values(command, options[rest[-1]], current)
    if current.startswith("-"):
        found = [
            (name, param.help or "")
            for name, param in options.items()
            if name.startswith("--") and not param.hidden
        ]
        return [row for row in (*found, ("--help", "")) if row[0].startswith(current)]
    if isinstance(command, click.Group):
        return [] if rest else _subcommands(command, current)
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    at = len(_words(rest, options))
    if not arguments or (at >= len(arguments) and arguments[-1].nargs != -1):
        return []
    return _values(command, arguments[min(at, len(arguments) - 1)], current)


_WHOLE = 200
"""Characters, more than any first sentence has. click cuts at 45 of its own accord; a shell knows how wide
its terminal is."""


def _subcommands(group: click.Group, typed: str) -> list[tuple[str, str]]:
    ctx = click.Context(group)
    found = ((name, group.get_command(ctx, name)) for name in group.list_commands(ctx))
    return [
        (name, sub.get_short_help_str(_WHOLE) if sub else "") for name, sub in found if name.startswith(typed)
    ]


def _descend(before: list[str]) -> tuple[click.Command | None, list[str]]:
    """The innermost command that ``before`` names, and the words after its name."""
    command: click.Command | None = lokictl
    for at, word in enumerate(before):
        if not isinstance(command, click.Group):
            return command, before[at:]
        if word.startswith("-"):
            return None, []
        command = command.get_command(click.Context(command), word)
    return command, []


def _words(rest: list[str], options: dict[str, click.Option]) -> list[str]:
    """``rest`` without options and their values."""
    words, skip = [], False
    for word in rest:
        if skip:
            skip = False
        elif word.startswith("-") and word != "-":
            skip = word in options and not options[word].is_flag
        else:
            words.append(word)
    return words


def _values(command: click.Command, param: click.Parameter, typed: str) -> list[tuple[str, str]]:
    if isinstance(param.type, click.Choice):
        return [(str(choice), "") for choice in param.type.choices if str(choice).startswith(typed)]
    if isinstance(param.type, click.Path | click.File):
        return completion.FILES
    match (param.metavar or "").strip("[]."):
        case "CLIENT:MODEL" | "MODEL":
            return completion.models(typed, _KINDS.get(command.name or "", "chat"))
        case "NAME" if isinstance(param, click.Option):
            found = completion.SHELLS
        case "NAME" if command.name == "import-env":
            found = [(name, "") for name in sorted(os.environ) if name.endswith("_API_KEY")]
        case "NAME":
            found = completion.secrets()
        case "CLIENT":
            found = completion.clients()
        case _:
            return []
    return [row for row in found if row[0].startswith(typed)]
