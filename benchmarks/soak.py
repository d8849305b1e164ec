"""A real daemon for a long time, with everything going wrong around it: does it stay as it was?

    make soak                     half an hour
    make soak MINUTES=2           shorter; ten seconds are the least that says anything

A provider fails in all its ways, programs ask, cancel, vanish and send nonsense, a person edits the files.
Once a minute all of them pause, and when the daemon has come to rest its memory, descriptors, threads and
tasks are read: under load they would tell how fast the machine is just now. The soak fails when one of them
goes up steadily, when the daemon does not get quiet, when a request is not answered or answered with what
must not be seen, or when the daemon logs a bug.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from pydantic import SecretStr

from benchmarks.faulty_provider import Provider, provider
from benchmarks.soak_load import Load, Person, Tally, peer
from benchmarks.trend import sparkline, trend
from lokid.protocols.oauth2_answers import Token
from lokid.runtime import durable
from lokid.runtime.oauth import token_file
from lokid.server.rest import REST_S

MIB = 1024 * 1024

ALLOWED = {"memory, MiB": 3.0, "descriptors": 3.0, "threads": 3.0, "tasks": 3.0}
"""How much each may grow over the measured time. 3 MiB in half an hour of this load are about 80 bytes a
question, which is less than one small map of Python. The other three are whole things: somebody leaks
none, or some for each of thousands of requests."""

SLACK_S = 2.0
"""On top of ``REST_S``, until the daemon has given back what it does not need any more."""

ALLOWED_SHORT = {"memory, MiB": 15.0, "descriptors": 6.0, "threads": 12.0, "tasks": 4.0}
"""In the first minutes caches and the allocator still fill; only what is gross shows there."""

SHORT_S = 600.0

MOST_ROUNDS, LEAST_ROUNDS = 30, 7
"""Of load, with a pause after each. Fewer than six samples cannot rise beyond chance (``trend.SURE``)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """``descriptors``: without those of the pools of warm connections, which come and go with the load."""

    at: float
    memory: float
    descriptors: int
    threads: int
    tasks: int

    def row(self) -> dict[str, float]:
        return {
            "memory, MiB": self.memory,
            "descriptors": self.descriptors,
            "threads": self.threads,
            "tasks": self.tasks,
        }


def _said(pid: int, key: str) -> int:
    """By the kernel, of the process."""
    said = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(rf"^{key}:\s+(\d+)", said, re.MULTILINE)[0])


async def sample(pid: int, path: str) -> tuple[Sample, dict[str, Any]]:
    """And the ``status`` it was seen in."""
    async with peer(path) as one:
        status: Any = (await one.call("status")).result
    memory, threads = _said(pid, "VmRSS"), _said(pid, "Threads")
    pooled = sum(client.get("pool", {}).get("open", 0) for client in status["clients"])
    descriptors = len(os.listdir(f"/proc/{pid}/fd")) - pooled
    tasks = status["daemon"]["tasks"]
    return Sample(time.monotonic(), memory / 1024, descriptors, threads, tasks), status


@contextmanager
def daemon(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The daemon and its socket; its log goes to ``home``."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LOKID_CONFIG": str(home / "config.yaml"),
        "LOKID_STATE_DIR": str(home / "state"),
        "LOKID_SOCK": str(home / "run" / "rpc.sock"),
        "XDG_DATA_HOME": str(home / "data"),
    }
    os.mkdir(home / "run", 0o700)
    with open(home / "log", "wb") as log:
        command = [sys.executable, "-m", "lokid"]
        running = subprocess.Popen(command, env=environ, stderr=log, cwd=Path(__file__).parents[1])
    try:
        yield running, environ["LOKID_SOCK"]
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()


async def _connectable(path: str) -> None:
    with anyio.fail_after(30):
        while True:
            try:
                async with peer(path):
                    return
            except OSError:
                await anyio.sleep(0.02)


async def _quiet(pid: int, path: str, upstream: Provider) -> Sample:
    """When nothing runs any more, seen twice in a row. Raises TimeoutError for what runs for ever."""
    before: tuple[int, int] | None = None
    with anyio.fail_after(30):
        while True:
            now, status = await sample(pid, path)
            idle = not status["requests"] and not upstream.busy and not status["usage"]["ledger"]["unsaved"]
            if idle and before == (before := (now.descriptors, now.tasks)):
                return now
            before = before if idle else None
            await anyio.sleep(0.2)


