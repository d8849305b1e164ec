"""The values of docs/rpc.md. Shapes only; see ``decode`` and ``encode`` for their RPC form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lokid.long_text import joined

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal[
    "stop", "length", "tool_calls", "content_filter", "refusal", "context_overflow", "pause"
]


@dataclass(frozen=True, slots=True)
class Text:
    """``opaque``: provider state that must go back unchanged (a signature, for instance)."""

    text: str
    opaque: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Image:
    """Bytes with their media type, or a URL that the provider fetches (lokid never does)."""

    media_type: str | None = None
    data: bytes | None = field(default=None, repr=False)
    url: str | None = None
    opaque: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reasoning:
    text: str
    opaque: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolCall:
    id: str
    name: str
    arguments: Mapping[str, Any]
    opaque: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The answer to the tool call ``id``; ``name`` is the tool's name (some providers need it)."""

    id: str
    name: str
    content: str | tuple[Text | Image, ...]
    is_error: bool = False


Part = Text | Image | Reasoning | ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text parts, joined without separator."""
        return joined([part.text for part in self.parts if isinstance(part, Text)])


@dataclass(frozen=True, slots=True)
class Tool:
    """``parameters``: JSON Schema of the arguments; empty for a tool without arguments."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class NamedTool:
    name: str


ToolChoice = Literal["auto", "none", "required"] | NamedTool
ReasoningSetting = Literal["off", "low", "medium", "high"] | int


@dataclass(frozen=True, slots=True)
class ResponseSchema:
    schema: Mapping[str, Any]
    name: str = "answer"
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """``None`` means "the caller did not say": nothing is sent for it, the provider's default holds.

    ``messages`` never holds the text of ``system``. ``reasoning``: an effort or a budget in tokens.
    ``stream``: the caller wants events. ``timeout_s``: seconds for the whole call. ``extra_body`` is
    merged (RFC 7396) into the provider's body after all patches. ``priority``: who goes first where one has
    to wait; by default those that stream.
    """

    model: str
    messages: tuple[Message, ...]
    system: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_schema: ResponseSchema | None = None
    reasoning: ReasoningSetting | None = None
    stream: bool = False
    timeout_s: float | None = None
    extra_body: Mapping[str, Any] | None = None
    dry_run: bool = False
    priority: Literal["interactive", "batch"] | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of the tool call ``index`` (0, 1, ... within the answer). ``id`` and ``name`` come once,
    ``arguments`` are fragments of JSON text to be joined."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str | None = None


@dataclass(frozen=True, slots=True)
class RetryNotice:
    """Attempt number ``attempt`` (2 is the first retry) starts after ``after_s`` seconds."""

    attempt: int
    after_s: float
    reason: str


Event = TextDelta | ReasoningDelta | ToolCallDelta | RetryNotice


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. ``input_tokens`` counts all input, cached and written included; ``output_tokens`` all
    output, reasoning included, whatever the provider's own habit. ``billed``: input and output that are
    paid for, where the provider counts them apart (Cohere); only the cost is made of it."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    billed: tuple[int, int] | None = None

    @property
    def read(self) -> tuple[int, int]:
        """Tokens of input, and those of them that are paid for."""
        return self.input_tokens, self.billed[0] if self.billed else self.input_tokens

    @property
    def written(self) -> tuple[int, int]:
        """The same of output."""
        return self.output_tokens, self.billed[1] if self.billed else self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_input_tokens + other.cached_input_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            _added(self.billed, other.billed),
        )


def _added(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int] | None:
    return (one[0] + other[0], one[1] + other[1]) if one and other else None


@dataclass(frozen=True, slots=True)
class Counted:
    """What a provider has counted of an answer, whatever becomes of it. ``final``: of all that it will be;
    else of its beginning."""

    usage: Usage
    final: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a dialect makes of one complete provider answer; ``usage`` is None if it reported none."""

    message: Message
    finish_reason: FinishReason
    usage: Usage | None = None
    model: str | None = None
    response_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChatResult:
    """An answer with what the call path adds. ``model`` is ``client:model``; times in seconds."""

    answer: Answer
    model: str
    cost_usd: float | None
    attempts: int
    first_token_s: float | None
    total_s: float


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """``input_type``: what the vectors are for. ``encoding``: RPC form of the answer's vectors."""

    model: str
    texts: tuple[str, ...]
    input_type: Literal["query", "document"] | None = None
    dimensions: int | None = None
    encoding: Literal["list", "f32"] = "list"


@dataclass(frozen=True, slots=True)
class EmbedAnswer:
    """One vector per text, in the order of the request. A vector is little-endian float32 bytes."""

    vectors: tuple[bytes, ...]
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class RerankRequest:
    model: str
    query: str
    documents: tuple[str, ...]
    top_n: int | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """``index`` into the request's documents."""

    index: int
    score: float


@dataclass(frozen=True, slots=True)
class RerankAnswer:
    """Best first."""

    results: tuple[Score, ...]
    usage: Usage | None = None
