"""Figures for people: docs/performance.json -> the generated part of docs/performance.md, and its plot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import goals
from benchmarks.plot import Panel, Row, draw, figure

DOCS = Path(__file__).parent.parent / "docs"
FIGURES, PAGE, PLOT = DOCS / "performance.json", DOCS / "performance.md", DOCS / "performance.svg"
BEGIN, END = "<!-- generated: figures -->\n", "<!-- end: figures -->\n"

Part = Mapping[str, Any]


def load() -> dict[str, Any]:
    """What was measured so far: by part."""
    return dict(json.loads(FIGURES.read_text())) if FIGURES.exists() else {}


def save(parts: Mapping[str, Part]) -> None:
    FIGURES.write_text(json.dumps(_rounded(parts), indent=1) + "\n")


def write(parts: Mapping[str, Part]) -> None:
    """The page and its plot anew."""
    PLOT.write_text(draw(list(panels(parts))))
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"{PAGE} has lost the marks between which the figures stand"
    PAGE.write_text(f"{before}{BEGIN}\n{figures(parts)}\n{END}{after}")


def figures(parts: Mapping[str, Part]) -> str:
    """Markdown: a table for each part that was measured, then the goals."""
    sections = [draw_part(parts[name]) for name, draw_part in TABLES.items() if name in parts]
    return "\n".join([*sections, _goals(parts)])


def _rounded(value: Any) -> Any:
    """Four digits: more would differ in every line from run to run, and mean nothing."""
    match value:
        case float():
            return float(f"{value:.4g}")
        case dict():
            return {key: _rounded(inner) for key, inner in value.items()}
        case _:
            return value


# --- tables


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _circumstances(part: Part) -> str:
    where = part["machine"]
    text = (
        f"{where['processor']}, {where['system']}, Python {where['python']};"
        f" {part['measured']['rounds']} rounds on {where['day']}."
        f" Load of the machine before and after: {part['load_before']:.1f}, {part['load_after']:.1f}.\n"
    )
    left_out = part["measured"].get("left_out", {})
    if left_out:
        text += "Left out: " + "; ".join(f"{name} {reason}" for name, reason in left_out.items()) + ".\n"
    return text


def _own(name: str) -> str:
    return f"**{name}**" if name in ("lokid", "lokictl ask") else name


def _ask(part: Part) -> str:
    rows = part["measured"]["contestants"]
    bare = rows["python -c pass"]
    lines = [
        [
            _own(name),
            figure(row["wall_ms"]),
            figure(row["fastest_ms"]),
            figure(row["wall_ms"] / bare["wall_ms"]),
            figure(row["cpu_ms"]),
            figure(row["peak_mib"]),
        ]
        for name, row in sorted(rows.items(), key=lambda entry: entry[1]["wall_ms"])
    ]
    head = ["one question, 20 events", "ms", "fastest", "times a bare start", "CPU ms", "peak MiB"]
    return f"### The command\n\n{_circumstances(part)}\n{table(head, lines)}"


def _daemon(part: Part) -> str:
    rows = part["measured"]["contestants"]
    bare = rows["direct"]["one client"]
    order = [name for name in rows if name != "lokid"] + ["lokid"]

    def cells(name: str, scenario: str, *keys: str) -> list[str]:
        return [figure(rows[name][scenario][key]) if rows[name][scenario][key] else "-" for key in keys]

    latency, load, events = [], [], []
    for name in order:
        row, one = rows[name], rows[name]["one client"]
        added = [one["p50_ms"] - bare["p50_ms"], one["p99_ms"] - bare["p99_ms"]]
        start = (
            [f"{row[key] * 1e3:,.0f}" for key in ("accepts_s", "answers_s")]
            if "accepts_s" in row
            else ["-", "-"]
        )
        memory = [figure(row[key]) for key in ("idle_mib", "loaded_mib")] if "idle_mib" in row else ["-", "-"]
        added_text = ["-", "-"] if name == "direct" else [figure(value) for value in added]
        latency.append([_own(name), *start, *memory, figure(one["p50_ms"]), *added_text])
        load.append(
            [
                _own(name),
                *cells(name, "32 clients", "per_s", "cpu_us"),
                *cells(name, "64 clients", "per_s", "cpu_us"),
            ]
        )
        events.append(
            [
                _own(name),
                *cells(name, "32 streams, burst", "per_s", "cpu_us"),
                *cells(name, "32 streams, paced", "per_s", "cpu_us"),
            ]
        )
    heads = (
        [
            "",
            "accepts after ms",
            "answers after ms",
            "idle MiB",
            "after load",
            "p50 ms",
            "adds p50",
            "adds p99",
        ],
        ["short questions", "32 clients: per s", "CPU µs each", "64 clients: per s", "CPU µs each"],
        ["events of 32 streams", "burst: per s", "CPU µs each", "paced: per s", "CPU µs each"],
    )
    tables = "\n".join(table(head, lines) for head, lines in zip(heads, (latency, load, events), strict=True))
    return f"### The daemon in the middle\n\n{_circumstances(part)}\n{tables}"


def _slowest(part: Part) -> str:
    rows = part["measured"]["contestants"]

    def cells(row: Mapping[str, float], which: str) -> list[str]:
        own = [row[f"{which}_{key}_ms"] for key in ("wall", "ran", "waited", "others_waited")]
        return [figure(value) for value in own]

    ranks = [
        [_own(name), *(figure(row[f"p{percent}_ms"]) for percent in (50, 90, 99))]
        for name, row in rows.items()
    ]
    shares = [
        [f"{_own(name)}, {words}", *cells(row, which)]
        for name, row in rows.items()
        for which, words in (("middle", "the middle fifth"), ("slowest", "the slowest 1 %"))
    ]
    shares_head = ["mean of", "ms", "it runs", "it waits for a core", "client or provider wait for one"]
    return (
        f"### The slowest questions\n\n{_circumstances(part)}\n"
        "*A loop as long* counts for as long as lokid works on a question, around the same call to the"
        " provider: what the machine makes of any program of that length.\n\n"
        f"{table(['one client, asked by a Python program', 'p50 ms', 'p90', 'p99'], ranks)}\n"
        f"{table(shares_head, shares)}"
    )


def _connection(part: Part) -> str:
    trips = part["measured"]["round_trips"]
    names = list(next(iter(trips.values()))["contestants"])
    head = ["first token, ms (round trips)", *(f"at {trip} ms" for trip in trips)]
    lines = [
        [
            _own(name),
            *(
                f"{figure(found['contestants'][name]['first_ms'])}"
                f" ({found['contestants'][name]['first_ms'] / float(trip):.1f})"
                if name in found["contestants"] and name != "python -c pass"
                else figure(found["contestants"][name]["first_ms"])
                if name in found["contestants"]
                else "-"
                for trip, found in trips.items()
            ),
        ]
        for name in names
    ]
    lines.append(["a warm connection alone", *(figure(found["limit_ms"]) for found in trips.values())])
    return f"### The connection\n\n{_circumstances(part)}\n{table(head, lines)}"


def _growth(part: Part) -> str:
    found = part["measured"]
    events = [
        [f"{int(count):,}", figure(row["wall_us"]), figure(row["cpu_us"])]
        for count, row in found["events"].items()
    ]
    texts = [
        [f"{int(count):,}", figure(row["wall_us"]), figure(row["cpu_us"])]
        for count, row in found["texts"].items()
    ]
    models = [
        [f"{int(count):,}", *(f"{row[key]:,.0f}" for key in ("live_ms", "completion_ms", "longest_wait_ms"))]
        for count, row in found["models"].items()
    ]
    connections = [
        [
            f"{int(count):,}",
            figure(max(0.0, row["added_mib"])),
            figure(row["ping_p50_ms"]),
            figure(row["ping_p99_ms"]),
        ]
        for count, row in found["connections"].items()
    ]
    tables = "\n".join(
        (
            table(["events of one stream", "µs each", "CPU µs each"], events),
            table(["texts of one `embed`", "µs each", "CPU µs each"], texts),
            table(["models configured", "live after ms", "TAB takes ms", "others wait at most ms"], models),
            table(["idle connections", "MiB more", "`hello` p50 ms", "p99 ms"], connections),
        )
    )
    return f"### Growth\n\n{_circumstances(part)}\n{tables}"


TABLES = {
    "ask": _ask,
    "daemon": _daemon,
    "slowest": _slowest,
    "connection": _connection,
    "growth": _growth,
}


def _goals(parts: Mapping[str, Part]) -> str:
    lines = [[goal.words, *goals.judged(goal, parts)] for goal in goals.GOALS]
    lines += [[words, "elsewhere", f"held by {where}", ""] for words, where in goals.ELSEWHERE]
    return f"### Goals\n\n{table(['goal', 'measured', 'verdict', 'why'], lines)}"


# --- the plot


def panels(parts: Mapping[str, Part]) -> Iterable[Panel]:
    if "ask" in parts:
        rows = parts["ask"]["measured"]["contestants"].items()
        yield Panel(
            "One question, whole process",
            "ms, less is better",
            [
                Row(name, [row["wall_ms"]], name == "lokictl ask")
                for name, row in sorted(rows, key=lambda entry: entry[1]["wall_ms"])
            ],
        )
    if "connection" in parts:
        trips = parts["connection"]["measured"]["round_trips"]
        names = [name for name in next(iter(trips.values()))["contestants"] if name != "python -c pass"]
        yield Panel(
            "First token from a TLS server some way off",
            "ms, less is better",
            [
                Row(
                    name,
                    [found["contestants"].get(name, {"first_ms": 0})["first_ms"] for found in trips.values()],
                    name == "lokictl ask",
                )
                for name in names
            ],
            [f"{trip} ms away" for trip in trips],
        )
    if "daemon" in parts:
        rows = parts["daemon"]["measured"]["contestants"]
        bare = rows["direct"]["one client"]["p50_ms"]
        yield Panel(
            "Added to a question by the program in the middle, one client",
            "ms (median), less is better",
            [
                Row(name, [max(row["one client"]["p50_ms"] - bare, 0.001)], name == "lokid")
                for name, row in rows.items()
                if name != "direct"
            ],
        )
        yield Panel(
            "Streamed events, 32 streams at once",
            "per second, more is better",
            [Row(name, [row["32 streams, burst"]["per_s"]], name == "lokid") for name, row in rows.items()],
        )
