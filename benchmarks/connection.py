"""The warm connection: time to the first token from a TLS server some way off.

Two network namespaces with a line between them that delays every packet (link.c); the server is in one, all
contestants are in the other. Only root can make them. A cold program needs one round trip for TCP, one for
TLS 1.3 and one for the question; a warm connection needs the last one only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import ask, environments, gateways
from benchmarks.ask import BARE, Contestant
from benchmarks.machine import BUILT, RUN, Program, Unavailable

LINK = Program("link")
FAR = "10.77.0.2"
PORT = 8443
ROUND_TRIPS_MS = (20, 50, 100)
LIMIT = "warm connection alone"
COMPARED = ("llm", "httpx2 script", "openai SDK script")


def measure(rounds: int) -> dict[str, Any]:
    if os.geteuid() != 0:
        raise Unavailable("only root can make network namespaces; say: sudo make bench PARTS=connection")
    if not (shutil.which("nsenter") and shutil.which("ip") and os.path.exists("/dev/net/tun")):
        raise Unavailable(
            "needs nsenter, ip and /dev/net/tun; on Debian: apt-get install util-linux iproute2"
        )
    environments.lokid()  # not from within the namespace, where there is no network
    try:
        environments.python("peers")
    except Unavailable as reason:
        print(f"llm, SDKs are left out: {reason}", file=sys.stderr)
    found: dict[str, Any] = {"rounds": rounds, "round_trips": {}}
    with tempfile.TemporaryDirectory(prefix="lokid-bench.") as room:
        _certify(Path(room))
        for milliseconds in ROUND_TRIPS_MS:
            with _line(milliseconds * 500) as (near, far), _server(far, room):
                command = ["nsenter", f"--net={near}", sys.executable, "-m", "benchmarks.connection", room]
                done = subprocess.run(
                    [*command, str(rounds)],
                    cwd=environments.ROOT,
                    env={**os.environ, BUILT: os.path.dirname(RUN.path()), environments.INSTALLED: "1"},
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                )
                found["round_trips"][str(milliseconds)] = json.loads(done.stdout)
    return found


def _certify(room: Path) -> None:
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(room / "ca.pem"))
    authority.issue_cert(FAR).private_key_and_cert_chain_pem.write_to_path(str(room / "server.pem"))


@contextlib.contextmanager
def _line(one_way_us: int) -> Iterator[tuple[str, str]]:
    """Paths of two namespaces with a line between them. They last as long as the processes in them."""
    pipe = subprocess.PIPE
    with contextlib.ExitStack() as stack:
        spaces = []
        for _ in range(2):
            # Says so when it is in its new namespace, then waits for the end of its input.
            command = ["unshare", "--net", "sh", "-c", "echo in; exec cat"]
            holder = stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe))
            assert holder.stdout and holder.stdout.readline() == b"in\n"
            spaces.append(f"/proc/{holder.pid}/ns/net")
        command = [LINK.path(), *spaces, str(one_way_us)]
        link = stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe))
        assert link.stdout
        if link.stdout.readline() != b"up\n":
            raise Unavailable("the line between two network namespaces could not be made")
        yield spaces[0], spaces[1]


@contextlib.contextmanager
def _server(space: str, room: str) -> Iterator[None]:
    command = ["nsenter", f"--net={space}", sys.executable, "-m", "benchmarks.connection", room, "serve"]
    with subprocess.Popen(command, cwd=environments.ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout and process.stdout.readline() == b"up\n"
            yield
        finally:
            process.terminate()


# --- in the far namespace


async def serve(room: Path) -> None:
    """HTTP/1.1 over TLS with keep-alive; every question gets the same 20 events at once, or a word."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(room / "server.pem")
    streamed = canned()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                body = await reader.readexactly(int(next(lines, b":0").split(b":")[1]))
                writer.write(streamed if b'"stream":true' in body.replace(b" ", b"") else whole())
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, FAR, PORT, ssl=context):
        print("up", flush=True)
        await asyncio.Event().wait()


def canned() -> bytes:
    events = []
    for number in range(20):
        delta = {"role": "assistant", "content": "w0"} if not number else {"content": f" w{number}"}
        events.append({"index": 0, "delta": delta, "finish_reason": None})
    events.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    facts = {"id": "c1", "object": "chat.completion.chunk", "created": 0, "model": "fake"}
    lines = [b"data: %b\n\n" % json.dumps({**facts, "choices": [event]}).encode() for event in events]
    lines.append(b"data: [DONE]\n\n")
    body = b"".join(b"%x\r\n%b\r\n" % (len(line), line) for line in lines) + b"0\r\n\r\n"
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + body


def whole() -> bytes:
    message = {"role": "assistant", "content": "w0"}
    body = json.dumps({"id": "c1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return (head + body).encode()


# --- in the near namespace


def near(room: Path, rounds: int) -> dict[str, Any]:
    base, authority = f"https://{FAR}:{PORT}", str(room / "ca.pem")
    plain = {"PATH": os.environ["PATH"], "HOME": str(room), "SSL_CERT_FILE": authority}
    python = environments.lokid()
    client = gateways.fake_client(0, api_base=f"{base}/v1", extra={"ca_file": authority})
    with gateways.lokid(0, room, {"model": f"fake:{ask.MODEL}", "clients": [client]}) as lokid:
        socket_of = {**plain, "LOKID_SOCK": str(lokid.where)}
        contestants = {
            BARE: Contestant([str(python), "-c", "pass"], plain, ""),
            **ask.curl(base, plain, "--cacert", authority),
            "lokictl ask": Contestant(
                [str(python.with_name("lokictl")), "ask", "hello"], socket_of, ask.SAID
            ),
        }
        if environments.python("peers").exists():
            peers = ask.peers(base, room, plain)
            contestants |= {name: peers[name] for name in COMPARED}
        rows, left_out = ask.in_turn(contestants, room, rounds)
        return {"contestants": rows, "left_out": left_out, "limit_ms": _limit(authority, rounds)}


def _limit(authority: str, rounds: int) -> float:
    """Milliseconds from the question to the first bytes of the answer on a connection that is there."""
    context = ssl.create_default_context(cafile=authority)
    body = b'{"stream":true}'
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
    end = canned()[-20:]
    times = []
    with (
        socket.create_connection((FAR, PORT)) as plain,
        context.wrap_socket(plain, server_hostname=FAR) as sock,
    ):
        for _ in range(rounds + 1):
            begun = time.perf_counter()
            sock.sendall(head + body)
            said = sock.recv(65536)
            times.append((time.perf_counter() - begun) * 1e3)
            while not said.endswith(end):
                said += sock.recv(65536)
    return statistics.median(times[1:])


if __name__ == "__main__":
    if sys.argv[2] == "serve":
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(Path(sys.argv[1])))
    else:
        print(json.dumps(near(Path(sys.argv[1]), int(sys.argv[2]))))
