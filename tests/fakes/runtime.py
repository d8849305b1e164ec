"""A runtime in memory: what ``lokid.server`` needs of the real one, steered by the model's name.

echo        answers the last message's text, with one event per word
hang        tells ``accepted`` and then waits until it is cancelled
messy       like hang, but its cleaning up fails
slow        answers "late" when ``release`` is set
endless     emits events for ever
<code>      fails with that error code
bug         raises something that is not one of ours, with a secret in its text
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
from anyio.abc import TaskStatus

from lokid import errors
from lokid.chat import (
    Answer,
    ChatRequest,
    ChatResult,
    EmbedAnswer,
    EmbedRequest,
    Image,
    Message,
    RerankAnswer,
    RerankRequest,
    Score,
    Text,
    TextDelta,
    Usage,
)
from lokid.runtime.call import emitted

SECRET = "sk-planted-secret-0123456789"

BY_CODE = {
    error.code: error
    for blame in errors.LokidError.__subclasses__()
    for error in (blame, *blame.__subclasses__())
}


@dataclass
class Embedded:
    answer: EmbedAnswer
    model: str
    cost_usd: float | None


class FakeAuth:
    """One client, ``mine``, in which everybody may sign in. Nobody finishes the sign-in ``SLOW``."""

    def __init__(self) -> None:
        self.ended = anyio.Event()

    async def login(self, client: str, method: str | None) -> dict[str, Any]:
        return {
            "login_id": "L1",
            "method": method or "browser",
            "url": "https://as.example/",
            "expires_at": 0.0,
        }

    async def finish(self, login_id: str, code: str | None) -> dict[str, Any]:
        if login_id == "SLOW":
            await self.ended.wait()
            raise errors.ProviderUnavailable("lokid is stopping")
        return {"client": "mine", "state": "signed_in", "refreshes": True}

    def status(self, client: str | None) -> list[dict[str, Any]]:
        return [{"client": "mine", "state": "needs_login", "refreshes": False}]

    async def logout(self, client: str) -> dict[str, Any]:
        return {"client": client, "revoked": False}


@dataclass
class Reranked:
    answer: RerankAnswer
    model: str


class FakeSecrets:
    """Keeps what it is given, and has no file."""

    def __init__(self) -> None:
        self.kept = {"A": SECRET}

    async def set(self, name: str, value: str) -> dict[str, Any]:
        replaced = name in self.kept
        self.kept[name] = value
        return {"name": name, "replaced": replaced, "clients": []}

    async def get(self, name: str) -> dict[str, Any]:
        return {"name": name, "value": self.kept[name]}

    async def list(self) -> Any:
        return [{"name": name, "clients": ["c"]} for name in self.kept]

    async def delete(self, name: str) -> dict[str, Any]:
        del self.kept[name]
        return {"name": name, "clients": []}

    async def status(self) -> dict[str, Any]:
        return {"state": "open", "file": "/v", "identity": "/i", "identity_kind": "file"}

    def state(self) -> dict[str, Any]:
        return {"locked": False, "state": "open", "file": "/v", "identity": "/i", "identity_kind": "file"}

    async def lock(self) -> dict[str, Any]:
        return {"state": "locked", "identity_kind": "file", "kept": [], "in_flight": 0}

    async def unlock(self, passphrase: str | None) -> dict[str, Any]:
        if passphrase == "wrong":
            raise errors.AuthenticationFailed("no")
        return {"state": "open", "secrets": len(self.kept)}

    async def protect(self, passphrase: str | None) -> dict[str, Any]:
        return {"identity": "/i", "identity_kind": "passphrase" if passphrase else "file"}


class FakeImports:
    async def loki(self, left: Any, *, dry_run: bool) -> dict[str, Any]:
        assert left.config == "clients: []" and dry_run
        return {"config": None, "secrets": [], "tokens": []}


@dataclass
class FakeRuntime:
    """``cancelled``: models whose call was cancelled. ``emitted``: bytes handed to ``emit``."""

    auth: FakeAuth = field(default_factory=FakeAuth)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    imports: FakeImports = field(default_factory=FakeImports)
    release: anyio.Event = field(default_factory=anyio.Event)
    started: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    was_cancelled: anyio.Event = field(default_factory=anyio.Event)
    emitted: int = 0
    reloads: int = 0
    frame: int = 64 * 1024 * 1024
    reload_error: Exception | None = None
    closed: bool = False
    asker: Any = None
    priority: str | None = None
    images: tuple[Image, ...] = ()
    rows: list[dict[str, Any]] | None = None
    extra: str | None = None
    broken: bool = False
    swap: anyio.Event = field(default_factory=anyio.Event)
    clients: list[dict[str, Any]] = field(
        default_factory=lambda: [{"name": "c", "type": "openai", "state": "ready"}]
    )

    async def chat(
        self, request: ChatRequest, *, emit: Any, accepted: Any, asker: Any
    ) -> ChatResult | dict[str, Any]:
        if request.dry_run:
            return {"method": "POST", "url": "https://example.org/", "headers": {}, "body": {}, "origins": {}}
        text = request.messages[-1].text
        self.started.append(request.model)
        self.asker = asker
        self.priority = request.priority
        parts = (part for one in request.messages for part in one.parts)
        self.images = tuple(part for part in parts if isinstance(part, Image))
        try:
            await accepted()
            text = await self._act(request.model, text, emit)
        except anyio.get_cancelled_exc_class():
            self.cancelled.append(request.model)
            self.was_cancelled.set()
            raise
        answer = Answer(Message("assistant", (Text(text),)), "stop", Usage(3, 5))
        return ChatResult(answer, request.model, None, 1, 0.01, 0.02)

    async def _act(self, model: str, text: str, emit: Any) -> str:
        match model:
            case "hang":
                await anyio.sleep_forever()
            case "messy":
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(anyio.sleep_forever)
                    try:
                        await anyio.sleep_forever()
                    finally:
                        raise ValueError(SECRET)
            case "slow":
                await self.release.wait()
                return "late"
            case "endless":
                while True:
                    await anyio.lowlevel.checkpoint()
                    await emitted(emit, [TextDelta("x" * 4096)])
                    self.emitted += 4096
            case "bug":
                raise RuntimeError(SECRET)
            case code if code in BY_CODE:
                raise BY_CODE[code](
                    "it failed", hint="do this", client="c", status=418, retry_after_s=2.5, request_id="r1"
                )
        await emitted(emit, [TextDelta(word) for word in text.split()])
        return text

    async def embed(self, request: EmbedRequest, *, accepted: Any, asker: Any) -> Embedded:
        await accepted()
        return Embedded(
            EmbedAnswer(tuple(b"\0\0\x80\x3f" for _ in request.texts), Usage(1)), request.model, 0.5
        )

    async def rerank(self, request: RerankRequest, *, accepted: Any, asker: Any) -> Reranked:
        await accepted()
        scores = tuple(Score(index, 1.0 / (index + 1)) for index in range(len(request.documents)))
        return Reranked(RerankAnswer(scores), request.model)

    async def list_models(
        self,
        type: str | None,  # noqa: A002 - the contract's name
        client: str | None,
        refresh: bool,
    ) -> list[dict[str, Any]]:
        if self.rows is not None:
            return self.rows
        return [{"id": "c:echo", "type": type, "client": client, "refresh": refresh}]

    async def model_names(self, type: str | None, prefix: str) -> list[str]:  # noqa: A002 - the contract's name
        return [name for name in ("c:echo", "c:other") if name.startswith(prefix)]

    def list_clients(self) -> list[dict[str, Any]]:
        return list(self.clients)

    def config_status(self) -> dict[str, Any]:
        return {
            "path": "/config.yaml",
            "loaded_at": 1.0,
            "generation": self.reloads + 1,
            "problems": [],
            "model": "c:echo",
        }

    def usage_status(self) -> dict[str, Any]:
        return {"today": {"requests": 1}, "month": {"requests": 2}, "budgets": [], "ledger": {"state": "ok"}}

    async def usage(self, since: Any, until: Any, group_by: Any) -> Any:
        return [{"since": since, "until": until, "group_by": group_by}]

    def check(
        self, path: str | None = None, data: bytes | None = None, *, vault: bool = False
    ) -> list[dict[str, Any]]:
        return [{"path": path or "/config.yaml", "line": 1, "column": 1, "key": "x", "message": "unknown"}]

    async def reload(self) -> dict[str, Any]:
        self.reloads += 1
        if self.reload_error is not None:
            raise self.reload_error
        return {"generation": self.reloads + 1, "kept": [], "opened": [], "closed": []}

    def max_frame(self) -> int:
        return self.frame

    def config_broken(self) -> bool:
        return self.broken

    def extra_path(self) -> str | None:
        return self.extra

    def extra_models(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if row["id"].startswith("c:")]

    def extra_status(self) -> dict[str, Any] | None:
        return None if self.extra is None else {"models": ["c:*"]}

    async def swapped(self) -> None:
        await self.swap.wait()

    def show(self) -> dict[str, Any]:
        return {"clients": []}

    def stop(self) -> None:
        self.auth.ended.set()

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        try:
            task_status.started()
            await anyio.sleep_forever()
        finally:
            self.closed = True
