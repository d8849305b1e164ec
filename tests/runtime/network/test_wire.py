"""One connection, down to what TLS says for itself."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress

import anyio
import pytest
import trustme

from lokid.runtime.network.wire import Wire

pytestmark = pytest.mark.anyio


async def test_the_end_that_tls_says_is_the_end_although_the_connection_stays_open() -> None:
    """A server may say it with the last bytes of a body, and then wait for our side before it closes."""
    ca = trustme.CA()
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca.issue_cert("localhost").configure_cert(theirs)
    ca.configure_trust(ours)
    here, there = socket.socketpair()
    here.setblocking(False)
    sock = ours.wrap_socket(here, server_hostname="localhost", do_handshake_on_connect=False)
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = theirs.wrap_bio(coming, going, server_side=True)
    with there:
        for side in (sock, server, sock, server):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
            if side is sock:
                coming.write(there.recv(65536))
            else:
                there.sendall(going.read())
        server.write(b"all of it")
        with suppress(ssl.SSLWantReadError):
            server.unwrap()
        there.sendall(going.read())
        wire = Wire(sock)
        with anyio.fail_after(10):
            assert await wire.receive() == b"all of it"
            assert await wire.receive() == b""
        wire.close()
