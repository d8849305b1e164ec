"""lokid from Python: ask models over the daemon's socket. Blocking; the standard library and msgpack.

    from lokictl.client import Client

    with Client() as lokid:
        print(lokid.ask("Why is the sky blue?"))

docs/python.md has more of it, docs/rpc.md the meaning of every parameter and result.

**Threads.** A ``Client`` holds no connection: each call makes its own, so any number of threads may share
one, also across ``fork``. A ``Stream`` belongs to the thread that reads it.
**Starting.** lokid is started if none runs, as by ``lokictl`` (``LOKICTL_AUTOSTART=0`` or ``start=False``:
never). **Restarts.** A call whose connection ends before anything went to a provider is made again; after
that it raises ``ProviderError``, since the answer may have been paid for.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, Unpack, cast, overload

from lokictl import link, subscription
from lokictl.errors import (
    CallerError,
    Cancelled,
    ConfigInvalid,
    CredentialError,
    DaemonUnavailable,
    LokidError,
    ProviderError,
    TimedOut,
    TryLater,
    ours,
)
from lokictl.vectors import floats
from lokid.rpc.methods import EventMap, ModelType, Topic
from lokid.rpc.questions import ChatEventMap, MessageMap, ToolMap, UsageMap

__all__ = [
    "Answer",
    "CallerError",
    "Cancelled",
    "Client",
    "ConfigInvalid",
    "CredentialError",
    "DaemonUnavailable",
    "Embeddings",
    "LokidError",
    "Message",
    "Options",
    "ProviderError",
    "Ranked",
    "Ranking",
    "Stream",
    "TimedOut",
    "TryLater",
]


# --- what comes back


Message = MessageMap
"""``{"role": ..., "content": a text or a list of parts}``: docs/rpc.md."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``str`` of it is its text. ``message``: to go on with, in ``messages``. The others are those of
    ``chat`` in docs/rpc.md."""

    text: str
    message: Message
    finish_reason: str
    usage: UsageMap | None
    cost_usd: float | None
    model: str
    response_id: str | None
    attempts: int
    first_token_s: float | None
    total_s: float

    def __str__(self) -> str:
        return self.text

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> Answer:
        """From a result of ``chat``."""
        return cls(**{name: result.get(name) for name in cls.__slots__})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Embeddings:
    """``vectors``: one per text, in order."""

    vectors: list[list[float]]
    usage: UsageMap | None
    cost_usd: float | None
    model: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """``index``: into the documents."""

    index: int
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """``results``: best first."""

    results: list[Ranked]
    usage: UsageMap | None
    model: str


class Options(TypedDict, total=False):
    """What ``ask`` and ``chat`` take besides; None is the same as not given."""

    system: str | None
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    stop: str | list[str] | None
    tools: list[ToolMap] | None
    tool_choice: str | dict[str, Any] | None
    parallel_tool_calls: bool | None
    response_schema: dict[str, Any] | None
    reasoning: str | int | None
    timeout_s: float | None
    extra_body: dict[str, Any] | None
    priority: Literal["interactive", "batch"] | None


class Stream:
    """An answer while it comes: an iterator of events (``{"type": "text", "text": ...}``, see docs/rpc.md).

    Leaving it early (``with`` or ``close``, or letting go of it) cancels the request at the provider.
    """

    def __init__(self, steps: link.Steps) -> None:
        self._steps = steps
        self._events: list[Mapping[str, Any]] = []
        self._answer: Answer | None = None

    def __iter__(self) -> Iterator[ChatEventMap]:
        return self

    def __next__(self) -> ChatEventMap:
        if not self._events:
            try:
                with ours():
                    self._events = next(self._steps)[::-1]
            except StopIteration as end:
                if end.value is not None:
                    self._answer = Answer.of(end.value)
                raise
        return cast("ChatEventMap", self._events.pop())

    def texts(self) -> Iterator[str]:
        """The pieces of text alone."""
        for event in self:
            if event["type"] == "text":
                yield event["text"]

    @property
    def answer(self) -> Answer:
        """The whole answer; reads what has not been read yet. Raises as the iterator does."""
        for _ in self:
            pass
        if self._answer is None:
            raise ValueError("this stream has no answer: it was closed, or an error ended it")
        return self._answer

    def close(self) -> None:
        self._events.clear()
        self._steps.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Client:
    """``name``: what ``lokictl ps`` and ``lokictl usage --by program`` show besides the program's; by default
    the script's. ``start``: whether to start lokid if none runs. Every call raises ``LokidError``."""

    def __init__(self, *, name: str | None = None, start: bool = True) -> None:
        self._name = name or _script()
        self._start = start
        self._open: weakref.WeakSet[Stream] = weakref.WeakSet()
        self._lock = threading.Lock()

    def ask(self, prompt: str, model: str = "", **options: Unpack[Options]) -> Answer:
        """The answer to one question. ``model``: ``client:model``; ``client`` alone is its first one, and
        nothing the default of the configuration."""
        return self._chat({"model": model, "prompt": prompt, **options})

    @overload
    def chat(
        self,
        messages: str | Sequence[Message],
        model: str = "",
        *,
        stream: Literal[False] = False,
        **options: Unpack[Options],
    ) -> Answer: ...

    @overload
    def chat(
        self,
        messages: str | Sequence[Message],
        model: str = "",
        *,
        stream: Literal[True],
        **options: Unpack[Options],
    ) -> Stream: ...

    def chat(
        self,
        messages: str | Sequence[Message],
        model: str = "",
        *,
        stream: bool = False,
        **options: Unpack[Options],
    ) -> Answer | Stream:
        """A conversation so far, or a text as its only message. With ``stream`` the events as they come."""
        asked = {"prompt": messages} if isinstance(messages, str) else {"messages": list(messages)}
        params = {"model": model, **asked, **options}
        if not stream:
            return self._chat(params)
        begun = Stream(self._steps("chat", {**params, "stream": True}))
        with self._lock:
            self._open.add(begun)
        return begun

    def embed(
        self,
        texts: Sequence[str],
        model: str = "",
        *,
        input_type: Literal["query", "document"] | None = None,
        dimensions: int | None = None,
    ) -> Embeddings:
        params = {"model": model, "texts": list(texts), "input_type": input_type, "dimensions": dimensions}
        result = self.call("embed", {**params, "encoding": "f32"})  # half the bytes of a list
        vectors = [floats(vector) for vector in result["embeddings"]]
        return Embeddings(vectors, result["usage"], result["cost_usd"], result["model"])

    def rerank(
        self, query: str, documents: Sequence[str], model: str = "", *, top_n: int | None = None
    ) -> Ranking:
        params = {"model": model, "query": query, "documents": list(documents), "top_n": top_n}
        result = self.call("rerank", params)
        ranked = [Ranked(row["index"], row["score"]) for row in result["results"]]
        return Ranking(ranked, result["usage"], result["model"])

    def models(
        self,
        type: ModelType | None = None,  # noqa: A002 - the API's name
        client: str | None = None,
        *,
        refresh: bool = False,
    ) -> list[dict[str, Any]]:
        """``models.list``: a map for each, whose ``id`` is its ``client:model``."""
        found = self.call("models.list", {"type": type, "client": client, "refresh": refresh})
        return cast("list[dict[str, Any]]", found)

    def events(self, topics: Iterable[Topic] | None = None) -> Iterator[EventMap]:
        """How things are now, then each change (``events.subscribe``). Raises DaemonUnavailable when lokid
        ends. Never starts lokid: without one there is nothing to tell."""
        with ours():
            for event in subscription.events(None if topics is None else [*topics], name=self._name):
                yield cast("EventMap", event)

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Any method of docs/rpc.md; its result as it comes."""
        steps = self._steps(method, params or {})
        with ours():
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    return end.value

    def close(self) -> None:
        """Cancels the streams that are still read. The client may be used again."""
        with self._lock:
            streams = [*self._open]
        for stream in streams:
            stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _chat(self, params: Mapping[str, Any]) -> Answer:
        return Answer.of(self.call("chat", params))

    def _steps(self, method: str, params: Mapping[str, Any]) -> link.Steps:
        return link.steps(method, params, start=self._start, name=self._name)


def _script() -> str:
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    return "lokictl.client" if name in ("", "-", "-c", "-m") else name.removesuffix(".py")
