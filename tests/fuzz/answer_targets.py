"""What providers and authorization servers answer: every dialect of every provider type, and OAuth.

As ``targets``. The first byte of an input chooses what reads the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgpack
from pydantic import SecretStr

from lokid.chat import ChatRequest, EmbedRequest, RerankRequest, encode
from lokid.errors import LokidError
from lokid.protocols import oauth2, oauth2_answers
from lokid.protocols.oauth2_answers import Device, Refusal, Token
from lokid.providers import catalogue
from lokid.providers.base import Decoder, Provider
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ModelSettings
from tests.fakes.answers import samples_of
from tests.fakes.canonical import QUESTION, settings_of
from tests.fuzz.targets import SECRET, hides, mended, pieces

MOST_SHOWN = 1000
"""Characters of an error's message: what a provider said is cut far below that."""


@dataclass(frozen=True)
class Reading:
    """``sample``: a good answer, which the corpus begins with."""

    name: str
    sample: bytes
    decoder: Callable[[], Decoder[Any]]


def _readings(provider: Provider) -> Iterator[Reading]:
    client, samples = settings_of(provider), samples_of(provider.name)

    def model(name: str, kind: Any) -> ModelSettings:
        return catalogue.complete(provider.name, ModelSettings(name=name, type=kind, max_output_tokens=4096))

    for chat in samples.chats:
        for stream, sample in ((True, b"".join(chat.stream)), (False, chat.whole)):
            request = ChatRequest("", QUESTION.messages, stream=stream)
            assert provider.chat is not None
            exchange = provider.chat(client, model(chat.model, "chat"), request)
            kind = "stream" if exchange.streaming else "whole"
            yield Reading(f"{provider.name} {chat.model} {kind}", sample, exchange.decoder)
    for name, sample in samples.embeds.items():
        assert provider.embed is not None
        texts = ("a",) if b'embedding": {' in sample or b'"embedding": [' in sample else ("a", "b")
        asked = provider.embed(client, model(name, "embedding"), EmbedRequest("", texts))
        yield Reading(f"{provider.name} {name}", sample, asked.decoder)
    for name, sample in samples.reranks.items():
        assert provider.rerank is not None
        ranked = provider.rerank(client, model(name, "reranker"), RerankRequest("", "q", ("a", "b", "c")))
        yield Reading(f"{provider.name} {name}", sample, ranked.decoder)
    if samples.models is not None and provider.list_models is not None:
        yield Reading(f"{provider.name} models", samples.models, provider.list_models(client).decoder)


READINGS = tuple(reading for provider in PROVIDERS.values() for reading in _readings(provider))

STATUSES = (400, 401, 403, 404, 408, 413, 422, 429, 500, 503, 529)


def answers(data: bytes) -> None:
    """All decoders: an answer that can be carried and given back, or one of our errors, the same however it
    is cut; what they say of themselves is one short line."""
    if not data:
        return
    reading, body = READINGS[data[0] % len(READINGS)], data[1:]
    if "bedrock" in reading.name:
        body = mended(body)  # harmless for what is no event stream
    whole = _read(reading.decoder(), [body])
    assert whole == _read(reading.decoder(), pieces(body)), reading.name


def _read(decoder: Decoder[Any], chunks: list[bytes]) -> tuple[list[Any], object]:
    events: list[Any] = []
    try:
        for chunk in chunks:
            events += decoder.feed(chunk)
        answer = decoder.close()
    except LokidError as error:
        _check(error)
        return events, (type(error), error.message, error.retry_after_s)
    if hasattr(answer, "message"):
        msgpack.packb(encode.message(answer.message))
    for event in events:
        msgpack.packb(encode.event(event))
    # nan is equal to nothing, not even to itself
    return events, repr(answer)


def _check(error: LokidError) -> None:
    said = (error.message, error.hint or "", error.request_id or "")
    assert all(len(text) <= MOST_SHOWN and text.isprintable() for text in said), said
    assert error.retry_after_s is None or error.retry_after_s >= 0
    msgpack.packb(said)


def refusals(data: bytes) -> None:
    """What is made of an answer that is no success: the first byte chooses type and status. A key that a
    provider quotes is in none."""
    if not data:
        return
    providers = tuple(PROVIDERS.values())
    provider = providers[data[0] % len(providers)]
    status = STATUSES[data[0] // len(providers) % len(STATUSES)]
    # A word of its own, as providers quote it: what is glued to others, only its exact value finds.
    head, _, body = data[1:].replace(b"@@", b" %b " % SECRET.encode()).partition(b"\0")
    lines = (line.partition(":") for line in head.decode("latin-1").split("\n"))
    headers = {name.lower(): value for name, _, value in lines if name}
    error = provider.error(status, headers, body)
    _check(error)
    hides(error.message)


# --- OAuth

SERVER = oauth2.Server(
    "https://as.example/token", "https://as.example/authorize", device_url="https://as.example/device"
)
BEGUN = oauth2.Authorization("https://as.example/authorize?x", "http://127.0.0.1/cb", "the-state", "verifier")
BEFORE = Token(SecretStr("old-access"), SecretStr("old-refresh"), "scope", 1.0, 2.0)


def oauth(data: bytes) -> None:
    """Answers of the token, key and device endpoints, and what a browser or a person brings back."""
    if not data:
        return
    kind, body = data[0] % 5, data[1:].replace(b"@@", SECRET.encode())
    status = (200, 400, 401, 429, 503)[data[0] // 5 % 5]
    match kind:
        case 0:
            _check_token(oauth2_answers.token(status, body, 1.8e9, BEFORE if data[0] & 128 else None))
        case 1:
            _check_token(oauth2_answers.key(status, body, 1.8e9))
        case 2:
            _check_device(oauth2_answers.device(status, body))
        case _:
            text = body.decode("utf-8", "surrogateescape")
            try:
                read = oauth2.callback if kind == 3 else oauth2.pasted
                code = read(text, BEGUN, SERVER)
            except oauth2.Stray as error:
                hides(str(error))
            except oauth2.Denied as error:
                hides(error.code)
                assert len(error.code) <= 64 and error.code.isprintable()
            else:
                # Without our state nothing is accepted.
                assert "the-state" in text or "%" in text
                assert code.isascii() and code.isprintable()


def _check_token(found: Token | Refusal) -> None:
    # Its scope is shown, without what is known to be a secret then (runtime.oauth.held).
    hides(repr(replace(found, scope=None) if isinstance(found, Token) else found))
    if isinstance(found, Refusal):
        assert len(found.code) <= 64 and found.code.isprintable()
        return
    assert found.expires_at is None or found.expires_at > 1.8e9
    for secret in (found.access_token, found.refresh_token):
        value = "x" if secret is None else secret.get_secret_value()
        assert value.isascii() and value.isprintable() and " " not in value


def _check_device(found: Device | Refusal) -> None:
    if isinstance(found, Refusal):
        hides(repr(found))
        return
    assert found.url.lower().startswith(("https://", "http://")) and found.url.isprintable()
    assert 0 < found.interval_s <= 60 and 0 < found.life_s <= 900
