"""``python keyholes.py``: a provider in a process of its own, so that what it was sent is not in the memory
of the test. It prints its port. It gives tokens, and answers whoever shows a planted secret."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def planted(kind: str) -> str:
    return f"planted-{kind}-0123456789abcdef"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        shown = " ".join(map(str, self.headers.values()))
        if self.path.endswith("/token"):
            kind = "cloud-token" if "tenant" in self.path else "access-token"
            said = {"access_token": planted(kind), "token_type": "Bearer", "expires_in": 3600}
            self.answer(200 if "planted-" in body else 401, said)
        elif "planted-" in shown:
            message = {"role": "assistant", "content": "hi"}
            self.answer(200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
        else:
            self.answer(401, {"error": {"message": "no key"}})

    def answer(self, status: int, said: dict[str, object]) -> None:
        data = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()
