"""Fuzzing by coverage: ``make fuzz`` (ARGS="--minutes 1 sse rpc", ARGS="--runs 1000000").

Every target runs in a process of its own, as atheris (libFuzzer) wants it, on what the corpus holds and what
it makes of that. Progress is shown; an input that breaks a property is kept in ``fuzz-finds`` and printed, to
be put into the corpus with its mend. ``--keep`` adds to the corpora what reached code that they do not reach.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType

from tests.fuzz.mutations import TOKENS
from tests.fuzz.table import TARGETS, corpus, keep

ROOT = Path(__file__).parents[2]
FINDS = ROOT / "fuzz-finds"

MEMORY_MIB = 1024
"""Of a fuzzing process. The instrumented interpreter itself takes about 150."""

SLOWEST_S = 20
"""For one input, on a busy machine; the usual one takes less than a millisecond. One during
which the machine slept counts as slow too: run again, such a find is none."""

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

    target = TARGETS[name]
    patched: dict[int, CodeType] = {}  # functions that were made by one function share their code
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and f"{each.__module__}.".startswith(
            tuple(f"{one}." for one in target.traced)
        ):
            code = each.__code__
            # Comparisons are not traced: they cost as much again, and ``words`` says what they would find.
            each.__code__ = patched.setdefault(id(code), atheris.patch_code(code, trace_dataflow=False))
    gc.collect()
    gc.freeze()  # what is there now stays: no look at it every few hundred inputs
    # atheris is told of a branch once for each input, not each of the some hundred times that it is passed:
    # noting it in a set takes a fifth of the time. (How often it was passed is not looked at then.)
    run, passed = target.run, set[int]()
    tell: list[Callable[[int], None]] = []

    def one(data: bytes) -> None:
        if not tell:  # atheris.Fuzz has put its own in this place, a moment ago
            tell.append(atheris._trace_branch)
            atheris._trace_branch = passed.add
        run(data)
        for branch in passed:
            tell[0](branch)
        passed.clear()

    # To merge, libFuzzer hands its own name and flags to a shell.
    atheris.Setup([shlex.join(_command(name)), *flags], one)
    atheris.Fuzz()


def _command(name: str, *flags: str) -> list[str]:
    return [sys.executable, "-m", "tests.fuzz.run", "--child", name, "--", *flags]


def _words(name: str, room: Path) -> Path:
    """The words of the target, as libFuzzer reads them."""
    words = dict.fromkeys((*TOKENS, *(word.encode() for word in TARGETS[name].words)))
    path = room / f"{name}.words"
    path.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in words))
    return path


def _fill(folder: Path, inputs: Iterable[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for each in inputs:
        (folder / hashlib.sha1(each).hexdigest()).write_bytes(each)


def fuzz(name: str, runs: int, seconds: float, room: Path, *, keeps: bool) -> Result:
    """One target until it has run often or long enough, or found something."""
    inputs = room / name
    _fill(inputs, corpus(name))
    FINDS.mkdir(exist_ok=True)
    before = set(FINDS.iterdir())
    flags = [
        *(
            f"-runs={runs}",
            f"-max_total_time={seconds:.0f}",
            f"-max_len={TARGETS[name].longest}",
            f"-timeout={SLOWEST_S}",
        ),
        *(f"-rss_limit_mb={MEMORY_MIB}", f"-artifact_prefix={FINDS}/{name}-", "-print_final_stats=1"),
        *(f"-dict={_words(name, room)}", "-reload=0", "-detect_leaks=0"),
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
    """All that the corpus had, and the smallest inputs that reach what it does not."""
    chosen, old = room / f"{name}.chosen", corpus(name)
    _fill(chosen, old)
    flags = (
        "-merge=1",
        f"-max_len={TARGETS[name].longest}",
        f"-rss_limit_mb={MEMORY_MIB}",
        str(chosen),
        str(inputs),
    )
    subprocess.run(_command(name, *flags), stderr=subprocess.DEVNULL, check=True)
    new = {each.read_bytes() for each in chosen.iterdir()} - set(old)
    smallest = sorted(new, key=lambda each: (len(each), each))
    keep(name, [*old, *smallest[: max(0, KEPT - len(old))]])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; else all of them"
    )
    parser.add_argument("--runs", type=int, default=10_000_000, help="of each target, at most")
    parser.add_argument("--minutes", type=float, default=2.0, help="for each target, at most")
    parser.add_argument("--room", type=Path, help="where all inputs are kept, to go on with another time")
    parser.add_argument("--keep", action="store_true", help="add what reaches more to the corpora")
    chosen = parser.parse_args()
    if unknown := [name for name in chosen.targets if name not in TARGETS]:
        parser.error(f"no target {unknown[0]}; there are {', '.join(TARGETS)}")
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="lokid-fuzz.") as temporary:
        room = chosen.room or Path(temporary)
        for name in chosen.targets or TARGETS:
            results.append(fuzz(name, chosen.runs, chosen.minutes * 60, room, keeps=chosen.keep))
            print(results[-1], flush=True)
    print(f"\n{'target':24}{'runs':>12}{'a second':>9}{'edges':>7}{'minutes':>8}  finds")
    print(*results, sep="\n")
    return 1 if any(result.finds for result in results) else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[4:])
    sys.exit(main())
