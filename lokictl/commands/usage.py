"""``lokictl usage``"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from lokictl import link
from lokictl.command import Command, json_option
from lokictl.failure import Failure
from lokictl.failure import usage as misused
from lokictl.render import is_terminal, note, one_line
from lokictl.tables import show, show_json, table
from lokictl.wrapping import columns

_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_EIGHTHS = " ▏▎▍▌▋▊▉"
_WIDEST_BAR = 30
_NARROW = 64
"""Columns below which only the two columns that matter are shown besides the name."""


@click.command(
    cls=Command,
    name="usage",
    examples=(
        ("lokictl usage", "today, by client"),
        ("lokictl usage --since 7d --by day", "the last seven days"),
        ("lokictl usage --since 2026-11-01 --by program", "who spent it this month"),
        ("lokictl usage --by model --json | jq '.[].cost_usd'", "for programs, exact"),
    ),
)
@click.option(
    "--since", metavar="WHEN", default="today", help="today (default), 7d, 12h, 30m, 2w, a date, all."
)
@click.option("--until", metavar="WHEN", help="The end, exclusive; in the same words.")
@click.option(
    "--by",
    "group_by",
    type=click.Choice(["client", "model", "day", "program"]),
    default="client",
    help="What a line stands for (default: client).",
)
@json_option
def command(since: str, until: str | None, group_by: str, as_json: bool) -> int:
    """What was asked and what it cost, in USD at the prices of the configuration and of lokid's own list.

    Requests are all that were asked, and how many of them failed has a column where some did. One without a
    known price counts as 0 and is told of. Days are those of the daemon's time zone. What scripts ask through
    lokictl is the program lokictl, unless they set LOKICTL_PROGRAM.
    """
    now = time.time()
    params: dict[str, Any] = {"group_by": group_by}
    for key, text in (("since", since), ("until", until)):
        if text is not None and (at := moment(text, now, f"--{key}")) is not None:
            params[key] = at
    if since == "today" and until is None:
        params["until"] = "tomorrow"  # what a clock that was ahead has left is none of today's
    rows = link.call("usage.query", params)
    known = _status()
    if incomplete := ledger_line(known.get("ledger") or {}):
        note(f"lokictl: {incomplete}; so there may be more than is shown")
    if since := counts_from(known.get("ledger") or {}):
        note(f"lokictl: {since}")
    if as_json:
        show_json(rows)
        return 0
    if is_terminal(1):
        show(screen(rows, group_by, width=columns(), plain=not _is_unicode(os.environ)))
        if rows and (date := known.get("prices_as_of")):
            show(f"lokid's own prices are of {date}\n")
    else:
        show(table(_HEADERS, [_cells(row, group_by) for row in rows]))
    if unpriced := sum(row["unpriced"] for row in rows):
        note(f"{unpriced} answers have no known cost and count as 0 (docs/usage.md says when)")
    return 0


def _status() -> Mapping[str, Any]:
    """What the status says of the usage; nothing of a daemon that is older than this."""
    try:
        return link.call("status").get("usage") or {}
    except Failure:  # the rows are here, and that is what was asked for
        return {}


def ledger_line(ledger: Mapping[str, Any]) -> str:
    """What is wrong with the ledger and what mends it; nothing if all is well."""
    if ledger.get("state", "ok") == "ok":
        return ""
    waiting, lost = ledger["unsaved"], ledger["lost"]
    rows = "1 row waits" if waiting == 1 else f"{waiting} rows wait"
    return one_line(f"{ledger['reason']}; {rows} to be written" + (f", {lost} lost" if lost else ""))


def counts_from(ledger: Mapping[str, Any]) -> str:
    """Since when budgets count, if lokid could not read what was before; nothing if it could."""
    if (at := ledger.get("counts_from")) is None:
        return ""
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
    why = "" if ledger.get("reason") == ledger["unread"] else f" ({ledger['unread']})"  # else told already
    return one_line(
        f"today, this month and the budgets count from {since} on: when lokid started, it could not read"
        f" its ledger{why}"
    )


def moment(text: str, now: float, option: str) -> float | str | None:
    """``7d`` as seconds since the epoch, ``today`` and ``2026-11-01`` as they are: which day that is says the
    daemon's time zone. None for ``all``."""
    if text == "all":
        return None
    if text == "today":
        return text
    if found := re.fullmatch(r"(\d{1,6})([mhdw])", text):
        return now - int(found[1]) * _SECONDS[found[2]]
    try:
        time.strptime(text, "%Y-%m-%d")
    except ValueError:
        raise misused(f"{option} {text!r} is no time", "today, 7d, 12h, 30m, 2w, 2026-11-01 or all") from None
    return text


