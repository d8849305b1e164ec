"""Why a provider could not be reached, in words: which limit passed, which step failed, what to check."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from lokid.errors import ProviderUnavailable, TimedOut

E = TypeVar("E", bound=BaseException)

_CERTIFICATES = {
    9: "check the clock of this machine",  # X509_V_ERR_CERT_NOT_YET_VALID
    10: "its owner has to renew it; also check the clock of this machine",  # ..._CERT_HAS_EXPIRED
    62: "check api_base",  # ..._HOSTNAME_MISMATCH
    64: "check api_base",  # ..._IP_ADDRESS_MISMATCH
}
"""What to do, by the number in x509_vfy.h. Whose authority nobody knows may be one's own."""

_TLS = {
    "WRONG_VERSION_NUMBER": "what answers there does not speak TLS",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks no TLS 1.2 or later",
    "UNSUPPORTED_PROTOCOL": "it speaks no TLS 1.2 or later",
    "UNEXPECTED_EOF_WHILE_READING": "it hung up",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "handshake failure (no cipher in common, or it demands the certificate"
    " of a client, and lokid has none)",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it demands the certificate of a client, and lokid has none",
}
"""What OpenSSL means, where its own words do not say it."""

_WAITS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What OpenSSL says while it waits. It may stand behind what then happened, and is nothing that failed."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. ``connect`` covers DNS, TCP, the proxy and TLS; ``first_byte`` runs from sending the
    request to the first byte of the answer's body; ``idle`` is silence between two reads of it.

    The wait for a free connection (``extra.max_connections``) has no limit of its own: it is a queue
    that the user asked for, bounded by the time of the whole call.
    """

    connect: float
    first_byte: float
    idle: float

    def no_connection(self, where: str, client: str) -> TimedOut:
        """May be tried again: nothing was sent yet."""
        return TimedOut(
            f"connect timeout: no connection to {where} within {self.connect:g} s",
            hint=f"check the network, or raise extra.connect_timeout of client {client!r}",
            client=client,
            retryable=True,
        )

    def no_answer(self, host: str, client: str) -> TimedOut:
        return TimedOut(
            f"first byte timeout: {host} took the request and sent no answer for {self.first_byte:g} s",
            hint=f"raise extra.first_byte_timeout of client {client!r}",
            client=client,
        )

    def no_more(self, host: str, client: str) -> TimedOut:
        return TimedOut(
            f"idle timeout: {host} fell silent for {self.idle:g} s in the middle of its answer",
            hint=f"raise extra.idle_timeout of client {client!r}",
            client=client,
        )


def unreachable(error: BaseException, where: str, *, client: str, hint: str) -> ProviderUnavailable:
    """Of an error while a connection to ``where`` was made. A certificate or a name that is wrong now is
    wrong in a second, so neither is worth another try."""
    retryable = True
    if certificate := first(error, ssl.SSLCertVerificationError):
        what = f"the certificate of {where} was not accepted: {certificate.verify_message}"
        other = "for a certificate authority of your own set extra.ca_file"
        hint, retryable = _CERTIFICATES.get(certificate.verify_code, other), False
    elif tls := first(error, ssl.SSLError):
        what, retryable = f"no TLS connection to {where}: {reason(tls)}", False
    elif lookup := first(error, socket.gaierror):
        what = f"the name of {where} cannot be resolved: {reason(lookup)}"
        retryable = lookup.errno == socket.EAI_AGAIN
    else:
        numbered = [cause for cause in causes(error) if isinstance(cause, OSError) and cause.errno]
        what = f"no connection to {where}: {reason(numbered[0]) if numbered else 'it was cut'}"
        if numbered and numbered[0].errno == errno.ECONNREFUSED:
            hint = f"nothing listens there: start it, or {hint}"
    return ProviderUnavailable(what, hint=hint, client=client, retryable=retryable)


def refused(error: BaseException) -> bool:
    """Whether the other side ended TLS with a reason of its own. Of a client without a certificate TLS 1.3
    says so after the handshake, in the place of an answer."""
    tls = first(error, ssl.SSLError)
    return tls is not None and "_ALERT_" in str(tls.reason)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything behind it, also inside groups (attempts at several addresses)."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        if not isinstance(cause, _WAITS):
            yield cause
        waiting += [cause.__cause__, cause.__context__]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions


def first(error: BaseException, kind: type[E]) -> E | None:
    return next((cause for cause in causes(error) if isinstance(cause, kind)), None)


def reason(error: OSError) -> str:
    match error:
        case ssl.SSLError(reason=str(text)):
            return _TLS.get(text) or text.lower().replace("_", " ")
        case socket.gaierror(strerror=str(text)):
            return text.lower()
        case OSError(errno=int(number)):
            return os.strerror(number).lower()  # trio writes more into its own
    return type(error).__name__
