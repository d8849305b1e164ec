"""The rows of ``models.list``, and asking a provider for its models."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice
from math import inf
from typing import Any

import anyio
from anyio.lowlevel import RunVar

from lokid.config.problem import Path
from lokid.errors import LokidError, ProviderFailed, TimedOut, Unsupported
from lokid.providers import catalogue
from lokid.providers.base import Credentials, Decoder
from lokid.providers.settings import ModelSettings
from lokid.rpc.methods import ModelType
from lokid.runtime import often, refusals, refused_keys
from lokid.runtime.clients import OpenClient
from lokid.runtime.heavy import LARGE, aside
from lokid.runtime.known import Models
from lokid.runtime.network.http import Timeouts
from lokid.runtime.redaction import SECRET, hide, without
from lokid.runtime.secrets.vault import all_locked

log = logging.getLogger(__name__)

REFRESH_S = 15.0
"""Seconds for one provider's list; whoever waits for all of them waits for the slowest."""


FEW = 500
"""Models, of which all names are found in a millisecond."""

MAX_MODELS = 5_000
"""Of one provider; they take 6 MB. OpenRouter, which has everybody's, lists a fifth of that."""

MAX_LIST = 8 * 1024 * 1024
"""Bytes of a list. OpenRouter's has one million, with a description of each model."""

LONGEST_NAME = 512
"""Characters of a model's name. The longest are ARNs, half of that; the list is kept, and goes to all who
ask."""


def listed(client: OpenClient, model: ModelSettings) -> dict[str, Any]:
    """Every setting of docs/configuration.md but the patch, which may hold keys in headers."""
    row = model.model_dump(mode="json", exclude={"patch"})
    return {"id": f"{client.name}:{model.name}", "client": client.name, **row}


async def rows(client: OpenClient, filled: Iterable[Path] = ()) -> list[dict[str, Any]]:
    """Of every model that the client offers. ``filled``: what of its settings came out of ``{{NAME}}``. Not
    to be changed: the next caller gets the same ones."""
    offered, found = client.rows
    if offered is not client.offered:
        offered = client.offered
        # In a thread: ten thousand take a fifth of a second. Programs that complete names ask often.
        found = await often.aside(lambda: _hide(client, filled, [listed(client, model) for model in offered]))
        client.rows = offered, found
    return found


