"""Text and Markdown as man(7), the macros that every ``man`` reads."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

HEADINGS = {"h2": ".SH", "h3": ".SS"}


def escaped(text: str) -> str:
    """Characters that roff would read or change; what follows may stand in the middle of a line."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    text = text.replace("^", "\\(ha").replace("~", "\\(ti")
    return "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in text)


def bold(text: str) -> str:
    return f"\\fB{escaped(text)}\\fR"


def italic(text: str) -> str:
    return f"\\fI{escaped(text)}\\fR"


def line(text: str) -> str:
    """A line of its own, which no macro is: ``text`` is escaped already."""
    return f"\\&{text}" if text.startswith((".", "'")) else text


def prose(text: str) -> str:
    """A paragraph; what is in backquotes is bold."""
    parts = re.split(r"``?([^`]+)``?", " ".join(text.split()))
    return line("".join(bold(part) if at % 2 else escaped(part) for at, part in enumerate(parts)))


def paragraphs(text: str) -> list[str]:
    """Lines for a text whose paragraphs are separated by empty lines."""
    found = [prose(part) for part in re.split(r"\n\s*\n", text.strip())]
    return [row for at, part in enumerate(found) for row in ([".PP"] if at else []) + [part]]


def code(text: str) -> list[str]:
    return [
        ".PP",
        ".RS 4",
        ".EX",
        *(line(escaped(row)) for row in text.rstrip("\n").split("\n")),
        ".EE",
        ".RE",
    ]


def tagged(tag: str, text: str) -> list[str]:
    """An entry of a list: both are escaped already."""
    return [".TP", line(tag), line(text) if text else "\\&"]


def tidied(lines: Sequence[str]) -> list[str]:
    """Without paragraphs that begin or end nothing."""
    kept: list[str] = []
    for row in lines:
        if row.startswith((".SH", ".SS", ".PP")) and kept and kept[-1] == ".PP":
            kept.pop()
        if row != ".PP" or not kept[-1].startswith((".SH", ".SS")):
            kept.append(row)
    return kept


def header(name: str, section: str, date: str, version: str, about: str) -> list[str]:
    title = f'.TH "{escaped(name.upper())}" "{section}" "{date}" "lokid {version}"'
    return [title, ".SH NAME", f"{escaped(name)} \\- {prose(about.rstrip('.'))}"]


def markdown(text: str) -> list[str]:
    """The lines for a page of our own documentation, without its first heading."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    lines: list[str] = []
    at = 0
    while at < len(tokens):
        at = _block(tokens, at, lines)
    return lines


def _block(tokens: Sequence[Token], at: int, lines: list[str]) -> int:
    """Appends the block at ``at``; where the next one begins."""
    token = tokens[at]
    match token.type:
        case "heading_open" if token.tag in HEADINGS:
            title = _inline(tokens[at + 1], plain=True)
            lines.append(f"{HEADINGS[token.tag]} {title.upper() if token.tag == 'h2' else title}")
            return at + 3
        case "heading_open":
            return at + 3
        case "paragraph_open":
            if lines and not lines[-1].startswith((".SH", ".SS", ".IP")):
                lines.append(".PP")
            lines.append(line(_inline(tokens[at + 1])))
            return at + 3
        case "fence":
            lines += code(token.content)
        case "table_open":
            end = next(i for i in range(at, len(tokens)) if tokens[i].type == "table_close")
            _table(tokens[at:end], lines)
            return end + 1
        case "list_item_open":
            lines.append(".IP \\(bu 2")
        case "bullet_list_open" | "bullet_list_close" | "list_item_close" | "html_block":
            pass
        case other:
            raise ValueError(f"no rule for {other} in a manual page")
    return at + 1


def _table(tokens: Sequence[Token], lines: list[str]) -> None:
    """Each row as an entry: the first cell is its tag, the others follow with the words of the header."""
    cells = [token for token in tokens if token.type == "inline"]
    width = sum(token.type == "th_open" for token in tokens)
    names = [_inline(cell, plain=True) for cell in cells[:width]]
    for start in range(width, len(cells), width):
        tag, *rest = (_inline(cell) for cell in cells[start : start + width])
        said = [
            f"{name}: {text}" if name and width > 2 else text
            for name, text in zip(names[1:], rest, strict=True)
            if text not in ("", "\\-")
        ]
        lines += tagged(tag, "; ".join(said))
    lines.append(".PP")


def _inline(token: Token, *, plain: bool = False) -> str:
    """``plain``: without fonts, for a heading."""
    out = []
    for child in token.children or ():
        match child.type:
            case "code_inline":
                out.append(escaped(child.content) if plain else bold(child.content))
            case "softbreak":
                out.append(" ")
            case "strong_open" | "em_open" if not plain:
                out.append("\\fB" if child.type == "strong_open" else "\\fI")
            case "strong_close" | "em_close" if not plain:
                out.append("\\fR")
            case "text":
                out.append(escaped(child.content))
            case _:  # of a link, the text is what a page without links can show
                pass
    return "".join(out)