_HEADERS = ("name", "requests", "failed", "input", "output", "cached", "usd")


def _cells(row: Mapping[str, Any], group_by: str) -> tuple[object, ...]:
    """For programs: whole numbers, and the dollars with all their digits."""
    names = ("requests", "failed", "input_tokens", "output_tokens", "cached_input_tokens")
    return (row[group_by], *(row[name] for name in names), money(row["cost_usd"], places=12))


def screen(rows: Sequence[Mapping[str, Any]], group_by: str, *, width: int, plain: bool) -> str:
    """For eyes: a bar for the share of the cost, or of the requests while nothing cost anything."""
    if not rows:
        return "nothing was asked\n"
    narrow = width < _NARROW
    total = _total(rows, group_by)
    key = "cost_usd" if total["cost_usd"] else "requests"
    failed = ["failed"] if total["failed"] else []
    headers = [group_by, "requests", *failed] + ([] if narrow else ["in", "out"]) + ["usd"]
    lines = [
        [
            _shortened(str(row[group_by]) or "-", max(width // 3, 8)),
            f"{row['requests']}",
            *(f"{row[name]}" for name in failed),
            *([] if narrow else [size(row["input_tokens"]), size(row["output_tokens"])]),
            money(row["cost_usd"]),
        ]
        for row in (*rows, total)
    ]
    widths = [max(len(line[index]) for line in (headers, *lines)) for index in range(len(headers))]
    room = min(width - sum(widths) - 2 * len(widths) - 1, _WIDEST_BAR)
    most = max(row[key] for row in rows) or 1
    bars = [bar(row[key] / most, room, plain=plain) for row in rows]
    cells = [[*line, drawn] for line, drawn in zip(lines, [*bars, ""], strict=True)]
    return table([*headers, ""], cells if len(rows) > 1 else cells[:1], right=headers[1:])


def _total(rows: Sequence[Mapping[str, Any]], group_by: str) -> dict[str, Any]:
    names = ("requests", "failed", "input_tokens", "output_tokens", "cost_usd")
    return {group_by: "all"} | {name: sum(row[name] for row in rows) for name in names}


def bar(share: float, width: int, *, plain: bool) -> str:
    """At most ``width`` columns; what is more than nothing shows."""
    if width <= 0 or share <= 0:
        return ""
    if plain:
        return "#" * max(round(share * width), 1)
    whole, eighth = divmod(max(round(share * width * 8), 1), 8)
    return "█" * whole + (_EIGHTHS[eighth] if eighth else "")


def size(tokens: int) -> str:
    """``950``, ``12k``, ``3.4M``."""
    if tokens < 1000:
        return str(tokens)
    return f"{tokens / 1e3:.3g}k" if tokens < 999_500 else f"{tokens / 1e6:.4g}M"


def money(usd: float, places: int = 4) -> str:
    """Cents, and what is smaller as far as ``places`` after the point."""
    text = f"{usd:.{places}f}"
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest[:2]}{rest[2:].rstrip('0')}"


def _shortened(name: str, width: int) -> str:
    return name if len(name) <= width else f"{name[: width - 2]}.."


def _is_unicode(environ: Mapping[str, str]) -> bool:
    """The locale, as the C library picks it. In the C locale Python has put a LC_CTYPE of its own here
    (PEP 538), which says nothing about the terminal."""
    ours = environ.get("LC_CTYPE") in ("C.UTF-8", "C.utf8", "UTF-8")
    keys = ("LC_ALL", "LANG") if ours else ("LC_ALL", "LC_CTYPE", "LANG")
    return "utf" in next((value for key in keys if (value := environ.get(key))), "C").lower()
