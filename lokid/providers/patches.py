"""What the user changes about a request (docs/configuration.md), and who changed what.

In this order: the model's patch; then the first pattern that matches the model's name, of the environment
variable ``LOKID_PATCH_{CLIENT}_{API}`` if it is set, else of the client's ``patch``; then the caller's
``extra_body``, which reaches the body only: a caller may never send a key elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from lokid.protocols.http import HTTPRequest
from lokid.protocols.merge_patch import merge, origins
from lokid.providers.settings import ClientSettings, ModelSettings, RequestPatch

API = Literal["chat_completions", "embeddings", "rerank"]


@dataclass(frozen=True, slots=True)
class Patched:
    """``origins``: ``url``, ``headers.NAME`` or ``body.PATH`` -> the patch that decided it last."""

    request: HTTPRequest
    origins: Mapping[str, str]


def patched(
    request: HTTPRequest,
    *,
    model: ModelSettings,
    client: ClientSettings,
    api: API,
    override: Mapping[str, RequestPatch] | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Patched:
    """``override``: pattern -> patch of the environment variable, if it is set; it replaces the client's."""
    found: dict[str, str] = {}
    for label, patch in _applying(model, client, api, override):
        request = _apply(request, patch)
        found |= _origins(label, patch)
    if extra_body:
        request = replace(request, body=merge(request.body, extra_body))
        found |= origins(extra_body, "extra_body of the request", "body")
    return Patched(request, found)


def _applying(
    model: ModelSettings, client: ClientSettings, api: API, override: Mapping[str, RequestPatch] | None
) -> Iterator[tuple[str, RequestPatch]]:
    if model.patch:
        yield f"patch of the model {model.name}", model.patch
    source = f"patch of the client {client.name}"
    patches: Mapping[str, RequestPatch] = getattr(client.patch, api)
    if override is not None:
        source, patches = "patch in the environment", override
    for pattern, patch in patches.items():
        if re.fullmatch(pattern, model.name):
            yield f"{source}, {api}, {pattern}", patch
            return


def _apply(request: HTTPRequest, patch: RequestPatch) -> HTTPRequest:
    headers = dict(request.headers)
    absent = set(request.absent)
    for name, value in (patch.headers or {}).items():
        name = name.lower()
        if value is None:
            headers.pop(name, None)
            absent.add(name)
        else:
            headers[name] = value.get_secret_value()
            absent.discard(name)
    return replace(
        request,
        url=patch.url or request.url,
        headers=headers,
        absent=frozenset(absent),
        body=request.body if patch.body is None else merge(request.body, patch.body),
    )


def _origins(label: str, patch: RequestPatch) -> dict[str, str]:
    found = {f"headers.{name.lower()}": label for name in patch.headers or ()}
    if patch.url:
        found["url"] = label
    return found | (origins(patch.body, label, "body") if patch.body else {})
