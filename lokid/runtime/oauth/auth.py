"""Signing in and out of clients with ``auth: oauth``: what stands behind the methods ``auth.*``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lokid.errors import InvalidParams, ProviderUnavailable, UnknownModel
from lokid.rpc.methods import LoginMethod
from lokid.runtime import durable
from lokid.runtime.clients import OpenClient
from lokid.runtime.known import nearest, quoted
from lokid.runtime.launching.launch import Spawn
from lokid.runtime.oauth.login import Logins
from lokid.runtime.secrets.vault import ALL_LOCKED, UNLOCK


class Auth:
    """``clients``: those of the present generation. ``check_unlocked``: raises while lokid is locked."""

    def __init__(
        self,
        clients: Callable[[], Mapping[str, OpenClient]],
        spawn: Spawn,
        check_unlocked: Callable[[], None] = lambda: None,
    ) -> None:
        self._clients = clients
        self._check_unlocked = check_unlocked
        self._logins = Logins(spawn, check_unlocked)

    async def login(self, client: str, method: LoginMethod | None) -> dict[str, Any]:
        """Begins a sign-in; ``AuthLoginResult``."""
        self._check_unlocked()
        found = self._client(client)
        with found.lease():
            return await self._logins.begin(found, method)

    async def finish(self, login_id: str, code: str | None) -> dict[str, Any]:
        """Waits for its end; ``AuthStatusMap``."""
        self._check_unlocked()
        return await self._logins.finish(login_id, code)

    def status(self, client: str | None) -> list[dict[str, Any]]:
        """Of one client, or of all that sign in; each as ``AuthStatusMap``."""
        asked = self._clients().values() if client is None else [self._client(client)]
        return [row for one in asked if (row := _row(one)) is not None]

    def end_logins(self, why: str) -> None:
        """Nobody can finish what is under way; who waits for it is told ``why``."""
        self._logins.end(why)

    async def logout(self, client: str) -> dict[str, Any]:
        """Forgets the tokens; ``AuthLogoutResult``."""
        self._check_unlocked()
        found = self._client(client)
        if found.tokens is None:
            raise InvalidParams(f"client {client!r} does not have `auth: oauth`", client=client)
        with found.lease():
            try:
                revoked = await found.tokens.sign_out()
            except (OSError, durable.Busy) as error:
                raise ProviderUnavailable(
                    f"the tokens of client {client!r} could not be removed: {found.tokens.path}",
                    hint="remove that file by hand",
                    client=client,
                    retryable=False,
                ) from error
        return {"client": client, "revoked": revoked}

    def _client(self, name: str) -> OpenClient:
        clients = self._clients()
        if (client := clients.get(name)) is None:
            raise UnknownModel(
                f"no client is called {quoted(name)}{nearest(name, list(clients))}", hint="lokictl clients"
            )
        return client


def _row(client: OpenClient) -> dict[str, Any] | None:
    if client.sealed and client.auth == "oauth":
        why = f"{ALL_LOCKED}: {UNLOCK}"
        return {"client": client.name, "state": "locked", "refreshes": False, "reason": why}
    return client.tokens.status() if client.tokens is not None else None
