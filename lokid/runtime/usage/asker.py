"""Who asks: the program at the other end of a connection, as the ledger and ``requests.list`` show it."""

from __future__ import annotations

from dataclasses import dataclass

EXTRA = "extra:"
"""Before the name of a program that asks over the extra socket."""


@dataclass(slots=True, eq=False)
class Asker:
    """Of one request. ``pid`` is 0 and ``program`` empty where the kernel does not tell. ``waiting``: whether
    the request waits for its turn at a client that has ``limits``; the runtime sets it, others look.
    ``restricted``: it came over the extra socket, and only gets what the configuration has for that.
    ``model``: ``client:model`` in full, from when the runtime knows it. ``left``: lokid ends, and leaves the
    request to be sent again; it was not asked here."""

    pid: int = 0
    program: str = ""
    waiting: bool = False
    restricted: bool = False
    model: str | None = None
    left: bool = False

    @property
    def shown(self) -> str:
        """The program as others see it. (One of the user that calls itself ``extra:`` only uses up the budget
        of that socket.)"""
        return f"{EXTRA}{self.program}" if self.restricted else self.program
