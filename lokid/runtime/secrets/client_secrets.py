"""Which parts of a client's settings are secrets."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, SecretStr

from lokid.providers.base import Provider
from lokid.providers.settings import (
    ClientSettings,
    CommandSecret,
    FileSecret,
    KeyringSecret,
    ModelSettings,
    Secret,
)


def secret_keys(provider: Provider) -> tuple[str, ...]:
    """The settings keys of the type that hold secrets."""
    return tuple(dict.fromkeys((*provider.secrets, *provider.optional_secrets)))


def secret(settings: ClientSettings, key: str) -> Secret | None:
    value = getattr(settings, key, None)
    if isinstance(value, SecretStr):
        return value if value.get_secret_value() else None
    return value if isinstance(value, CommandSecret | FileSecret | KeyringSecret) else None


def secret_texts(value: object) -> Iterator[SecretStr]:
    """Every secret text in ``value``, at any depth: keys, headers of patches, a proxy's password."""
    match value:
        case SecretStr():
            yield value
        case ModelSettings(patch=patch):  # no other key of it is secret
            yield from secret_texts(patch)
        case BaseModel():
            for name in type(value).model_fields:
                yield from secret_texts(getattr(value, name))
        case dict():
            for inner in value.values():
                yield from secret_texts(inner)
        case tuple() | list():
            for inner in value:
                if type(inner) is not ModelSettings or inner.patch is not None:  # thousands, and few have one
                    yield from secret_texts(inner)
