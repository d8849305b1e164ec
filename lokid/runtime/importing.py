"""What ``import.loki`` of the API does: takes over what Loki left behind.

It gets the contents of files, never paths: whoever asks can read them, and the daemon opens no file that a
caller names. For the same reason the new configuration is only answered; the caller writes it, and removes
the tokens that were moved.
"""

from __future__ import annotations

import base64
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread

from lokid.config import loki, loki_vault
from lokid.config.loki_vault import BadEnvelope, BadName, Envelope, NotAVault, Opened
from lokid.config.vault import MAX_VALUE
from lokid.errors import (
    AuthenticationFailed,
    ConfigInvalid,
    InvalidParams,
    ProviderUnavailable,
    Unsupported,
)
from lokid.protocols.oauth2_answers import Token
from lokid.providers import oauth_presets
from lokid.providers.settings import ClientSettings
from lokid.runtime import durable, extras
from lokid.runtime.clients import OpenClient
from lokid.runtime.launching import children
from lokid.runtime.oauth import token_file
from lokid.runtime.secrets import unseal
from lokid.runtime.secrets.stored import StoredSecrets

UNSEAL_S = 120.0
"""Seconds for all envelopes. One of gman's takes a twentieth, and there may be a thousand."""

log = logging.getLogger("lokid.import")


@dataclass(frozen=True, slots=True)
class Left:
    """What Loki left. ``tokens``: client -> file."""

    config: str | None = field(default=None, repr=False)
    vault: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)


class LokiImport:
    """``clients``: those of the present generation. ``environ``: the daemon's."""

    def __init__(
        self,
        secrets: StoredSecrets,
        clients: Callable[[], Mapping[str, OpenClient]],
        environ: Mapping[str, str],
    ) -> None:
        self._secrets = secrets
        self._clients = clients
        self._environ = environ
        self._opening = anyio.Lock()  # one at a time: each may take 1 GiB

    async def loki(self, left: Left, *, dry_run: bool) -> dict[str, Any]:
        """docs/rpc.md has the map. Raises InvalidParams for a vault that is none or has no password,
        AuthenticationFailed for a password that opens nothing, Unsupported without the extra, and what
        keeping a secret or a token raises."""
        converted = None
        if left.config is not None:
            converted = await anyio.to_thread.run_sync(loki.convert, left.config, "config.yaml")
        answer: dict[str, Any] = {
            "config": None if converted is None else _config(converted),
            "secrets": [] if left.vault is None else await self._take(left.vault, left.password, dry_run),
        }
        # Whoever only looks has not written the configuration yet.
        known = {one.name: one for one in converted.clients} if converted is not None and dry_run else {}
        rows = [await self._token(name, text, known, dry_run) for name, text in left.tokens.items()]
        return {**answer, "tokens": rows}

    # --- the vault ---------------------------------------------------------------------------------

    async def _take(self, text: str, password: str | None, dry_run: bool) -> list[dict[str, Any]]:
        try:
            found = await anyio.to_thread.run_sync(loki_vault.read, text)
        except NotAVault as error:
            raise InvalidParams(f"this is not a vault of Loki: {error}") from None
        opened = await self._opened(found, password)
        values = {name: one.value for name, one in opened.items() if isinstance(one, Opened)}
        outcomes = await self._secrets.add(values, dry_run=dry_run) if values else {}
        if values and not dry_run:
            log.info("%d secrets of Loki's vault were taken over", list(outcomes.values()).count("new"))
        rows: list[dict[str, Any]] = []
        for number, (name, one) in enumerate(opened.items(), 1):
            if isinstance(one, Opened):
                rows.append({"name": name, "outcome": outcomes[name], "rotate": one.rotate})
            else:
                shown = f"(entry {number})" if isinstance(one, BadName) else name
                rows.append({"name": shown, "outcome": "unreadable", "rotate": False, "reason": str(one)})
        return rows

    async def _opened(
        self, found: Mapping[str, Envelope | BadEnvelope], password: str | None
    ) -> dict[str, Opened | BadEnvelope]:
        closed = loki_vault.unlike(found)
        answers: Mapping[str, tuple[int, bytes] | None] = {}
        if closed:
            if not password:
                raise InvalidParams("Loki's vault needs its password")
            if len(password) > MAX_VALUE:
                raise InvalidParams("the password is longer than 64 Ki characters")
            async with self._opening:
                answers = await _unsealed(closed, password, self._environ)
            # What any password opens says nothing about this one.
            rest = [said for name, said in answers.items() if not loki_vault.is_zero_key(closed[name], said)]
            if rest and not any(rest):
                raise AuthenticationFailed(
                    "this password opens nothing in Loki's vault", hint="--password-file FILE names another"
                )
        return {name: _value(one, answers.get(name)) for name, one in found.items()}

    # --- tokens ------------------------------------------------------------------------------------

    async def _token(
        self, name: str, text: str, known: Mapping[str, ClientSettings], dry_run: bool
    ) -> dict[str, Any]:
        client = self._clients().get(name)
        settings = known.get(name) or (client.settings if client is not None else None)
        if reason := _unfit(settings):
            return {"client": name, "outcome": "left", "reason": reason}
        try:
            token = loki.token(text, time.time())
        except loki.NoToken as error:
            return {"client": name, "outcome": "left", "reason": f"the file {error}"}
        token_file.register(token)
        if client is not None and client.tokens is not None:
            try:
                there = token_file.read(client.tokens.path)
            except token_file.Unusable as error:
                return {"client": name, "outcome": "left", "reason": f"{client.tokens.path} {error}"}
            if there is not None and there.token.refresh_token != token.refresh_token:
                return {"client": name, "outcome": "left", "reason": "lokid has a sign-in of its own"}
            if not dry_run and there is None:
                await _keep(client, token)
                log.info("the sign-in of %s was moved from Loki", name)
        return {"client": name, "outcome": "moved"}


