"""What the click commands share: help that leads with examples, ``--json``, command names with a typo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class Command(click.Command):
    """``examples``: command lines, each with what it does; ``--help`` begins with them."""

    def __init__(self, *arguments: Any, examples: tuple[tuple[str, str], ...] = (), **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.BadOptionUsage as error:
            error.ctx = error.ctx or ctx  # click leaves it out, and with it whose option it is
            raise

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_help_text(ctx, formatter)
        write_examples(self.examples, formatter)
        formatter.write_paragraph()
        self.format_usage(ctx, formatter)
        self.format_options(ctx, formatter)


class Group(click.Group):
    """Shows its help when nothing follows, and the nearest name for an unknown one."""

    command_class = Command

    def __init__(self, *arguments: Any, examples: tuple[tuple[str, str], ...] = (), **settings: Any) -> None:
        super().__init__(*arguments, **{"invoke_without_command": True, **settings})
        self.examples = examples

    def invoke(self, ctx: click.Context) -> Any:
        if not ctx.args and not ctx._protected_args:  # noqa: SLF001 (click has no public word for "no subcommand")
            click.echo(ctx.get_help())
            return 0
        return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            meant = self.meant(ctx, args[0])
            suggestion = f', did you mean "{meant}"?' if meant else ""
            raise click.UsageError(f'there is no command "{args[0]}"{suggestion}', ctx)
        return super().resolve_command(ctx, args)

    def meant(self, ctx: click.Context, name: str) -> str | None:
        """The command that ``name``, which is none, may stand for."""
        import difflib

        return next(iter(difflib.get_close_matches(name, self.list_commands(ctx), n=1)), None)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_help_text(ctx, formatter)
        write_examples(self.examples, formatter)
        formatter.write_paragraph()
        self.format_usage(ctx, formatter)
        self.format_options(ctx, formatter)


def write_examples(examples: tuple[tuple[str, str], ...], formatter: click.HelpFormatter) -> None:
    if examples:
        with formatter.section("Examples"):
            formatter.write_dl(list(examples), col_max=60)


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)
