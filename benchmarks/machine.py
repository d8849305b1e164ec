"""The machine that is measured on: what it is, how busy it is, and what a process took of it."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

HERE = Path(__file__).parent
BUILT = "LOKID_BENCH_BUILT"
"""Where the process that started this one has built the programs in C."""


class Unavailable(Exception):
    """A contestant or a part that cannot be measured here; the text says why."""


def described() -> dict[str, str]:
    """For people: absolute times mean little without it."""
    model = "unknown processor"
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as lines:
        model = next((line.split(": ")[1].strip() for line in lines if line.startswith("model name")), model)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {
        "processor": f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB",
        "system": f"Linux {platform.release()}",
        "python": platform.python_version(),
        "day": time.strftime("%Y-%m-%d"),
    }


def shuffled(contestants: Iterable[T], number: int) -> list[T]:
    """The order of a round, another one each time: who follows a large program finds cold caches."""
    order = list(contestants)
    random.Random(number).shuffle(order)  # noqa: S311 - the same in every run
    return order


def load() -> float:
    """Programs that ran or waited for a core, as a mean over the last minute."""
    return os.getloadavg()[0]


@dataclass(frozen=True, slots=True)
class Program:
    """One of the programs in C beside this file: those that measure must not be what is measured."""

    name: str

    def path(self) -> str:
        return str(_built() / self.name)


@functools.cache
def _built() -> Path:
    if BUILT in os.environ:
        return Path(os.environ[BUILT])
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Unavailable("needs a C compiler; on Debian: apt-get install gcc libc6-dev")
    folder = Path(tempfile.mkdtemp(prefix="lokid-bench-c."))
    for source in HERE.glob("*.c"):
        subprocess.run([compiler, "-O2", "-o", folder / source.stem, source], check=True)
    return folder


PROVIDER, LOAD, RUN = Program("provider"), Program("load"), Program("run")


def remove_built() -> None:
    if _built.cache_info().currsize and BUILT not in os.environ:
        shutil.rmtree(_built())


# --- a process and its children


def family(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split():
                found += family(int(child))
    return found


def cpu_s(pid: int) -> float:
    """Seconds of CPU that the family took so far, to the microsecond where the kernel counts them so."""
    total = 0.0
    for member in family(pid):
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{member}/task").iterdir():
                total += int((thread / "schedstat").read_text().split()[0]) / 1e9
    return total


def main_thread_cpu_s(pid: int) -> float:
    """Of its first thread alone."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def memory_mib(pid: int) -> float:
    """What the family holds; pages that several share are counted once (PSS)."""
    total = 0
    for member in family(pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def resident_mib(pid: int) -> float:
    """The usual figure (RSS) of one process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def wake_ups(pid: int) -> int:
    """How often threads of the process slept and were woken, so far."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for line in (thread / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                total += int(line.split()[1])
    return total
