"""``type: vertexai``: Google Cloud's Vertex AI, https://cloud.google.com/vertex-ai/generative-ai/docs.

Gemini, Claude and Mistral models, each in its publisher's own format. Which publisher: by the beginning of
the model's name, or by what stands before it, as in ``anthropic/NAME`` (in ``name`` or ``real_name``).

Credentials are an access token (``access_token``), an API key (express mode: Google's own models, without
project and location), or with neither the Application Default Credentials of this machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from lokid.chat import Answer, ChatRequest, EmbedAnswer, EmbedRequest
from lokid.dialects import gemini_embeddings, openai_chat
from lokid.dialects.errors import classify
from lokid.dialects.openai_chat_answer import StreamDecoder, whole_decoder
from lokid.errors import AuthenticationFailed, InvalidParams, LokidError, UnknownModel, Unsupported
from lokid.protocols.http import HTTPRequest
from lokid.providers import anthropic_formats, gemini_formats, openai_formats
from lokid.providers.base import Credentials, Exchange, Provider
from lokid.providers.identities import GoogleIdentity
from lokid.providers.keys import key_in
from lokid.providers.paths import in_path
from lokid.providers.settings import ClientSettings, ModelSettings, Secret

PUBLISHERS = ("google", "anthropic", "mistralai")

NAMES = (
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"mistral|ministral|codestral|magistral|pixtral|devstral|mathstral"), "mistralai"),
)
"""Beginning of a model's name -> its publisher. Any other name is Google's."""

GOOGLE_API = "v1beta1"
"""As the official SDK: preview models and features exist only there. The other publishers' are in v1."""

FORMER_CLAUDE = "vertex-2023-10-16"
"""What the last version of Anthropic's API that takes sampling parameters is called here."""


class VertexAISettings(ClientSettings):
    """``location``: a region (``us-central1``), a multi-region (``us``, ``eu``) or ``global``.
    ``access_token``: of Google Cloud, which lasts an hour: a file that something renews, or a command, which
    runs again when the configuration is loaded again. ``quota_project_id``: the project that pays, if it is
    not ``project_id``. ``adc_file``: a path; without it Google's usual places."""

    needed = ("project_id", "location")
    environment = MappingProxyType(
        {
            "project_id": ("GOOGLE_CLOUD_PROJECT",),
            "location": ("GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_REGION"),
            "quota_project_id": ("GOOGLE_CLOUD_QUOTA_PROJECT",),
        }
    )

    type: Literal["vertexai"]
    project_id: str | None = Field(None, pattern=r"^[a-z0-9.:-]+$")
    location: str | None = Field(None, pattern=r"^[a-z0-9-]+$")
    quota_project_id: str | None = Field(None, pattern=r"^[a-z0-9.:-]+$")
    access_token: Secret | None = None
    adc_file: str | None = Field(None, min_length=1)

    @property
    def express(self) -> bool:
        """A key belongs to a project itself; a token counts more."""
        return self.api_key is not None and self.access_token is None

    def lacking(self) -> tuple[str, ...]:
        return () if self.express else ClientSettings.lacking(self)


def identity(client: VertexAISettings) -> GoogleIdentity | None:
    return None if client.access_token or client.api_key else GoogleIdentity(client.adc_file)


def authorize(client: VertexAISettings, credentials: Credentials, request: HTTPRequest) -> HTTPRequest:
    if credentials.quota_project:
        request = request.adding({"x-goog-user-project": credentials.quota_project})
    return _with_key(client, credentials, request)


_with_key = key_in("x-goog-api-key")


def base_url(client: VertexAISettings) -> str:
    if client.api_base:
        return client.api_base
    match None if client.express else client.location:
        case "global" | None:
            return "https://aiplatform.googleapis.com"
        case "us" | "eu":  # multi-regions have hosts of their own
            return f"https://aiplatform.{client.location}.rep.googleapis.com"
    return f"https://{client.location}-aiplatform.googleapis.com"


def chat(client: VertexAISettings, model: ModelSettings, request: ChatRequest) -> Exchange[Answer]:
    publisher, name = publisher_of(model)
    stream = request.stream and not model.no_stream
    headers = _headers(client)
    if publisher == "google":
        traits = gemini_formats.traits(client, model)
        url = _url(client, publisher, name)
        return gemini_formats.generate(url, traits, request, stream=stream, headers=headers)
    url = f"{_url(client, publisher, name)}:{'streamRawPredict' if stream else 'rawPredict'}"
    if publisher == "anthropic":
        return anthropic_formats.messages(
            url,
            anthropic_formats.traits(client, model),
            request,
            stream=stream,
            headers=headers,
            hosted=anthropic_formats.version(client, model, request, former=FORMER_CLAUDE),
        )
    return _mistral(url, client, model, name, request, stream=stream)


