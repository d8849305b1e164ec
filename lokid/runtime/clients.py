"""One open client: its connections, credentials, models and, if it has one, its launched server.

It is made from one entry of the configuration and never changes; a changed entry makes a new client.
Generations share the clients whose entry did not change. It closes when it was retired and its last
lease ended, never under a request.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Literal

import anyio
from pydantic import SecretStr

from lokid.errors import LoginRequired, LokidError, SecretMissing, UnknownModel, Unsupported
from lokid.providers import catalogue
from lokid.providers.base import Credentials, Provider
from lokid.providers.settings import ClientSettings, Launch, ModelSettings, RequestPatch
from lokid.rpc.methods import ModelType
from lokid.runtime.breaker import Breakers
from lokid.runtime.identities.credentials import CloudCredentials, source
from lokid.runtime.identities.source import Place
from lokid.runtime.known import Models, nearest, quoted
from lokid.runtime.launching.launch import Launched, Spawn
from lokid.runtime.launching.readiness import ready
from lokid.runtime.left_out import LeftOut
from lokid.runtime.network.http import HTTPClient
from lokid.runtime.oauth.tokens import Tokens, Unsaved
from lokid.runtime.outcome import Outcome
from lokid.runtime.retry import RetryBudget
from lokid.runtime.secrets.client_secrets import secret, secret_keys
from lokid.runtime.secrets.sources import Keyring
from lokid.runtime.secrets.vault import all_locked

State = Literal["ready", "needs_login", "needs_secret", "cooling_down"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a client needs of the daemon. ``environ``: the copy made at its start, with ``.env``.
    ``directory``: where relative paths begin, that of the configuration. ``spawn``: starts a task that
    outlives the request. ``unsaved``: tokens of all clients that are not on disk yet."""

    environ: Mapping[str, str] = field(repr=False)
    directory: str
    spawn: Spawn
    unsaved: Unsaved = field(default_factory=dict, repr=False)


