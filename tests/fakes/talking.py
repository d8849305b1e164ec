"""A provider in a thread that speaks the OpenAI API, and the real daemon with it as its only client: for
programs that nobody here wrote, and for examples.

``talker:echo`` answers what it was asked, a word at a time; ``talker:endless`` goes on until its reader has
gone, ``talker:held`` waits for ``go``; ``talker:busy`` refuses, ``talker:cut`` stops at its limit. Embeddings
are ``[length of the text, 1]``; the reranker likes long documents.
"""

from __future__ import annotations

import base64
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.fakes.daemon import connect, process

DAEMON = [sys.executable, "-m", "lokid"]
MODELS = ("echo", "endless", "held", "busy", "cut")
FINISH = {"cut": "length"}


@dataclass
class Talker:
    """``asked``: the bodies of all requests. ``gone``: a reader of an endless answer has left."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    quit: threading.Event = field(default_factory=threading.Event)

    def prompts(self) -> list[str]:
        return [body["messages"][-1]["content"] for body in self.asked if "messages" in body]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    talker: Talker

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.talker.asked.append(body)
        if self.path.endswith("/embeddings"):
            self._embed(body)
        elif self.path.endswith("/rerank"):
            texts = body["documents"]
            ranked = [{"index": at, "relevance_score": len(text) / 100} for at, text in enumerate(texts)]
            self._send({"results": sorted(ranked, key=lambda row: -row["relevance_score"])})
        elif body["model"] == "busy":
            self._send({"error": {"message": "come back later"}}, 429, {"retry-after": "600"})
        elif body.get("stream"):
            self._stream(body)
        else:
            message = {"role": "assistant", "content": body["messages"][-1]["content"]}
            finish = FINISH.get(body["model"], "stop")
            self._send({"choices": [{"message": message, "finish_reason": finish}], "usage": USAGE})

    def _embed(self, body: dict[str, Any]) -> None:
        vectors: list[Any] = [[float(len(text)), 1.0] for text in body["input"]]
        if body.get("encoding_format") == "base64":
            vectors = [base64.b64encode(struct.pack("<2f", *vector)).decode() for vector in vectors]
        rows = [{"index": at, "embedding": vector} for at, vector in enumerate(vectors)]
        self._send({"data": rows, "usage": {"prompt_tokens": 2, "total_tokens": 2}})

    def _stream(self, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        text = body["messages"][-1]["content"]
        try:
            first, *rest = [f"{word} " for word in text.split(" ")]
            self._piece(first)
            if body["model"] == "held":
                self.talker.go.wait(30)
            while body["model"] == "endless" and not self.talker.quit.wait(0.01):
                self._piece("and on ")
            for piece in rest:
                self._piece(piece)
            finish = FINISH.get(body["model"], "stop")
            end = {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}], "usage": USAGE}
            self.wfile.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())
        except OSError:
            self.talker.gone.set()

    def _piece(self, text: str) -> None:
        chunk = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

    def _send(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        own = {"content-type": "application/json", "content-length": str(len(data))}
        for name, text in (own | (headers or {})).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Quiet."""


USAGE = {"prompt_tokens": 10, "completion_tokens": 5}


@contextmanager
def talking() -> Iterator[Talker]:
    """The provider, and a configuration that knows nothing else."""
    talker = Talker()
    handler = type("Handler", (_Handler,), {"talker": talker})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        talker.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        config = Path(os.environ["HOME"]) / ".config" / "lokid" / "config.yaml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(json.dumps(_config(talker.url)))
        try:
            yield talker
        finally:
            talker.go.set()
            talker.quit.set()
            server.shutdown()
            thread.join()


def _config(url: str) -> dict[str, Any]:
    models: list[dict[str, Any]] = [{"name": name, "input_price": 1, "output_price": 2} for name in MODELS]
    models += [{"name": "vectors", "type": "embedding"}, {"name": "ranks", "type": "reranker"}]
    client = {"type": "openai-compatible", "name": "talker", "api_base": url, "models": models}
    return {"model": "talker:echo", "clients": [client]}


@contextmanager
def lokid() -> Iterator[subprocess.Popen[str]]:
    """The real daemon, on the usual socket; it accepts connections."""
    with process(command=DAEMON) as running:
        connect(Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock", 40).close()
        yield running
        running.kill()
        running.communicate()
