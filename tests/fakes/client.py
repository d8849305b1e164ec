"""An open client for tests of calls: the interface of ``lokid.runtime.clients.OpenClient`` around a real
HTTP client and a provider type whose wire format is small enough to write by hand.

    request     {"say": "hi", "stream": true, ...}
    answer      lines of text/x-lines: "t TEXT", "r TEXT", "c NAME JSON", "usage IN OUT", "error CODE", "end"

It keeps the rules of ``Decoder``: no "end", no answer.
"""

from __future__ import annotations

import array
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from lokid.chat import (
    Answer,
    ChatRequest,
    Counted,
    EmbedAnswer,
    EmbedRequest,
    Event,
    Message,
    Reasoning,
    ReasoningDelta,
    RerankAnswer,
    RerankRequest,
    Score,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from lokid.errors import (
    AuthenticationFailed,
    BadRequest,
    IncompleteResponse,
    LokidError,
    Overloaded,
    ProviderFailed,
    ProviderUnavailable,
    RateLimited,
)
from lokid.protocols.http import HTTPRequest
from lokid.providers.base import Credentials, Exchange, Provider
from lokid.providers.settings import ClientSettings, Extra, ModelSettings, RequestPatch
from lokid.runtime.breaker import Breakers
from lokid.runtime.left_out import LeftOut
from lokid.runtime.network.http import HTTPClient
from lokid.runtime.retry import RetryBudget

KEY = "sk-tiny-0123456789"
LINES = "text/x-lines"


class TinyDecoder:
    held = 0
    late: Sequence[Event] = ()

    def __init__(self) -> None:
        self._buffer = b""
        self._parts: list[Text | Reasoning | ToolCall] = []
        self._usage: Usage | None = None
        self.ended = False
        self._calls = 0

    @property
    def counted(self) -> Counted | None:
        return None if self._usage is None else Counted(self._usage, self.ended)

    def feed(self, data: bytes) -> Sequence[Event]:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        return [event for line in lines for event in self._line(line.decode())]

    def _line(self, line: str) -> list[Event]:
        kind, _, rest = line.partition(" ")
        match kind:
            case "t":
                self._parts.append(Text(rest))
                return [TextDelta(rest)]
            case "r":
                self._parts.append(Reasoning(rest))
                return [ReasoningDelta(rest)]
            case "c":
                name, _, arguments = rest.partition(" ")
                self._parts.append(ToolCall("id", name, json.loads(arguments)))
                self._calls += 1
                return [ToolCallDelta(self._calls - 1, "id", name, arguments)]
            case "usage":
                self._usage = Usage(*map(int, rest.split()))
            case "error":
                kind_of = BadRequest if rest.startswith("refused") else Overloaded
                raise kind_of(rest, refused=not self._parts)
            case "end":
                self.ended = True
        return []

    def close(self) -> Answer:
        self.late = self._line(self._buffer.decode())
        if not self.ended:
            raise IncompleteResponse("the stream ended early")
        return Answer(Message("assistant", tuple(self._parts)), "stop", self._usage)


class JSONDecoder:
    """The whole body as one JSON value, read by ``load``."""

    ended = False
    held = 0
    late = ()
    counted: Counted | None = None

    def __init__(self, load: Any) -> None:
        self._load = load
        self._body = b""

    def feed(self, data: bytes) -> Sequence[Event]:
        self._body += data
        return ()

    def close(self) -> Any:
        answer = self._load(json.loads(self._body))
        self.counted = Counted(answer.usage) if answer.usage else None
        return answer


def _chat(client: ClientSettings, model: ModelSettings, request: ChatRequest) -> Exchange[Answer]:
    body = {"say": request.messages[-1].text, "stream": request.stream, "max_tokens": request.max_tokens}
    sending = HTTPRequest("POST", f"{client.api_base}/chat", {"content-type": "application/json"}, body)

    def amend(error: LokidError, body: bytes) -> Exchange[Answer] | None:
        if b"unknown field: stream" not in body:
            return None
        return exchange(HTTPRequest("POST", sending.url, sending.headers, {"say": "amended"}), None)

    def exchange(sending: HTTPRequest, amend: Any) -> Exchange[Answer]:
        return Exchange(sending, TinyDecoder, request.stream, (LINES,), amend)

    return exchange(sending, amend)


def _embed(client: ClientSettings, model: ModelSettings, request: EmbedRequest) -> Exchange[EmbedAnswer]:
    def load(value: Any) -> EmbedAnswer:
        vectors = tuple(array.array("f", vector).tobytes() for vector in value["vectors"])
        return EmbedAnswer(vectors, Usage(input_tokens=value["tokens"]) if "tokens" in value else None)

    sending = HTTPRequest("POST", f"{client.api_base}/embed", body={"texts": list(request.texts)})
    return Exchange(sending, lambda: JSONDecoder(load))


def _rerank(client: ClientSettings, model: ModelSettings, request: RerankRequest) -> Exchange[RerankAnswer]:
    def load(value: Any) -> RerankAnswer:
        return RerankAnswer(tuple(Score(index, score) for index, score in value))

    sending = HTTPRequest("POST", f"{client.api_base}/rerank", body={"documents": list(request.documents)})
    return Exchange(sending, lambda: JSONDecoder(load))


def _authorize(client: ClientSettings, credentials: Credentials, request: HTTPRequest) -> HTTPRequest:
    key = credentials.secrets["api_key"].get_secret_value()
    return request.adding({"authorization": f"Bearer {key}"})


def _error(status: int, headers: Mapping[str, str], body: bytes) -> LokidError:
    kinds = {400: BadRequest, 401: AuthenticationFailed, 429: RateLimited, 529: Overloaded}
    kind = kinds.get(status, ProviderUnavailable if status >= 500 else ProviderFailed)
    waits = [float(headers.get("retry-after", 0)), float(headers.get("retry-after-ms", 0)) / 1000]
    return kind(f"status {status}: {body[:100].decode()}", status=status, retry_after_s=max(waits) or None)


TINY = Provider(
    name="tiny",
    settings=ClientSettings,
    base_url=lambda client: client.api_base,
    authorize=_authorize,
    error=_error,
    chat=_chat,
    embed=_embed,
    rerank=_rerank,
    max_embed_batch=10,
)


@dataclass
class FakeOpenClient:
    settings: ClientSettings
    provider: Provider
    http: HTTPClient
    budget: RetryBudget = field(default_factory=RetryBudget)
    breakers: Breakers = field(default_factory=Breakers)
    left_out: LeftOut = field(default_factory=LeftOut)
    patch_overrides: Mapping[str, Mapping[str, RequestPatch]] = field(default_factory=dict)
    failure: LokidError | None = None
    """What ``credentials`` raises."""
    in_use: int = 0
    key_mend: str | None = None

    @asynccontextmanager
    async def use(self) -> AsyncIterator[ClientSettings]:
        self.in_use += 1
        try:
            yield self.settings
        finally:
            self.in_use -= 1

    async def credentials(self) -> Credentials:
        if self.failure is not None:
            raise self.failure
        return Credentials({"api_key": SecretStr(KEY)}, now=0.0)

    def model(self, name: str | None, type: str) -> ModelSettings:  # noqa: A002 - the key's name
        known = [model for model in self.settings.models or () if model.type == type]
        return next((model for model in known if name in (None, model.name)), ModelSettings(name=name or "m"))


@asynccontextmanager
async def open_client(
    url: str,
    *models: ModelSettings,
    provider: Provider = TINY,
    patch: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Mapping[str, RequestPatch]] | None = None,
    library: bool = False,
    **extra: Any,
) -> AsyncIterator[FakeOpenClient]:
    """``extra``: keys of the client's ``extra``. ``library``: over the transport for proxies."""
    settings = ClientSettings(
        type="tiny", name="acme", api_base=url, models=models or None, patch=patch or {}, extra=Extra(**extra)
    )
    http = HTTPClient(settings.extra, client="acme", library=library)
    try:
        yield FakeOpenClient(settings, provider, http, patch_overrides=overrides or {})
    finally:
        await http.aclose()
