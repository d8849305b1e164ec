"""Fuzzing by coverage: ``make fuzz`` (ARGS="--minutes 1 sse rpc", ARGS="--runs 1000000").

Every target runs in a process of its own, as atheris (libFuzzer) wants it, on what the corpus holds and what
it makes of that. Progress is shown; an input that breaks a property is kept in ``fuzz-finds`` and printed, to
be put into the corpus with its mend. ``--keep`` adds to the corpora what reached code that they do not reach.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.table import TARGETS, corpus, keep

ROOT = Path(__file__).parents[2]
FINDS = ROOT / "fuzz-finds"

LONGEST = 600
"""Bytes of an input. Everything that the targets read can be said in that, with limits made small."""

MEMORY_MIB = 1024
"""Of a fuzzing process. The instrumented interpreter itself takes about 150."""

SLOWEST_S = 20
"""For one input, on a busy machine; the usual one takes less than a millisecond."""

KEPT = 60
"""Inputs of one corpus: what is replayed in every run of the tests, and read by people."""

_PULSE = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+).*?exec/s: (\d+)")


@dataclass
class Result:
    name: str
    runs: int = 0
    seconds: float = 0.0
    edges: int = 0
    finds: tuple[Path, ...] = ()

    def __str__(self) -> str:
        speed = self.runs / self.seconds if self.seconds else 0.0
        found = ", ".join(map(str, self.finds)) or "-"
        return (
            f"{self.name:24}{self.runs:>12,}{speed:>9,.0f}{self.edges:>7}{self.seconds / 60:>8.1f}  {found}"
        )


def child(name: str, flags: list[str]) -> None:
    """Becomes the fuzzer; never returns."""
    import atheris

    for module in [each for each in sys.modules if each.startswith(("lokid", "lokictl", "tests.f"))]:
        del sys.modules[module]  # to be imported anew, instrumented
    with atheris.instrument_imports(include=["lokid", "lokictl"]):
        from tests.fuzz.table import TARGETS
    target = TARGETS[name]

    def one(data: bytes) -> None:
        target(data)

    atheris.Setup([sys.argv[0], *flags], one)
    atheris.Fuzz()


def _command(name: str, *flags: str) -> list[str]:
    return [sys.executable, "-m", "tests.fuzz.run", "--child", name, "--", *flags]


def fuzz(name: str, runs: int, seconds: float, room: Path, *, keeps: bool) -> Result:
    """One target until it has run often or long enough, or found something."""
    inputs = room / name
    inputs.mkdir()
    for each in corpus(name):
        (inputs / hashlib.sha1(each).hexdigest()).write_bytes(each)
    FINDS.mkdir(exist_ok=True)
    before = set(FINDS.iterdir())
    flags = [
        *(f"-runs={runs}", f"-max_total_time={seconds:.0f}", f"-max_len={LONGEST}", f"-timeout={SLOWEST_S}"),
        *(f"-rss_limit_mb={MEMORY_MIB}", f"-artifact_prefix={FINDS}/{name}-", "-print_final_stats=1"),
        str(inputs),
    ]
    result = Result(name)
    began = shown = time.monotonic()
    last: list[str] = []
    with subprocess.Popen(
        _command(name, *flags), stderr=subprocess.PIPE, text=True, errors="replace"
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            last = [*last[-60:], line]
            if pulse := _PULSE.search(line):
                result.runs, result.edges = int(pulse[1]), int(pulse[2])
                if time.monotonic() >= shown + 10:
                    shown = time.monotonic()
                    print(
                        f"  {name}: {result.runs:,} runs, {pulse[3]} a second, {pulse[2]} edges", flush=True
                    )
            elif done := re.match(r"stat::number_of_executed_units:\s*(\d+)", line):
                result.runs = int(done[1])
    result.seconds = time.monotonic() - began
    result.finds = tuple(sorted(set(FINDS.iterdir()) - before))
    if running.returncode and not result.finds:
        sys.exit(f"{name}: the fuzzer ended with {running.returncode}\n{''.join(last)}")
    for find in result.finds:
        print("".join(line for line in last if not line.startswith(("stat::", "#", "INFO", "WARNING"))))
        print(f"  {find.read_bytes()!r}", flush=True)
    if keeps and not result.finds:
        _keep(name, inputs, room)
    return result


def _keep(name: str, inputs: Path, room: Path) -> None:
    """The smallest inputs that reach what all of them reach, and all that the corpus had."""
    chosen = room / f"{name}.chosen"
    chosen.mkdir()
    flags = ("-merge=1", f"-max_len={LONGEST}", f"-rss_limit_mb={MEMORY_MIB}", str(chosen), str(inputs))
    subprocess.run(_command(name, *flags), stderr=subprocess.DEVNULL, check=True)
    old = set(corpus(name))
    new = sorted({each.read_bytes() for each in chosen.iterdir()} - old, key=lambda each: (len(each), each))
    keep(name, [*old, *new[: max(0, KEPT - len(old))]])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; else all of them"
    )
    parser.add_argument("--runs", type=int, default=10_000_000, help="of each target, at most")
    parser.add_argument("--minutes", type=float, default=2.0, help="for each target, at most")
    parser.add_argument("--keep", action="store_true", help="add what reaches more to the corpora")
    chosen = parser.parse_args()
    if unknown := [name for name in chosen.targets if name not in TARGETS]:
        parser.error(f"no target {unknown[0]}; there are {', '.join(TARGETS)}")
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="lokid-fuzz.") as room:
        for name in chosen.targets or TARGETS:
            results.append(fuzz(name, chosen.runs, chosen.minutes * 60, Path(room), keeps=chosen.keep))
            print(results[-1], flush=True)
    print(f"\n{'target':24}{'runs':>12}{'a second':>9}{'edges':>7}{'minutes':>8}  finds")
    print(*results, sep="\n")
    return 1 if any(result.finds for result in results) else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[4:])
    sys.exit(main())
