"""The effective configuration for people to look at."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from pydantic import BaseModel, SecretStr

from lokid.config.problem import Path
from lokid.config.schema import Config
from lokid.providers.settings import ClientSettings

SECRET = "<secret>"  # noqa: S105 - what stands in the place of one
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S*")
_SCHEME = re.compile(r"(bearer|basic|token|api-?key|key|digest)\s", re.IGNORECASE)
_OF_SOMEBODY = re.compile(r"auth|cookie", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,;=\"']+")
_PARAMETER = re.compile(
    r"(^|[-_.])(code|sig|signature|auth|jwt|pwd|pass|ticket|sid|session)($|[-_.])", re.IGNORECASE
)
"""In a URL ``code`` is a key (of Azure's functions); in a body it is anything."""
_SECRET_NAME = re.compile(r"key|token|secret|password|passwd|credential|authorization|cookie", re.IGNORECASE)


def show(config: Config) -> dict[str, Any]:
    """``config`` as plain dicts, lists and scalars, without any secret: ``<secret>`` stands for every
    key, header of a patch, password of a proxy, parameter of a URL, value that came out of ``{{NAME}}``,
    and text in a patch's body under a key, or in a command after an option, that sounds like a secret. A
    ``{command: [...]}`` is shown and not run. Defaults are included, what is unset is not."""
    shown: dict[str, Any] = {"path": config.path}
    if config.model is not None:
        shown["model"] = config.model
    shown["clients"] = [_client(config, client) for client in config.clients]
    shown["vault"] = _plain(config.vault)
    shown["limits"] = _plain(config.limits)
    shown["budget"] = _plain(config.budget)
    if config.extra_socket is not None:
        shown["extra_socket"] = _plain(config.extra_socket)
    if config.missing:
        shown["missing"] = {name: list(names) for name, names in config.missing.items()}
    if config.warnings:
        shown["warnings"] = [str(warning) for warning in config.warnings]
    return shown


def _client(config: Config, client: ClientSettings) -> dict[str, Any]:
    shown: dict[str, Any] = _plain(client)
    for way in config.interpolated.get(client.name, ()):
        _hide(shown, way)
    if patches := config.patch_overrides.get(client.name):
        shown["patch_of_environment"] = _plain(patches)
    return shown


def _plain(value: Any, key: str = "", *, body: bool = False) -> Any:
    """``body``: inside a patch's body, where only the key can tell what is a secret."""
    match value:
        case SecretStr():
            return _url(value.get_secret_value()) if key == "proxy" else SECRET
        case BaseModel():
            fields = {name: getattr(value, name) for name in type(value).model_fields}
            said = {name: inner for name, inner in fields.items() if inner is not None}
            return {name: _plain(inner, name, body=name == "body") for name, inner in said.items()}
        case Mapping():
            return {name: _plain(inner, name, body=body) for name, inner in value.items()}
        case list() | tuple() if key == "command":
            return [shown for shown, _ in _words(value)]
        case list() | tuple():
            return [_plain(inner, key, body=body) for inner in value]
        case str() if body and _SECRET_NAME.search(key):
            return SECRET
        case str() if _URL.fullmatch(value):
            return _url(value)
    return value


def hidden(config: Config) -> Iterator[str]:
    """The texts that ``show`` does not show, as far as ``config`` has them itself. (Those of ``{{NAME}}`` may
    be a part of a value: who filled them in knows them.)"""
    for client in config.clients:
        yield from _hidden(client)
    for patches in config.patch_overrides.values():
        yield from _hidden(patches)


def _hidden(value: Any, key: str = "", *, body: bool = False) -> Iterator[str]:
    """As ``_plain``."""
    match value:
        case SecretStr():
            text = value.get_secret_value()
            yield text
            yield from _in_url(text) if key == "proxy" else _in_header(key, text)
        case BaseModel():
            for name in type(value).model_fields:
                yield from _hidden(getattr(value, name), name, body=name == "body")
        case Mapping():
            for name, inner in value.items():
                yield from _hidden(inner, name, body=body)
        case list() | tuple() if key == "command":
            yield from (secret for _, secret in _words(value) if secret)
        case tuple() if key == "models":  # thousands, and few have one
            yield from (found for one in value if one.patch is not None for found in _hidden(one.patch))
        case list() | tuple():
            for inner in value:
                yield from _hidden(inner, key, body=body)
        case str():
            named = body and _SECRET_NAME.search(key)
            yield from [value] if named else _in_url(value)


def _words(command: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each word as it is shown, and the secret in it ("" if there is none): ``--api-key VALUE`` and
    ``--api-key=VALUE``, but not ``--api-key-file PATH``."""
    option = ""
    for word in command:
        before, option = option, ""
        name, equals, value = word.partition("=")
        if name.startswith("-") and _SECRET_NAME.search(name) and not name.endswith(("file", "path")):
            option = "" if equals else name
            yield (f"{name}={SECRET}", value) if equals else (word, "")
        elif before and not name.startswith("-"):
            yield SECRET, word
        else:
            yield word, ""


def _in_header(name: str, value: str) -> Iterator[str]:
    """What of a header may be repeated without the rest: the token behind its scheme, the value of a cookie,
    the password of ``Basic``. Not of every header: those of a list of features are ordinary words."""
    if not (_SCHEME.match(value) or _OF_SOMEBODY.search(name)):
        return
    for word in _BETWEEN.split(value):
        yield word
        with suppress(ValueError):
            yield b64decode(f"{word}==").decode().partition(":")[2]


def _is_key(parameter: str) -> bool:
    return bool(_SECRET_NAME.search(parameter) or _PARAMETER.search(parameter))


def _in_url(url: str) -> Iterator[str]:
    """Passwords, and parameters that are named like a key's: other ones (``api-version``) are ordinary
    words, and a log without them could not be read."""
    if not _URL.fullmatch(url):  # urlsplit remembers what it was given, so no secret may get there
        return
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.password:
            yield unquote(parts.password)
        for name, value in parse_qsl(parts.query):
            if _is_key(name):
                yield value


def _url(url: str) -> str:
    """``url`` with its host and path, but no user, password, parameter's value or fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return SECRET
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{SECRET}@{host}" if "@" in parts.netloc else host
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    query = "&".join(f"{quote(name)}={SECRET}" for name in names)
    return urlunsplit((parts.scheme, netloc, parts.path, query, SECRET if parts.fragment else ""))


def _hide(shown: Any, way: Path) -> None:
    """Put ``<secret>`` at ``way``, if there is something: a key whose secret was missing may be gone."""
    with suppress(LookupError, TypeError):
        for part in way[:-1]:
            shown = shown[part]
        _ = shown[way[-1]]
        shown[way[-1]] = SECRET
