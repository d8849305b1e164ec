"""Whom to believe to be a provider: one TLS context for each file of authorities, shared by all clients."""

from __future__ import annotations

import errno
import os
import re
import ssl
import stat
from functools import partial

import anyio

from lokid.runtime import lingering

MAX_CONTEXTS = 16
"""One per ``ca_file`` and version of it."""

BUNDLES = (
    "/etc/ssl/cert.pem",  # Alpine, Arch, older Fedora, RHEL 9 and 10, BSD
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora 44, RHEL 11
    "/etc/pki/tls/cert.pem",  # Fedora before 34
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu
    "/etc/ssl/ca-bundle.pem",  # SUSE
)
"""Where systems keep their authorities; for an OpenSSL that was built to look elsewhere, as that of a
Python which brings its own. From the package truststore."""

_hashed = re.compile(r"[0-9a-f]{8}\.[0-9]").fullmatch

_contexts: dict[tuple[str | None, float], ssl.SSLContext] = {}
_reading: dict[tuple[str | None, float], anyio.Event] = {}


async def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Whom to trust: those whom the system trusts, or those in ``ca_file`` instead. Raises ``OSError``."""
    # In a thread that is not waited for at the end: the file may be on a network mount that hangs.
    place = ("authorities", ca_file)
    changed = 0.0 if ca_file is None else await lingering.look(place, partial(_changed_at, ca_file))
    key = (ca_file, changed)
    while (context := _contexts.get(key)) is None:
        if (read := _reading.get(key)) is not None:  # forty at a time would take seconds
            await read.wait()
            continue
        read = _reading[key] = anyio.Event()
        try:
            # Reading a few hundred certificates takes 20 to 100 ms, too long for the event loop.
            context = await lingering.look(place, partial(_read_certificates, ca_file))
            if len(_contexts) >= MAX_CONTEXTS:
                _contexts.clear()  # whoever uses one has it already
            _contexts[key] = context
        finally:
            del _reading[key]
            read.set()
    return context


def _changed_at(ca_file: str) -> float:
    """Raises OSError also for a pipe, which OpenSSL waits for, and for a device, which may have no end."""
    facts = os.stat(ca_file)
    if not (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):  # of a directory OpenSSL says it
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return facts.st_mtime


def _read_certificates(ca_file: str | None) -> ssl.SSLContext:
    """Not ``ssl.create_default_context``, which obeys SSLKEYLOGFILE, and not
    ``set_default_verify_paths``, which obeys SSL_CERT_FILE."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
        return context
    paths = ssl.get_default_verify_paths()
    file = paths.openssl_cafile if os.path.isfile(paths.openssl_cafile) else None
    directory = paths.openssl_capath if os.path.isdir(paths.openssl_capath) else None
    if directory and not file and not any(map(_hashed, os.listdir(directory))):
        directory = None
    if not file and not directory:
        file = next(filter(os.path.isfile, BUNDLES), None)
    if file or directory:
        context.load_verify_locations(file, directory)
    return context
