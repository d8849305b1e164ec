"""What a provider type is: a table of pure functions.

To add one: a file beside this one that defines a ``ClientSettings`` subclass and a ``Provider`` value,
and one line in ``registry``. Configuration, error messages, contract tests and documentation follow.

A call is: ``chat(client, model, request)`` gives an ``Exchange``; the runtime patches its request, lets
``authorize`` add credentials (and sign), sends it, feeds the bytes of the answer to a fresh
``decoder()`` and asks it to ``close``. Nothing here does I/O, reads a clock or the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from pydantic import SecretStr

from lokid.chat import (
    Answer,
    ChatRequest,
    Counted,
    EmbedAnswer,
    EmbedRequest,
    Event,
    RerankAnswer,
    RerankRequest,
)
from lokid.errors import LokidError
from lokid.protocols.http import HTTPRequest
from lokid.providers.identities import Identity
from lokid.providers.settings import ClientSettings, ModelSettings

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Decoder(Protocol[T_co]):
    """Reads one answer with status 2xx, bytes in, events out. One instance per attempt.

    ``feed`` takes the bytes of one network read and returns the events they complete; it raises the
    provider's in-band error as ours. ``close`` is called once, at the end of the body: it returns the
    whole answer or raises ``IncompleteResponse`` when the provider's terminal marker was missing.
    Neither keeps more than the bounds that the dialect states. ``ended``: the marker has come, or an error
    that is still to be raised, and what may still come is nothing but the end of the body. ``held``: bytes of
    an event that is not complete; to read it, once it is, takes as long as it is large. ``late``: events of
    what only the end of the body completed, there after ``close``. ``counted``: so far.
    """

    @property
    def ended(self) -> bool: ...

    @property
    def held(self) -> int: ...

    @property
    def late(self) -> Sequence[Event]: ...

    @property
    def counted(self) -> Counted | None: ...

    def feed(self, data: bytes) -> Sequence[Event]: ...

    def close(self) -> T_co: ...


@dataclass(frozen=True, slots=True)
class Exchange(Generic[T]):
    """One request and how to read its answer.

    ``streaming``: the answer is ``text/event-stream`` (or another event format), else one JSON text.
    ``accept``: the content types that the answer may have, lower case, without parameters; anything
    else is an error even with status 200 (gateways answer HTML). ``amend``: asked once when the
    provider refused the request; another exchange to try instead (a server that does not know
    ``stream_options``), or None. ``left_out``: the name of what that one is without, by which alone ``amend``
    knows it again.
    """

    request: HTTPRequest
    decoder: Callable[[], Decoder[T]]
    streaming: bool = False
    accept: tuple[str, ...] = ("application/json",)
    amend: Callable[[LokidError, bytes], Exchange[T] | None] | None = field(default=None, repr=False)
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What ``authorize`` gets. ``secrets``: resolved values by settings key (``api_key``,
    ``secret_access_key``, ...), and ``access_token`` with ``auth: oauth``. ``now``: seconds since the
    epoch. ``quota_project``: who pays, as the identity of the machine says (Google Cloud)."""

    secrets: Mapping[str, SecretStr]
    now: float
    quota_project: str | None = None


class ChatEncoder(Protocol):
    def __call__(self, client: Any, model: ModelSettings, request: ChatRequest) -> Exchange[Answer]: ...


class EmbedEncoder(Protocol):
    """``texts`` are at most ``max_batch_size``; the runtime splits and joins."""

    def __call__(self, client: Any, model: ModelSettings, request: EmbedRequest) -> Exchange[EmbedAnswer]: ...


class RerankEncoder(Protocol):
    def __call__(
        self, client: Any, model: ModelSettings, request: RerankRequest
    ) -> Exchange[RerankAnswer]: ...


@dataclass(frozen=True, slots=True)
class Provider:
    """One ``type:`` of the configuration, which is its ``name``.

    ``secrets``: the settings keys that hold secrets, needed ones first. ``optional_secrets``: may be
    absent (a key for a server on loopback). ``base_url(client)``: where requests go, for dialling
    ahead. ``authorize(client, credentials, request)`` returns the request with credentials; it never
    replaces a header that is already there (a patch put it there). ``error(status, headers, body)``
    turns a non-2xx answer into ours; header names are lower case, ``body`` is at most 64 KiB.
    ``list_models(client)``: the request that lists models and its decoder (model names), if it has one.
    ``identity(client)``: the identity of a cloud that stands in for keys, None for a client with keys; its
    ``environment`` are the variables with secrets that it may come from.
    A capability that the type does not have is None: the call answers ``unsupported``.
    """

    name: str
    settings: type[ClientSettings]
    base_url: Callable[[Any], str]
    authorize: Callable[[Any, Credentials, HTTPRequest], HTTPRequest]
    error: Callable[[int, Mapping[str, str], bytes], LokidError]
    chat: ChatEncoder | None = None
    embed: EmbedEncoder | None = None
    rerank: RerankEncoder | None = None
    list_models: Callable[[Any], Exchange[tuple[str, ...]]] | None = None
    secrets: tuple[str, ...] = ("api_key",)
    optional_secrets: tuple[str, ...] = ()
    max_embed_batch: int = 100
    identity: Callable[[Any], Identity | None] | None = None
    environment: tuple[str, ...] = ()
