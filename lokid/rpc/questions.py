"""The shapes of what goes to a provider and comes back: the parameters and results of ``chat``, ``embed`` and
``rerank``, which ``lokid.rpc.methods`` has in its table. Units and meanings: docs/rpc.md.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class PartMap(TypedDict):
    """One part of a message. Keys beyond these are opaque provider state, kept and sent back."""

    type: Literal["text", "image", "reasoning", "tool_call", "tool_result"]
    text: NotRequired[str]
    media_type: NotRequired[str]
    data: NotRequired[bytes]
    url: NotRequired[str]
    id: NotRequired[str]
    name: NotRequired[str]
    arguments: NotRequired[dict[str, Any]]
    content: NotRequired[Any]
    is_error: NotRequired[bool]


class MessageMap(TypedDict):
    role: Literal["system", "user", "assistant", "tool"]
    content: str | list[Any]


class ToolMap(TypedDict):
    name: str
    description: NotRequired[str | None]
    parameters: NotRequired[dict[str, Any]]
    strict: NotRequired[bool | None]


class UsageMap(TypedDict):
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int


class ChatParams(TypedDict):
    """Exactly one of ``prompt`` and ``messages``."""

    model: str
    prompt: NotRequired[str]
    messages: NotRequired[list[MessageMap]]
    system: NotRequired[str | None]
    temperature: NotRequired[float | None]
    top_p: NotRequired[float | None]
    max_tokens: NotRequired[int | None]
    stop: NotRequired[str | list[str] | None]
    tools: NotRequired[list[ToolMap] | None]
    tool_choice: NotRequired[str | dict[str, Any] | None]
    parallel_tool_calls: NotRequired[bool | None]
    response_schema: NotRequired[dict[str, Any] | None]
    reasoning: NotRequired[str | int | None]
    stream: NotRequired[bool]
    timeout_s: NotRequired[float | None]
    extra_body: NotRequired[dict[str, Any] | None]
    dry_run: NotRequired[bool]
    priority: NotRequired[Literal["interactive", "batch"] | None]


class ChatEventMap(TypedDict):
    """``[2, "chat.event", [msgid, event]]`` while a request with ``stream`` runs."""

    type: Literal["text", "reasoning", "tool_call", "retry"]
    text: NotRequired[str]
    index: NotRequired[int]
    id: NotRequired[str]
    name: NotRequired[str]
    arguments: NotRequired[str]
    attempt: NotRequired[int]
    after_s: NotRequired[float]
    reason: NotRequired[str]


class ChatResultMap(TypedDict):
    message: dict[str, Any]
    text: str
    finish_reason: str
    usage: UsageMap | None
    cost_usd: float | None
    model: str
    response_id: str | None
    attempts: int
    first_token_s: float | None
    total_s: float


class DryRunResult(TypedDict):
    """``chat`` with ``dry_run``. ``origins``: path in the request -> which patch put it there."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any
    origins: dict[str, str]


class EmbedParams(TypedDict):
    model: str
    texts: list[str]
    input_type: NotRequired[Literal["query", "document"] | None]
    dimensions: NotRequired[int | None]
    encoding: NotRequired[Literal["list", "f32"]]


class EmbedResult(TypedDict):
    """``embeddings``: one list of floats per text, or with ``encoding: f32`` its little-endian bytes."""

    embeddings: list[Any]
    usage: UsageMap | None
    cost_usd: float | None
    model: str


class RerankParams(TypedDict):
    model: str
    query: str
    documents: list[str]
    top_n: NotRequired[int | None]


class RerankResult(TypedDict):
    results: list[dict[str, Any]]
    usage: UsageMap | None
    model: str