async def _keep(client: OpenClient, token: Token) -> None:
    """On disk when it returns: the caller removes the other copy then. Raises ProviderUnavailable."""
    assert client.tokens is not None
    with client.lease():
        try:
            await client.tokens.sign_in(token)
            if token_file.read(client.tokens.path) is None:  # a token that cannot be saved is at least used
                raise OSError
        except (OSError, durable.Busy, token_file.Unusable) as error:
            raise ProviderUnavailable(
                f"the tokens of client {client.name!r} could not be saved in {client.tokens.path}",
                hint="make room or mend the permissions; Loki's file is untouched",
                client=client.name,
                retryable=False,
            ) from error


def _unfit(settings: ClientSettings | None) -> str | None:
    """Why the client can do nothing with tokens."""
    if settings is None:
        return "no client of that name is configured"
    if settings.auth != "oauth":
        return "the client does not have `auth: oauth`"
    if settings.oauth is not None and settings.oauth.grant == "client_credentials":
        return "the client needs no sign-in"
    return oauth_presets.lacking(settings)


def _config(converted: loki.Converted) -> dict[str, Any]:
    return {
        "text": converted.text,
        "clients": [client.name for client in converted.clients],
        "dropped": [{"line": one.line, "key": one.key} for one in converted.dropped],
        "secrets": list(converted.secrets),
        "password_file": converted.password_file,
        "problems": [
            {"path": one.path, "line": one.line, "column": one.column, "key": one.key, "message": one.message}
            for one in converted.problems
        ],
    }


def _value(one: Envelope | BadEnvelope, answer: tuple[int, bytes] | None) -> Opened | BadEnvelope:
    if isinstance(one, BadEnvelope):
        return one
    if answer is None:
        return BadEnvelope("the password does not open it, or it is damaged")
    try:
        return loki_vault.opened(one, *answer)
    except BadEnvelope as error:
        return error


async def _unsealed(
    envelopes: Mapping[str, Envelope], password: str, environ: Mapping[str, str]
) -> dict[str, tuple[int, bytes] | None]:
    """Name -> number of the try that opened it and what was in it; None if none did."""
    request = {"password": password, "envelopes": [_request(one) for one in envelopes.values()]}
    # By its path and with -P: nothing is imported from where the daemon was started.
    command = (sys.executable, "-P", unseal.__file__)
    try:
        with anyio.fail_after(UNSEAL_S):
            status, said = await children.output(
                command, json.dumps(request).encode(), children.environment(environ)
            )
    except TimeoutError:
        raise ConfigInvalid(f"Loki's vault could not be opened within {UNSEAL_S:g} s") from None
    except OSError as error:
        raise ConfigInvalid(f"Loki's vault could not be opened: {error.strerror}") from None
    if status == unseal.LACKS:
        raise Unsupported(
            "Loki's vault needs PyNaCl and argon2-cffi, which are not installed",
            hint=extras.hint("import"),
        )
    if status:
        how = children.how_it_ended(status)
        raise ConfigInvalid(f"Loki's vault could not be opened: the program that does it {how}")
    return dict(zip(envelopes, map(_answer, json.loads(said)), strict=True))


def _answer(said: Sequence[Any] | None) -> tuple[int, bytes] | None:
    return None if said is None else (int(said[0]), base64.b64decode(said[1]))


def _request(one: Envelope) -> dict[str, Any]:
    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    tries = [[None if each.salt is None else text(each.salt), text(each.aad)] for each in one.tries]
    return {
        "m": one.memory_kib,
        "t": one.passes,
        "p": one.lanes,
        "nonce": text(one.nonce),
        "sealed": text(one.sealed),
        "tries": tries,
    }
