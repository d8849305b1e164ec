"""Who asks: the program at the other end of a connection, as the ledger and ``requests.list`` show it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Asker:
    """Of one request. ``pid`` is 0 and ``program`` empty where the kernel does not tell. ``waiting``: whether
    the request waits for its turn at a client that has ``limits``; the runtime sets it, others look.
    ``restricted``: it came over the extra socket, and only gets what the configuration has for that."""

    pid: int = 0
    program: str = ""
    waiting: bool = False
    restricted: bool = False
