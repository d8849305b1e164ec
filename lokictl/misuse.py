"""A command line that makes no sense, in a sentence for a person: which option, what it takes, an example.

click's own words are about floats and arguments, and leave out what would be right.
"""

from __future__ import annotations

import re

import click

from lokictl.takes import TAKES

_ASKS = ("lokictl secret ", "lokictl unlock")
"""What else is given to these may be a secret or a passphrase, which no message repeats."""


def sentence(error: click.UsageError) -> tuple[str, str]:
    """What is wrong, and what to look at."""
    context = error.ctx
    path = context.command_path if context else "lokictl"
    return _message(error, path), f"{path} --help"


def _message(error: click.UsageError, path: str) -> str:
    match error:
        case click.MissingParameter(param=click.Parameter() as param):
            return f"{_name(param)} is missing: {_takes(param, path)}"
        case click.BadParameter(param=click.Parameter() as param):
            return f"{_name(param)} must be {_takes(param, path)}"
        case click.NoSuchOption(option_name="-v" | "-V") if path == "lokictl":
            return f"there is no option {error.option_name}, did you mean --version?"
        case click.NoSuchOption():
            near = f", did you mean {error.possibilities[0]}?" if error.possibilities else ""
            return f"there is no option {error.option_name}{near}"
        case click.BadOptionUsage():
            params = error.ctx.command.params if error.ctx else []
            found = next((param for param in params if error.option_name in param.opts), None)
            if not isinstance(found, click.Option) or found.is_flag:
                return f"{error.option_name} takes no value"
            return f"{error.option_name} needs a value: {_takes(found, path)}"
    if extra := re.fullmatch(r"Got unexpected extra arguments? \((.*)\)", error.format_message(), re.DOTALL):
        if path.startswith(_ASKS):
            where = "lokictl asks for it, or reads standard input"
            return f"nothing more was expected after {path}; a secret is never an argument: {where}"
        return f"nothing more was expected after {path}, and there is: {extra[1]}"
    return error.format_message()


def _name(param: click.Parameter) -> str:
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return (param.metavar or param.name or "").strip("[].").upper()


def _takes(param: click.Parameter, path: str) -> str:
    before = _name(param) if isinstance(param, click.Option) else path
    if isinstance(param.type, click.Choice):
        *most, last = map(str, param.type.choices)
        return f"{', '.join(most)} or {last}, as in {before} {last}"
    rule, example = TAKES.get(param.name or "", ("", ""))
    if rule:
        return f"{rule}, as in {before} {example}"
    kind = {"integer": "a whole number, as in ", "float": "a number, as in "}.get(param.type.name, "")
    metavar = param.metavar or (param.name or "").upper()
    return f"{kind}{before} {metavar.strip('[].')}"
