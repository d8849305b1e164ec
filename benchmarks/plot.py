"""Bars on a logarithmic scale as SVG, in the colours of the reader's own theme, light or dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LABEL, VALUE = 760, 190, 90
BAR, GAP, TITLE, LEGEND, SPACE = 13, 7, 28, 20, 22

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; font-size: 13px; }
.note, .tick { fill: #57606a; font-size: 11px; }
.line { stroke: #d0d7de; }
.s0 { fill: #8c959f; } .s1 { fill: #6e7781; } .s2 { fill: #424a53; }
.own .s0 { fill: #54aeff; } .own .s1 { fill: #0969da; } .own .s2 { fill: #0a3069; }
.own text { font-weight: 600; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .note, .tick { fill: #8b949e; } .line { stroke: #30363d; }
  .s0 { fill: #484f58; } .s1 { fill: #6e7681; } .s2 { fill: #b1bac4; }
  .own .s0 { fill: #1f6feb; } .own .s1 { fill: #58a6ff; } .own .s2 { fill: #a5d6ff; }
}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """``values``: one for each of the panel's series. ``own``: ours, in colour."""

    label: str
    values: Sequence[float]
    own: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    note: str
    rows: Sequence[Row]
    series: Sequence[str] = ("",)


def draw(panels: Sequence[Panel]) -> str:
    """The picture; panels without rows are left out."""
    parts: list[str] = []
    top = 0.0
    for panel in panels:
        if panel.rows:
            lines, height = _panel(panel, top)
            parts += lines
            top += height + SPACE
    size = f'width="{WIDTH}" height="{top:.0f}" viewBox="0 0 {WIDTH} {top:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<style>{STYLE}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _panel(panel: Panel, top: float) -> tuple[list[str], float]:
    several = len(panel.series) > 1
    values = [value for row in panel.rows for value in row.values if value > 0]
    low = math.floor(math.log10(min(values)))
    high = max(low + 1, math.ceil(math.log10(max(values))))
    room = WIDTH - LABEL - VALUE

    def x(value: float) -> float:
        # A value at the left edge still shows.
        return max(2.0, (math.log10(value) - low) / (high - low) * room) if value > 0 else 2.0

    parts = [_text(0, top + 16, panel.title, "title"), _text(WIDTH, top + 16, panel.note, "note", "end")]
    at: float = top + TITLE
    if several:
        for number, name in enumerate(panel.series):
            left: float = LABEL + number * 130
            parts.append(f'<rect class="s{number}" x="{left:.1f}" y="{at}" width="10" height="10"/>')
            parts.append(_text(left + 15, at + 9, name, "note"))
        at += LEGEND
    first: float = at
    last = at + sum(len(row.values) * BAR + GAP for row in panel.rows)
    for power in range(low, high + 1):
        left = LABEL + x(10.0**power)
        line = f'x1="{left:.1f}" x2="{left:.1f}" y1="{first:.1f}" y2="{last:.1f}"'
        parts.append(f'<line class="line" {line}/>')
        parts.append(
            _text(left, last + 13, f"{10**power:,}" if power >= 0 else f"{10.0**power:g}", "tick", "middle")
        )
    for row in panel.rows:
        parts.append(f'<g class="{"own" if row.own else "other"}">')
        middle = at + len(row.values) * BAR / 2 + 4
        parts.append(_text(LABEL - 8, middle, row.label, "", "end"))
        for number, value in enumerate(row.values):
            width = x(value)
            shade = number if several else 1
            box = f'x="{LABEL}" y="{at:.1f}" width="{width:.1f}" height="{BAR - 1}"'
            parts.append(f'<rect class="s{shade}" {box}/>')
            parts.append(_text(LABEL + width + 5, at + BAR - 3, figure(value), ""))
            at += BAR
        at += GAP
        parts.append("</g>")
    return parts, at + 18 - top


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def figure(value: float) -> str:
    """Three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"
