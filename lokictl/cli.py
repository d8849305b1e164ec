"""``lokictl`` with click. A command's file is imported only when it is called."""

from __future__ import annotations

import importlib
import keyword
from collections.abc import Sequence
from typing import Any

import click

import lokid
from lokictl.command import Group
from lokictl.commands import COMMANDS
from lokictl.render import complain


class Commands(Group):
    """Knows its commands from the table, so that ``--help`` and a typo import none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command = importlib.import_module(f"lokictl.commands.{module}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        formatter.write_paragraph()
        formatter.write_text("More: lokictl help COMMAND, man lokictl. What is wrong: lokictl doctor.")


@click.group(
    cls=Commands,
    examples=(
        ('lokictl ask "What is a monad?"', "ask the default model"),
        ('lokictl ask openai:gpt-5 "hello"', "ask this model of this client"),
        ('git diff | lokictl ask "summarise"', "a prompt, and standard input after it"),
        ("lokictl status", "is everything well?"),
        ("lokictl models", "what can be asked?"),
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(lokid.__version__, message="lokictl %(version)s")
def lokictl() -> None:
    """Ask lokid, the daemon that holds the keys and connections of your LLM providers."""


def run_click(arguments: Sequence[str]) -> int:
    """The exit status; a command line that makes no sense says so in one line and ends with 2."""
    try:
        status: Any = lokictl.main(list(arguments), prog_name="lokictl", standalone_mode=False)
    except click.UsageError as error:
        from lokictl.misuse import sentence

        complain(*sentence(error))
        return 2
    except click.ClickException as error:
        complain(error.format_message())
        return 2
    except click.Abort:
        return 130
    return status if isinstance(status, int) else 0
