"""What ``benchmarks/slowest.py`` compares lokid with. For each line, a number, it counts half as far, passes
the question on to the provider, counts the other half and passes the answer back.

    python loop.py PORT SOCKET < question
"""

from __future__ import annotations

import socket
import sys


def count(to: int) -> None:
    """Makes and drops small objects, as programs do."""
    texts: dict[int, str] = {}
    for number in range(to):
        texts[number & 255] = str(number)


def main() -> None:
    port, path = int(sys.argv[1]), sys.argv[2]
    question = sys.stdin.buffer.read()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)
        client = listener.accept()[0]
    with client, socket.create_connection(("127.0.0.1", port)) as provider:
        provider.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while line := client.recv(64):
            half = int(line) // 2
            count(half)
            provider.sendall(question)
            answer = provider.recv(65536)
            count(half)
            client.sendall(answer)


if __name__ == "__main__":
    main()
