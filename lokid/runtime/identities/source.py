"""What every source of an identity gives, and what it may ask for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import SecretStr

from lokid.protocols.oauth2_answers import Token
from lokid.providers.settings import ClientSettings

NO_END_S = 3600.0
"""Life of what says of none, such as access keys in a file: so long, and it is looked at again."""


@dataclass(frozen=True, slots=True)
class Obtained:
    """``secrets``: as ``Credentials.secrets``. ``life_s``: seconds that they are good for, from now."""

    secrets: Mapping[str, SecretStr]
    life_s: float
    quota_project: str | None = None


def of_token(token: Token, quota_project: str | None = None, *, life_s: float | None = None) -> Obtained:
    """``life_s``: if it is known better than the token's own fields say."""
    assert token.expires_at is not None  # only keys have no end
    given = token.expires_at - token.obtained_at
    return Obtained({"access_token": token.access_token}, given if life_s is None else life_s, quota_project)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client lives. ``environ``: the daemon's copy. ``directory``: where relative paths begin."""

    settings: ClientSettings
    environ: Mapping[str, str] = field(repr=False)
    directory: str

    @property
    def name(self) -> str:
        return self.settings.name

    def path(self, text: str) -> str:
        if text.startswith("~/"):
            text = os.path.join(self.environ.get("HOME", "/"), text[2:])
        return os.path.join(self.directory, text)


class Source(Protocol):
    """``files``: a change of one of them may mend what failed. ``obtain`` raises LoginRequired and
    SecretMissing if only a person can help, with the command for it as the hint, and ProviderUnavailable and
    TimedOut if not."""

    @property
    def files(self) -> tuple[str, ...]: ...

    async def obtain(self) -> Obtained: ...
