"""What all connections share, and what they ask of the runtime and of a session: only protocols, so that a
test puts fakes in their place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from anyio.abc import TaskStatus

from lokid.chat import ChatRequest, ChatResult, EmbedRequest, Event, RerankRequest
from lokid.rpc.methods import EventMap, GroupBy, LoginMethod, ModelType, Topic
from lokid.runtime.call import Accepted, Emit
from lokid.runtime.importing import Left
from lokid.runtime.usage.asker import Asker
from lokid.server.intake import UNREAD, Intake
from lokid.server.lanes import Lanes
from lokid.server.pace import Line
from lokid.server.requests import Requests
from lokid.server.seldom import Seldom

Params = Mapping[str, Any]


class Secrets(Protocol):
    """What the server asks of ``lokid.runtime.secrets.stored.StoredSecrets``."""

    async def set(self, name: str, value: str) -> dict[str, Any]: ...

    async def get(self, name: str) -> dict[str, Any]: ...

    async def list(self) -> Sequence[dict[str, Any]]: ...

    async def delete(self, name: str) -> dict[str, Any]: ...

    async def status(self) -> dict[str, Any]: ...

    def state(self) -> dict[str, Any]: ...

    async def lock(self) -> dict[str, Any]: ...

    async def unlock(self, passphrase: str | None) -> dict[str, Any]: ...

    async def protect(self, passphrase: str | None) -> dict[str, Any]: ...


class Auth(Protocol):
    """What the server asks of ``lokid.runtime.oauth.auth.Auth``."""

    async def login(self, client: str, method: LoginMethod | None) -> dict[str, Any]: ...

    async def finish(self, login_id: str, code: str | None) -> dict[str, Any]: ...

    def status(self, client: str | None) -> Sequence[dict[str, Any]]: ...

    async def logout(self, client: str) -> dict[str, Any]: ...


class Imports(Protocol):
    """What the server asks of ``lokid.runtime.importing.LokiImport``."""

    async def loki(self, left: Left, *, dry_run: bool) -> dict[str, Any]: ...


class Runtime(Protocol):
    """What the server asks of ``lokid.runtime.core.Runtime``."""

    @property
    def imports(self) -> Imports: ...

    @property
    def auth(self) -> Auth: ...

    @property
    def secrets(self) -> Secrets: ...

    async def chat(
        self, request: ChatRequest, *, emit: Emit, accepted: Accepted, asker: Asker
    ) -> ChatResult | dict[str, Any]: ...

    async def embed(self, request: EmbedRequest, *, accepted: Accepted, asker: Asker) -> Any: ...

    async def rerank(self, request: RerankRequest, *, accepted: Accepted, asker: Asker) -> Any: ...

    async def list_models(
        self,
        type: ModelType | None,  # noqa: A002 - the contract's name
        client: str | None,
        refresh: bool,
    ) -> list[dict[str, Any]]: ...

    async def model_names(self, type: ModelType | None, prefix: str) -> list[str]: ...  # noqa: A002 - as above

    def list_clients(self) -> list[dict[str, Any]]: ...

    def config_status(self) -> dict[str, Any]: ...

    def config_broken(self) -> bool: ...

    def usage_status(self) -> dict[str, Any]: ...

    async def usage(
        self, since: float | None, until: float | None, group_by: GroupBy | None
    ) -> Sequence[dict[str, Any]]: ...

    def check(
        self, path: str | None = None, data: bytes | None = None, *, vault: bool = False
    ) -> list[dict[str, Any]]: ...

    async def reload(self) -> dict[str, Any]: ...

    def show(self) -> dict[str, Any]: ...

    def max_frame(self) -> int: ...

    def extra_path(self) -> str | None: ...

    def extra_models(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]: ...

    def extra_status(self) -> dict[str, Any] | None: ...

    async def swapped(self) -> None: ...

    async def run(self, *, task_status: TaskStatus[None]) -> None: ...

    def stop(self) -> None:
        """Called once, before the drain: what waits for a person is over."""


class Caller(Protocol):
    """The session: what ``hello`` sets of it, and what it is told unasked."""

    errors_as_map: bool
    wants_accepted: bool

    def introduce(self, name: str) -> None:
        """What the client calls itself."""

    def subscribe(self, topics: Sequence[Topic]) -> list[EventMap]:
        """Takes the place of what it subscribed to before. How everything of ``topics`` is now; what changes
        is sent after this answer."""


class Call(Protocol):
    """What a spawned handler may do besides answering. ``asker``: the program at the other end."""

    @property
    def asker(self) -> Asker: ...

    @property
    def msgid(self) -> int: ...

    def emit(self, events: Sequence[Event]) -> Awaitable[None] | None: ...

    async def accepted(self) -> None: ...


@dataclass(slots=True)
class ExtraState:
    """Of the extra socket, for ``status``: its path while it is open, or why it is not."""

    path: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """What all connections share. ``started_at``: Unix seconds; ``socket``: path, for ``status``."""

    runtime: Runtime
    socket: str
    started_at: float
    requests: Requests = field(default_factory=Requests)
    intake: Intake = field(default_factory=Intake)
    unread: Intake = field(default_factory=lambda: Intake(UNREAD))
    line: Line = field(default_factory=Line)
    extra_line: Line = field(default_factory=Line)
    extra: ExtraState = field(default_factory=ExtraState)
    seldom: Seldom = field(default_factory=Seldom)
    lanes: Lanes = field(default_factory=Lanes)
