"""Signing in: by browser, by a code that a person pastes, or on another device.

A sign-in lives in a task of its own, so that it does not matter whether whoever began it still waits. What
the browser is sent to, and what it brings back, passes through lokictl; the exchange for a token happens
here, and no token leaves.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import anyio

from lokid import logs
from lokid.errors import (
    Cancelled,
    ConfigInvalid,
    InvalidParams,
    LoginRequired,
    LokidError,
    Overloaded,
    ProviderFailed,
    ProviderUnavailable,
    TimedOut,
    Unsupported,
)
from lokid.protocols import oauth2, oauth2_answers
from lokid.protocols.oauth2_answers import Device, Refusal, Token
from lokid.rpc.methods import LoginMethod
from lokid.runtime import durable
from lokid.runtime.clients import OpenClient
from lokid.runtime.launching.launch import Spawn
from lokid.runtime.oauth import token_requests
from lokid.runtime.oauth.loopback import Loopback, Taken, is_loopback
from lokid.runtime.oauth.tokens import Tokens

WITHIN_S = 300.0
"""For a person to find a password. Device codes say themselves how long they are good."""

MAX_LOGINS = 16
"""Of one user at a time. Those that are over stay until then, so that their end can be asked for."""

log = logging.getLogger("lokid.login")


@dataclass(eq=False)
class Login:
    """One sign-in. ``life_s``: how long it may take. ``failure`` holds when it is ``done``; None then means
    that it worked."""

    client: OpenClient
    tokens: Tokens
    method: LoginMethod
    life_s: float
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    begun: oauth2.Authorization | None = None
    device: Device | None = None
    code: str | None = field(default=None, repr=False)
    answered: anyio.Event = field(default_factory=anyio.Event)
    done: anyio.Event = field(default_factory=anyio.Event)
    failure: LokidError | None = None
    expires_at: float = field(init=False)
    """Seconds since the epoch, to be shown. What counts is ``deadline``, whatever becomes of the clock."""
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.expires_at = time.time() + self.life_s
        self.deadline = anyio.current_time() + self.life_s

    def map(self) -> dict[str, Any]:
        """The result of ``auth.login``."""
        shown: dict[str, Any] = {"login_id": self.id, "method": self.method, "expires_at": self.expires_at}
        if self.device is not None:
            return {**shown, "url": self.device.url, "user_code": self.device.user_code}
        assert self.begun is not None
        return {**shown, "url": self.begun.url}

    def take(self, query: str) -> tuple[str, Callable[[], None]]:
        """What the browser brought back, for ``Loopback``. Raises Stray."""
        server, begun = self.tokens.server, self.begun
        assert server is not None and begun is not None
        try:
            code = oauth2.callback(query, begun, server)
        except oauth2.Denied as denied:
            word = denied.code
            return f"The sign-in was refused ({word}).", lambda: self._deny(word)
        return "You can close this page: lokid goes on with the sign-in.", lambda: self._answer(code)

    def paste(self, text: str) -> None:
        """What a person brought back. Raises InvalidParams; the sign-in goes on then."""
        server, begun = self.tokens.server, self.begun
        if server is None or begun is None:
            raise InvalidParams("this sign-in takes no code: it is confirmed on the other device")
        try:
            self._answer(oauth2.pasted(text, begun, server))
        except oauth2.Denied as denied:
            self._deny(denied.code)
        except oauth2.Stray as stray:
            raise InvalidParams(
                f"what was pasted {stray}",
                hint="paste the whole address that the browser ended at, or the whole code with its #",
                client=self.client.name,
            ) from None

    def _answer(self, code: str) -> None:
        """The first answer counts: a code is good for one exchange."""
        if not self.answered.is_set():
            logs.register(code)
            self.code = code
            self.answered.set()

    def _deny(self, word: str) -> None:
        if not self.answered.is_set():
            self.failure = LoginRequired(
                f"the sign-in of client {self.client.name!r} was refused ({word})",
                hint=f"lokictl auth login {self.client.name}",
                client=self.client.name,
            )
            self.answered.set()


class Logins:
    """Those that are under way. ``spawn``: starts a task that lives as long as the runtime.
    ``check_unlocked``: raises while lokid is locked."""

    def __init__(self, spawn: Spawn, check_unlocked: Callable[[], None] = lambda: None) -> None:
        self._spawn = spawn
        self._check_unlocked = check_unlocked
        self._logins: dict[str, Login] = {}

    async def begin(self, client: OpenClient, method: LoginMethod | None) -> dict[str, Any]:
        """``auth.login``. Raises ConfigInvalid, InvalidParams, Unsupported, and what a request raises."""
        tokens, server = _able(client)
        try:
            await tokens.check_saving()
        except OSError:
            raise _unsaved(tokens) from None
        if method is None:
            method = "browser" if server.authorize_url else "device"
        if method == "device":
            if server.device_url is None:
                raise Unsupported(
                    f"client {client.name!r} cannot sign in on another device: it has no oauth.device_url",
                    hint=f"lokictl auth login {client.name} --no-browser",
                    client=client.name,
                )
            device = await _device(tokens, server)
            login = Login(client, tokens, method, device.life_s, device=device)
            self._start(login, None)
            return login.map()
        await self._end_former(client.name)
        return self._by_browser(client, tokens, server, method)

    def _by_browser(
        self, client: OpenClient, tokens: Tokens, server: oauth2.Server, method: LoginMethod
    ) -> dict[str, Any]:
        if server.authorize_url is None:
            raise Unsupported(
                f"client {client.name!r} cannot sign in by browser: it has no oauth.authorize_url",
                hint=f"lokictl auth login {client.name} --device",
                client=client.name,
            )
        redirect, listener = server.redirect, None
        if redirect is None or is_loopback(redirect):
            try:
                listener = Loopback(redirect, secrets.token_urlsafe(16))
                redirect = listener.redirect
            except Taken as taken:
                if method == "browser":
                    raise ProviderUnavailable(
                        f"the browser cannot come back to {redirect}: {taken}",
                        hint=f"lokictl auth login {client.name} --no-browser",
                        client=client.name,
                        retryable=False,
                    ) from None
        else:
            method = "code"  # nobody but the person can bring it here
        assert redirect is not None
        try:
            said = client.settings.oauth
            identity = oauth2.Client(said.client_id or "" if said else "")
            random = secrets.token_bytes(oauth2.RANDOM_BYTES)
            begun = oauth2.authorization(server, identity, redirect, random)
            login = Login(client, tokens, method, WITHIN_S, begun=begun)
            self._start(login, listener)
        except BaseException:
            if listener is not None:
                listener.close()
            raise
        return login.map()

    async def _end_former(self, client: str) -> None:
        """Whoever begins anew has given up on the one before, which may hold the port that this one needs."""
        for former in tuple(self._logins.values()):
            if former.client.name == client and former.begun is not None and not former.answered.is_set():
                former.failure = Cancelled(
                    f"another sign-in of client {client!r} took the place of this one", client=client
                )
                former.answered.set()
                await former.done.wait()

    async def finish(self, login_id: str, code: str | None) -> dict[str, Any]:
        """``auth.finish``: waits for the end of the sign-in. Cancelling ends the waiting only."""
        if (login := self._logins.get(login_id)) is None:
            raise InvalidParams(
                "there is no such sign-in (any more): lokid was started again, or others came after it",
                hint="lokictl auth login",
            )
        if code is not None and not login.done.is_set():
            login.paste(code)
        await login.done.wait()
        if login.failure is not None:
            raise replace(login.failure)
        return login.tokens.status()

    def _start(self, login: Login, listener: Loopback | None) -> None:
        self._check_unlocked()  # somebody may have locked it while the server was asked
        if len(self._logins) >= MAX_LOGINS:
            over = next((known.id for known in self._logins.values() if known.done.is_set()), None)
            if over is None:
                raise Overloaded(
                    f"{MAX_LOGINS} sign-ins are under way already; each ends by itself after 5 minutes",
                    retryable=False,
                )
            del self._logins[over]
        self._spawn(self._live, login, listener)
        self._logins[login.id] = login

    def end(self, why: str) -> None:
        """All that are under way are over, and forgotten; only an exchange that runs comes to its end."""
        logins, self._logins = self._logins, {}
        for login in logins.values():
            if not login.answered.is_set():
                login.failure = ProviderUnavailable(
                    why,
                    hint=f"lokictl auth login {login.client.name}",
                    client=login.client.name,
                    retryable=False,
                )
                login.answered.set()

    async def _live(self, login: Login, listener: Loopback | None) -> None:
        try:
            with login.client.lease():
                await self._until_answered(login, listener)
                if listener is not None:
                    listener.close()
                if login.failure is None:
                    await _exchange(login)
        except LokidError as error:
            login.failure = error
        except (OSError, durable.Busy):
            login.failure = _unsaved(login.tokens)
        except Exception as error:  # the task is the runtime's: one sign-in must not end them all
            log.error("sign-in of %s failed: %s", login.client.name, logs.place(error))  # noqa: TRY400
            login.failure = ProviderFailed("the sign-in failed by a bug of lokid; its log says where")
        finally:
            if listener is not None:
                listener.close()
            if not login.done.is_set():
                login.done.set()

    async def _until_answered(self, login: Login, listener: Loopback | None) -> None:
        with anyio.CancelScope(deadline=login.deadline):
            if login.device is not None:
                await _poll(login, login.device)
                return
            async with anyio.create_task_group() as group:
                if listener is not None:
                    group.start_soon(listener.serve, login.take)
                await login.answered.wait()
                group.cancel_scope.cancel()
            return
        raise TimedOut(
            f"nobody finished the sign-in of client {login.client.name!r} in time",
            hint=f"lokictl auth login {login.client.name}",
            client=login.client.name,
        )


def _unsaved(tokens: Tokens) -> ProviderUnavailable:
    name = tokens.settings.name
    return ProviderUnavailable(
        f"the tokens of client {name!r} could not be saved in {tokens.path}",
        hint=f"make room or mend the permissions, then: lokictl auth login {name}",
        client=name,
        retryable=False,
    )


def _able(client: OpenClient) -> tuple[Tokens, oauth2.Server]:
    """Raises when nobody can sign in to this client, and why."""
    tokens, name = client.tokens, client.name
    if tokens is None:
        raise InvalidParams(
            f"client {name!r} does not have `auth: oauth`, so there is nothing to sign in to",
            hint="lokictl clients",
            client=name,
        )
    with suppress(LoginRequired):  # that is what this is for
        client.check()
    if tokens.lacks is not None or tokens.server is None:
        raise ConfigInvalid(
            f"client {name!r} has `auth: oauth` and {tokens.lacks}",
            hint="docs/oauth.md has the steps for each provider",
            client=name,
        )
    if tokens.alone:
        raise InvalidParams(
            f"client {name!r} needs no sign-in: with grant client_credentials lokid gets tokens by itself",
            client=name,
        )
    return tokens, tokens.server


async def _device(tokens: Tokens, server: oauth2.Server) -> Device:
    request = oauth2.device_request(server, await tokens.identity())
    status, body = await token_requests.post(tokens.settings, request)
    answer = oauth2_answers.device(status, body)
    if isinstance(answer, Refusal):
        raise token_requests.error(answer, request.url, tokens.settings)
    logs.register(answer.device_code.get_secret_value())
    return answer


async def _poll(login: Login, device: Device) -> None:
    """Until the person has agreed or refused, no faster than the server wants (RFC 8628 3.5), or nobody waits
    for that any more."""
    server, settings = login.tokens.server, login.tokens.settings
    assert server is not None
    identity = await login.tokens.identity()
    request = oauth2.poll_request(server, identity, device.device_code.get_secret_value())
    pause = device.interval_s
    while True:
        with anyio.move_on_after(pause):
            await login.answered.wait()
            return
        with anyio.CancelScope(shield=True):  # a token that is on its way is saved
            try:
                status, body = await token_requests.post(settings, request)
            except LokidError as error:
                if not error.retryable:
                    raise
                pause = min(pause * 2, oauth2_answers.MAX_INTERVAL_S)  # as RFC 8628 3.5 asks for
                continue
            answer = oauth2_answers.token(status, body, time.time())
            if isinstance(answer, Token):
                await login.tokens.sign_in(answer)
        if isinstance(answer, Token):
            return
        if answer.kind == "slow_down":
            pause += oauth2_answers.SLOWER_S
        elif answer.kind not in ("pending", "temporary"):
            raise token_requests.error(answer, server.token_url, settings)


async def _exchange(login: Login) -> None:
    """The code for a token. From the request until the token is on disk nobody breaks it off."""
    server, settings = login.tokens.server, login.tokens.settings
    if login.code is None or login.begun is None or server is None:
        return  # of a device, which polled for its token
    logs.register(login.begun.verifier)
    request = oauth2.code_request(server, await login.tokens.identity(), login.begun, login.code)
    await login.tokens.check_saving()
    with anyio.CancelScope(shield=True):
        status, body = await token_requests.post(settings, request)
        parse = oauth2_answers.key if server.key_exchange else oauth2_answers.token
        answer = parse(status, body, time.time())
        if isinstance(answer, Refusal):
            raise token_requests.error(answer, server.token_url, settings)
        await login.tokens.sign_in(answer)
