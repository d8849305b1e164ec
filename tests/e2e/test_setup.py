"""``lokictl setup`` with the real daemon, and a server of models that says it is Ollama."""

from __future__ import annotations

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.fakes.daemon import connect, process
from tests.fakes.terminal import lokictl

VALUE = "sk-of-this-shell-0123456789"


class Ollama(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer({"data": [{"id": "llama3.2"}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message = {"role": "assistant", "content": "yes"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
        self._answer({"id": "x", "model": asked["model"], "choices": [choice], "usage": usage})

    def _answer(self, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        pass


def test_from_nothing_to_an_answer_in_one_command(home: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ollama)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with process({}, [sys.executable, "-m", "lokid"]):
            connect(Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock").close()
            environ = {"OLLAMA_HOST": f"127.0.0.1:{server.server_address[1]}"}
            done = lokictl("setup", env=environ)
            assert done.returncode == 0, done.stderr
            assert b"ollama\tyes\tollama:llama3.2: 'yes' in " in done.stdout
            assert lokictl("ask", "-S", "again").stdout == b"yes\n"
            added = lokictl("setup", "--no-call", "--yes", env={**environ, "OPENAI_API_KEY": VALUE})
            assert added.returncode == 0, added.stderr
            rows = json.loads(lokictl("clients", "--json").stdout)
            assert {row["name"]: row["state"] for row in rows} == {"openai": "ready", "ollama": "ready"}
            assert lokictl("config", "check").returncode == 0
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    paths = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in paths if VALUE.encode() in path.read_bytes()]
