"""How lokid bears many clients and large ones: ``python -m benchmarks.scale``.

The real daemon in a directory of its own, with a provider that only paces. Prints one line per question with
whether its bound is kept, and ends with 1 if one is not. Beside each ping goes one of a process that only
echoes: what that waits for is the machine. Where that has other things to do, times say little all the same.
The full form needs 20,000 descriptors; ``--connections 1000 --streams 100`` is a short one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgpack

from benchmarks.floods import FLOODS, answers, questions, shared, whole
from benchmarks.pinging import WAIT_MS, Client, fork, pings, pings_while

PER_PROCESS = 500
"""Connections of one client process; lokid takes 512."""

EVENTS = 50
PACE_S = 0.1
MIB = 1024 * 1024


def event(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


WIDE = b"[" + b",".join(b"%.8f" % (0.01 + number / 1e5) for number in range(3072)) + b"]"

ANSWERS = {
    "vectors": b'{"data":[' + b",".join(b'{"embedding":%s}' % WIDE for _ in range(100)) + b"]}",
    "lists": b'{"data":[' + b"[]," * (21 * MIB) + b"[]]}",
    "nested": b'{"data":[{"embedding":[[' + b"[[]]," * 300_000 + b"0.5," * (7 * MIB // 4) + b"[]]]}]}",
}
"""What models of embeddings answer: a batch of 100 texts, 64 MiB that nobody can want, and 8 MiB with as many
lists in lists as lokid reads."""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """``paced``: some words, slowly. ``endless``: as fast as they are read. Those of ``floods``:
    the same in small pieces. Else: one word."""
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        )
        body = await reader.readexactly(min(length, 200))
        model, left = body.decode("utf-8", "replace"), length - len(body)
        while left:
            left -= len(await reader.read(min(left, MIB))) or left
        for name, body in ANSWERS.items():
            if f'"{name}"' in model:
                head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
                writer.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
                writer.close()
                return
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n")
        for name, pieces in FLOODS.items():
            if f'"{name}"' in model:
                writer.write(b"transfer-encoding: chunked\r\n\r\n")
                while True:
                    writer.write(pieces)
                    await writer.drain()
        writer.write(b"connection: close\r\n\r\n")
        if '"paced"' in model:
            for _ in range(EVENTS):
                writer.write(event("word "))
                await asyncio.sleep(PACE_S)
        while '"endless"' in model:
            writer.write(event("x" * 4000))
            await writer.drain()
        writer.write(event("end", "stop") + b"data: [DONE]\n\n")
        await writer.drain()
    writer.close()


def provide(port: Any) -> None:
    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024, limit=MIB)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    _files()
    asyncio.run(main())


def _files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def lokid(directory: Path, port: int) -> Iterator[tuple[int, str]]:
    """Its process and its socket."""
    chats = [{"name": name} for name in ("paced", "endless", "quick", *FLOODS)]
    extra = {"max_connections": 1000}
    client = {
        "type": "openai-compatible",
        "name": "p",
        "api_base": f"http://127.0.0.1:{port}/v1",
        "models": [*chats, *({"name": name, "type": "embedding"} for name in ("v", *ANSWERS))],
        "extra": extra,
    }
    (directory / "config.yaml").write_text(json.dumps({"clients": [client]}))
    path = str(directory / "run" / "rpc.sock")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "LOKID_CONFIG": str(directory / "config.yaml"),
        "LOKID_STATE_DIR": str(directory / "state"),
        "LOKID_SOCK": path,
        "LOKID_LOG": "error",
    }
    with subprocess.Popen([sys.executable, "-m", "lokid"], env=environ) as process:
        try:
            while not os.path.exists(path):
                time.sleep(0.01)
            Client(path).ask("hello")
            yield process.pid, path
        finally:
            process.kill()


def rss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


# --- the questions


def idle(path: str, pid: int, count: int) -> Iterator[tuple[str, str, bool]]:
    before = rss_mib(pid)
    ready, go = fork.Semaphore(0), fork.Event()

    def hold(number: int) -> None:
        _files()
        clients = [Client(path) for _ in range(number)]
        for client in clients:
            client.ask("hello")
        ready.release()
        go.wait()

    sizes = [min(PER_PROCESS, count - at) for at in range(0, count, PER_PROCESS)]
    holders = [fork.Process(target=hold, args=(size,)) for size in sizes]
    for holder in holders:
        holder.start()
    for _ in holders:
        ready.acquire()
    added = rss_mib(pid) - before
    times = pings(path)
    yield (
        f"{count} idle connections",
        f"{added:.1f} MiB more, {added * 1024 / count:.1f} KiB each",
        added * MIB / 1e6 <= 80 * count / 10_000,
    )
    yield "ping meanwhile", times.usual, times.beyond(0.99) < 5

    def leave() -> None:
        go.set()
        for holder in holders:
            holder.join()

    _, times = pings_while(path, leave)
    # To end so many is a second of work, and they are all ready at once: a part of it comes before the ping.
    yield "ping while they all leave", f"{times.usual}; {times.worst}", times.beyond(0.99) < 10 * WAIT_MS


def streams(path: str, count: int) -> Iterator[tuple[str, str, bool]]:
    results = fork.Queue()

    def read(number: int) -> None:
        _files()

        def one() -> None:
            client = Client(path)
            begin, heard, gap = time.perf_counter(), 0, 0.0
            client.send("chat", model="p:paced", prompt="x", stream=True)
            last = begin
            while (message := client.message())[0] != 1:
                now = time.perf_counter()
                heard, gap, last = heard + 1, max(gap, now - last if heard else 0.0), now
            results.put((message[2], heard, gap, time.perf_counter() - begin))

        threads = [threading.Thread(target=one) for _ in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    sizes = [min(50, count - at) for at in range(0, count, 50)]
    readers = [fork.Process(target=read, args=(size,)) for size in sizes]
    for reader in readers:
        reader.start()
    found, meanwhile = pings_while(path, lambda: [results.get(timeout=120) for _ in range(count)])
    for reader in readers:
        reader.join()
    failed = [error for error, *_ in found if error]
    heard = sorted(row[1] for row in found)
    gaps = sorted(row[2] for row in found)
    times = sorted(row[3] for row in found)
    finished = f"{count - len(failed)} finished, {heard[0]} to {heard[-1]} events each"
    paced = f"in {times[0]:.1f} to {times[-1]:.1f} s (paced for {EVENTS * PACE_S:.0f} s)"
    yield f"{count} streams at once", f"{finished}, {paced}", not failed and heard[0] >= 1
    yield "longest silence within one", f"{gaps[-1]:.2f} s", gaps[-1] < 5
    yield "ping meanwhile", f"{meanwhile.usual}; {meanwhile.worst}", meanwhile.beyond(0.99) < WAIT_MS


def slow(path: str, pid: int, count: int = 20) -> Iterator[tuple[str, str, bool]]:
    before = rss_mib(pid)
    clients = [Client(path) for _ in range(count)]
    for client in clients:
        client.send("chat", model="p:endless", prompt="x", stream=True)
    time.sleep(5)
    added = (rss_mib(pid) - before) / count
    for client in clients:
        client.sock.close()
    yield f"{count} readers that never read", f"{added:.2f} MiB each after 5 s", added <= 2


def frames() -> dict[str, bytes]:
    def request(method: str, **params: Any) -> bytes:
        return bytes(msgpack.packb([0, 1, method, [params]]))

    def messages(*contents: Any) -> bytes:
        rows = [{"role": "user", "content": content} for content in contents]
        return request("chat", model="p:quick", stream=True, messages=rows)

    image = [{"type": "image", "media_type": "image/png", "data": b"x" * 60_000_000}]
    return {
        "1 MiB of 0x90": b"\x94\x00\x01\xa4chat\x91" + b"\x90" * MIB,
        "130,000 empty lists": b"\x94\x00\x01\xa4chat\x92" + (b"\xdd\x00\x00\xfd\xe8" + b"\x90" * 65_000) * 2,
        "a prompt of 15 MB": request("chat", model="p:quick", stream=True, prompt="x" * 15_000_000),
        "the same with an emoji": request(
            "chat", model="p:quick", prompt="x" * 15_000_000 + "\N{GRINNING FACE}"
        ),
        "four texts of 15 MB": request("embed", model="p:v", texts=["x" * 15_000_000] * 4),
        "65,000 texts": request("embed", model="p:v", texts=["some words"] * 65_000),
        "20,000 messages": messages(*["hello"] * 20_000),
        "an image of 60 MB": messages(image),
    }


def large(path: str, pid: int) -> Iterator[tuple[str, str, bool]]:
    for name, wire in frames().items():
        before = rss_mib(pid)
        client = Client(path)

        def act(client: Client = client, wire: bytes = wire) -> str:
            with suppress(OSError):
                client.sock.sendall(wire)
            try:
                while (message := client.message())[0] != 1:
                    pass
            except (EOFError, ConnectionError):
                return "closed"
            return str(message[2] or "answered").partition(":")[0]

        said, meanwhile = pings_while(path, act)
        client.sock.close()
        result = f"{said}, {meanwhile.worst}, {rss_mib(pid) - before:+.0f} MiB"
        yield name, result, meanwhile.beyond() < WAIT_MS


def answered(path: str, pid: int) -> Iterator[tuple[str, str, bool]]:
    """What answers take that are larger than any prompt."""
    for name, model, texts in (("64 MiB of []", "lists", 1), ("vectors of 7,600 texts", "vectors", 7_600)):
        most, done = [rss_mib(pid)], threading.Event()

        def look(most: list[float] = most, done: threading.Event = done) -> None:
            while not done.wait(0.01):
                most.append(rss_mib(pid))

        watching = threading.Thread(target=look)
        watching.start()
        client = Client(path)
        said = client.ask("embed", model=f"p:{model}", texts=["x"] * texts)
        done.set()
        watching.join()
        client.sock.close()
        result = f"{len(said['embeddings'])} vectors" if isinstance(said, dict) else said.partition(":")[0]
        yield name, f"{result}, {max(most):.0f} MiB at most", max(most) < MOST_MIB


MOST_MIB = 512
"""Of the daemon, with what is left of the parts before: two thirds of ``MemoryHigh`` of lokid.service."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--streams", type=int, default=500)
    options = parser.parse_args()
    ours, theirs = fork.Pipe()
    provider = fork.Process(target=provide, args=(theirs,), daemon=True)
    provider.start()
    kept = True
    with tempfile.TemporaryDirectory() as directory, lokid(Path(directory), ours.recv()) as (pid, path):
        parts = (
            idle(path, pid, options.connections),
            streams(path, options.streams),
            slow(path, pid),
            answers(path, pid),
            whole(path, pid),
            questions(path, pid),
            shared(path, pid),
            large(path, pid),
            answered(path, pid),
        )
        for part in parts:
            for name, said, good in part:
                print(f"{'ok ' if good else 'BAD'} {name:32} {said}", flush=True)
                kept &= good
    provider.terminate()
    provider.join()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
