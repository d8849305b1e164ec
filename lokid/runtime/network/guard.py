"""What may leave this machine towards a provider, and which answers are looked at at all.

The configuration was checked for most of this; a key is worth a second look at the last door.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from lokid.errors import ConfigInvalid, ProviderFailed, ProviderUnavailable
from lokid.providers.addresses import is_link_local, is_loopback

LONGEST_HOST = 253
"""Characters, of RFC 1035."""

MAX_HEADERS = 100
"""Of an answer. Providers send about 30."""


def check_url(url: str, proxy_host: str | None, client: str, *, metadata: bool = False) -> None:
    """Raises ``ConfigInvalid`` for an address that nothing must or can be sent to. ``metadata``: the server
    may be the metadata server of a cloud, which has no TLS."""
    scheme, host = _origin(url)
    if scheme not in ("http", "https") or not host:
        raise ConfigInvalid(
            f"the address that client {client!r} would send to is not an http:// or https:// URL",
            hint="check api_base and the url of patches",
            client=client,
        )
    near = is_loopback(host) or (metadata and is_link_local(host))
    if scheme == "http" and not (near and (proxy_host is None or is_loopback(proxy_host))):
        raise ConfigInvalid(
            f"refused to send to http://{host}: without TLS the key and the prompt can be read on the way",
            hint="use https://; plain http:// is for this machine only",
            client=client,
        )


_LINE_BREAK = "a line break at the end of a key is"
_QUOTES = "typographic quotes (\u201c \u201d) around a key are"


def check_headers(headers: Mapping[str, str], client: str) -> None:
    """Raises ``ConfigInvalid`` for what cannot be sent; never quotes a header's value."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ConfigInvalid(
                f"the header {name} of client {client!r} holds a character that HTTP does not allow",
                hint=f"{_LINE_BREAK if value.isascii() else _QUOTES} the usual reason",
                client=client,
            )


def check_head(status: int, headers: Mapping[str, str], host: str, client: str) -> None:
    """Raises for an answer whose body does not matter."""
    if 300 <= status < 400:
        target = _origin(headers.get("location", ""))[1] or "another path"
        if len(target) > LONGEST_HOST or not target.isprintable():
            target = "another address"
        raise ProviderFailed(
            f"{host} redirects to {target}; the key and the prompt do not follow",
            hint="if that is where they belong, set api_base to it",
            client=client,
            status=status,
        )
    if status == 407:
        raise ProviderUnavailable(
            f"the proxy of client {client!r} wants a user name and password",
            hint="put them into extra.proxy: http://user:password@host:port",
            client=client,
            status=status,
            retryable=False,
        )
    if len(headers) > MAX_HEADERS:
        raise ProviderFailed(f"{host} sent more than {MAX_HEADERS} headers", client=client, status=status)


def _origin(url: str) -> tuple[str, str]:
    """Scheme and host of a URL; empty where there is none or nothing to be made of it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.hostname or ""
