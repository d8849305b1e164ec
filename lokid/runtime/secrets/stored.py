"""What ``secrets.*`` of the API does: the vault's secrets, and locking it.

``get`` is the one way by which a secret leaves the daemon again (docs/security.md says why there is one).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import anyio.to_thread

from lokid.config.vault import MAX_VALUE
from lokid.errors import AuthenticationFailed, ConfigInvalid, InvalidParams, LokidError, SecretMissing
from lokid.runtime import lingering
from lokid.runtime.known import nearest
from lokid.runtime.launching.launch import Spawn
from lokid.runtime.reload import Reloader
from lokid.runtime.secrets.identity import Unusable, WrongPassphrase
from lokid.runtime.secrets.vault import LOCKED, UNLOCK, Contents

BACKOFF_S = 0.1
"""Seconds more of a pause after every wrong passphrase, as ssh-agent. The key derivation takes a second
itself, and one guess waits for the other."""

BACKOFF_MAX_S = 10.0

LEAVE_S = 1.0
"""Seconds that ``lock`` waits for what nobody uses any more to close. A started server may take longer."""

log = logging.getLogger("lokid.secrets")


class StoredSecrets:
    """``end_logins``: with the reason, when lokid is locked."""

    def __init__(
        self, reloader: Reloader, spawn: Spawn, end_logins: Callable[[str], None] = lambda _why: None
    ) -> None:
        self._reloader = reloader
        self._spawn = spawn
        self._end_logins = end_logins
        self._guessing = anyio.Lock()
        self._changing = anyio.Lock()  # where the disk hangs, one thread waits and not all there are
        self._deriving = anyio.Lock()  # it takes 512 MiB: one at a time, however many ask
        self._wrong = 0
        self._next_guess_at = -math.inf

    # --- one secret --------------------------------------------------------------------------------

    async def set(self, name: str, value: str) -> dict[str, Any]:
        """Raises InvalidParams, SecretMissing if the vault is locked, ConfigInvalid if it cannot be read or
        written. In force when it returns."""
        before = await self._change({name: value})
        log.info("secret %s was set", name)
        answer = {"name": name, "replaced": name in before.secrets, "clients": self._users(name)}
        return answer | self._overridden(name, value)

    async def delete(self, name: str) -> dict[str, Any]:
        """Raises as ``set``; InvalidParams if there is none of that name."""
        self._existing(await self._read(), name)
        users = self._users(name)
        await self._change({name: None})
        log.info("secret %s was deleted", name)
        return {"name": name, "clients": users}

    async def get(self, name: str) -> dict[str, Any]:
        """Raises as ``delete``. Leaves a line in the log."""
        value = self._existing(await self._read(), name)
        log.info("secret %s was given out (secrets.get)", name)
        return {"name": name, "value": value}

    async def list(self) -> Sequence[dict[str, Any]]:
        """Raises as ``set``."""
        return [
            {"name": name, "clients": self._users(name)} | self._overridden(name, value)
            for name, value in sorted((await self._read()).secrets.items())
        ]

    async def add(self, secrets: Mapping[str, str], *, dry_run: bool) -> dict[str, str]:
        """Keeps those whose names are new, in one change. Name -> ``new``, ``same`` (is there with that
        value) or ``other`` (with another one, which stays). Raises as ``set``."""
        kept = (await self._read()).secrets
        outcomes = {name: "new" for name in secrets if name not in kept}
        if outcomes and not dry_run:
            await self._change({name: secrets[name] for name in outcomes})
        there = {name: value for name, value in secrets.items() if name in kept}
        return outcomes | {name: "same" if kept[name] == value else "other" for name, value in there.items()}

    # --- the vault ---------------------------------------------------------------------------------

    async def status(self) -> dict[str, Any]:
        """Where the vault is and whether it is open. Never raises for a bad one."""
        kept = self._reloader.loaded.vault
        # Locked: a look at a plain identity would bring it back into memory.
        return self._told(kept if self._reloader.vault.locked and kept.file else await self._look())

    def state(self) -> dict[str, Any]:
        """``status`` as it was at the last load, without a look at any file."""
        return self._told(self._reloader.loaded.vault)

    def _told(self, found: Contents) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "locked": self._reloader.vault.locked,
            "state": found.state,
            "file": found.file,
            "identity": found.identity,
            "identity_kind": found.kind,
            "secrets": len(found.secrets) if found.state == "open" else None,
            "recipients": len(self._reloader.loaded.settings.recipients),
        }
        if found.reason:
            answer["reason"] = found.reason
        return answer

    async def lock(self) -> dict[str, Any]:
        """Every secret is out of memory when it returns, but for ``kept`` (docs/rpc.md) and those of the
        requests ``in_flight``."""
        sealed = self._reloader.seal(self._spawn)
        self._end_logins("lokid was locked, and with it this sign-in ended")
        with anyio.move_on_after(0 if sealed.in_flight else LEAVE_S):
            await sealed.over.wait()
        log.info("lokid was locked")
        kind = self._reloader.loaded.vault.kind
        return {"state": "locked", "identity_kind": kind, "kept": sealed.kept, "in_flight": sealed.in_flight}

    async def unlock(self, passphrase: str | None) -> dict[str, Any]:
        """Raises AuthenticationFailed for a wrong passphrase, later and later; InvalidParams if it needs
        one; ConfigInvalid for a vault that cannot be read."""
        _bounded(passphrase)
        async with self._guessing:
            # If whoever guessed last did not wait for the answer.
            await anyio.sleep(max(self._next_guess_at - anyio.current_time(), 0.0))
            try:
                async with self._deriving:
                    await self._reloader.unseal(passphrase)
            except WrongPassphrase:
                self._wrong += 1
                log.warning("wrong passphrase for the vault, number %d in a row", self._wrong)
                pause = min(BACKOFF_MAX_S, BACKOFF_S * self._wrong)
                self._next_guess_at = anyio.current_time() + pause
                await anyio.sleep(pause)
                raise AuthenticationFailed(
                    "the passphrase does not open the vault's identity", hint=UNLOCK
                ) from None
            except Unusable as error:
                raise ConfigInvalid(str(error)) from None
            self._wrong = 0
        await self._reload()
        log.info("lokid was unlocked")
        found = await self._look()
        if found.state == "refused":
            raise ConfigInvalid(f"lokid is unlocked, but the vault cannot be read: {found.reason}")
        return {"state": found.state, "secrets": len(found.secrets)}

    async def protect(self, passphrase: str | None) -> dict[str, Any]:
        """Sets or changes the passphrase of the identity, None takes it off. Raises as ``set``."""
        _bounded(passphrase)
        if passphrase and any(sign < " " or sign == "\x7f" for sign in passphrase):
            raise InvalidParams(
                "a passphrase is one line without control characters, or nobody could type it",
                hint="give it once: printf '%s\\n' PASSPHRASE | lokictl secret passphrase",
            )
        try:
            async with self._deriving:
                found = await self._reloader.vault.protect(self._reloader.loaded.settings, passphrase)
        except Unusable as error:
            raise ConfigInvalid(str(error)) from None
        await self._reload()
        if self._reloader.vault.locked:  # meanwhile: nothing is read any more, and this is what opens it now
            loaded = self._reloader.loaded
            vault = replace(loaded.vault, identity=found.path, kind=found.kind)
            self._reloader.loaded = replace(loaded, vault=vault)
        log.info("the passphrase of the vault was %s", "set" if passphrase else "taken off")
        return {"identity": found.path, "identity_kind": found.kind}

    # --- the way there -----------------------------------------------------------------------------

    async def _look(self) -> Contents:
        read = partial(self._reloader.vault.read, self._reloader.loaded.settings)
        return await lingering.look("vault", read)

    async def _read(self) -> Contents:
        found = await self._look()
        match found.state:
            case "locked":
                raise SecretMissing(LOCKED, hint=UNLOCK)
            case "refused":
                raise ConfigInvalid(f"the vault cannot be read: {found.reason}")
        return found

    async def _change(self, changes: Mapping[str, str | None]) -> Contents:
        # Not to be abandoned in the middle: who asked is told what happened.
        change = partial(self._reloader.vault.change, self._reloader.loaded.settings, changes)
        async with self._changing:
            before = await anyio.to_thread.run_sync(change)
        await self._reload()
        return before

    async def _reload(self) -> None:
        try:
            await self._reloader.reload(self._spawn, forced=False)
        except LokidError as error:  # the configuration has a problem of its own, which the status shows
            log.warning("the change of the vault is not in force yet: %s", error.message)

    def _existing(self, found: Contents, name: str) -> str:
        value = found.secrets.get(name)
        if value is None:
            # Not quoted unless a name like it is there: it may be a value.
            known = [*found.secrets]
            raise InvalidParams(
                f"the vault has no secret of that name{nearest(name, known)}", hint="lokictl secret list"
            )
        return value

    def _users(self, name: str) -> Sequence[str]:
        """The clients whose entry takes a value from the secret."""
        config = self._reloader.generation.config
        return [
            client
            for client, ways in config.interpolated.items()
            if any(name in names for names in ways.values())
        ]

    def _overridden(self, name: str, value: str) -> dict[str, str]:
        """Which variable with another value a client uses in the place of the secret, and where that is."""
        environ = self._reloader.loaded.environ
        for variable, names in self._reloader.generation.config.overridden.items():
            if name in names and environ.get(variable) not in (None, "", value):
                started_with = self._reloader.environment.all.get(variable)
                where = "environment" if started_with else self._reloader.paths.env_file
                return {"overridden_by": where, "variable": variable}
        return {}


def _bounded(passphrase: str | None) -> None:
    if passphrase is not None and len(passphrase) > MAX_VALUE:
        raise InvalidParams("the passphrase is longer than 64 Ki characters")
