"""What rich makes of a block of Markdown, but for what would lose a word of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, TableElement
from rich.segment import Segment
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

# Without HTML and reference definitions: rich leaves both out, and an answer must not lose a word.
_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("reference")


class _Heading(Heading):
    """On the left and bold; rich centres it in a box."""

    def __rich_console__(self, console: Any, options: Any) -> Any:
        self.text.justify = "left"
        self.text.stylize("bold underline" if self.tag == "h1" else "bold")
        yield self.text


class _Table(TableElement):
    """As upstream, which cuts off what does not fit into a cell: no word of an answer may be lost."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            assert isinstance(table, Table)
            for column in table.columns:
                column.overflow = "fold"
            yield table


class _Code(CodeBlock):
    """Of an item or a quote. A row per line, however long, where upstream wraps it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield ""
        for row in highlighted(str(self.text).rstrip(), self.lexer_name):
            row.no_wrap, row.overflow = True, "ignore"
            yield row
        yield ""


def highlighted(code: str, language: str) -> Sequence[Text]:
    """A text per line of ``code``."""
    syntax = Syntax("", language or "text", theme="ansi_dark", background_color="default")
    return syntax.highlight(code).split("\n", allow_blank=True)[: code.count("\n") + 1]


class Wide(Console):
    """Upstream cuts off what is wider than an item or a quote. Prose is wrapped by then; code is as it is."""

    def render_lines(
        self, renderable: Any, options: Any = None, *, style: Any = None, **_: Any
    ) -> list[list[Segment]]:
        return list(Segment.split_lines(Segment.apply_style(self.render(renderable, options), style)))


class Block(Markdown):
    elements = {  # noqa: RUF012 - as upstream
        **Markdown.elements,
        "fence": _Code,
        "code_block": _Code,
        "heading_open": _Heading,
        "table_open": _Table,
    }

    def __init__(self, markup: str) -> None:
        super().__init__("", hyperlinks=False, code_theme="ansi_dark")  # the address is visible
        self.parsed = _PARSER.parse(markup)
        for token in self.parsed:
            for inner in token.children or ():
                if inner.type == "softbreak":  # models mean the line breaks that they write
                    inner.type = "hardbreak"
