"""The credentials of one client that uses an identity of a cloud, always live ones.

They are in memory only: whoever gave them gives them again. First asked for when they are first needed, and
from then on renewed ahead of their end (``refresher``).
"""

from __future__ import annotations

import math
from typing import assert_never

from pydantic import SecretStr

from lokid import logs
from lokid.errors import CredentialError, ProviderUnavailable
from lokid.providers.identities import AWSIdentity, AzureIdentity, GoogleIdentity, Identity
from lokid.runtime import lingering, watch
from lokid.runtime.identities.aws import AWS
from lokid.runtime.identities.azure import Azure
from lokid.runtime.identities.google import Google
from lokid.runtime.identities.source import Obtained, Place, Source
from lokid.runtime.launching.launch import Spawn
from lokid.runtime.oauth.held import Clock, ahead, margin
from lokid.runtime.oauth.refresher import Refresher
from lokid.runtime.secrets.sources import Keyring

LOOK_S = 0.25
"""Seconds that a look at the files of a sign-in may hold up everybody. It is there to be told at once that
somebody has mended what failed; one that is late is made again."""


def source(identity: Identity, place: Place, keyring: Keyring) -> Source:
    """``keyring``: the secrets of the client's configuration."""
    match identity:
        case GoogleIdentity():
            return Google(place, identity)
        case AWSIdentity():
            return AWS(place, identity)
        case AzureIdentity():
            return Azure(place, identity, keyring)
    assert_never(identity)


class CloudCredentials:
    """``client``: its name, for messages."""

    def __init__(self, client: str, source: Source, *, clock: Clock | None = None) -> None:
        self._client = client
        self._thing = ("identity", client)
        self._source = source
        self._clock = clock or Clock()
        self._obtained: Obtained | None = None
        self._since = 0.0
        self._refused = False
        self._marks: tuple[watch.Mark, ...] = ()
        self._refresher = Refresher(
            client, due_in=self._due_in, renew=self._renew, look=self._look, clock=self._clock
        )

    # --- what a call needs -------------------------------------------------------------------------

    def problem(self) -> CredentialError | None:
        """What only a person can mend, as it was found when somebody last asked."""
        if self._is_live():
            return None
        self._look()
        failure = self._refresher.failure
        return failure if isinstance(failure, CredentialError) else None

    def check(self) -> None:
        """Raises ``problem``, unless it is long enough ago to try again."""
        if self.problem() is not None and self._refresher.pause() > 0:
            raise self._refresher.unavailable()

    async def get(self) -> Obtained:
        """Credentials that are good now; waits only if there are none. Raises as ``Source.obtain``."""
        self.check()
        if not self._is_live():
            await self._refresher.wait()
        if self._obtained is None or not self._is_live():
            raise self._refresher.unavailable()
        return self._obtained

    def renew(self, secret: SecretStr) -> bool:
        """The provider refused ``secret``, one of those that ``get`` gave. Whether it is worth asking once
        more: others are there by now, or can be had."""
        if self._obtained is None:
            return False
        if secret.get_secret_value() not in {
            one.get_secret_value() for one in self._obtained.secrets.values()
        }:
            return True
        if not self._refused and self._refresher.distrusts():
            self._refused = True
        return self._refused

    # --- ahead of time -----------------------------------------------------------------------------

    def begin(self, spawn: Spawn) -> None:
        self._refresher.begin(spawn)

    def close(self) -> None:
        self._refresher.close()

    async def closed(self) -> None:
        await self._refresher.closed()

    def _left(self) -> float:
        """Seconds that they still live."""
        if self._obtained is None or self._refused:
            return -math.inf
        return self._obtained.life_s - (self._clock.running() - self._since)

    def _is_live(self) -> bool:
        life_s = self._obtained.life_s if self._obtained is not None else 0.0
        return self._left() > margin(life_s)

    def _due_in(self) -> float:
        if self._obtained is None:
            return math.inf  # until somebody asks
        if not self._is_live():
            # Nobody has asked since they ended, or only a person can help; whoever asks next tries again.
            return math.inf if self._refresher.failure is not None or self._refused else 0.0
        return max(self._left() - ahead(self._obtained.life_s), 0.0)

    def _look(self) -> None:
        """Somebody may have signed in meanwhile. Looks at a few files, which takes microseconds; on a mount
        that hangs `LOOK_S`, and nothing once it has a few threads."""
        if self._refresher.failure is None:
            return
        found = lingering.within(LOOK_S, {self._thing: self._take_marks})
        if found and found[self._thing] != self._marks:
            self._refresher.reset()

    def _take_marks(self) -> tuple[watch.Mark, ...]:
        return watch.marks(self._source.files)

    async def _renew(self) -> None:
        if self._due_in() > 0 and self._is_live():
            return
        self._marks = await lingering.look(self._thing, self._take_marks)
        asked_at = self._clock.running()
        try:
            found = await self._source.obtain()
        except OSError as error:
            raise ProviderUnavailable(
                f"no credentials for client {self._client!r} could be had: "
                f"{(error.strerror or 'unknown reason').lower()}",
                client=self._client,
            ) from error
        if found.life_s <= 0:
            raise ProviderUnavailable(
                f"client {self._client!r} was given credentials that have run out already",
                client=self._client,
            )
        for secret in found.secrets.values():
            logs.register(secret.get_secret_value())
        self._obtained, self._since, self._refused = found, asked_at, False
