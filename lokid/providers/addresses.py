"""Which URLs a configuration may name.

Keys and prompts travel there, so: HTTPS, or plain HTTP to this machine only (loopback); no user name or
password inside, because URLs end up in messages. Errors say what is wrong and never the URL.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

PORT = "{port}"
"""Stands for the port of a launched server (``launch:``) in ``api_base``."""


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or a literal address, without brackets) is this machine by definition."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_link_local(host: str) -> bool:
    """Whether ``host`` is an address that no router passes on: the host that a virtual machine runs on has
    its metadata server at one. The two others are Amazon's for IPv6 and Google's name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "metadata.google.internal"
    return address.is_link_local or host.lower() == "fd00:ec2::254"


def base_url(url: str) -> str:
    """``url`` without trailing slashes; parameters cannot be in it because paths are appended."""
    parts = _https(url.replace(PORT, "1"))
    if "?" in url or "#" in url or parts.fragment:
        raise ValueError("must end with its path; parameters (?...) go into a patch's url")
    return url.rstrip("/")


def request_url(url: str) -> str:
    _https(url)
    return url


def proxy_url(url: str) -> str:
    """A proxy may be plain HTTP (the tunnel inside is TLS) and may have a user name and password."""
    _split(url, ("http", "https", "socks5", "socks5h"))
    return url


def _https(url: str) -> SplitResult:
    parts = _split(url, ("https", "http"))
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password; use api_key or a patch's headers")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError(
            "plain http:// is allowed to this machine only (localhost, 127.0.0.1, [::1]); use https://"
        )
    return parts


def _split(url: str, schemes: tuple[str, ...]) -> SplitResult:
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("must not contain spaces or control characters")
    try:
        parts = urlsplit(url)
        # Python passes over what stands between the bracket of an IPv6 address and the port.
        behind = parts.netloc.rpartition("@")[2].partition("]")[2]
        valid = parts.port != 0 and bool(parts.hostname) and behind[:1] in ("", ":")
    except ValueError:  # its message quotes the URL
        raise ValueError("is not a URL: its host or port cannot be read") from None
    if parts.scheme not in schemes:
        raise ValueError(f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if not valid:
        raise ValueError("is not a URL: it has no host")
    return parts