def embed(client: VertexAISettings, model: ModelSettings, request: EmbedRequest) -> Exchange[EmbedAnswer]:
    """``gemini-embedding-2`` is only at embedContent, which takes one text; all others are at predict."""
    publisher, name = publisher_of(model)
    if publisher != "google":
        raise Unsupported(f"{model.name} cannot embed", hint="Vertex AI embeds with models of Google")
    url, texts = _url(client, publisher, name), len(request.texts)
    if not gemini_embeddings.told_in_text(name):
        body = gemini_embeddings.predict(request)
        return Exchange(
            HTTPRequest("POST", f"{url}:predict", _headers(client), body),
            lambda: gemini_embeddings.predict_decoder(texts),
        )
    if texts > 1:
        raise InvalidParams(
            f"{model.name} takes one text a request on Vertex AI",
            hint="max_batch_size of the model must be 1",
        )
    body = gemini_embeddings.single(request, name)
    return Exchange(
        HTTPRequest("POST", f"{url}:embedContent", _headers(client), body),
        lambda: gemini_embeddings.decoder(texts),
    )


def list_models(client: VertexAISettings) -> Exchange[tuple[str, ...]]:
    """Google's models; the list belongs to no project, so one must be named to pay for it."""
    headers = _headers(client)
    if client.project_id and not client.express:
        headers = {"x-goog-user-project": client.project_id} | headers
    return gemini_formats.models(f"{base_url(client)}/{GOOGLE_API}/publishers/google/models", headers=headers)


def refused(status: int, headers: Mapping[str, str], body: bytes) -> LokidError:
    """As ``classify``, with what usually is the reason here."""
    error = classify(status, headers, body)
    match error:
        case AuthenticationFailed():
            error.hint = (
                "access tokens last an hour: renew it (`lokictl config reload` runs its command again), "
                "or check api_key of this client, or who is signed in: gcloud auth application-default login"
            )
        case UnknownModel():
            error.hint = "check the model's name, and whether it is at the location of this client"
    return error


def publisher_of(model: ModelSettings) -> tuple[str, str]:
    """The publisher and the name that it knows the model by. Raises ``Unsupported`` for one whose format
    is not known."""
    name = model.wire_name.removeprefix("publishers/").replace("/models/", "/", 1)
    publisher, slash, own_name = name.partition("/")
    if not slash:
        found = next((whose for beginning, whose in NAMES if beginning.match(name)), "google")
        return found, name
    if publisher not in PUBLISHERS:
        raise Unsupported(
            f"models of the publisher {publisher[:40]!r} cannot be asked through type vertexai",
            hint="use type openai-compatible with api_base .../endpoints/openapi and an access token",
        )
    return publisher, own_name


def _mistral(
    url: str,
    client: VertexAISettings,
    model: ModelSettings,
    name: str,
    request: ChatRequest,
    *,
    stream: bool,
) -> Exchange[Answer]:
    """OpenAI's format with ``model``, without its version, and ``stream`` in every body; a stream tells its
    usage unasked."""
    known = openai_formats.traits(client, model, required_choice="any")
    traits = replace(known, model=name.partition("@")[0])
    body = openai_chat.encode(request, traits, stream=stream) | {"stream": stream}
    body.pop("stream_options", None)
    return Exchange(
        HTTPRequest("POST", url, _headers(client), body),
        (lambda: StreamDecoder(traits)) if stream else lambda: whole_decoder(traits),
        streaming=stream,
        accept=openai_formats.EVENTS if stream else openai_formats.JSON,
    )


def _url(client: VertexAISettings, publisher: str, name: str) -> str:
    version = GOOGLE_API if publisher == "google" else "v1"
    path = f"publishers/{publisher}/models/{in_path(name)}"
    if not client.express:
        path = f"projects/{client.project_id}/locations/{client.location}/{path}"
    elif publisher != "google":
        raise Unsupported(
            "an API key of Vertex AI (express mode) only reaches models of Google",
            hint="give project_id, location and access_token instead of api_key",
        )
    return f"{base_url(client)}/{version}/{path}"


def _headers(client: VertexAISettings) -> dict[str, str]:
    """Here and not in ``authorize``, so that patches see them."""
    return {"x-goog-user-project": client.quota_project_id} if client.quota_project_id else {}


VERTEXAI = Provider(
    name="vertexai",
    settings=VertexAISettings,
    base_url=base_url,
    authorize=authorize,
    error=refused,
    chat=chat,
    embed=embed,
    list_models=list_models,
    secrets=("access_token", "api_key"),
    optional_secrets=("access_token", "api_key"),
    max_embed_batch=250,  # documented limit of instances in one request
    identity=identity,
)
