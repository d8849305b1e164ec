"""Measures lokid side by side with others and writes docs/performance.md: ``make bench``.

Parts: ask, daemon, slowest, connection, growth. What was measured before stays on the page for the parts
left out.
"""

from __future__ import annotations

import argparse
import signal
import sys
from types import ModuleType

from benchmarks import ask, connection, daemon, growth, page, slowest
from benchmarks.machine import Unavailable, described, load, remove_built

PARTS: dict[str, ModuleType] = {
    "ask": ask,
    "daemon": daemon,
    "slowest": slowest,
    "connection": connection,
    "growth": growth,
}
ROUNDS = {"ask": 15, "daemon": 7, "slowest": 5, "connection": 7, "growth": 5}
CALM = 1.0
"""Load from which on times say little."""


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all, if none is named")
    parser.add_argument("--rounds", type=int, help="of each part; by default " + str(ROUNDS))
    parser.add_argument(
        "--page-only", action="store_true", help="draw the page from what was measured before"
    )
    chosen = parser.parse_args()
    parts = page.load()
    status = 0
    for name in [] if chosen.page_only else chosen.parts or PARTS:
        before = load()
        if before > CALM:
            print(f"{name}: the machine has other things to do (load {before:.1f})", file=sys.stderr)
        try:
            measured = PARTS[name].measure(chosen.rounds or ROUNDS[name])
        except Unavailable as reason:
            print(f"{name} is left out: {reason}", file=sys.stderr)
            status = 1
            continue
        parts[name] = {
            "machine": described(),
            "load_before": before,
            "load_after": load(),
            "measured": measured,
        }
        page.save(parts)
    remove_built()
    page.write(parts)
    print(page.figures(parts))
    return status


if __name__ == "__main__":
    sys.exit(main())