class Soak:
    """``seconds``: of load that is measured, after some that is not."""

    def __init__(self, home: Path, seconds: float, workers: int, pause: float, seed: int) -> None:
        self._home, self._seconds, self._workers, self._pause, self._seed = (
            home,
            seconds,
            workers,
            pause,
            seed,
        )
        self.tally = Tally()
        self.samples: list[Sample] = []
        self.busiest: dict[str, float] = {}
        self.ledger: dict[str, Any] = {}

    async def run(self) -> Provider:
        # The same faults in every run, in the order in which the machine gets to them.
        async with provider(self._seed) as upstream:
            self._sign_in(upstream)
            (self._home / ".env").write_text("SOAK_ENV=env-key\n")
            (self._home / ".env").chmod(0o600)
            with daemon(self._home) as (process, path):
                url = f"http://127.0.0.1:{upstream.port}"
                chance = random.Random(self._seed)  # noqa: S311
                person = Person(self._home, url, path, process.pid, self.tally, chance)
                person.write("config.yaml", person.config())
                await _connectable(path)
                await self._round(upstream, process.pid, path, person, max(2.0, self._seconds / 10))
                self.samples.clear()  # everything there is has been in use once
                rounds = int(max(LEAST_ROUNDS, min(MOST_ROUNDS, self._seconds / 60)))
                for _ in range(rounds):
                    await self._round(upstream, process.pid, path, person, self._seconds / rounds)
                    self._show()
                _, status = await sample(process.pid, path)
                self.ledger = status["usage"]["ledger"] | status["usage"]["today"]
                if process.poll() is not None:
                    self.tally.wrong.append(f"the daemon ended with {process.returncode}")
        return upstream

    def _sign_in(self, upstream: Provider) -> None:
        path = token_file.path_of("signed", {"LOKID_STATE_DIR": str(self._home / "state")})
        durable.make_directory(os.path.dirname(path))
        access, refresh = map(SecretStr, upstream.tokens())
        now = time.time()
        token = Token(access, refresh, None, now, now + 5)
        url = f"http://127.0.0.1:{upstream.port}/token"
        token_file.write(path, token_file.Record(1, token, url, "soak"))

    async def _round(self, upstream: Provider, pid: int, path: str, person: Person, seconds: float) -> None:
        """Load, then none, then a sample."""
        until = time.monotonic() + seconds

        def over() -> bool:
            return time.monotonic() >= until

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(person.run, over, 1.0)
            tasks.start_soon(self._watch, over, pid, path)
            for _ in range(self._workers):
                self._seed += 1
                chance = random.Random(self._seed)  # noqa: S311
                tasks.start_soon(Load(path, self.tally, chance, self._pause).run, over)
        try:
            quiet = await _quiet(pid, path, upstream)
        except TimeoutError:
            self.tally.wrong.append("something still runs half a minute after the last program has gone")
            return
        if self._seconds >= SHORT_S:
            await anyio.sleep(REST_S + SLACK_S)  # and nobody asks meanwhile, not even for the status
            quiet = replace(quiet, memory=_said(pid, "VmRSS") / 1024)
        self.samples.append(quiet)

    async def _watch(self, over: Callable[[], bool], pid: int, path: str) -> None:
        """What there is at most, under load."""
        while not over():
            now, _ = await sample(pid, path)
            for name, value in now.row().items():
                self.busiest[name] = max(value, self.busiest.get(name, value))
            await anyio.sleep(1)

    def _show(self) -> None:
        now = self.samples[-1]
        print(
            f"{len(self.samples):4}  {now.memory:6.1f} MiB  {now.descriptors:4} fds  {now.threads:3} threads"
            f"  {now.tasks:4} tasks  {self.tally.outcomes.total():7} answers  {len(self.tally.wrong)} wrong",
            flush=True,
        )


def verdicts(soak: Soak, seconds: float) -> list[str]:
    """What is wrong. Prints the table."""
    allowed = ALLOWED if seconds >= SHORT_S else ALLOWED_SHORT
    found: list[str] = []
    print(f"\n{seconds / 60:.1f} minutes of load, {len(soak.samples)} pauses; the busiest is under load\n")
    print(f"{'':14}{'least':>8}{'median':>8}{'most':>8}{'busiest':>9}{'growth':>8}{'allowed':>9}  chance")
    for name in allowed:
        series = [one.row()[name] for one in soak.samples]
        seen = trend(series)
        print(
            f"{name:14}{seen.least:8.1f}{seen.median:8.1f}{seen.most:8.1f}{soak.busiest[name]:9.1f}"
            f"{seen.growth:8.1f}{allowed[name]:9.1f}  {seen.chance:6.3f}  {sparkline(series, 40)}"
        )
        if seen.rises(allowed[name]):
            found.append(f"{name}: grew by {seen.growth:.1f}, and {allowed[name]:g} are allowed")
    print()
    return found


def report(soak: Soak, upstream: Provider, log: str) -> list[str]:
    tally = soak.tally
    for title, counts in (
        ("answers", tally.outcomes),
        ("programs", tally.acts),
        ("edits", tally.reloads),
        ("provider", upstream.fates),
    ):
        print(f"{title:10}" + ", ".join(f"{count} {name}" for name, count in counts.most_common()))
    reloads = log.count("configuration loaded") + log.count("reloaded: generation")
    print(f"{'daemon':10}{reloads} reloads, {upstream.refreshes} token refreshes, ledger {soak.ledger}")
    found = list(dict.fromkeys(tally.wrong + upstream.wrong))
    found += [f"the log: {line[:300]}" for line in log.splitlines() if re.search(r"\bbug\b|Traceback", line)][
        :5
    ]
    if not tally.outcomes["answered"]:
        found.append("no question was answered")
    if soak.ledger.get("lost") or soak.ledger.get("state") != "ok":
        found.append(f"the ledger: {soak.ledger}")
    return found


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(description="A daemon under faults for a long time.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--workers", type=int, default=6, help="programs at a time")
    parser.add_argument(
        "--pause", type=float, default=0.25, help="most seconds between two acts of a program"
    )
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    seconds = chosen.minutes * 60
    with tempfile.TemporaryDirectory(prefix="lokid-soak.") as room:
        home = Path(room)
        soak = Soak(home, seconds, chosen.workers, chosen.pause, chosen.seed)
        upstream = anyio.run(soak.run)
        log = (home / "log").read_text(errors="replace")
    found = verdicts(soak, seconds) + report(soak, upstream, log)
    for line in found:
        print(f"FAILED  {line}")
    print("\n" + (f"{len(found)} things are wrong" if found else "flat: nothing grows, nothing is left over"))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
