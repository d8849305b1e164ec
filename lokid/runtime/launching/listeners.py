"""Who takes connections at a port of this machine, as Linux tells everybody.

A server that lokid starts gets questions, and a key to ask for. If somebody else has its port already (a
fixed one is known, a free one stands in the server's arguments while it is still loading), that one would get
them. Programs of the user's own and of root may: the one could as well ask lokid, from the other nothing is
safe, and containers are reached through a program of root.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from lokid.protocols.address import address
from lokid.providers.addresses import is_loopback

TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
"""A line for each socket: number, own address, other address, state, ..., uid, ...; ``proc_pid_net(5)``."""

LISTENING = "0A"
ROOT = 0


def stranger(uids: tuple[int, ...] | None) -> int | None:
    """The one of another user, if there is one among them."""
    allowed = (os.geteuid(), ROOT)
    return next((uid for uid in uids or () if uid not in allowed), None)


def uids(api_base: str) -> tuple[int, ...] | None:
    """Of all who take connections where ``api_base`` is, if that is on this machine. None where the kernel
    does not say."""
    place = address(api_base)
    if not is_loopback(place.host) or not any(map(os.path.exists, TABLES)):
        return None
    return tuple(uid for port, uid in _listening() if port == place.port)


def _listening() -> Iterator[tuple[int, int]]:
    """Port and uid of what this machine can reach at an address of its own."""
    for table in TABLES:
        try:
            with open(table, encoding="ascii") as lines:
                rows = [line.split() for line in lines][1:]
        except OSError:  # not Linux
            continue
        for row in rows:
            host, _, port = row[1].partition(":")
            if row[3] == LISTENING and _is_here(_address(host)):
                yield int(port, 16), int(row[7])


def _is_here(found: IPv4Address | IPv6Address) -> bool:
    return found.is_loopback or found.is_unspecified


def _address(digits: str) -> IPv4Address | IPv6Address:
    """Written as numbers of 32 bits of this machine, each of them in the order of the network."""
    numbers = (int(digits[at : at + 8], 16) for at in range(0, len(digits), 8))
    found = ip_address(b"".join(number.to_bytes(4, sys.byteorder) for number in numbers))
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def name(uid: int) -> str:
    """Of a user, for a message."""
    import pwd

    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"
