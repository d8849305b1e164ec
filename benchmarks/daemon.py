"""The daemon in the middle: what it adds to a question, how much it bears, what it holds.

All contestants run at the same time, in front of one provider in C; the load generator asks them in turn,
round after round, so that a machine that gets slower gets slower for all. lokid is asked over its Unix socket
as its clients ask it, the others over HTTP as theirs do. ``direct`` is the provider itself: the limit.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import gateways
from benchmarks.gateways import Running
from benchmarks.machine import Unavailable, memory_mib, resident_mib, shuffled

STARTS = 5
QUICK_S = 2.0
"""What starts slower is started once, and asked in every third round only."""

WARM = 4
"""The first round, which is not counted, is so many times longer: V8 compiles what it has seen often."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """``events``: of each answer; 0 is a short answer that is not streamed. One of ``seconds`` and
    ``requests`` bounds a round."""

    model: str
    clients: int
    events: int = 0
    seconds: float = 0
    requests: int = 0


SCENARIOS = {
    "one client": Scenario("short", 1, seconds=1),
    "32 clients": Scenario("short", 32, seconds=1.5),
    "64 clients": Scenario("short", 64, seconds=1.5),
    "32 streams, burst": Scenario("words-100", 32, 100, seconds=1.5),
    "32 streams, paced": Scenario("paced-100-10", 32, 100, requests=64),
}


def measure(rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="lokid-bench.") as room, gateways.provider() as port:
        left_out: dict[str, str] = {}
        found: dict[str, dict[str, Any]] = {}
        with contextlib.ExitStack() as stack:
            contestants: list[Running] = []
            for start in gateways.CONTESTANTS:
                own = Path(room, start.__name__)
                own.mkdir()
                try:
                    found[start.__name__] = _starts(start, port, own)
                    running = stack.enter_context(start(port, own))
                except Unavailable as reason:
                    left_out[start.__name__] = str(reason)
                    found.pop(start.__name__, None)
                    print(f"{start.__name__} is left out: {reason}", file=sys.stderr, flush=True)
                    continue
                contestants.append(running)
                found[running.name] = found.pop(start.__name__)
            time.sleep(1)  # until those that just started have come to rest
            for running in contestants:
                if running.pid:
                    found[running.name]["idle_mib"] = memory_mib(running.pid)
                    found[running.name]["idle_rss_mib"] = resident_mib(running.pid)
            for name, scenario in SCENARIOS.items():
                rows = _rounds(contestants, Path(room), scenario, rounds)
                for contestant, row in rows.items():
                    found[contestant][name] = row
            for running in contestants:
                if running.pid:
                    found[running.name]["loaded_mib"] = memory_mib(running.pid)
    return {"contestants": found, "left_out": left_out, "rounds": rounds}


def _starts(start: Any, port: int, room: Path) -> dict[str, Any]:
    """Medians of some starts, the first of which warms the disk."""
    accepts: list[float] = []
    answers: list[float] = []
    for _ in range(STARTS + 1):
        with start(port, room) as running:
            accepts.append(running.accepts_s)
            answers.append(running.answers_s)
        if not running.pid:
            return {}
        if running.answers_s > QUICK_S:
            break
    kept = slice(1, None) if len(accepts) > 1 else slice(None)
    return {"accepts_s": statistics.median(accepts[kept]), "answers_s": statistics.median(answers[kept])}


def _rounds(
    contestants: list[Running], room: Path, scenario: Scenario, rounds: int
) -> Mapping[str, dict[str, float]]:
    series: dict[str, list[dict[str, float]]] = {running.name: [] for running in contestants}
    for number in range(rounds + 1):
        seconds = scenario.seconds * (1 if number else WARM)
        bounds = {"seconds": seconds, "requests": scenario.requests, "events": scenario.events}
        for running in shuffled(contestants, number):
            if running.answers_s > QUICK_S and number % 3 != 1 and number:
                continue
            request = running.request(scenario.model, stream=bool(scenario.events))
            row = gateways.load(running, room, request, scenario.clients, **bounds)
            if number:  # the first round is for caches and compilers
                series[running.name].append(row)
    return {name: _medians(scenario, rows) for name, rows in series.items()}


def _medians(scenario: Scenario, rows: list[dict[str, float]]) -> dict[str, float]:
    median = statistics.median
    units = scenario.events or 1
    return {
        "p50_ms": median([row["p50_us"] for row in rows]) / 1e3,
        "least_p50_ms": min(row["p50_us"] for row in rows) / 1e3,
        "least_p99_ms": min(row["p99_us"] for row in rows) / 1e3,
        "p99_ms": median([row["p99_us"] for row in rows]) / 1e3,
        "per_s": median([row["requests"] * units / row["seconds"] for row in rows]),
        "best_per_s": max(row["requests"] * units / row["seconds"] for row in rows),
        "threads_share": median(
            [1 - row["main_cpu_s"] / row["cpu_s"] if row["cpu_s"] else 0.0 for row in rows]
        ),
        "least_cpu_us": min(row["cpu_s"] / (row["requests"] * units) * 1e6 for row in rows),
        "cpu_us": median([row["cpu_s"] / (row["requests"] * units) * 1e6 for row in rows]),
    }
