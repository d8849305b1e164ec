"""The contestants of the part ``daemon``: how each is started in front of the provider, and spoken to."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgpack

from benchmarks import environments
from benchmarks.machine import LOAD, PROVIDER, Unavailable, cpu_s, main_thread_cpu_s

PATIENCE_S = 90
"""LiteLLM takes half a minute to start on a busy machine."""


@dataclass(frozen=True, slots=True)
class Running:
    """``where``: a path of a socket, or a port. ``started_s``: from exec until it accepted a connection, and
    until it gave its first answer."""

    name: str
    pid: int
    where: str | int
    headers: Mapping[str, str] = field(default_factory=dict)
    accepts_s: float = 0.0
    answers_s: float = 0.0

    @property
    def speaks_rpc(self) -> bool:
        return isinstance(self.where, str)

    def request(self, model: str, *, stream: bool) -> bytes:
        """The bytes of one question."""
        if self.speaks_rpc:
            asked = {"model": f"fake:{model}", "prompt": "hello", "stream": stream}
            return bytes(msgpack.packb([0, 1, "chat", [asked]]))
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "stream": stream}
        data = json.dumps(body).encode()
        lines = ["POST /v1/chat/completions HTTP/1.1", f"host: 127.0.0.1:{self.where}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += ["authorization: Bearer none", "content-type: application/json"]
        lines += [f"content-length: {len(data)}", "", ""]
        return "\r\n".join(lines).encode() + data


def load(running: Running, room: Path, request: bytes, clients: int, **bounds: float) -> dict[str, float]:
    """What the load generator measured, with the CPU seconds that the contestant took meanwhile. ``bounds``:
    ``seconds`` or ``requests``, and ``events`` that each answer has at least."""
    (room / "request").write_bytes(request)
    kind, where = ("rpc", running.where) if running.speaks_rpc else ("http", f"127.0.0.1:{running.where}")
    numbers = [
        clients,
        bounds.get("seconds", 0),
        int(bounds.get("requests", 0)),
        int(bounds.get("events", 0)),
    ]
    command = [LOAD.path(), kind, str(where), str(room / "request"), *map(str, numbers)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin and process.stdout and process.stderr
        ready = process.stdout.readline()
        before = _cpu_s(running)
        if ready:
            process.stdin.write("\n")
            process.stdin.flush()
        line = process.stdout.readline()
        used, main = (now - then for now, then in zip(_cpu_s(running), before, strict=True))
        if not line:
            raise Unavailable(f"{running.name} under load: {process.stderr.read().strip()}")
    measured: dict[str, float] = json.loads(line)
    return {**measured, "cpu_s": used, "main_cpu_s": main}


def _cpu_s(running: Running) -> tuple[float, float]:
    """Of all its processes, and of its first thread."""
    return (cpu_s(running.pid), main_thread_cpu_s(running.pid)) if running.pid else (0.0, 0.0)


# --- how each is started


@contextlib.contextmanager
def provider(*under: str) -> Iterator[int]:
    """Its port. ``under``: a command that runs it."""
    with subprocess.Popen([*under, PROVIDER.path()], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


@contextlib.contextmanager
def _started(
    name: str,
    command: list[str],
    env: Mapping[str, str],
    where: str | int,
    log: Path,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    with log.open("wb") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            accepts = _until(process, log, begun, lambda: _connects(where))
            fresh = Running(name, process.pid, where, headers or {})
            answers = _until(process, log, begun, lambda: _answers(fresh))
            yield Running(name, process.pid, where, headers or {}, accepts, answers)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _until(process: subprocess.Popen[bytes], log: Path, begun: float, holds: Callable[[], bool]) -> float:
    while not holds():
        if process.poll() is not None or time.perf_counter() - begun > PATIENCE_S:
            said = " ".join(log.read_text("utf-8", "replace").split())[-300:]
            raise Unavailable(f"did not start: {said}")
        time.sleep(0.002)
    return time.perf_counter() - begun


def _open(where: str | int) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
    sock.settimeout(PATIENCE_S)
    try:
        sock.connect(where if isinstance(where, str) else ("127.0.0.1", where))
    except BaseException:
        sock.close()
        raise
    return sock


def _connects(where: str | int) -> bool:
    with contextlib.suppress(OSError), _open(where):
        return True
    return False


def _answers(running: Running) -> bool:
    with contextlib.suppress(OSError), _open(running.where) as sock:
        sock.sendall(running.request("short", stream=False))
        said = sock.recv(65536)
        return said[:4] == b"\x94\x01\x01\xc0" or said.startswith(b"HTTP/1.1 200")
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def direct(port: int, room: Path) -> Iterator[Running]:  # noqa: ARG001 - called as the others are
    yield Running("direct", 0, port)


NGINX = """
daemon off; worker_processes 1; pid {room}/nginx.pid; error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {room}/b; proxy_temp_path {room}/p; fastcgi_temp_path {room}/f;
  uwsgi_temp_path {room}/u; scgi_temp_path {room}/s; keepalive_requests 100000000;
  upstream provider {{ server 127.0.0.1:{port}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{own};
    location / {{
      proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(port: int, room: Path) -> Iterator[Running]:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise Unavailable("is not installed")
    own = free_port()
    (room / "nginx.conf").write_text(NGINX.format(room=room, port=port, own=own))
    command = [program, "-p", str(room), "-c", str(room / "nginx.conf")]
    with _started("nginx", command, environments.clean(), own, room / "nginx.log") as running:
        yield running


@contextlib.contextmanager
def portkey(port: int, room: Path) -> Iterator[Running]:
    own = free_port()
    command = ["node", str(environments.portkey()), f"--port={own}", "--headless"]
    env = {**environments.clean(), "NODE_ENV": "production"}
    headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{port}/v1"}
    with _started("Portkey gateway", command, env, own, room / "portkey.log", headers) as running:
        yield running


@contextlib.contextmanager
def litellm(port: int, room: Path) -> Iterator[Running]:
    own = free_port()
    parameters = {"model": "openai/*", "api_base": f"http://127.0.0.1:{port}/v1", "api_key": "none"}
    config = {"model_list": [{"model_name": "*", "litellm_params": parameters}]}
    (room / "litellm.yaml").write_text(json.dumps(config))
    program = environments.python("proxy").with_name("litellm")
    command = [
        str(program),
        "--config",
        str(room / "litellm.yaml"),
        "--host",
        "127.0.0.1",
        "--port",
        str(own),
    ]
    env = {
        **environments.clean(),
        "HOME": str(room),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # it would ask a host for prices, at start
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",  # it refuses to start without a key
        "LITELLM_LOG": "ERROR",
    }
    with _started("LiteLLM proxy", command, env, own, room / "litellm.log") as running:
        yield running


MODELS = [{"name": name} for name in ("short", "words-20", "words-100", "paced-100-10")]


def lokid_environment(room: Path, config: object) -> dict[str, str]:
    """Of lokid and lokictl with a home of their own in ``room``."""
    (room / "config.yaml").write_text(json.dumps(config))
    (room / "run").mkdir(mode=0o700, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(room),
        "LOKID_CONFIG": str(room / "config.yaml"),
        "LOKID_STATE_DIR": str(room / "state"),
        "LOKID_SOCK": str(room / "run" / "rpc.sock"),
        "LOKID_LOG": "error",
    }


def fake_client(port: int, **keys: object) -> dict[str, object]:
    return {
        "type": "openai-compatible",
        "name": "fake",
        "api_base": f"http://127.0.0.1:{port}/v1",
        "models": MODELS,
        "extra": {"max_connections": 256},
        **keys,
    }


@contextlib.contextmanager
def lokid(port: int, room: Path, config: object = None) -> Iterator[Running]:
    env = lokid_environment(room, config or {"model": "fake:words-20", "clients": [fake_client(port)]})
    command = [str(environments.lokid().with_name("lokid"))]
    with _started("lokid", command, env, env["LOKID_SOCK"], room / "lokid.log") as running:
        yield running


CONTESTANTS = (direct, nginx, portkey, litellm, lokid)
