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
        hint, retryable = "for a certificate authority of your own set extra.ca_file", False
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


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything behind it, also inside groups (attempts at several addresses)."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions


def first(error: BaseException, kind: type[E]) -> E | None:
    return next((cause for cause in causes(error) if isinstance(cause, kind)), None)


def reason(error: OSError) -> str:
    match error:
        case ssl.SSLError(reason=str(text)):
            return text.lower().replace("_", " ")
        case socket.gaierror(strerror=str(text)):
            return text.lower()
        case OSError(errno=int(number)):
            return os.strerror(number).lower()  # trio writes more into its own
    return type(error).__name__
