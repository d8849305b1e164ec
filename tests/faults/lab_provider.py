"""``lab_provider.py LOG [PORT]``: a provider as a process of its own, for the scenarios. Prints its port.

Answers "re: QUESTION"; the model ``slow`` streams it over three seconds, ``long`` over eight. Each request
that arrives is a line in LOG: the authorization, a tab, the question.
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

THINKING_S = 0.03
"""Of the quick model: long enough to be caught at it by a kill now and then."""

PIECES, PIECE_S = {"slow": 30, "long": 80}, 0.1


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    log: str

    def do_GET(self) -> None:
        """The list of models, of which nobody needs one."""
        self.send_response(200)
        self.send_header("Content-Length", "11")
        self.end_headers()
        self.wfile.write(b'{"data":[]}')

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question = asked["messages"][-1]["content"]
        with open(self.log, "a", encoding="utf-8") as log:  # one write: lines of threads do not mix
            log.write(f"{self.headers.get('Authorization')}\t{question}\n")
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Content-Type", "text/event-stream" if asked.get("stream") else "application/json")
        self.end_headers()
        answer = f"re: {question}"
        if not asked.get("stream"):
            time.sleep(THINKING_S)
            choice = {
                "index": 0,
                "message": {"role": "assistant", "content": answer},
                "finish_reason": "stop",
            }
            self._chunk(json.dumps({"id": "1", "model": asked["model"], "choices": [choice]}))
        elif pieces := PIECES.get(asked["model"]):
            for number in range(pieces):
                self._event({"content": f"{number} "}, None)
                time.sleep(PIECE_S)
            self._event({"content": answer}, "stop")
        else:
            time.sleep(THINKING_S)
            self._event({"content": answer}, "stop")
        if asked.get("stream"):
            self._chunk("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, delta: dict[str, str], finish: str | None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self._chunk(f"data: {json.dumps({'id': '1', 'choices': [choice]})}\n\n")

    def _chunk(self, text: str) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(text), text.encode()))

    def log_message(self, *_: object) -> None:
        """Nothing: the log is ours."""


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A daemon that was killed closed its connections."""


if __name__ == "__main__":
    Provider.log = sys.argv[1]
    server = Server(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Provider)
    print(server.server_port, flush=True)
    server.serve_forever()