def _hide(client: OpenClient, filled: Iterable[Path], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In their place: what came out of ``{{NAME}}``, as ``config.show`` hides it."""
    for way in filled if client.settings.models is not None else ():
        match way:
            case ("models", int(number), str(key), *_) if key in rows[number]:
                rows[number][key] = SECRET
                if key == "name":
                    rows[number]["id"] = f"{client.name}:{SECRET}"
    return rows


async def names(client: OpenClient, type: ModelType | None, prefix: str) -> list[str]:  # noqa: A002 - the key's name
    """``client:model`` of those that the client offers and that begin like this. Of which type they are is
    looked up for these only: for ten thousand that takes a fifth of a second after a reload."""
    begin = f"{client.name}:"
    if not prefix.startswith(begin[: len(prefix)]):
        return []
    rest, offered = prefix[len(begin) :], client.offered

    def chosen() -> list[str]:
        found = (at for at, name in enumerate(_plain_names(offered)) if name.startswith(rest))
        models = (offered[at] for at in found)
        return [f"{begin}{model.name}" for model in models if type in (None, model.type)]

    return chosen() if len(offered) <= FEW else await often.aside(chosen)


def _plain_names(offered: Sequence[ModelSettings]) -> Iterable[str]:
    return offered.plain_names() if isinstance(offered, Models) else (model.name for model in offered)


async def refresh(client: OpenClient) -> None:
    """Sets ``client.offered`` to the models that the catalogue names, then those that only the provider
    does; after an error it stays what it was. A client with a list of models has exactly these, so its
    provider is not asked. Raises any LokidError."""
    if client.settings.models is not None:
        return
    known, client.models_error = client.models_error, None
    try:
        client.offered = await _merged(client)
    except LokidError as error:
        client.models_error = error.message
        if error.message != known:  # a program may ask as often as it likes
            log.warning("models of %s not refreshed: %s", client.name, error.message)
        raise


async def _merged(client: OpenClient) -> tuple[ModelSettings, ...]:
    known = client.models
    if client.provider.list_models is None:
        raise Unsupported(f"providers of type {client.provider.name} do not list models", client=client.name)
    seen = {model.name for model in known}
    told = (name for name in await _ask(client) if name not in seen and len(name) <= LONGEST_NAME)
    names = list(islice(told, MAX_MODELS))
    if next(told, None) is not None:
        log.warning("client %r lists more than %d models; the others are left out", client.name, MAX_MODELS)
    vendor = catalogue.vendor(client.settings)

    def complete() -> tuple[ModelSettings, ...]:
        models = (ModelSettings(name=name) for name in names)
        return tuple(catalogue.complete(client.provider.name, model, vendor) for model in models)

    # Half a second for ten thousand: the answers of others must not wait for that.
    return (*known, *await often.aside(complete))


async def _ask(client: OpenClient) -> tuple[str, ...]:
    # Some give their list to anybody, so it says nothing of the key.
    known = client.outcome.failure if client.outcome.locked_out else None
    with anyio.move_on_after(REFRESH_S) as limit:
        names = await _names(client, limit)
        client.outcome.failure = client.outcome.failure or known
        return names
    raise TimedOut(f"{client.name} did not list its models within {REFRESH_S:g} s", client=client.name)


_ONE: RunVar[anyio.CapacityLimiter] = RunVar("large list of models that is read")


def _one_at_a_time() -> anyio.CapacityLimiter:
    try:
        return _ONE.get()
    except LookupError:
        _ONE.set(limiter := anyio.CapacityLimiter(1))
        return limiter


async def _names(client: OpenClient, limit: anyio.CancelScope) -> tuple[str, ...]:
    """``limit``: of the provider, and not of what is done here with what it has sent."""
    assert client.provider.list_models is not None
    credentials = await client.credentials()
    async with client.use() as settings:
        if client.locked:  # meanwhile
            raise all_locked(client.name)
        exchange = client.provider.list_models(settings)
        request = client.provider.authorize(settings, credentials, exchange.request)
        timeouts = Timeouts(settings.extra.connect_timeout, REFRESH_S, REFRESH_S)
        decoder = exchange.decoder()
        async with client.http.send(request, timeouts) as response:
            if 200 <= response.status < 300:
                while data := await response.read():
                    decoder.feed(data)
                    if response.size > MAX_LIST:
                        raise _too_long(client)
            else:
                refused, _ = await refusals.refusal(client.provider, response)
                raise _hidden(refused, client, credentials)
        limit.deadline = inf
        told = partial(_told, decoder, credentials)
        try:
            # A large list is read where nobody waits, and one at a time: its values take ten times as much.
            return await aside(told, heavy=response.size > LARGE, limiter=_one_at_a_time())
        except LokidError as error:
            raise _hidden(error, client, credentials) from None


def _hidden(error: LokidError, client: OpenClient, credentials: Credentials) -> LokidError:
    """Without what the provider repeats of its key."""
    refused_keys.tell(error, client)
    hide(error, credentials.secrets.values())
    error.client = client.name
    return error


def _told(decoder: Decoder[tuple[str, ...]], credentials: Credentials) -> tuple[str, ...]:
    return without(credentials.secrets.values(), decoder.close())


def _too_long(client: OpenClient) -> ProviderFailed:
    return ProviderFailed(
        f"{client.name} lists its models in more than {MAX_LIST >> 20} MiB",
        client=client.name,
        hint=f"name those that you use in `models` of client {client.name!r}",
    )
