"""A stand-in for ``ssh -R REMOTE:LOCAL`` or ``docker -v``: a Unix socket whose bytes go to another one."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _carry(near: socket.socket, target: str) -> None:
    with near, socket.socket(socket.AF_UNIX) as far:
        try:
            far.connect(target)
        except OSError:
            return
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()


@contextmanager
def forwarding(path: str, target: str) -> Iterator[None]:
    """While it lasts, ``path`` leads to ``target``."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    threads: list[threading.Thread] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                thread = threading.Thread(target=_carry, args=(near, target), daemon=True)
                thread.start()
                threads.append(thread)

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        os.unlink(path)
        for thread in (accepting, *threads):
            thread.join(10)
