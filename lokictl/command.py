"""What the click commands share: help that leads with examples, ``--json``, command names with a typo."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class Formatter(click.HelpFormatter):
    """As wide as the terminal, where click's own has 50 columns at least. What stands in a right column with
    no room for it goes below what it explains."""

    def __init__(
        self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None
    ) -> None:
        from lokictl.wrapping import columns  # only help pays for it

        super().__init__(indent_increment, width or min(columns(), max_width or 80) - 2)

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        from lokictl.wrapping import ROOM
        from lokictl.wrapping import width as wide

        rows = list(rows)
        first = min(max((wide(term) for term, _ in rows), default=0), col_max) + col_spacing
        if self.width - self.current_indent - first >= ROOM:
            super().write_dl(rows, col_max, col_spacing)
            return
        indent = " " * (self.current_indent + 4)
        for term, meaning in rows:
            self.write(f"{'':>{self.current_indent}}{term}\n")
            for line in textwrap.wrap(meaning, max(self.width - len(indent), 10), break_on_hyphens=False):
                self.write(f"{indent}{line}\n")


class Context(click.Context):
    formatter_class = Formatter


class Command(click.Command):
    """``examples``: command lines, each with what it does; ``--help`` begins with them."""

    context_class = Context

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
    context_class = Context

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

        from lokictl import other_words

        group = "" if ctx.parent is None else self.name or ""
        if (other := other_words.meant(group, name)) is not None:
            return other
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
