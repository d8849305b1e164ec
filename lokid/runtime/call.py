"""One call to a provider, from an ``Exchange`` to its answer: patches, credentials, sending, retries.

The order matters. Patches come before credentials, because signatures cover the patched request;
``accepted`` comes before the first byte that a provider can see, because it tells the caller that the
request must not be sent again; and once a 2xx has arrived nothing is retried, because the model is
running and is paid for.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import anyio
from pydantic import SecretStr

from lokid.chat import Event, ReasoningDelta, RetryNotice, TextDelta, ToolCallDelta
from lokid.errors import AuthenticationFailed, IncompleteResponse, LokidError, TimedOut, bare
from lokid.protocols.http import HTTPRequest
from lokid.protocols.json_pieces import STEP
from lokid.providers.base import Decoder, Exchange
from lokid.providers.patches import patched
from lokid.providers.settings import ClientSettings, ModelSettings
from lokid.runtime import refusals, refused_keys, retry
from lokid.runtime.breaker import Breakers, reached
from lokid.runtime.heavy import written
from lokid.runtime.network.http import Sending, Timeouts
from lokid.runtime.redaction import hide
from lokid.runtime.retry import RetryBudget
from lokid.runtime.room import LONG, Place, Words
from lokid.runtime.usage.charges import Charge
from lokid.runtime.usage.turns import Turn

if TYPE_CHECKING:
    from lokid.runtime.clients import OpenClient

T = TypeVar("T")
API = Literal["chat_completions", "embeddings", "rerank"]
Emit = Callable[[Sequence[Event]], Awaitable[None] | None]
"""Takes all events of one network read at once. What it gives is awaited: None where there is nothing to
wait for, which is the case as long as the reader of the socket keeps up."""

Accepted = Callable[[], Awaitable[None]]
"""Awaited once, before the first byte goes to a provider; returns when the client was told."""

MAX_AMENDS = 3
"""Times that a request is put differently because the server does not know a part of it."""

OF_JSON = {"content-type": "application/json"}
"""Of each question. Who looks (Anthropic, vLLM, FastAPI, Express) refuses one without, or sees no body."""

RENEWABLE = ("access_token", "session_token", "secret_access_key")
"""What tells credentials from the ones that they were renewed to; the first that there is."""

LONGEST_TOKEN = 256
"""Bytes. The longest tokens of published vocabularies are runs of about a hundred spaces or dashes, so a
text has more tokens than its bytes / 256. A closer estimate would refuse texts that fit."""

_random = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Performed(Generic[T]):
    """``attempts``: requests sent, the successful one included. ``first_token_s``: seconds from the start
    of the call to the first event of the answer, or to its end if it had none."""

    answer: T
    attempts: int
    first_token_s: float


def model_name(settings: ClientSettings, model: str) -> str | None:
    """The model's part of ``client:model``; None when only the client is named."""
    client, _, name = model.partition(":")
    return (name or None) if client == settings.name else (model or None)


def surely_longer(texts: Iterable[str], tokens: int) -> bool:
    """Whether ``texts`` together cannot be as few as ``tokens`` tokens in any vocabulary."""
    given = list(texts)
    most, characters = tokens * LONGEST_TOKEN, sum(map(len, given))
    # A character has one to four bytes; to count them in megabytes is a step for which everybody waits.
    if characters > most or 4 * characters <= most:
        return characters > most
    return sum(map(_bytes_of, given)) > most


def _bytes_of(text: str) -> int:
    if text.isascii():
        return len(text)
    # In steps, each a call that lets no other thread run.
    return sum(len(text[at : at + STEP].encode(errors="replace")) for at in range(0, len(text), STEP))


def ignore(_events: Sequence[Event]) -> None:
    """Where events go when the caller asked for none."""


async def emitted(emit: Emit, events: Sequence[Event]) -> None:
    if (slow := emit(events)) is not None:
        await slow


class Limited:
    """Bounds a call as a whole, waiting for its turn included; gives the deadline. Raises ``TimedOut``."""

    __slots__ = ("_client", "_scope", "_seconds")

    def __init__(self, seconds: float, client: str) -> None:
        self._seconds = seconds
        self._client = client
        self._scope = anyio.CancelScope(deadline=anyio.current_time() + seconds)

    def __enter__(self) -> float:
        self._scope.__enter__()
        return self._scope.deadline

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scope.__exit__(kind, error, trace)
        if self._scope.cancelled_caught:
            raise TimedOut(
                f"total timeout: the call did not finish within {self._seconds:g} s",
                hint=f"give it more time (timeout_s, --timeout), or raise extra.timeout of client"
                f" {self._client!r}",
                client=self._client,
            )


