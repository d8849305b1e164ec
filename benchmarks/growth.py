"""What grows, grows evenly: the cost of one model, event, text or connection does not depend on how many
there are. And the bounds that hold whatever clients do: wake-ups of an idle daemon, memory of a stalled
stream.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack

from benchmarks import environments, gateways
from benchmarks.gateways import Running
from benchmarks.machine import RUN, cpu_s, resident_mib, wake_ups

SIZES = (1, 10, 100, 1_000, 10_000)
EVENTS = (10, 100, 1_000, 10_000, 100_000)
BATCH = 20_000
"""Events or texts that a figure is the mean of, at least."""

PER_PROCESS = 500
"""Connections of one client process; lokid takes 512."""

IDLE_S = 10
STALLED = 20


class Client:
    """A plain one: a request, then all messages until its response."""

    def __init__(self, running: Running) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(running.where))
        self._unpacker = msgpack.Unpacker(max_buffer_size=0)

    def send(self, method: str, params: dict[str, Any]) -> None:
        self.sock.sendall(msgpack.packb([0, 1, method, [params]]))

    def message(self) -> list[Any]:
        while True:
            for message in self._unpacker:
                return list(message)
            data = self.sock.recv(1 << 20)
            if not data:
                raise EOFError("lokid closed the connection")
            self._unpacker.feed(data)

    def ask(self, method: str, **params: Any) -> Any:
        self.send(method, params)
        while (message := self.message())[0] != 1:
            pass
        if message[2]:
            raise RuntimeError(message[2])
        return message[3]


def measure(rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="lokid-bench.") as directory, gateways.provider() as port:
        room = Path(directory)
        names = [f"words-{count}" for count in EVENTS]
        models = [*gateways.MODELS, *({"name": name} for name in names if name != "words-100")]
        embed = {"name": "embed", "type": "embedding", "max_batch_size": 2_048}
        config = {"clients": [gateways.fake_client(port, models=[*models, embed])]}
        found: dict[str, Any] = {"rounds": rounds}
        with gateways.lokid(port, room, config) as lokid:
            found["wake_ups_per_s"] = _wake_ups(lokid)
            # Early: what was freed before is used again, and would be missing from what is added.
            found["connections"] = {str(count): _connections(lokid, count) for count in SIZES}
            found["events"] = {str(count): _events(lokid, room, count, rounds) for count in EVENTS}
            found["texts"] = {str(count): _texts(lokid, count, rounds) for count in SIZES}
            found["stalled_mib"] = _stalled(lokid)
            found["models"] = {str(count): _models(lokid, room, port, count, rounds) for count in SIZES}
        return found


def _wake_ups(lokid: Running) -> float:
    time.sleep(2)  # what it does at its start has ended
    before = wake_ups(lokid.pid)
    time.sleep(IDLE_S)
    return (wake_ups(lokid.pid) - before) / IDLE_S


def _events(lokid: Running, room: Path, count: int, rounds: int) -> dict[str, float]:
    request = lokid.request(f"words-{count}", stream=True)
    requests = max(1, BATCH // count)
    rows = [gateways.load(lokid, room, request, 1, requests=requests, events=count) for _ in range(rounds)]
    units = requests * count
    return {
        "wall_us": statistics.median(row["seconds"] for row in rows) / units * 1e6,
        "cpu_us": statistics.median(row["cpu_s"] for row in rows) / units * 1e6,
    }


def _texts(lokid: Running, count: int, rounds: int) -> dict[str, float]:
    client = Client(lokid)
    params = {
        "model": "fake:embed",
        "texts": [f"text {number}" for number in range(count)],
        "encoding": "f32",
    }
    calls = max(1, min(200, 2_000 // count))
    walls: list[float] = []
    cpus: list[float] = []
    for number in range(rounds + 1):
        before, begun = cpu_s(lokid.pid), time.perf_counter()
        for _ in range(calls):
            assert len(client.ask("embed", **params)["embeddings"]) == count
        if number:
            walls.append((time.perf_counter() - begun) / calls / count * 1e6)
            cpus.append((cpu_s(lokid.pid) - before) / calls / count * 1e6)
    client.sock.close()
    return {"wall_us": statistics.median(walls), "cpu_us": statistics.median(cpus)}


HOLDER = """
import socket, sys
held = []
for _ in range(int(sys.argv[2])):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(sys.argv[1])
    sock.sendall(bytes([148, 0, 1, 165]) + b"hello" + bytes([144]))
    assert sock.recv(4096)[:4] == bytes([148, 1, 1, 192])
    held.append(sock)
