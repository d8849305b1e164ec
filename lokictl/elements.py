"""What rich makes of a block of Markdown, but for what would lose a word of an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block.table import escapedSplit
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.containers import Renderables
from rich.markdown import CodeBlock, Heading, Markdown, TableElement
from rich.measure import Measurement
from rich.segment import Segment
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

# Without HTML and reference definitions: rich leaves both out, and an answer must not lose a word.
_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("reference")

DEEPEST = 60
"""Levels, two for an item of a list. What is deeper is shown as it was written: upstream leaves it out."""

_PARSER.options["maxNesting"] = DEEPEST

NARROWEST = 16
"""Columns of an item or a quote, however deep it is. The terminal breaks what is wider than it; upstream
leaves out what has none."""


COLUMN, WIDE = 6, 10_000
"""Columns of a terminal: those of a column of a table, with what is around it, at least; as good as any."""


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
            wide = Measurement.get(console, options.update(width=WIDE), table).minimum
            if options.max_width < min(wide, COLUMN * len(table.columns)):
                yield from _records(table)
            else:
                yield table


def _records(table: Table) -> Iterator[Text]:
    """A line for each cell: upstream leaves out columns for which there is no room."""
    heads = [_text(column.header) for column in table.columns]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        yield Text()
        for head, cell in zip(heads, row, strict=True):
            yield Text.assemble(head, ": ", _text(cell))
    if not table.rows:
        yield from heads


def _text(cell: object) -> Text:
    assert isinstance(cell, Text)
    return cell


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
        if isinstance(renderable, Renderables) and options.max_width < NARROWEST:
            options = options.update(width=NARROWEST)
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
        self._as_it_is = markup if any(token.level >= DEEPEST - 1 for token in self.parsed) else None
        _keep_cells(self.parsed, markup.split("\n"))
        for token in self.parsed:
            for inner in token.children or ():
                if inner.type == "softbreak":  # models mean the line breaks that they write
                    inner.type = "hardbreak"
                elif inner.type == "image":
                    where = str(inner.attrs.get("src", ""))
                    inner.type, inner.tag, inner.children = "text", "", None
                    inner.content = f"{inner.content} ({where})" if inner.content else where

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._as_it_is is not None:
            yield Text(self._as_it_is)
        else:
            yield from super().__rich_console__(console, options)


def _keep_cells(tokens: Sequence[Token], lines: Sequence[str]) -> None:
    """A row's cells beyond those of the table's head, which GFM leaves out, go into its last one."""
    columns, row = 0, 0
    for at, token in enumerate(tokens):
        if token.type == "table_open":
            columns = 0
        elif token.type == "th_open":
            columns += 1
        elif token.type == "tr_open" and token.map:
            row = token.map[0]
        elif token.type == "tr_close" and tokens[at - 1].type == "td_close":
            cells = escapedSplit(lines[row].lstrip("> ").strip())
            cells = cells[not cells[0] : len(cells) - (not cells[-1])]
            if more := cells[columns:]:
                last = tokens[at - 2]
                last.content = " | ".join((last.content, *map(str.strip, more)))
                last.children = _PARSER.parseInline(last.content)[0].children
