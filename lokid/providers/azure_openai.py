"""``type: azure-openai``: what a resource of Azure AI Foundry serves: OpenAI's models, Claude, and others.

https://learn.microsoft.com/azure/ai-foundry/. A resource has four ways in. Which one a request takes follows
from the path of ``api_base``, else from the model's name, else from ``api_version``:

``{api_base}/openai/v1/...``                   the default: every deployment, its name in the body
``{api_base}/openai/deployments/{model}/...``  with ``api_version`` (Responses: ``/openai/responses``)
``https://NAME.services.ai.azure.com/models``  as ``api_base``: models that are not OpenAI's, the older way
``{api_base}/anthropic/v1/messages``           models named ``claude-...``, and all of them where ``api_base``
                                               ends with ``/anthropic``

There is no list of models: a resource lists what could be deployed, not what is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from lokid.chat import Answer, ChatRequest, EmbedAnswer, EmbedRequest
from lokid.dialects.errors import classify
from lokid.dialects.openai_embeddings import Style
from lokid.dialects.redaction import clean, short
from lokid.dialects.untrusted import items, loads, mapping, text
from lokid.errors import AuthenticationFailed, BadRequest, ContentFiltered, LokidError, UnknownModel
from lokid.protocols.http import HTTPRequest
from lokid.providers import anthropic_formats, openai_formats
from lokid.providers.base import Credentials, Exchange, Provider
from lokid.providers.identities import AzureIdentity
from lokid.providers.keys import bearer
from lokid.providers.paths import segment
from lokid.providers.settings import ClientSettings, ModelSettings, RequestURL, Secret

Route = Literal["v1", "classic", "models", "anthropic"]

MODELS_VERSION = "2024-05-01-preview"
"""``api-version`` of ``/models``, which needs one, if the user has not chosen."""

COMPLETION_TOKENS_SINCE = "2024-09"
"""From this ``api-version`` on ``max_completion_tokens`` is known. Every OpenAI model takes it, and the newer
ones nothing else; what a deployment is, its name need not say."""

STANDARD = frozenset(
    (
        *("messages", "model", "stream", "max_tokens", "temperature", "top_p", "stop", "seed"),
        *("frequency_penalty", "presence_penalty", "response_format", "tools", "tool_choice", "modalities"),
        *("input", "dimensions", "encoding_format", "input_type"),
    )
)
"""The parameters of ``/models``; others are refused unless a header lets them through."""

EMBEDDINGS = Style(encoding_format="base64")
MODELS_EMBEDDINGS = Style(
    encoding_format=None,  # floats; not every model there has base64
    input_type=("input_type", {"query": "query", "document": "document"}),
)

AUTHORITY = "https://login.microsoftonline.com"
SCOPES = {
    "classic": "https://cognitiveservices.azure.com/.default",
    "v1": "https://ai.azure.com/.default",
}

_SUFFIX = re.compile(r"/(openai(/v1)?|models|anthropic(/v1)?)$")


class AzureOpenAISettings(ClientSettings):
    """``api_base``: the resource, ``https://NAME.openai.azure.com`` or
    ``https://NAME.services.ai.azure.com``. ``access_token``: of Microsoft Entra ID, instead of ``api_key``;
    it lasts an hour, so it is best a file that something renews. lokid gets tokens itself, and renews them,
    for an application (``tenant_id``, ``client_id``, ``client_secret``), or with ``identity``: of the machine
    that it runs on (``managed_identity``; ``client_id`` names one that is not the machine's own), of whoever
    is signed in with ``az`` (``cli``), or as the SDKs of Azure look for one (``default``). ``authority``:
    where tenants sign in, for other clouds. ``scope``: what tokens are for.
    """

    needed = ("api_base",)

    type: Literal["azure-openai"]
    api_version: str | None = Field(None, pattern=r"^\d{4}-\d{2}-\d{2}(-preview)?$")
    access_token: Secret | None = None
    tenant_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9.-]+$",
        description="of an application in Microsoft Entra ID, instead of a key",
    )
    client_id: str | None = Field(
        None, min_length=1, description="of the application, or of a managed identity"
    )
    client_secret: Secret | None = Field(None, description="of the application")
    identity: Literal["managed_identity", "cli", "default"] | None = Field(
        None, description="of this machine, of `az login`, or wherever the SDKs find one, instead of a key"
    )
    authority: RequestURL = Field(AUTHORITY, description="where tenants sign in; another in sovereign clouds")
    scope: str | None = Field(None, min_length=1, description="of tokens; by default what the way in wants")

    @property
    def keyless(self) -> bool:
        return self.auth is None and not self.api_key and not self.access_token

    def lacking(self) -> tuple[str, ...]:
        absent: tuple[str, ...] = ()
        if self.keyless and self.identity is None:
            application = ("tenant_id", "client_id", "client_secret")
            absent = tuple(key for key in application if not getattr(self, key))
            # Whoever has begun to name an application is told the rest, and everybody else of a key.
            absent = ("api_key",) if absent == application else absent
        return (*absent, *ClientSettings.lacking(self))


def identity(client: AzureOpenAISettings) -> AzureIdentity | None:
    """An ``identity`` that is named counts more than an application, whose ids it may need."""
    if not client.keyless or not (client.identity or client.client_secret):
        return None
    return AzureIdentity(
        client.identity or "client_secret",
        client.scope or scope(client),
        client.authority.rstrip("/"),
        client.tenant_id,
        client.client_id,
    )


def scope(client: AzureOpenAISettings) -> str:
    """Of the way in that most requests of the client take: the classic one knows another audience."""
    found = _SUFFIX.search(client.api_base or "")
    elsewhere = found is not None and not found[1].startswith("openai")
    return SCOPES["classic" if client.api_version and not elsewhere else "v1"]


def base_url(client: AzureOpenAISettings) -> str:
    """The resource, without the path that chooses a route."""
    return _SUFFIX.sub("", client.api_base or "")


def route(client: AzureOpenAISettings, model: ModelSettings) -> Route:
    """``/openai`` and ``/openai/v1`` at the end of ``api_base`` choose nothing: people copy them along."""
    found = _SUFFIX.search(client.api_base or "")
    chosen = found[1] if found else ""
    if chosen == "models":
        return "models"
    if chosen.startswith("anthropic") or re.match(r"(?i)claude-", model.wire_name):
        return "anthropic"
    return "classic" if client.api_version else "v1"


def chat(client: AzureOpenAISettings, model: ModelSettings, request: ChatRequest) -> Exchange[Answer]:
    stream = request.stream and not model.no_stream
    way = route(client, model)
    if way == "anthropic":
        return anthropic_formats.messages(
            _url(client, "anthropic/v1/messages"),
            anthropic_formats.traits(client, model),
            request,
            stream=stream,
            headers={"anthropic-version": anthropic_formats.version(client, model, request)},
        )
    traits = openai_formats.traits(client, model)
    if model.max_tokens_param is None and (
        way == "v1" or (way == "classic" and (client.api_version or "") >= COMPLETION_TOKENS_SINCE)
    ):
        traits = replace(traits, max_tokens_param="max_completion_tokens")
    if model.chat_api == "responses" and way != "models":
        url = _url(client, "openai/v1/responses" if way == "v1" else "openai/responses", way)
        return openai_formats.responses(url, traits, request, stream=stream, headers={})
    url = _deployed(client, model, way, "chat/completions")
    return openai_formats.chat_completions(url, traits, request, stream=stream, headers={})


def embed(client: AzureOpenAISettings, model: ModelSettings, request: EmbedRequest) -> Exchange[EmbedAnswer]:
    way = route(client, model)
    if way == "anthropic":  # which has none
        way = "classic" if client.api_version else "v1"
    style = MODELS_EMBEDDINGS if way == "models" else EMBEDDINGS
    url = _deployed(client, model, way, "embeddings")
    return openai_formats.embeddings(url, model, request, style, headers={})


def _deployed(client: AzureOpenAISettings, model: ModelSettings, way: Route, path: str) -> str:
    match way:
        case "classic":
            return _url(client, f"openai/deployments/{segment(model.wire_name)}/{path}", way)
        case "models":
            return _url(client, f"models/{path}", way)
        case _:
            return _url(client, f"openai/v1/{path}")


def _url(client: AzureOpenAISettings, path: str, way: Route = "v1") -> str:
    url = f"{base_url(client)}/{path}"
    versions = {"classic": client.api_version, "models": client.api_version or MODELS_VERSION}
    version = versions.get(way)
    return f"{url}?api-version={version}" if version else url


# --- keys


def authorize(client: AzureOpenAISettings, credentials: Credentials, request: HTTPRequest) -> HTTPRequest:
    """A token goes into ``authorization`` everywhere, a key into the headers that the official SDK of the
    route uses. Only here, after all patches, it is known whether ``/models`` gets what it does not know."""
    path = urlsplit(request.url).path
    to_models = re.search(r"/models/(chat/completions|embeddings)$", path) is not None
    if to_models and isinstance(request.body, Mapping) and not request.body.keys() <= STANDARD:
        request = request.adding({"extra-parameters": "pass-through"})
    key = credentials.secrets.get("api_key")
    if key is None or "access_token" in credentials.secrets or "/openai/v1/" in path:
        return bearer(client, credentials, request)
    headers = {"api-key": key.get_secret_value()}
    if to_models:
        headers["authorization"] = f"Bearer {key.get_secret_value()}"
    if "/anthropic/" in path:
        headers["x-api-key"] = key.get_secret_value()
    return request.adding(headers)


# --- errors


def error(status: int, headers: Mapping[str, str], body: bytes) -> LokidError:
    found = classify(status, headers, body)
    match found:
        case ContentFiltered() if categories := _categories(body):
            found.message += f" ({'; '.join(categories)})"
            found.args = (found.message,)
        case UnknownModel():
            found.hint = (
                "name a deployment of this resource: the model's name (or real_name) is the deployment's"
            )
        case BadRequest() if status == 404:
            found.hint = "check api_base and api_version of this client: the resource has no such path"
        case BadRequest() if "chatCompletion operation does not work" in found.message:
            found.hint = "set chat_api: responses of the model in the configuration"
        case AuthenticationFailed():
            found.hint = (
                "check api_key or access_token of this client; a key is valid for its own resource only, and "
                "an identity needs a role there (Cognitive Services OpenAI User)"
            )
    return found


def _categories(body: bytes) -> list[str]:
    """Which categories of the content filter blocked the prompt: ``hate: high``.

    ``error.innererror.content_filter_result``, or ``error.content_filters[].content_filter_results`` from
    the v1 route. ``body`` is JSON: that the filter refused stood in there.
    """
    fields = mapping(mapping(loads(body)).get("error"))
    inner = mapping(fields.get("innererror"))
    results = [inner.get("content_filter_result"), inner.get("content_filter_results")]
    results += [
        one.get("content_filter_results") for one in map(mapping, items(fields.get("content_filters")))
    ]
    found = [_category(name, mapping(said)) for one in results for name, said in mapping(one).items()]
    return list(dict.fromkeys(filter(None, found)))[:MAX_CATEGORIES]


MAX_CATEGORIES = 8
"""Named in a message; there are about ten."""


def _category(name: str, said: Mapping[str, Any]) -> str:
    if said.get("filtered") is not True:
        return ""
    severity = short(clean(text(said.get("severity"))), 16)
    return short(clean(name), 32) + (f": {severity}" if severity else "")


AZURE_OPENAI = Provider(
    name="azure-openai",
    settings=AzureOpenAISettings,
    base_url=base_url,
    authorize=authorize,
    error=error,
    chat=chat,
    embed=embed,
    secrets=("api_key", "access_token", "client_secret"),
    optional_secrets=("api_key", "access_token", "client_secret"),
    max_embed_batch=2048,  # documented limit of inputs in one request
    identity=identity,
    environment=("AZURE_CLIENT_SECRET", "AZURE_PASSWORD", "IDENTITY_HEADER"),
)
