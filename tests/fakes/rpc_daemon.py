"""A daemon of one file for the tests of lokictl: MessagePack-RPC on a Unix socket, in threads.

It speaks with the msgpack package alone, so nothing of lokid or lokictl can agree with itself here. A test
hands it ``answers``: method -> function of (call, params). What the function returns is the result.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import msgpack

Answer = Callable[["Call", dict[str, Any]], Any]


class Gone(Exception):
    """Ends the connection without an answer."""


class Refused(Exception):
    """Answers with this error map."""

    def __init__(self, code: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, **facts}


class Call:
    """One request. ``cancelled`` is set by its cancel notification or by the end of its connection."""

    def __init__(self, send: Callable[[Any], None], msgid: int) -> None:
        self._send = send
        self._msgid = msgid
        self.cancelled = threading.Event()

    def accepted(self) -> None:
        self._send([2, "accepted", [self._msgid]])

    def event(self, **event: Any) -> None:
        self._send([2, "chat.event", [self._msgid, event]])

    def text(self, *pieces: str) -> None:
        for piece in pieces:
            self.event(type="text", text=piece)


def result(text: str = "", **facts: Any) -> dict[str, Any]:
    """A result of ``chat``."""
    return {
        "message": {"role": "assistant", "content": [{"type": "text", "text": text}]},
        "text": text,
        "finish_reason": "stop",
        "usage": {
            "input_tokens": 3,
            "output_tokens": 2,
            "cached_input_tokens": 1,
            "cache_write_tokens": 0,
            "reasoning_tokens": 0,
        },
        "cost_usd": 0.00012,
        "model": "fake:model",
        "response_id": None,
        "attempts": 1,
        "first_token_s": 0.01,
        "total_s": 0.02,
        **facts,
    }


def say(*pieces: str) -> Answer:
    """A ``chat`` that streams these pieces."""

    def chat(call: Call, params: dict[str, Any]) -> dict[str, Any]:
        call.accepted()
        if params.get("stream"):
            call.text(*pieces)
        return result("".join(pieces))

    return chat


class RPCDaemon:
    """Listens on ``path`` from the start; ``calls`` holds (method, params) of everything that came."""

    def __init__(self, path: str, answers: dict[str, Answer], version: str) -> None:
        self.path = path
        self.answers = answers
        self.version = version
        self.pid = os.getpid()
        self.facts: dict[str, Any] = {}  # what else ``hello`` says
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.running: list[Call] = []
        self.strangers = 0  # values that are no messages
        self._closed = False
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def stop_listening(self) -> None:
        """As a daemon that ends: nobody connects any more, and the socket's file is gone."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def close(self) -> None:
        if not self._closed:
            self.stop_listening()
        for call in self.running:
            call.cancelled.set()
        for thread in self._threads:
            thread.join(5)

    def wait_for_call(self) -> Call:
        """The first request that came, as soon as it has."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self.running:
                return self.running[0]
            time.sleep(0.01)
        raise AssertionError("no request came")

    def params(self, method: str = "chat") -> dict[str, Any]:
        """Those of the last call of ``method``."""
        return [params for name, params in self.calls if name == method][-1]

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        unpacker = msgpack.Unpacker()
        lock = threading.Lock()
        calls: dict[int, Call] = {}

        def send(message: Any) -> None:
            with lock:
                try:
                    sock.sendall(msgpack.packb(message))
                except OSError:
                    raise Gone from None

        def work(call: Call, msgid: int, method: str, params: dict[str, Any]) -> None:
            try:
                answer = self.answers.get(method)
                if answer is None:
                    raise Refused("unknown_method", f"there is no method {method}")
                send([1, msgid, None, answer(call, params)])
            except Refused as refused:
                with contextlib.suppress(Gone):
                    send([1, msgid, refused.error, None])
            except Gone:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

        with sock:
            while True:
                try:
                    data = sock.recv(65536)
                except OSError:
                    data = b""
                if not data:
                    break
                unpacker.feed(data)
                for message in unpacker:
                    if not isinstance(message, list):
                        self.strangers += 1
                        continue
                    if message[0] == 2 and message[1] == "cancel":
                        calls[message[2][0]].cancelled.set()
                        continue
                    _, msgid, method, arguments = message
                    params = arguments[0] if arguments else {}
                    self.calls.append((method, params))
                    if method == "hello":
                        with contextlib.suppress(Gone):
                            send([1, msgid, None, self._hello()])
                        continue
                    call = calls[msgid] = Call(send, msgid)
                    self.running.append(call)
                    thread = threading.Thread(target=work, args=(call, msgid, method, params), daemon=True)
                    self._threads.append(thread)
                    thread.start()
            for call in calls.values():
                call.cancelled.set()

    def _hello(self) -> dict[str, Any]:
        return {
            "server": "lokid",
            "version": self.version,
            "protocol": 1,
            "pid": self.pid,
            "started_at": time.time(),
            **self.facts,
        }
