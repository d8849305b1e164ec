"""What the fast paths ask of the kernel, as strace counts it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import lokid
from tests.fakes.daemon import ROOT, connect, process
from tests.fakes.rpc_daemon import RPCDaemon, say

pytestmark = [
    pytest.mark.external,
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

BURST = 300
EVENT = b'data: {"choices": [{"index": 0, "delta": {"content": "w"}, "finish_reason": null}]}\n\n'
END = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + EVENT * BURST + END
)

CALLS_OF_ASK = 345
"""Beyond a bare start: 282, most of which look for the modules it imports (15, 12 calls each)."""


def calls(program: list[str], log: Path, environ: dict[str, str]) -> list[str]:
    """Name and arguments of each."""
    subprocess.run(program, env=environ, check=True, stdout=subprocess.DEVNULL)  # bytecode
    traced = ["strace", "-f", "-qq", "-o", str(log), *program]
    subprocess.run(traced, env=environ, check=True, stdout=subprocess.DEVNULL)
    lines = (line.partition(" ")[2].strip() for line in log.read_text().splitlines())
    return [line for line in lines if re.match(r"\w+\(", line)]


def test_a_question_asks_little_of_the_kernel(tmp_path):
    path = os.path.join(os.environ["XDG_RUNTIME_DIR"], "lokid", "rpc.sock")
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "PYTHONPATH": str(ROOT),
        "PYTHONPYCACHEPREFIX": str(tmp_path / "pyc"),
    }
    daemon = RPCDaemon(path, {"chat": say("hello")}, lokid.__version__)
    try:
        bare = calls([sys.executable, "-S", "-c", "pass"], tmp_path / "bare", environ)
        ask = calls(
            [sys.executable, "-S", str(ROOT / "bin" / "lokictl"), "ask", "hi"], tmp_path / "ask", environ
        )
    finally:
        daemon.close()
    assert sum(call.startswith("connect(") for call in ask) == 1
    assert sum(call.startswith(("sendto(", "sendmsg(")) for call in ask) <= 2
    assert len(ask) - len(bare) < CALLS_OF_ASK


@contextmanager
def provider() -> Iterator[int]:
    """Answers whoever connects with all of ``ANSWER`` in one piece."""

    def serve() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                data = b""
                while b"\r\n\r\n" not in data or not data.endswith(b"}"):
                    more = connection.recv(65536)
                    if not more:
                        break
                    data += more
                else:
                    connection.sendall(ANSWER)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def test_a_burst_leaves_in_no_more_writes_than_it_came_in_reads(tmp_path, home):
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"
    log = tmp_path / "trace"
    with provider() as port:
        models = [{"name": "m"}]
        base = f"http://127.0.0.1:{port}/v1"
        client = {"type": "openai-compatible", "name": "fake", "api_base": base, "models": models}
        (tmp_path / "config.yaml").write_text(json.dumps({"clients": [client]}))
        environ = {"LOKID_CONFIG": str(tmp_path / "config.yaml")}
        traced = ["strace", "-f", "-qq", "-yy", "-e", "trace=%network,read,write", "-o", str(log)]
        with process(environ, [*traced, sys.executable, "-m", "lokid"]) as daemon:
            asking = connect(path, 60)
            asking.sock.settimeout(60)
            asking.send("chat", model="fake:m", prompt="hi", stream=True)
            events = 0
            while (message := asking.message()) is not None and message[0] != 1:
                events += 1
            os.kill(asking.ask("hello")["pid"], signal.SIGTERM)  # strace would let go of it, and go
            asking.close()
            assert daemon.wait(60) == 0
    assert events == BURST
    trace = log.read_text().splitlines()
    came = re.compile(rf"(recvfrom|read)\(\d+<TCP:[^>]*>?[^>]*:{port}\]>.*= [1-9]")
    left = re.compile(r"(sendto|sendmsg|write)\(\d+<UNIX-STREAM.*chat\.event")
    reads = [line for line in trace if came.search(line)]
    writes = [line for line in trace if left.search(line)]
    assert reads
    assert 1 <= len(writes) <= len(reads)
