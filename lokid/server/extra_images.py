"""Which images may come over the extra socket: those that anybody could send, and nothing that only the owner
of a key, or a program on the owner's machine, can read. And nothing but images: a budget that reserves 1,600
tokens for each must not be spent on films."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote

BY_HTTP = "takes images by http and https only"
NO_IMAGE = "takes images only, no documents, sounds or films"
NEAR = "takes no images from this machine or its network"

UNCLEAR = "takes images from hosts with plain names only: letters, digits, - and ., others as xn--"

_OWNERS = ("generativelanguage.googleapis.com",)
"""Hosts that the provider reads with the rights of the user's account: files that were uploaded."""

_FILMS = ("youtube.com", "youtube-nocookie.com", "youtu.be")
"""Gemini watches what is there, and an hour is a million tokens."""

_NEAR = (
    "localhost", "localdomain", "localdomain4", "localdomain6", "local", "internal", "private", "intranet",
    "corp", "home", "lan", "home.arpa", "svc",
)  # fmt: skip
"""Ends of names of one network only, those of Debian's and Fedora's /etc/hosts and of Kubernetes with them. A
server of models on this machine would go there."""

_HOST = re.compile(r"[\w.-]+")
"""What programs do agree about. They skip soft hyphens, have other full stops, or decode once more."""

LONGEST = 2048
"""Characters of a host: names have 253. Normalised, one letter may become 18."""

_IN_CLOUDS = {"168.63.129.16", "192.0.0.192"}
"""Azure's and Oracle's are in each machine there itself, although the numbers look like anybody's."""

_ENDING = re.compile(r"\.(\w+)(?:[?#].*)?$")
_PICTURES = frozenset(("png", "jpg", "jpeg", "gif", "webp", "heic", "heif"))

_PATH = re.compile(r"[/?#]")
"""Where the host has ended."""

_ODD = re.compile(r"[\x00-\x20\\\x7f]")
"""What programs that read URLs do not agree about."""


def why_not(messages: object) -> str | None:
    """Of the first image that may not; in ``messages``, their parts, and the parts of tool results."""
    return next((why for image in _images(messages) if (why := _why(image)) is not None), None)


def declare(messages: object) -> None:
    """Says of each image that comes by its address, and of which neither a media type nor the ending says so,
    that it is one. Gemini takes whatever is there, a film as well, where nothing is said. In place: what is
    in the other images may be large."""
    for image in _images(messages):
        url = image.get("url")
        if isinstance(url, str) and not image.get("media_type") and url[:5].lower() != "data:":
            ending = _ENDING.search(url)
            if ending is None or ending[1].lower() not in _PICTURES:
                image["media_type"] = "image/jpeg"


def _images(value: object) -> Iterator[dict[str, Any]]:
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict):
            if one.get("type") == "image":
                yield one
            yield from _images(one.get("content"))


def _why(image: Mapping[str, Any]) -> str | None:
    # What is not text here is an error that ``decode`` tells.
    kind, url = image.get("media_type"), image.get("url")
    if isinstance(kind, str) and not kind.lower().startswith("image/"):
        return NO_IMAGE
    if not isinstance(url, str):
        return None
    begin = url[:16].lower()
    if begin.startswith("data:"):
        return None if begin.startswith("data:image/") else NO_IMAGE
    if not begin.startswith(("https://", "http://")) or _ODD.search(url):
        return BY_HTTP
    host = _host(url)
    if len(host) > LONGEST:
        return UNCLEAR
    if _is_below(host, _OWNERS):
        return BY_HTTP
    if _is_below(host, _FILMS):
        return NO_IMAGE
    if _is_near(host):
        return NEAR
    return None if ":" in host or _HOST.fullmatch(host) else UNCLEAR


def _host(url: str) -> str:
    """As whoever reads it most loosely does. ``urlsplit`` takes longer, and there may be thousands."""
    place = _PATH.split(url.partition("//")[2], 1)[0].rpartition("@")[2]
    host = place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]
    if len(host) > LONGEST:
        return host
    return unicodedata.normalize("NFKC", unquote(host)).casefold().rstrip(".")


def _is_below(host: str, names: tuple[str, ...]) -> bool:
    return host.endswith(names) and any(host == name or host.endswith(f".{name}") for name in names)


def _is_near(host: str) -> bool:
    last = host.rpartition(".")[2]
    if ":" in host or last[:1].isdigit():
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return True  # 127.1 and 0x7f000001 are addresses to some programs
        # Of IPv6 2000::/3 is anybody's, but for 2002::/16, which holds addresses of IPv4. So does
        # 64:ff9b::a00:1, which is 10.0.0.1 where a router translates.
        if address.version == 6 and (address.packed[0] >> 5 != 1 or address.packed[:2] == b"\x20\x02"):
            return True
        return not address.is_global or address.is_multicast or host in _IN_CLOUDS
    return "." not in host or _is_below(host, _NEAR)
