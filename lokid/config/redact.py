"""The effective configuration for people to look at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from pydantic import BaseModel, SecretStr

from lokid.config.problem import Path
from lokid.config.schema import Config
from lokid.providers.settings import ClientSettings

SECRET = "<secret>"  # noqa: S105 - what stands in the place of one
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S*")
_SECRET_NAME = re.compile(r"key|token|secret|password|passwd|credential|authorization|cookie", re.IGNORECASE)


def show(config: Config) -> dict[str, Any]:
    """``config`` as plain dicts, lists and scalars, without any secret: ``<secret>`` stands for every
    key, header of a patch, password of a proxy, parameter of a URL, value that came out of ``{{NAME}}``,
    and text in a patch's body under a key that sounds like a secret. A ``{command: [...]}`` is shown and
    not run. Defaults are included, what is unset is not."""
    shown: dict[str, Any] = {"path": config.path}
    if config.model is not None:
        shown["model"] = config.model
    shown["clients"] = [_client(config, client) for client in config.clients]
    shown["vault"] = _plain(config.vault)
    shown["limits"] = _plain(config.limits)
    shown["budget"] = _plain(config.budget)
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
        case list() | tuple():
            return [_plain(inner, key, body=body) for inner in value]
        case str() if body and _SECRET_NAME.search(key):
            return SECRET
        case str() if _URL.fullmatch(value):
            return _url(value)
    return value


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
