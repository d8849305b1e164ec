"""A provider, an authorization server and a proxy that repeat every secret that they are shown: in bodies,
headers, reason phrases and streams, as it is and encoded."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote

STREAM = (
    'data: {"id":"1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":'
    '{"role":"assistant","content":"so far "},"finish_reason":null}]}\n\n'
)


@dataclass
class Echo:
    """``seen``: everything that came, to know that a secret was really sent. ``forms``: of token requests.
    ``grants``: what the token endpoint gives, one after another; then it refuses."""

    url: str = ""
    seen: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    grants: list[dict[str, Any]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    echo: Echo

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        shown = " ".join((self.path, *self.headers.values(), body))
        self.echo.seen.append(shown)
        mode = self.path.partition("/")[2].split("/")[0]
        if mode == "token":
            self._token(body)
        elif mode == "stream":
            self._send(
                200, (STREAM + f"data: {_error(self._repeated(body))}\n\n").encode(), "text/event-stream"
            )
        else:
            status = {"busy": 503, "limit": 429}.get(mode, 401)
            self._send(status, _error(self._repeated(body)).encode(), "application/json")

    do_GET = do_CONNECT = do_POST  # noqa: N815 - their names upstream

    def _repeated(self, body: str) -> str:
        """One that was shown, short enough not to be cut off."""
        names = (
            "authorization",
            "x-api-key",
            "api-key",
            "x-goog-api-key",
            "x-gateway",
            "proxy-authorization",
        )
        said = [value for name in names for value in self.headers.get_all(name) or ()]
        _, _, query = self.path.partition("?")
        keys = [value.removeprefix("Bearer ") for value in (*said, *query.split("&"), body[-60:]) if value]
        return " ".join((*keys, *map(_encoded, keys)))

    def _token(self, body: str) -> None:
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self.echo.forms.append(form)
        if self.echo.grants:
            self._send(200, json.dumps(self.echo.grants.pop(0)).encode(), "application/json")
            return
        words = " ".join((*form.values(), self.headers.get("authorization", "")))
        answer = {"error": "invalid_grant", "error_description": words, "error_uri": f"https://x/?{body}"}
        self._send(400, json.dumps(answer).encode(), "application/json")

    def _send(self, status: int, data: bytes, kind: str) -> None:
        key = self.headers.get("authorization") or self.headers.get("proxy-authorization") or "none"
        self.send_response(status, f"Refused {key}")
        for name in ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "x-amzn-errortype"):
            self.send_header(name, key.removeprefix("Bearer "))
        for name, value in (("content-type", kind), ("content-length", str(len(data)))):
            self.send_header(name, value)
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name upstream
        """Quiet."""


def _encoded(key: str) -> str:
    return f"{quote(key, safe='')} {base64.b64encode(key.encode()).decode()}"


def _error(words: str) -> str:
    error = {"message": f"Incorrect API key: {words}", "type": "authentication_error", "status": words}
    return json.dumps({"type": "error", "message": f"Incorrect API key: {words}", "error": error})


@contextmanager
def echoing() -> Iterator[Echo]:
    echo = Echo()
    handler = type("Handler", (_Handler,), {"echo": echo})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        echo.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield echo
        finally:
            server.shutdown()
            thread.join()
