"""Where an HTTP request goes, taken out of its URL (RFC 3986)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

_PORTS = {"http": 80, "https": 443}
_PATH = "%/:@!$&'()*+,;=-._~"
"""Stand for themselves in a path, and ``?`` besides in a query. ``%`` too: what is quoted stays as it is."""


@dataclass(frozen=True, slots=True)
class Address:
    """``host``: ASCII, an IPv6 address without its brackets. ``authority``: as in the header ``host``,
    without the scheme's own port. ``target``: path and query, quoted."""

    tls: bool
    host: str
    port: int
    authority: str
    target: str


def address(url: str) -> Address:
    """Raises ``ValueError`` for what is not an ``http`` or ``https`` URL; the message may quote it."""
    parts = urlsplit(url)
    # urlsplit drops line breaks and tabs wherever they stand, and blanks at both ends.
    if parts.scheme not in _PORTS or not parts.hostname or not url.isprintable() or url != url.strip():
        raise ValueError("not an http:// or https:// URL")
    host = parts.hostname
    if not host.isascii():
        host = host.encode("idna").decode()  # UnicodeError is a ValueError
    own = _PORTS[parts.scheme]
    port = parts.port or own
    shown = f"[{host}]" if ":" in host else host
    return Address(
        parts.scheme == "https",
        host,
        port,
        shown if port == own else f"{shown}:{port}",
        quote(parts.path or "/", _PATH) + (f"?{quote(parts.query, _PATH + '?')}" if parts.query else ""),
    )
