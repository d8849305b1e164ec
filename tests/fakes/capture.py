"""An HTTP server for the official SDKs: keeps what they send and answers what it was told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Sent:
    """``headers``: lower-case names."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any


@dataclass
class Capture:
    url: str
    answer: bytes = b"{}"
    content_type: str = "application/json"
    sent: list[Sent] = field(default_factory=list)


@contextmanager
def capturing() -> Iterator[Capture]:
    """Serves on loopback, one request a connection."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            target = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            sent = Sent(self.command, target.path, target.query, headers, json.loads(body) if body else None)
            capture.sent.append(sent)
            self.send_response(200)
            self.send_header("content-type", capture.content_type)
            self.send_header("content-length", str(len(capture.answer)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(capture.answer)

        do_GET = do_POST  # noqa: N815 - its name upstream

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name upstream
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        capture = Capture(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield capture
        finally:
            server.shutdown()
            thread.join()
