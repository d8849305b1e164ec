"""``type: bedrock``: Amazon Bedrock, https://docs.aws.amazon.com/bedrock/latest/APIReference/.

Credentials: a Bedrock API key (``api_key``), static access keys that sign each request, or with neither
those of this machine: the chain of the AWS SDKs, or one ``profile`` of theirs.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from lokid.chat import Answer, ChatRequest, EmbedAnswer, EmbedRequest, RerankAnswer, RerankRequest
from lokid.dialects import bedrock_converse, bedrock_invoke
from lokid.dialects.bedrock_converse import Reasons
from lokid.dialects.bedrock_converse_answer import ConverseStreamDecoder, whole_converse_decoder
from lokid.dialects.bedrock_errors import classify
from lokid.dialects.errors import listed_in
from lokid.dialects.stream import WholeDecoder
from lokid.dialects.untrusted import mapping, text
from lokid.protocols.http import HTTPRequest
from lokid.protocols.sigv4 import AccessKey, sign
from lokid.providers import anthropic_formats
from lokid.providers.base import Credentials, Exchange, Provider
from lokid.providers.identities import AWSIdentity
from lokid.providers.keys import bearer
from lokid.providers.paths import segment
from lokid.providers.settings import ClientSettings, ModelSettings, Secret

SERVICE = "bedrock"
"""What requests are signed for, those to the agent runtime included."""

EVENTS = ("application/vnd.amazon.eventstream",)
JSON = ("application/json",)

REASONS: dict[str | None, Reasons] = {
    "claude_budget": "claude",
    "claude_adaptive": "claude",
    "openai_effort": "openai",
    "nova_effort": "nova",
    "none": "openai",  # which says that there are no efforts
}


class BedrockSettings(ClientSettings):
    """``api_base`` replaces scheme and host; ``session_token`` comes with temporary access keys.
    ``profile``: of the shared configuration of AWS (``~/.aws``), which also has a ``region`` that is not said
    (``runtime.identities.regions``)."""

    needed = ("region",)
    environment = MappingProxyType({"region": ("AWS_REGION", "AWS_DEFAULT_REGION")})

    type: Literal["bedrock"]
    region: str | None = Field(None, pattern=r"^[a-z0-9-]+$")
    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None
    profile: str | None = Field(
        None, min_length=1, description="of the shared configuration of AWS, instead of keys"
    )

    def lacking(self) -> tuple[str, ...]:
        keys = {"access_key_id": self.access_key_id, "secret_access_key": self.secret_access_key}
        given = any(keys.values()) or self.session_token is not None
        # One half of a pair of keys is a mistake, never a reason to try the next source of credentials.
        halves = tuple(key for key, value in keys.items() if value is None) if given else ()
        return ClientSettings.lacking(self) + halves


def identity(client: BedrockSettings) -> AWSIdentity | None:
    """Keys in the configuration count more than a profile, as in the SDKs."""
    return None if client.api_key or client.access_key_id else AWSIdentity(client.profile)


def base_url(client: BedrockSettings) -> str:
    return _host(client, "bedrock-runtime")


def authorize(client: BedrockSettings, credentials: Credentials, request: HTTPRequest) -> HTTPRequest:
    """An API key goes before access keys: whoever names one wants it used."""
    secrets = credentials.secrets
    if "api_key" in secrets or "access_token" in secrets:
        return bearer(client, credentials, request)
    if "access_key_id" not in secrets or "secret_access_key" not in secrets:
        return request
    token = secrets.get("session_token")
    key = AccessKey(
        secrets["access_key_id"].get_secret_value(),
        secrets["secret_access_key"].get_secret_value(),
        token.get_secret_value() if token else None,
    )
    return sign(request, key, region=client.region or "", service=SERVICE, now=credentials.now)


def chat(client: BedrockSettings, model: ModelSettings, request: ChatRequest) -> Exchange[Answer]:
    traits = replace(
        anthropic_formats.traits(client, model, image_urls=False), needs_max_tokens=model.require_max_tokens
    )
    stream = request.stream and not model.no_stream
    body = bedrock_converse.encode(request, traits, REASONS.get(model.reasoning_style, "unknown"))
    return Exchange(
        _post(_model_url(client, model, "converse-stream" if stream else "converse"), body),
        (lambda: ConverseStreamDecoder(traits)) if stream else lambda: whole_converse_decoder(traits),
        streaming=stream,
        accept=EVENTS if stream else JSON,
    )


def embed(client: BedrockSettings, model: ModelSettings, request: EmbedRequest) -> Exchange[EmbedAnswer]:
    """The family is that of the name that Bedrock knows, or of ours where that is the ARN of a profile."""
    family = bedrock_invoke.family(model.wire_name, model.name)
    body = bedrock_invoke.encode(request, model.name, family)
    texts = len(request.texts)
    return Exchange(
        _post(_model_url(client, model, "invoke"), body), lambda: bedrock_invoke.decoder(texts, family)
    )


def rerank(client: BedrockSettings, model: ModelSettings, request: RerankRequest) -> Exchange[RerankAnswer]:
    """Amazon's own models through Rerank; any other is asked as Cohere's."""
    if "amazon.rerank" in model.wire_name:
        arn = model.wire_name if model.wire_name.startswith("arn:") else _arn(client, model.wire_name)
        url = f"{_host(client, 'bedrock-agent-runtime')}/rerank"
        body = bedrock_invoke.encode_rerank_sources(request, arn)
    else:
        url = _model_url(client, model, "invoke")
        body = bedrock_invoke.encode_rerank(request)
    return Exchange(_post(url, body), lambda: bedrock_invoke.rerank_decoder(request))


def list_models(client: BedrockSettings) -> Exchange[tuple[str, ...]]:
    """Those that can be asked by their own name; which inference profiles an account has is not here."""
    url = f"{_host(client, 'bedrock')}/foundation-models?byInferenceType=ON_DEMAND"
    return Exchange(HTTPRequest("GET", url), lambda: WholeDecoder(_model_names))


def _model_names(value: Any) -> tuple[str, ...]:
    found = map(mapping, listed_in(value, "modelSummaries"))
    return tuple(dict.fromkeys(filter(None, (text(entry.get("modelId")) for entry in found))))


def _host(client: BedrockSettings, service: str) -> str:
    return client.api_base or f"https://{service}.{client.region}.amazonaws.com"


def _model_url(client: BedrockSettings, model: ModelSettings, operation: str) -> str:
    """A name is one segment of the path: colons, and slashes of ARNs, are encoded."""
    return f"{base_url(client)}/model/{segment(model.wire_name)}/{operation}"


def _arn(client: BedrockSettings, model: str) -> str:
    partition = "aws-us-gov" if (client.region or "").startswith("us-gov-") else "aws"
    return f"arn:{partition}:bedrock:{client.region}::foundation-model/{model}"


def _post(url: str, body: dict[str, Any]) -> HTTPRequest:
    """With its content type, which is signed."""
    return HTTPRequest("POST", url, {"content-type": "application/json"}, body)


BEDROCK = Provider(
    name="bedrock",
    settings=BedrockSettings,
    base_url=base_url,
    authorize=authorize,
    error=classify,
    chat=chat,
    embed=embed,
    rerank=rerank,
    list_models=list_models,
    secrets=("api_key", "access_key_id", "secret_access_key", "session_token"),
    optional_secrets=("api_key", "access_key_id", "secret_access_key", "session_token"),
    max_embed_batch=96,  # texts of one request, for Cohere's models
    identity=identity,
    environment=("AWS_BEARER_TOKEN_BEDROCK", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
)