async def perform(
    client: OpenClient,
    settings: ClientSettings,
    exchange: Exchange[T],
    api: API,
    model: ModelSettings,
    *,
    extra_body: Mapping[str, Any] | None = None,
    emit: Emit,
    accepted: Accepted,
    deadline: float,
    charge: Charge | None = None,
) -> Performed[T]:
    """Carries out ``exchange``. ``deadline``: when the caller's time is up (``anyio.current_time``), for
    the decision whether a retry still fits; ``Limited`` is what ends the call. Raises any
    ``LokidError``, with the client's name in it. Cancelling closes the connection at once.
    """
    call = _Call(client, settings, api, model, extra_body, emit, accepted, charge or Turn().charge())
    return await call.perform(exchange, deadline)


def prepare(
    client: OpenClient,
    settings: ClientSettings,
    request: HTTPRequest,
    api: API,
    model: ModelSettings,
    extra_body: Mapping[str, Any] | None,
) -> tuple[HTTPRequest, Mapping[str, str]]:
    """The request after all patches, and which patch put what into it."""
    result = patched(
        request.adding(OF_JSON),
        model=model,
        client=settings,
        api=api,
        override=client.patch_overrides.get(api),
        extra_body=extra_body,
    )
    return result.request, result.origins


class _Refused(Exception):
    """An answer that is not 2xx: the error that the provider type made of it, and the body."""

    def __init__(self, error: LokidError, body: bytes) -> None:
        super().__init__()
        self.error = error
        self.body = body


