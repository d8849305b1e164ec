"""Connections through a SOCKS 5 proxy (RFC 1928 and 1929), beneath the HTTP library.

The library's own need a package more, have no bound in time, and keep one that was cancelled for ever as one
of the connections there may be. The proxy looks up the names, as Tor wants it.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import anyio

from lokid.runtime.network.transport import HungUp

PORT = 1080

_CONNECT = b"\5\1\0"
_OPEN, _PASSWORD = 0, 2
_IPV4, _NAME, _IPV6 = 1, 3, 4
_NONE = "it does not speak SOCKS 5"

_REPLIES = {
    1: "it failed",
    2: "its rules do not allow it",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "it takes too long",
    7: "it makes no connections",
    8: "it does not know this kind of address",
}


class Refused(Exception):
    """By the proxy; the text says why."""


class Socks:
    """``AsyncNetworkBackend`` around ``backend``. ``auth``: user name and password. Raises ``ValueError`` for
    one that the protocol cannot carry."""

    def __init__(self, backend: Any, host: str, port: int, auth: tuple[bytes, bytes] | None) -> None:
        if auth and not all(1 <= len(word) <= 255 for word in auth):
            raise ValueError("a user name or password of no byte or more than 255")
        self._backend = backend
        self._host = host
        self._port = port
        self._auth = auth

    async def connect_tcp(self, host: str, port: int, **options: Any) -> Any:
        stream = await self._backend.connect_tcp(self._host, self._port, **options)
        try:
            await self._greet(stream)
            await _connect(stream, host, port)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await stream.aclose()
            raise
        return stream

    async def _greet(self, stream: Any) -> None:
        await stream.write(bytes([5, 2, _OPEN, _PASSWORD] if self._auth else [5, 1, _OPEN]))
        version, method = await _exactly(stream, 2)
        if version != 5:
            raise Refused(_NONE)
        if method == _PASSWORD and self._auth:
            await stream.write(b"\1" + b"".join(bytes([len(word)]) + word for word in self._auth))
            if (await _exactly(stream, 2))[1]:
                raise Refused("it does not accept the user name and password")
        elif method != _OPEN:
            other = "another way to sign in" if self._auth else "a user name and password"
            raise Refused(f"it wants {other}")


async def _connect(stream: Any, host: str, port: int) -> None:
    await stream.write(_CONNECT + _address(host) + port.to_bytes(2, "big"))
    version, reply, _, kind = await _exactly(stream, 4)
    if version != 5:
        raise Refused(_NONE)
    if reply:
        raise Refused(_REPLIES.get(reply, "it does not say why"))
    if kind == _NAME:
        (size,) = await _exactly(stream, 1)
    elif kind in (_IPV4, _IPV6):
        size = 4 if kind == _IPV4 else 16
    else:
        raise Refused(_NONE)
    await _exactly(stream, size + 2)  # where it is connected from, which does not matter


def _address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii")[:255]  # no name is longer
        return bytes([_NAME, len(name)]) + name
    return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed


async def _exactly(stream: Any, size: int) -> bytes:
    """No byte more: what follows is the provider's."""
    data = b""
    while len(data) < size:
        more: bytes = await stream.read(size - len(data))
        if not more:
            raise HungUp
        data += more
    return data