class OpenClient:
    """``missing``: what keeps the client from working, from ``Config.missing``. ``patch_overrides``: API
    -> pattern -> patch, from ``LOKID_PATCH_{CLIENT}_{API}``. ``models``: of these settings.
    ``stands_in_for``: lokid is locked, and of that client only its facts are kept."""

    def __init__(
        self,
        settings: ClientSettings,
        provider: Provider,
        around: Surroundings,
        *,
        missing: tuple[str, ...] = (),
        patch_overrides: Mapping[str, Mapping[str, RequestPatch]] | None = None,
        models: Models | None = None,
        stands_in_for: OpenClient | None = None,
    ) -> None:
        self.settings = settings
        self.sealed = stands_in_for is not None
        self.provider = provider
        self.missing = missing
        self.patch_overrides = patch_overrides or {}
        self.http = HTTPClient(settings.extra, client=settings.name)
        self.budget = RetryBudget()
        self.breakers = Breakers()
        self.left_out = LeftOut()
        self.outcome = Outcome()
        self.key_mend: str | None = None  # see ``refused_keys``; a reload that keeps the client may change it
        self.requests = self.in_use = 0
        self.models = Models(settings, provider) if models is None else models
        self.offered: Sequence[ModelSettings] = self.models
        """These and what the provider named when it was last asked (``listing``)."""
        self.models_error: str | None = None  # why it could not be asked
        self.rows: tuple[Sequence[ModelSettings], list[dict[str, Any]]] = ((), [])
        """``offered`` as ``listing.rows`` last wrote it down."""
        self._keyring = Keyring(
            settings.name,
            {key: value for key in secret_keys(provider) if (value := secret(settings, key)) is not None},
            environ=around.environ,
            directory=around.directory,
        )
        self.tokens: Tokens | None = None
        if settings.auth == "oauth" and not self.sealed:
            self.tokens = Tokens(settings, around.environ, around.directory, unsaved=around.unsaved)
        self._environ = around.environ
        self.identity: CloudCredentials | None = None
        identity = provider.identity(settings) if provider.identity and settings.auth is None else None
        if identity is not None and not self.sealed:
            place = Place(settings, around.environ, around.directory)
            self.identity = CloudCredentials(settings.name, source(identity, place, self._keyring))
        self._launch_key = SecretStr(secrets.token_urlsafe(32))
        self.launched = self._launched(around)
        self.auth: str = self._auth() if stands_in_for is None else stands_in_for.auth
        """How it signs in: ``key``, ``oauth``, ``identity`` or ``none``."""
        self._leases = 0
        self._retired = False
        self.closed = False
        self.locked = False  # lokid is: what has not been sent yet is not sent any more
        self._free = anyio.Event()

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def leased(self) -> bool:
        return self._leases > 0

    # --- what a call needs -------------------------------------------------------------------------

    def use(self) -> AbstractAsyncContextManager[ClientSettings]:
        """Counts as in use; starts a launched server and waits until it is ready. Gives the settings
        with the base URL to use now. Raises ProviderUnavailable for a server that does not start."""
        return _Use(self)

    @asynccontextmanager
    async def at_launched(self, launched: Launched) -> AsyncIterator[ClientSettings]:
        await self._keyring.get()  # the server may say its key: by then that must be known
        async with launched.use() as api_base:
            yield self.settings.model_copy(update={"api_base": api_base})

    async def credentials(self) -> Credentials:
        """Raises SecretMissing or LoginRequired, with what to do about it. Waits for a token where there is
        none that is good; ProviderUnavailable while none can be had."""
        self.check()
        resolved = await self._keyring.get()
        quota_project: str | None = None
        try:
            if self.tokens is not None:
                resolved = {**resolved, "access_token": await self.tokens.get()}
            if self.identity is not None:
                obtained = await self.identity.get()
                resolved, quota_project = {**resolved, **obtained.secrets}, obtained.quota_project
        except LokidError as error:
            self.outcome.asked_for_token(error)
            raise
        self.outcome.asked_for_token(None)
        if self.launched is not None and "api_key" not in resolved:
            resolved = {**resolved, "api_key": self._launch_key}
        return Credentials(resolved, now=time.time(), quota_project=quota_project)

    def check(self) -> None:
        """Raises what is already known to keep the client from working."""
        if self.sealed:
            raise all_locked(self.name)
        if self.missing:
            raise SecretMissing(
                f"client {self.name!r} is switched off: it lacks {'; '.join(self.missing)}",
                hint=_command(self.missing),
                client=self.name,
            )
        for renewed in self._renewed():
            renewed.check()

    def renew(self, token: SecretStr) -> bool:
        """The provider refused ``token``. Whether another one is worth a try."""
        return any(renewed.renew(token) for renewed in self._renewed())

    def _renewed(self) -> Iterator[Tokens | CloudCredentials]:
        """What is renewed ahead of its end; at most one."""
        if self.tokens is not None:
            yield self.tokens
        if self.identity is not None:
            yield self.identity

    def model(self, name: str | None, type: ModelType) -> ModelSettings:  # noqa: A002 - the key's name
        """The model ``name``, or the first of ``type``, completed by the catalogue. A client without a
        list of models passes names that the catalogue does not know on to the provider."""
        if name is None:
            first = self.models.first(type)
            if first is None:
                raise UnknownModel(
                    f"client {self.name!r} has no {type} model",
                    hint=f"name one, as in {self.name}:NAME, or add it to `models`",
                    client=self.name,
                )
            return first
        named = self.models.named(name)
        for model in named:
            if model.type == type:
                return model
        if named:
            raise Unsupported(
                f"{self.name}:{name} is a model of type {named[-1].type}, not {type}",
                hint=f"lokictl models --type {type}",
                client=self.name,
            )
        if self.settings.models is None:
            return catalogue.complete(
                self.provider.name, ModelSettings(name=name, type=type), catalogue.vendor(self.settings)
            )
        raise UnknownModel(
            f"client {self.name!r} has no model {quoted(name)}{nearest(name, self.models.names())}",
            hint=f"lokictl models {self.name}",
            client=self.name,
        )

    # --- its life ----------------------------------------------------------------------------------

    @contextmanager
    def lease(self) -> Iterator[OpenClient]:
        """While it lasts the client stays open, whatever is loaded meanwhile."""
        self.hold()
        try:
            yield self
        finally:
            self.let_go()

    def hold(self) -> None:
        self._leases += 1

    def let_go(self) -> None:
        self._leases -= 1
        if self._retired and not self._leases:
            self._free.set()

    async def retire(self) -> None:
        """Waits until the last lease ended, then closes everything."""
        self._retired = True
        if self._leases:
            await self._free.wait()
        await self.aclose()

    def begin(self, spawn: Spawn) -> None:
        """Keeps tokens fresh from now on, until ``aclose``."""
        for renewed in self._renewed():
            renewed.begin(spawn)

    def rest(self) -> None:
        """Tokens are not touched any more, except for a request that runs and needs a new one."""
        for renewed in self._renewed():
            renewed.close()

    async def rested(self) -> None:
        """Waits for the end of what ``rest`` does not break off."""
        for renewed in self._renewed():
            await renewed.closed()

    async def aclose(self) -> None:
        """Stops the launched server and the refreshing of tokens, and closes the connections."""
        self.rest()
        if self.launched is not None:
            await self.launched.retire()
        await self.http.aclose()
        self.closed = True

    def parts(self) -> list[object]:
        """What there may be thousands of."""
        return [*self.models.parts(), *self.rows[1]]

    async def dial(self) -> None:
        """Makes a connection ahead of the next request, if the provider can be reached."""
        if self.launched is None:
            with suppress(LokidError):  # the request itself will say what is wrong
                await self.http.dial(self.provider.base_url(self.settings))

    def outdated(self, environ: Mapping[str, str]) -> bool:
        """Whether it must be opened anew because the environment (``.env``) has become another one."""
        return self.identity is not None and environ != self._environ

    def forget(self) -> None:
        """A new value of a command's secret is asked for at the next use, and nothing that failed before
        keeps it from being sent."""
        self._keyring.forget()
        self.breakers.reset()

    # --- what it tells about itself ----------------------------------------------------------------

    def state(self, *, lately: bool = True) -> tuple[State, str | None]:
        """The state and, unless it is ready, the reason. ``lately``: a key that was refused
        lately counts too. Where the network was lost the next question may go: that is ``last_error``."""
        error: LokidError | None
        try:
            self.check()
            error = self.identity.problem() if self.identity is not None else None
        except LokidError as known:
            error = known
        if error is not None:
            said = self.identity is not None or self.sealed
            reason = f"{error.message}: {error.hint}" if said else error.message
            return ("needs_login" if isinstance(error, LoginRequired) else "needs_secret"), reason
        if (cooling := self.breakers.cooling(anyio.current_time())) is not None:
            return "cooling_down", f"{cooling.reason} (for another {cooling.ends_in_s:.0f} s)"
        failure = self.outcome.failure
        if lately and failure is not None and self.outcome.locked_out:
            return ("needs_secret" if self.tokens is None else "needs_login"), failure.message
        return "ready", None

    def status(self) -> dict[str, Any]:
        """The row of ``clients.list``."""
        state, reason = self.state()
        row: dict[str, Any] = {
            "name": self.name,
            "type": self.provider.name,
            "auth": self.auth,
            "state": state,
            "models": len(self.offered),
            "requests": self.requests,
            "in_use": self.in_use,
            "pool": self.http.pool(),
        } | self.outcome.row()
        if reason is not None:
            row["reason"] = reason
        if state == "cooling_down" and (cooling := self.breakers.cooling(anyio.current_time())) is not None:
            row["retry_after_s"] = round(cooling.ends_in_s, 1)
        if self.models_error is not None:
            row["models_error"] = self.models_error
        if self.launched is not None:
            row["server"] = self.launched.status()
        return row

    def _auth(self) -> str:
        if self.identity is not None:
            return "identity"
        return self.settings.auth or ("key" if self._keyring.keys else "none")

    def _launched(self, around: Surroundings) -> Launched | None:
        launch = getattr(self.settings, "launch", None)
        if not isinstance(launch, Launch):
            return None
        return Launched(
            self.name,
            launch,
            self.provider.base_url(self.settings),
            spawn=around.spawn,
            probe=partial(ready, self),
            environ=around.environ,
            directory=around.directory,
            key=self._launch_key,
        )


class _Use:
    """Of an ``OpenClient``. A class: a generator for each question takes four times as long."""

    __slots__ = ("_client", "_server")

    def __init__(self, client: OpenClient) -> None:
        self._client = client
        self._server: AbstractAsyncContextManager[ClientSettings] | None = None

    async def __aenter__(self) -> ClientSettings:
        client = self._client
        client.requests += 1
        client.in_use += 1
        if client.launched is None:
            return client.settings
        self._server = client.at_launched(client.launched)
        try:
            return await self._server.__aenter__()
        except BaseException as error:
            client.outcome.ended(error)
            client.in_use -= 1
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            return None if self._server is None else await self._server.__aexit__(kind, error, trace)
        finally:
            self._client.outcome.ended(error)
            self._client.in_use -= 1


def _command(missing: tuple[str, ...]) -> str:
    """What mends the first of ``Config.missing``, if a command does."""
    found = re.search(r"lokictl [^)]+", missing[0])
    return found[0] if found else "lokictl config edit; a change works at once, without a restart"