@dataclass(slots=True)
class _Call:
    client: OpenClient
    settings: ClientSettings
    api: API
    model: ModelSettings
    extra_body: Mapping[str, Any] | None
    emit: Emit
    accepted: Accepted
    charge: Charge
    sent: int = 0
    begun: bool = False
    """A 2xx arrived: nothing is retried any more."""
    first_event_at: float | None = None
    secrets: tuple[SecretStr, ...] = ()
    token: SecretStr | None = None
    """The access token, or what else may be renewed, that was sent."""
    words: Words = field(default_factory=Words)
    decoder: Decoder[Any] | None = None
    probe: int | None = None
    """The attempt finds out for all whether the model works again, see ``breaker``."""

    @property
    def breakers(self) -> Breakers:
        return self.client.breakers.share if self.charge.turn.restricted else self.client.breakers

    @property
    def budget(self) -> RetryBudget:
        return self.client.budget.share if self.charge.turn.restricted else self.client.budget

    async def perform(self, exchange: Exchange[T], deadline: float) -> Performed[T]:
        try:
            performed = await self._perform(exchange, deadline)
        except LokidError as error:
            self.charge.failed(error)
            raise
        else:
            self.charge.answered()
            return performed
        finally:
            if self.decoder is not None:
                self.charge.counted = self.decoder.counted
                self.decoder = None  # its error knows this frame, and so it: a circle
            self.breakers.release(self.model.name, self.probe)

    async def _perform(self, exchange: Exchange[T], deadline: float) -> Performed[T]:
        breakers, name = self.breakers, self.model.name
        started_at = time.monotonic()
        failed = amended = 0
        renewed = False
        exchange = self.client.left_out.of(name, self.api, exchange)
        while True:
            self.probe = breakers.admit(name, anyio.current_time()) if name in breakers else None
            try:
                answer = await self._attempt(exchange)
                if self.first_event_at is None:  # else it has answered a while ago
                    breakers.answered(name)
                break
            except _Refused as refused:
                error = refused.error
                gave_up = self.charge.gave_up(error)
                self.charge.over(abandoned=gave_up or isinstance(error, TimedOut))
                error.retryable = error.retryable and not gave_up  # it would be paid for once more
                if reached(error):
                    breakers.answered(name)
                other = exchange.amend(error, refused.body) if exchange.amend else None
                if other is not None and amended < MAX_AMENDS:
                    exchange = other
                    amended += 1
                    continue
            except LokidError as failure:
                error = bare(failure)
                self.charge.over(abandoned=True)
            # A 401 is final for a key, which does not get better by trying again; a token may.
            if not renewed and isinstance(error, AuthenticationFailed) and self._renew():
                renewed = True
                continue
            failed += 1
            error.client = error.client or self.settings.name
            refused_keys.tell(error, self.client)
            hide(error, self.secrets)
            after = self._pause(error, failed, deadline)
            if after is None:
                try:
                    raise error
                finally:
                    del error  # it holds this frame now: a circle, and in it the question
            await emitted(
                self.emit, [RetryNotice(attempt=self.sent + 1, after_s=after, reason=error.message)]
            )
            await anyio.sleep(after)
        if not failed:
            self.budget.succeeded()
        if amended or not exchange.left_out:  # else it was put so from the start
            self.client.left_out.learn(name, self.api, exchange)
        first_at = time.monotonic() if self.first_event_at is None else self.first_event_at
        return Performed(answer, self.sent, first_at - started_at)

    def _renew(self) -> bool:
        return not self.begun and self.token is not None and self.client.renew(self.token)

    async def _attempt(self, exchange: Exchange[T]) -> T:
        request, _ = prepare(
            self.client, self.settings, exchange.request, self.api, self.model, self.extra_body
        )
        request = await written(request)
        # Asked for each attempt: tokens expire, and signatures hold the time.
        credentials = await self.client.credentials()
        self.secrets = tuple(credentials.secrets.values())
        self.token = next(filter(None, map(credentials.secrets.get, RENEWABLE)), None)
        request = self.client.provider.authorize(self.settings, credentials, request)
        if self.sent == 0:
            await self.accepted()
        self.sent += 1
        self.charge.sent()
        extra = self.settings.extra
        timeouts = Timeouts(extra.connect_timeout, extra.first_byte_timeout, extra.idle_timeout)
        sending = self.client.http.send(request, timeouts)
        with Place(self.charge.turn.room, self.settings.name, streamed=exchange.streaming) as place:
            return await self._answer(exchange, sending, place)

    async def _answer(self, exchange: Exchange[T], sending: Sending, place: Place) -> T:
        decoder: Decoder[T] | None = None
        try:
            async with sending as response:
                if not 200 <= response.status < 300:
                    raise _Refused(*await refusals.refusal(self.client.provider, response))
                self.begun = True
                self.charge.admitted = True
                if (kind := refusals.other_type(response, exchange)) is not None:
                    raise await refusals.other_answer(self.client.provider, response, exchange, kind)
                decoder = self.decoder = exchange.decoder()
                long = False
                while data := await response.read():
                    if long:
                        response.pause()
                        events = await place.event(partial(decoder.feed, data))
                    else:
                        events = decoder.feed(data)
                    long = not events and decoder.held > LONG
                    if events and (slow := self._heard(events)) is not None:
                        # The caller's reader is slow, so the provider's bytes wait too.
                        response.pause()
                        await slow
                    if response.size > place.size:
                        response.pause()
                        await place.grow(response.size)
                    if decoder.ended:
                        response.expect_end()
        except (IncompleteResponse, TimedOut) as failure:
            if decoder is None:
                raise
            # Servers exist that send the terminal marker and then neither end the body nor hang up
            # as HTTP wants. What counts is the marker, or an error, which the decoder knows.
            try:
                return await self._read(decoder, place, response.size)
            except IncompleteResponse:
                raise failure from failure.__cause__
        finally:
            if sending.sent:
                self.charge.went(whole=sending.whole)
        return await self._read(decoder, place, response.size)

    async def _read(self, decoder: Decoder[T], place: Place, size: int) -> T:
        try:
            answer = await place.read(decoder.close, size)
        except LokidError:
            if self.api == "chat_completions" and not place.streamed:  # else the answer costs nothing
                self.charge.came(size)
            raise
        if decoder.late and (slow := self._heard(decoder.late)) is not None:
            await slow
        return answer

    def _heard(self, events: Sequence[Event]) -> Awaitable[None] | None:
        if self.first_event_at is None:
            self.first_event_at = time.monotonic()
            self.charge.turn.began(self.first_event_at)
            self.breakers.answered(self.model.name)
        for event in events:
            if isinstance(event, (TextDelta, ReasoningDelta)):
                self.words.add(event.text)
            elif isinstance(event, ToolCallDelta) and event.arguments:
                self.words.add(event.arguments)
        self.charge.heard(events)
        return self.emit(events)

    def _pause(self, error: LokidError, failed: int, deadline: float) -> float | None:
        """Seconds until it is tried again, or None if it is not."""
        now = anyio.current_time()
        if self.begun:
            if error.refused and not reached(error):
                self.breakers.failed(self.model.name, error, now, self.probe)
            elif self.first_event_at is None:  # else it has answered a while ago
                self.breakers.answered(self.model.name)
            return None
        after = retry.delay(
            failed,
            error,
            _random.random(),
            max_retries=self.settings.extra.max_retries,
            remaining_s=deadline - now,
        )
        if after is None or self.probe is not None or not self.budget.take(error, now):
            self.breakers.failed(self.model.name, error, now, self.probe)
            return None
        return after