print("held", flush=True)
sys.stdin.read()
"""
"""A client process: connections that each said ``hello`` once."""


def _connections(lokid: Running, count: int) -> dict[str, float]:
    before = resident_mib(lokid.pid)
    with contextlib.ExitStack() as stack:
        for at in range(0, count, PER_PROCESS):
            number = min(PER_PROCESS, count - at)
            command = [sys.executable, "-S", "-c", HOLDER, str(lokid.where), str(number)]
            pipe = subprocess.PIPE
            holder = stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe))
            assert holder.stdout and holder.stdout.readline() == b"held\n"
        added = resident_mib(lokid.pid) - before
        client = Client(lokid)
        times = []
        for _ in range(300):
            begun = time.perf_counter()
            client.ask("hello")
            times.append((time.perf_counter() - begun) * 1e3)
        client.sock.close()
    times.sort()
    return {"added_mib": added, "ping_p50_ms": times[150], "ping_p99_ms": times[297]}


def _stalled(lokid: Running) -> float:
    """MiB that a stream holds whose client does not read."""
    before = resident_mib(lokid.pid)
    clients = [Client(lokid) for _ in range(STALLED)]
    for client in clients:
        client.send("chat", {"model": "fake:words-100000", "prompt": "hello", "stream": True})
    time.sleep(5)
    added = (resident_mib(lokid.pid) - before) / STALLED
    for client in clients:
        client.sock.close()
    return added


# --- models of the configuration


def _models(lokid: Running, room: Path, port: int, count: int, rounds: int) -> dict[str, float]:
    """Times of a reload by a write to the file, what others wait meanwhile, and of TAB."""
    env = {"PATH": os.environ["PATH"], "HOME": str(room), "LOKID_SOCK": str(lokid.where)}
    lokictl = environments.lokid().with_name("lokictl")
    client = Client(lokid)
    live: list[float] = []
    waits: list[float] = []
    tabs: list[float] = []
    for number in range(2 * rounds):
        # Another name each time: a reload that finds nothing new would prove nothing.
        models = [{"name": f"m{number}-{at}", "input_price": 1} for at in range(count)]
        text = json.dumps({"clients": [gateways.fake_client(port, models=models)]})
        (room / "next.yaml").write_text(text)
        if number % 2:  # those who wait make it slower
            with _pinging(lokid) as longest:
                _reload(client, room, f"fake:m{number}-{count - 1}")
            waits.append(longest() * 1e3)
            continue
        live.append(_reload(client, room, f"fake:m{number}-{count - 1}"))
        words = [str(lokictl), "__complete", "ask", f"fake:m{number}-{count - 1}"]
        done = subprocess.run(
            [RUN.path(), str(room / "output"), *words], env=env, capture_output=True, check=True
        )
        assert f"m{number}-{count - 1}" in (room / "output").read_text()
        tabs.append(json.loads(done.stdout)["wall_s"] * 1e3)
    client.sock.close()
    return {
        "live_ms": statistics.median(live),
        "longest_wait_ms": statistics.median(waits),
        "completion_ms": statistics.median(tabs),
    }


def _reload(client: Client, room: Path, last: str) -> float:
    """Milliseconds from the write until the last model answers."""
    begun = time.perf_counter()
    os.replace(room / "next.yaml", room / "config.yaml")
    while not _knows(client, last):
        time.sleep(0.01)
    return (time.perf_counter() - begun) * 1e3


def _knows(client: Client, model: str) -> bool:
    try:
        client.ask("chat", model=model, prompt="hello", dry_run=True)
    except RuntimeError as error:
        if "unknown_model" not in str(error):
            raise
        return False
    return True


@contextlib.contextmanager
def _pinging(lokid: Running) -> Iterator[Callable[[], float]]:
    """The longest that a ``hello`` of another client took meanwhile."""
    done = threading.Event()
    client = Client(lokid)

    worst = 0.0

    def look() -> None:
        nonlocal worst
        while not done.is_set():
            begun = time.perf_counter()
            client.ask("hello")
            worst = max(worst, time.perf_counter() - begun)
            time.sleep(0.001)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lambda: worst
    finally:
        done.set()
        thread.join()
        client.sock.close()
