"""A provider that costs nothing: one canned answer of 20 events, written as it is. Prints its port."""

from __future__ import annotations

import json
import socket
import threading


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "fake",
        "choices": [choice],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


EVENTS = [
    _event({"role": "assistant", "content": "w0"}),
    *(_event({"content": f" w{n}"}) for n in range(1, 19)),
]
EVENTS += [_event({}, "stop"), b"data: [DONE]\n\n"]
BODY = b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in EVENTS) + b"0\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + BODY


def serve(connection: socket.socket) -> None:
    """Answers every request of one connection. Trusts its clients: a head, then ``content-length`` bytes."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in waiting:
                more = connection.recv(65536)
                if not more:
                    return
                waiting += more
            head, waiting = waiting.split(b"\r\n\r\n", 1)
            length = next(
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            )
            while len(waiting) < length:
                waiting += connection.recv(65536)
            waiting = waiting[length:]
            connection.sendall(ANSWER)


def main() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
