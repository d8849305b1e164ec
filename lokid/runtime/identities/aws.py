"""Credentials of AWS: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html.

The profile that the configuration names; else ``AWS_BEARER_TOKEN_BEDROCK``; else access keys of the
environment; else whatever else botocore finds: web identity, SSO, shared files, a process, a container, IMDS.
What the environment holds needs no SDK.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from lokid.errors import SecretMissing
from lokid.providers.identities import AWSIdentity
from lokid.runtime.identities import kit
from lokid.runtime.identities.source import NO_END_S, Obtained, Place

BEARER = "AWS_BEARER_TOKEN_BEDROCK"
KEYS = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
}


MAX_SIGN_INS = 100
"""Files of them that are looked at; a person has a handful."""


@dataclass(frozen=True, slots=True)
class AWS:
    place: Place
    identity: AWSIdentity

    @property
    def files(self) -> tuple[str, ...]:
        """What ``aws configure`` and ``aws sso login`` write to."""
        environ, path = self.place.environ, self.place.path
        return (
            path(environ.get("AWS_CONFIG_FILE") or "~/.aws/config"),
            path(environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"),
            *_inside(path("~/.aws/sso/cache")),
            *_inside(path("~/.aws/login/cache")),
        )

    async def obtain(self) -> Obtained:
        profile = self.identity.profile
        if profile is None and (found := self._of_environment()):
            return Obtained(found, NO_END_S)
        named = profile or self.place.environ.get("AWS_PROFILE")
        region: Any = getattr(self.place.settings, "region", None)
        return await kit.obtain(
            self.place,
            {"cloud": "aws", "profile": profile, "region": region},
            packages=("botocore",),
            extra="bedrock",
            prefixes=("AWS_",),
            login=f"aws sso login --profile {named}, or aws configure --profile {named}"
            if named
            else "aws sso login, or aws configure",
        )

    def _of_environment(self) -> dict[str, SecretStr]:
        """Empty if it holds none."""
        environ = self.place.environ
        if bearer := environ.get(BEARER):
            return {"access_token": SecretStr(bearer)}
        found = {key: SecretStr(value) for key, name in KEYS.items() if (value := environ.get(name))}
        if "access_key_id" not in found:
            return {}
        if "secret_access_key" not in found:
            # A mistake, never a reason to try the next source.
            raise SecretMissing(
                f"client {self.place.name!r} has no credentials: AWS_ACCESS_KEY_ID is set and "
                "AWS_SECRET_ACCESS_KEY is not",
                hint="set both in the daemon's environment or .env, or neither",
                client=self.place.name,
            )
        return found


def _inside(folder: str) -> Iterator[str]:
    """The folder and its files, which are written over in place."""
    yield folder
    with suppress(OSError):
        yield from (os.path.join(folder, name) for name in sorted(os.listdir(folder))[:MAX_SIGN_INS])
