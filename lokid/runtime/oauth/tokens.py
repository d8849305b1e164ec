"""The access token of one client, always a live one: the only place that refreshes it.

Within the daemon one task does every request (``refresher``). Between processes the lock of the token file
decides: whoever gets it reads the file again and takes what another one has got.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import anyio
import anyio.to_thread
from pydantic import SecretStr

from lokid.errors import CredentialError, LoginRequired, LokidError, ProviderUnavailable
from lokid.protocols import oauth2, oauth2_answers
from lokid.protocols.oauth2_answers import Refusal, Token
from lokid.providers import oauth_presets
from lokid.providers.settings import ClientSettings, OAuthSettings
from lokid.rpc import address
from lokid.runtime import durable
from lokid.runtime.launching.launch import Spawn
from lokid.runtime.oauth import token_file, token_requests
from lokid.runtime.oauth.held import Clock, Held
from lokid.runtime.oauth.refresher import Refresher
from lokid.runtime.oauth.token_file import Record
from lokid.runtime.secrets.sources import Keyring

SAVES, SAVE_PAUSE_S = 5, 1.0
"""Tries to save an answer before the lock is let go: the refresh token that it replaces is used up."""

Unsaved = dict[str, Record]
"""By path, what could not be saved yet: the refresh token on disk is used up. All that use the file share it,
as a reload of the configuration makes new ones of them."""

log = logging.getLogger("lokid.tokens")


class Tokens:
    """``environ`` and ``directory``: for the client's secret, as in ``Keyring``."""

    def __init__(
        self,
        settings: ClientSettings,
        environ: Mapping[str, str],
        directory: str,
        *,
        unsaved: Unsaved | None = None,
        clock: Clock | None = None,
    ) -> None:
        said = settings.oauth or OAuthSettings()
        self.settings = settings
        self.server = oauth_presets.server(settings)
        self.lacks = oauth_presets.lacking(settings)
        try:
            self.path = token_file.path_of(settings.name, environ)
        except address.NoHome as error:
            self.path, self.lacks = "", str(error)
        self._clock = clock or Clock()
        self._client_id = said.client_id or ""
        self.alone = said.grant == "client_credentials"
        self._held = Held(
            self.path, self.server, self._client_id, alone=self.alone, lacks=self.lacks, clock=self._clock
        )
        secret = {} if said.client_secret is None else {"oauth.client_secret": said.client_secret}
        self._keyring = Keyring(settings.name, secret, environ=environ, directory=directory)
        self._unsaved: Unsaved = {} if unsaved is None else unsaved
        self._look()
        self._closed = False
        self._refresher = Refresher(
            settings.name,
            due_in=self._due_in,
            renew=self._renew,
            look=self._look,
            prepare=self._sweep,
            owes=self.is_unsaved,
            clock=self._clock,
        )

    # --- what a call needs -------------------------------------------------------------------------

    def check(self) -> None:
        """Raises LoginRequired when only a person can help."""
        if self._held.is_live():
            return
        self._look()  # somebody may have signed in by another daemon
        if (why := self._held.reason()) is not None:
            name = self.settings.name
            raise LoginRequired(
                f"client {name!r} has `auth: oauth` and {why}", hint=f"lokictl auth login {name}", client=name
            )

    async def get(self) -> SecretStr:
        """A token that is good now; waits only if there is none. Raises LoginRequired, SecretMissing,
        AuthenticationFailed, and ProviderUnavailable with ``retry_after_s`` while the server is down."""
        self.check()
        if not self._held.is_live():
            await self._refresher.wait()
        if self._held.record is None or not self._held.is_live():
            self.check()
            raise self._refresher.unavailable()
        return self._held.record.token.access_token

    def renew(self, refused: SecretStr) -> bool:
        """The provider answered 401 to ``refused``. Whether it is worth asking once more: another token is
        there by now, or can be had."""
        held, value = self._held, refused.get_secret_value()
        if held.record is None:
            return False
        if held.record.token.access_token.get_secret_value() != value:
            return True
        if not held.can_refresh():
            return False
        if held.refused == value:
            return True  # another caller was quicker to say so
        if not self._refresher.distrusts():
            return False
        held.refused = value
        return True

    def status(self) -> dict[str, Any]:
        """The row of ``auth.status``."""
        self._look()
        row = {"client": self.settings.name, **self._held.facts()}
        if self.is_unsaved():
            row["reason"] = (
                f"the new refresh token could not be saved in {self.path} and is only in memory: make room or"
                " mend the permissions before lokid ends"
            )
        if (failure := self._refresher.failure) is not None:
            row.setdefault("reason", failure.message)
            if self.alone and isinstance(failure, CredentialError) and not self._held.is_live():
                row["state"] = "needs_login"
        return row

    def _look(self) -> None:
        record = self._unsaved.get(self.path)
        if record is None:
            self._held.look()
        elif self._held.is_ours(record):
            self._held.take(record)

    # --- refreshing ------------------------------------------------------------------------------

    def begin(self, spawn: Spawn) -> None:
        """Keeps the token fresh from now on, until ``close``."""
        self._refresher.begin(spawn)

    def close(self) -> None:
        """What is not on disk yet goes on being saved."""
        self._closed = True
        self._refresher.close()

    async def closed(self) -> None:
        await self._refresher.closed()

    def is_unsaved(self) -> bool:
        """Whether a refresh token is in memory only, so that forgetting it ends the sign-in."""
        return self.path in self._unsaved

    async def _sweep(self) -> None:
        await anyio.to_thread.run_sync(durable.sweep, self.path)

    def _due_in(self) -> float:
        """Seconds until there is something to do."""
        if self.is_unsaved():
            return 0.0
        # Client credentials are first asked for when they are first needed.
        if not self._held.can_refresh() or self._held.record is None:
            return math.inf
        return self._held.due_in()

    async def _renew(self) -> None:
        try:
            await self._refresh()
        except (OSError, durable.Busy) as error:
            why = (error.strerror or "unknown reason").lower() if isinstance(error, OSError) else str(error)
            name = self.settings.name
            raise ProviderUnavailable(
                f"the tokens of client {name!r} could not be saved in {self.path}: {why}",
                hint="make room or mend the permissions; no sign-in is lost",
                client=name,
                retryable=False,
            ) from error

    async def _refresh(self) -> None:
        assert self.server is not None
        identity = await self.identity()
        async with token_file.locked(self.path):
            self._look()
            if (unsaved := self._unsaved.get(self.path)) is not None:
                await token_file.save(self.path, unsaved)
                del self._unsaved[self.path]
                if self._closed:
                    return
            self._held.look()
            if self._held.due_in() > 0 or not self._held.can_refresh():
                return  # another process was quicker, or somebody signed out
            record = self._held.record
            if self.alone:
                request = oauth2.client_credentials_request(self.server, identity)
            else:
                assert record is not None and record.token.refresh_token is not None
                if token_file.lost(record) is not None:
                    await self._held.save(replace(record, refused_at=self._clock.wall()))
                    return
                record = token_file.intending(record, self._clock.wall())
                await self._held.save(record)
                refresh_token = record.token.refresh_token
                assert refresh_token is not None
                request = oauth2.refresh_request(self.server, identity, refresh_token.get_secret_value())
            # From the request until its answer is on disk nobody breaks it off; the request is bounded.
            with anyio.CancelScope(shield=True):
                try:
                    status, body = await token_requests.post(self.settings, request)
                except LokidError:
                    await self._withdraw(record)
                    raise
                before = None if self.alone or record is None else record.token
                answer = oauth2_answers.token(status, body, self._clock.wall(), before)
                if isinstance(answer, Refusal):
                    await self._refused_by_server(answer, record)
                else:
                    await self._keep(answer, 0 if record is None else record.gen)

    async def _keep(self, token: Token, gen: int) -> None:
        """Saves a new token, under the lock. If that cannot be, it is at least used."""
        assert self.server is not None
        token_file.register(token)
        record = Record(gen + 1, token, self.server.token_url, self._client_id, self.server.issuer)
        for _ in range(SAVES):
            try:
                await self._held.save(record)
                break
            except OSError:
                await anyio.sleep(SAVE_PAUSE_S)
        else:
            self._unsaved[self.path] = record
            self._held.take(record)
            log.error("the new token of %s is not on disk yet: %s", self.settings.name, self.path)
        if self._held.refused == token.access_token.get_secret_value():
            # The server gives the same until it ends. It is not to be asked on and on: the provider has the
            # last word.
            self._held.refused = None
        log.debug("token of %s is new (%d)", self.settings.name, record.gen)

    async def _refused_by_server(self, refusal: Refusal, record: Record | None) -> None:
        """Raises, unless the sign-in is over: then ``_reason`` says so."""
        assert self.server is not None
        if refusal.kind == "grant" and record is not None and not self.alone:
            log.warning("the sign-in of %s is over: %s", self.settings.name, refusal.code)
            await self._held.save(replace(record, refreshing=None, refused_at=self._clock.wall()))
            return
        await self._withdraw(record)
        raise token_requests.error(refusal, self.server.token_url, self.settings)

    async def _withdraw(self, record: Record | None) -> None:
        """The request was answered without a token, or this process knows that it was not answered."""
        if record is not None and record.refreshing is not None:
            try:
                await self._held.save(replace(record, refreshing=None))
            except OSError:  # then the next one counts one try more
                log.warning("cannot write %s", self.path)

    # --- signing in and out ------------------------------------------------------------------------

    async def identity(self) -> oauth2.Client:
        """Raises SecretMissing."""
        secret = (await self._keyring.get()).get("oauth.client_secret")
        return oauth2.Client(self._client_id, secret.get_secret_value() if secret else None)

    async def check_saving(self) -> None:
        """Before a person signs in, or a code is spent, in vain. Raises OSError."""
        with suppress(durable.Busy):  # then somebody saves a token
            async with token_file.locked(self.path, patience=0):
                pass

    async def sign_in(self, token: Token) -> None:
        """Somebody signed in: ``token`` takes the place of what was there. Raises OSError and Busy."""
        async with token_file.locked(self.path):
            self._unsaved.pop(self.path, None)
            self._held.look()
            await self._keep(token, self._held.record.gen if self._held.record is not None else 0)
        self._refresher.reset()

    async def sign_out(self) -> bool:
        """Removes the tokens here, and at the server if it can be told. Whether it was."""
        async with token_file.locked(self.path):
            self._look()
            record = self._held.record
            await anyio.to_thread.run_sync(token_file.remove, self.path)
            self._unsaved.pop(self.path, None)
            self._held.look()
        return record is not None and await self._revoke(record.token)

    async def _revoke(self, token: Token) -> bool:
        if self.server is None or self.server.revoke_url is None:
            return False
        # The refresh token first: with it the whole grant ends at most servers.
        hint = "refresh_token" if token.refresh_token else "access_token"
        value = (token.refresh_token or token.access_token).get_secret_value()
        try:
            request = oauth2.revocation_request(self.server, await self.identity(), value, hint)
            status, _ = await token_requests.post(self.settings, request)
        except LokidError as error:
            log.warning("sign-in of %s not revoked: %s", self.settings.name, error.message)
            return False
        return status < 300
