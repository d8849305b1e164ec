"""``Runtime``: everything the server's handlers call, in one place.

Its methods take values of ``lokid.chat`` and give values or plain maps; the RPC form is the server's
business. Nothing here is tied to a connection, so tests and other front ends use it without a socket.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskStatus

from lokid import logs
from lokid.chat import ChatRequest, ChatResult, EmbedRequest, RerankRequest
from lokid.config import Problem, show
from lokid.errors import (
    ConfigInvalid,
    InvalidParams,
    LokidError,
    ProviderUnavailable,
    SecretMissing,
    UnknownModel,
)
from lokid.logs import place
from lokid.rpc.methods import GroupBy, ModelType
from lokid.runtime import adding, listing
from lokid.runtime import chat as chats
from lokid.runtime import embed as embeds
from lokid.runtime import rerank as reranks
from lokid.runtime.call import Accepted, Emit
from lokid.runtime.clients import OpenClient
from lokid.runtime.generation import Generation, Lease, anything
from lokid.runtime.importing import LokiImport
from lokid.runtime.known import nearest, quoted
from lokid.runtime.loading import Paths, load
from lokid.runtime.local import builtin_clients
from lokid.runtime.network.warm import CLIENTS, Warmth
from lokid.runtime.oauth.auth import Auth
from lokid.runtime.reload import Reloader
from lokid.runtime.secrets.stored import StoredSecrets
from lokid.runtime.usage.asker import Asker
from lokid.runtime.usage.bill import Bill, Entry, Method
from lokid.runtime.usage.estimates import chat_tokens, rerank_tokens, tokens_of
from lokid.runtime.usage.price import pricing

AFTER_A_BUG_S = 5.0
"""Seconds until the files are followed again, when something in them brought a bug of lokid out."""

DAY_S = 86400.0
"""A client that was used within this time before the start is one that is used."""

CLOSE_S = 15.0
"""Seconds for closing everything at the end: three times what a launched server gets to stop."""

log = logging.getLogger("lokid.runtime")

R = TypeVar("R", ChatRequest, EmbedRequest, RerankRequest)


class Runtime:
    """``environ``: the daemon's environment, copied when it started; nothing here reads the real one."""

    def __init__(self, environ: Mapping[str, str], *, builtin: bool = True) -> None:
        self._builtin = builtin_clients if builtin else tuple
        self._reloader = Reloader(Paths.of(environ), environ, builtin=self._builtin)
        self.auth = Auth(lambda: self.generation.clients, self._spawn, self._reloader.check_unlocked)
        self.secrets = StoredSecrets(self._reloader, self._spawn, self.auth.end_logins)
        # What outlives a lock has nothing of the environment but what may.
        environ = self._reloader.environment.open
        self.imports = LokiImport(self.secrets, lambda: self.generation.clients, environ)
        self.bill = Bill(environ)
        self._group: anyio.abc.TaskGroup | None = None

    @property
    def generation(self) -> Generation:
        return self._reloader.generation

    # --- asking --------------------------------------------------------------------------------------

    async def chat(
        self, request: ChatRequest, *, emit: Emit, accepted: Accepted, asker: Asker | None = None
    ) -> ChatResult | dict[str, Any]:
        """The answer; with ``dry_run`` the request that would be sent, as ``DryRunResult``. ``asker``: for
        the bill, and for a fair turn where one has to wait."""
        if request.dry_run:
            with self._lease(request.model, "chat", asker) as lease:
                return await chats.dry_run(lease.client, _named(request, lease))
        interactive = request.priority == "interactive" or (request.priority is None and request.stream)
        with (
            self._lease(request.model, "chat", asker) as lease,
            self._entry(
                lease,
                "chat",
                asker,
                partial(chat_tokens, request),
                most_output=math.inf if request.max_tokens is None else request.max_tokens,
                interactive=interactive,
            ) as entry,
        ):
            request, accepted = _named(request, lease), lease.unlocked(accepted)
            result = await chats.chat(lease.client, request, emit=emit, accepted=accepted, turn=entry)
            entry.answered(result.answer.usage, result.cost_usd)
        return result

    async def embed(
        self, request: EmbedRequest, *, accepted: Accepted, asker: Asker | None = None
    ) -> embeds.Embedded:
        with (
            self._lease(request.model, "embedding", asker) as lease,
            self._entry(lease, "embed", asker, partial(tokens_of, request.texts)) as entry,
        ):
            request, accepted = _named(request, lease), lease.unlocked(accepted)
            result = await embeds.embed(lease.client, request, accepted=accepted, turn=entry)
            entry.answered(result.answer.usage, result.cost_usd)
        return result

    async def rerank(
        self, request: RerankRequest, *, accepted: Accepted, asker: Asker | None = None
    ) -> reranks.Reranked:
        with (
            self._lease(request.model, "reranker", asker) as lease,
            self._entry(lease, "rerank", asker, partial(rerank_tokens, request)) as entry,
        ):
            request, accepted = _named(request, lease), lease.unlocked(accepted)
            result = await reranks.rerank(lease.client, request, accepted=accepted, turn=entry)
            entry.answered(result.answer.usage, result.cost_usd)
        return result

    def _entry(
        self,
        lease: Lease,
        method: Method,
        asker: Asker | None,
        estimate: Callable[[], int],
        *,
        most_output: float = 0,
        interactive: bool = False,
    ) -> Entry:
        extra, asker = self.generation.config.extra_socket, asker or Asker()
        named = extra is None or lease.model in extra.models or lease.client.settings.models is not None
        guess = asker.restricted and not named
        return self.bill.entry(
            lease.client.settings,
            lease.model,
            method,
            asker,
            lambda: self.generation.config,  # who waits for a turn may wait for the next one's budget
            interactive=interactive,
            estimate=estimate,
            most_output=most_output,
            price=pricing(lease.client, lease.model.partition(":")[2], TYPES[method], guess),
        )

    def _lease(self, model: str, type: ModelType, asker: Asker | None) -> Lease:  # noqa: A002 - the key's name
        self._reloader.check_unlocked()
        if self.generation.loaded_at is None:
            raise self._unloaded()
        if asker is None:
            return self.generation.lease(model, type)
        lease = self.generation.lease(model, type, self._allows if asker.restricted else anything)
        asker.model = lease.model
        return lease

    def _allows(self, model: str) -> bool:
        """The extra socket does."""
        settings = self.generation.config.extra_socket
        return settings is not None and settings.allows(model)

    def _unloaded(self) -> ConfigInvalid:
        problems = self._reloader.problems
        if not problems:
            return ConfigInvalid(
                "the configuration is not loaded yet", hint="try again; if this lasts, the log says why"
            )
        return ConfigInvalid(
            "the configuration has a problem, so nothing is loaded:\n" + "\n".join(map(str, problems)),
            hint=f"edit {self._reloader.paths.config}; it is loaded as soon as it is saved",
        )

    # --- telling -------------------------------------------------------------------------------------

    async def list_models(
        self,
        type: ModelType | None = None,  # noqa: A002 - the key's name
        client: str | None = None,
        refresh: bool = False,
    ) -> list[dict[str, Any]]:
        """Every model with its settings. ``refresh`` asks the providers as well, for this answer and those
        that follow; one that does not answer shows why in ``clients.list`` and is logged, unless it is the
        one client that was asked for."""
        clients = self.generation.clients
        if client is not None and client not in clients:
            meant = nearest(client, list(clients))
            hint = "lokictl clients" if meant else adding.hint(client, from_file=self.generation.from_file)
            raise UnknownModel(f"no client is called {quoted(client)}{meant}", hint=hint)
        chosen = [one for name, one in clients.items() if client in (None, name)]
        if refresh:
            await self._refresh(chosen, strict=client is not None)
        filled = self.generation.config.interpolated
        rows = [row for one in chosen for row in await listing.rows(one, filled.get(one.name, ()))]
        return [row for row in rows if type in (None, row["type"])]

    async def model_names(
        self,
        type: ModelType | None = None,  # noqa: A002 - the key's name
        prefix: str = "",
    ) -> list[str]:
        """``client:model`` of what ``list_models`` lists, for a shell or an editor that completes a word."""
        clients = tuple(self.generation.clients.values())
        return [name for client in clients for name in await listing.names(client, type, prefix)]

    async def _refresh(self, clients: list[OpenClient], *, strict: bool) -> None:
        failures: list[LokidError] = []

        async def ask(client: OpenClient) -> None:
            with client.lease():
                try:
                    await listing.refresh(client)
                except LokidError as error:
                    failures.append(error)

        async with anyio.create_task_group() as group:
            for client in clients:
                if strict or client.provider.list_models is not None:
                    group.start_soon(ask, client)
        if strict and failures:
            raise failures[0]

    def list_clients(self) -> list[dict[str, Any]]:
        """With what each was used for today."""
        clients = self.generation.clients.values()
        return [client.status() | {"today": self.bill.today(client.name)} for client in clients]

    def usage_status(self) -> dict[str, Any]:
        """Today and this month, the budgets, whether the ledger is well, and how old the prices are."""
        from lokid.providers import prices  # 100 kB that a daemon without questions does not need

        return self.bill.status(self.generation.config) | {"prices_as_of": prices.AS_OF}

    async def usage(
        self, since: float | None, until: float | None, group_by: GroupBy | None
    ) -> list[dict[str, Any]]:
        """Sums over what ended in ``since <= time < until`` (seconds since the epoch)."""
        return await self.bill.query(since, until, group_by)

    def stop(self) -> None:
        """The daemon is about to end: what waits for a person is over now."""
        self.auth.end_logins("lokid is stopping, and with it this sign-in")

    def config_status(self) -> dict[str, Any]:
        """``problems``: why the newest file is not in use; ``warnings``: what is, but may be not meant."""
        generation, reloader = self.generation, self._reloader
        return {
            "path": reloader.paths.config,
            "env_file": reloader.paths.env_file,
            "exists": generation.from_file,
            "loaded_at": generation.loaded_at,
            "generation": generation.number,
            "model": generation.config.model,
            "default_model": generation.default_model(),
            "problems": [_problem(problem) for problem in reloader.problems],
            "warnings": [_problem(problem) for problem in reloader.loaded.warnings],
        }

    def config_broken(self) -> bool:
        """Whether an older one is in force than the file is. Where none is, each question says so."""
        return bool(self._reloader.problems) and self.generation.number > 0

    def check(
        self, path: str | None = None, data: bytes | None = None, *, vault: bool = False
    ) -> list[dict[str, Any]]:
        """``config.check`` (docs/rpc.md), also of the ``vault``. Raises SecretMissing if it is locked."""
        reloader = self._reloader
        reloader.check_unlocked()
        if path is not None and "\0" in path:
            raise InvalidParams("path: holds a NUL character")
        paths = reloader.paths if path is None else Paths(os.path.abspath(path), reloader.paths.env_file)
        loaded = load(paths, reloader.environment.all, self._builtin, reloader.vault, data=data)
        problems = list(loaded.problems)
        if path is not None and not problems and loaded.texts[0] is None:
            problems.append(Problem.of_whole(paths.config, "there is no such file"))
        if vault and loaded.vault.state == "refused" and not problems:
            problems.append(Problem.of_whole(loaded.vault.file, loaded.vault.reason))
        return [_problem(problem) for problem in problems]

    # --- the extra socket ----------------------------------------------------------------------------

    def extra_path(self) -> str | None:
        """Where it is to be: relative to the directory of lokid's own socket. None: nowhere."""
        settings = self.generation.config.extra_socket
        return None if settings is None else settings.path

    def extra_models(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of ``list_models`` that it is for."""
        settings = self.generation.config.extra_socket
        return [row for row in rows if settings is not None and settings.allows(row["id"])]

    def extra_status(self) -> dict[str, Any] | None:
        settings = self.generation.config.extra_socket
        return None if settings is None else self.bill.extra_status(settings)

    async def swapped(self) -> None:
        """Returns when another configuration is in force."""
        await self._reloader.swapped()

    def max_frame(self) -> int:
        """The largest message to take from a client, in bytes (``limits.max_frame_mib``)."""
        return self.generation.config.limits.max_frame_mib * 1024 * 1024

    def show(self) -> dict[str, Any]:
        """The effective configuration without any secret."""
        return dict(show(self.generation.config))

    # --- living --------------------------------------------------------------------------------------

    async def reload(self) -> dict[str, Any]:
        """Loads the files now, changed or not. Raises ConfigInvalid with every problem."""
        change = await self._reloader.reload(self._spawn)
        return {
            "generation": change.generation,
            "kept": list(change.kept),
            "opened": list(change.opened),
            "closed": list(change.closed),
        }

    def _spawn(self, func: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> None:
        if self._group is None:
            raise ProviderUnavailable("the daemon is not running yet, or is stopping")
        self._group.start_soon(_contained, func, *args)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Loads the configuration and follows its files until cancelled, then closes everything. A bad
        file at the start leaves no clients and shows in the status."""
        try:
            await self.bill.open()
            async with anyio.create_task_group() as group:
                self._group = group
                await _contained(self._load)
                task_status.started()
                self._spawn(self._keep_warm)
                while True:
                    await _contained(self._reloader.follow, self._spawn)
                    await anyio.sleep(AFTER_A_BUG_S)
        finally:
            # The group has ended, and with it every launched server.
            self._group = None
            logs.unseal()
            with anyio.move_on_after(CLOSE_S, shield=True):
                for client in self.generation.clients.values():
                    await client.aclose()
                await self.bill.close()

    async def _keep_warm(self) -> None:
        rows = await self.bill.query(time.time() - DAY_S, None, "client")
        rows.sort(key=lambda row: -row["requests"])
        warmth = Warmth(
            lambda: self.generation.clients, lambda: self._reloader.loaded.vault.state == "locked"
        )
        await warmth.run([row["client"] for row in rows[:CLIENTS]])

    async def _load(self) -> None:
        try:
            await self._reloader.reload(self._spawn)
        except (ConfigInvalid, SecretMissing) as error:
            log.warning("configuration not loaded: %s", error.message)


async def _contained(func: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> None:
    """A bug in one background task is not the end of the daemon, whose task group is everybody's."""
    try:
        await func(*args)
    except Exception as error:
        log.error("bug in the background: %s", place(error))  # noqa: TRY400 - the place, never the text


TYPES: Mapping[Method, ModelType] = {"chat": "chat", "embed": "embedding", "rerank": "reranker"}


def _named(request: R, lease: Lease) -> R:
    """The request with its model's full name, which the default model and a client's name lack."""
    return request if request.model == lease.model else replace(request, model=lease.model)


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "key": problem.key,
        "message": problem.message,
    }
