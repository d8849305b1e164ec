"""Draws the tables of ``docs/providers.md`` by asking every provider type what the contract tests ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from pydantic import SecretStr

from lokid.chat import Usage
from lokid.errors import LokidError
from lokid.protocols.http import HTTPRequest
from lokid.providers import vendors
from lokid.providers.base import Credentials, Exchange, Provider
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ModelSettings
from tests.fakes.answers import Chat, samples_of
from tests.fakes.canonical import CONVERSATIONS, EMBEDDINGS, RERANKS, models_of, settings_of, ways_in

YES, SOME, NO = "yes", "some", "-"


@dataclass(frozen=True)
class Asked:
    """What all models of a type made of one canonical request; ``refused``: the sentences of those that did
    not take it."""

    models: int
    refused: tuple[str, ...]
    exchanges: tuple[Exchange[Any], ...]

    @property
    def cell(self) -> str:
        if not self.exchanges:
            return NO
        return SOME if self.refused else YES


def _ask(encode: Any, provider: Provider, models: Iterable[ModelSettings], request: Any) -> Asked:
    refused, exchanges = [], []
    asked = list(models) if encode else []
    for model in asked:
        try:
            exchanges.append(encode(settings_of(provider), model, request))
        except LokidError as error:
            refused.append(error.message)
    return Asked(len(asked), tuple(dict.fromkeys(refused)), tuple(exchanges))


def _all(provider: Provider) -> Iterator[tuple[str, Asked]]:
    for name, chat in CONVERSATIONS.items():
        yield name, _ask(provider.chat, provider, models_of(provider, "chat"), chat)
    for name, embed in EMBEDDINGS.items():
        yield name, _ask(provider.embed, provider, models_of(provider, "embedding"), embed)
    for name, rerank in RERANKS.items():
        yield name, _ask(provider.rerank, provider, models_of(provider, "reranker"), rerank)


def _told(read: Callable[[Chat], bool]) -> Callable[[Provider], str]:
    """A row about what comes back: of all formats that the type reads."""

    def cell(provider: Provider) -> str:
        found = [read(chat) for chat in samples_of(provider.name).chats]
        return YES if found and all(found) else SOME if any(found) else NO

    return cell


def _counted(name: str) -> Callable[[Chat], bool]:
    return lambda chat: getattr(chat.usage, name) not in (0, None)


def _batch(provider: Provider) -> str:
    """The most texts of one request; a model may take fewer. Longer lists are split."""
    return str(provider.max_embed_batch) if provider.embed else NO


ANSWERS: Mapping[str, Callable[[Provider], str]] = {
    "reasoning in the answer": _told(lambda chat: chat.reasons),
    "opaque state of reasoning goes back": _told(lambda chat: chat.state),
    "usage: input and output": _told(lambda chat: isinstance(chat.usage, Usage)),
    "usage: read from the cache": _told(_counted("cached_input_tokens")),
    "usage: written to the cache": _told(_counted("cache_write_tokens")),
    "usage: reasoning": _told(_counted("reasoning_tokens")),
}
OTHERS: Mapping[str, Callable[[Provider], str]] = {
    "texts of one request for embeddings": _batch,
    "list of models": lambda provider: YES if provider.list_models else NO,
}


def _row(name: str, cells: Iterable[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def matrix() -> str:
    """Capabilities by types."""
    asked = {name: dict(_all(provider)) for name, provider in PROVIDERS.items()}
    lines = [
        _row("", (f"`{name}`" for name in PROVIDERS)),
        _row("---", ("---" for _ in PROVIDERS)),
        *(_row(one, (asked[name][one].cell for name in PROVIDERS)) for one in CONVERSATIONS),
        *(_row(one, map(draw, PROVIDERS.values())) for one, draw in ANSWERS.items()),
        *(_row(one, (asked[name][one].cell for name in PROVIDERS)) for one in (*EMBEDDINGS, *RERANKS)),
        *(_row(one, map(draw, PROVIDERS.values())) for one, draw in OTHERS.items()),
    ]
    return "\n".join(lines) + "\n"


def refusals() -> str:
    """What a type says where the matrix says that not all can do it."""
    lines = ["| `type:` | asked for | for example |", "| --- | --- | --- |"]
    for name, provider in PROVIDERS.items():
        said: dict[str, list[str]] = {}
        for one, asked in _all(provider):
            if asked.refused:
                said.setdefault(asked.refused[0], []).append(one)
        lines += [f"| `{name}` | {', '.join(ones)} | {sentence} |" for sentence, ones in said.items()]
    return "\n".join(lines) + "\n"


def ways() -> str:
    """Secrets by which a type is opened, and the headers that they become."""
    lines = ["| `type:` | keys | sent as |", "| --- | --- | --- |"]
    for name, provider in PROVIDERS.items():
        for way in ways_in(provider):
            keys = " and ".join(f"`{key}`" for key in way)
            if "access_token" in way and "access_token" not in provider.secrets:
                keys = "the token of `auth: oauth`"
            lines.append(f"| `{name}` | {keys} | {_headers(provider, way)} |")
        if provider.identity is not None:
            lines.append(
                f"| `{name}` | none of them: {_identity(provider)} | as the keys or the token above |"
            )
    return "\n".join(lines) + "\n"


def _headers(provider: Provider, way: tuple[str, ...]) -> str:
    """Of each route that the type's models take."""
    client = settings_of(provider)
    credentials = Credentials({key: SecretStr(f"({key})") for key in way}, now=0.0)
    found: dict[str, None] = {}
    for asked in _ask(
        provider.chat, provider, models_of(provider, "chat"), CONVERSATIONS["whole answer"]
    ).exchanges:
        plain: HTTPRequest = asked.request
        signed = provider.authorize(client, credentials, plain)
        added = signed.headers.keys() - plain.headers.keys()
        found[" and ".join(_header(key, signed.headers[key]) for key in sorted(added))] = None
    return "; ".join(found)


def _identity(provider: Provider) -> str:
    """The first sentence about the identity of a cloud that stands in for keys."""
    assert provider.identity is not None
    kinds = get_args(get_type_hints(provider.identity)["return"])
    said = next(kind.__doc__ for kind in kinds if kind is not type(None)).partition(". ")[0].rstrip(".")
    return f"an identity of the cloud ({said.removeprefix('Of ').removeprefix('The ')})"


def _header(name: str, value: str) -> str:
    scheme = value.partition(" ")[0] if name == "authorization" else ""
    return f"`{name}: {scheme} ...`" if scheme else f"`{name}`"


def known_vendors() -> str:
    """The names of clients of type openai-compatible that need no ``api_base``."""
    names = (f"`{name}`" for name, row in sorted(vendors.VENDORS.items()) if row.api_base)
    return ", ".join(names) + "\n"
