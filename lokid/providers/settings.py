"""What a client and its models may be configured to be: the keys of DESIGN 1.5 that all types share.

A provider file subclasses ``ClientSettings`` with its ``type`` literal and the keys only it has. All
values are frozen and comparable: two equal entries are the same client, so a reload keeps it open.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


class Settings(BaseModel):
    """Base of everything read from the configuration: unknown keys are errors, values never print."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, protected_namespaces=(), strict=False
    )


class CommandSecret(Settings):
    """``{command: [op, read, ...]}``: the first line of its output, kept until the next reload."""

    command: tuple[str, ...] = Field(min_length=1)
    timeout: float = Field(30.0, gt=0, description="seconds")


class FileSecret(Settings):
    """``{file: path}``: its text without the final newline."""

    file: str


Secret = SecretStr | CommandSecret | FileSecret


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return pattern


class RequestPatch(Settings):
    """RFC 7396 merge into the body, headers set or (null) removed, URL replaced."""

    url: str | None = None
    body: dict[str, Any] | None = None
    headers: dict[str, SecretStr | None] | None = None


Pattern = Annotated[str, AfterValidator(_regex)]


class ClientPatch(Settings):
    """Per API, patterns on the model's name; the first that matches as a whole (``^(...)$``) applies."""

    chat_completions: dict[Pattern, RequestPatch] = {}
    embeddings: dict[Pattern, RequestPatch] = {}
    rerank: dict[Pattern, RequestPatch] = {}


class Extra(Settings):
    """How to reach the provider. Times in seconds."""

    proxy: SecretStr | None = None
    connect_timeout: float = Field(10.0, gt=0)
    timeout: float = Field(1800.0, gt=0, description="the whole call")
    first_byte_timeout: float = Field(600.0, gt=0, description="reasoning models think for minutes")
    idle_timeout: float = Field(120.0, gt=0, description="silence between two bytes")
    ca_file: str | None = None
    max_connections: int = Field(64, ge=1, le=1000)
    max_retries: int = Field(2, ge=0, le=10)


class Launch(Settings):
    """A server that lokid starts on the first request and stops when idle. ``{port}`` in ``command``
    and in the client's ``api_base`` is a free port that lokid picks."""

    command: tuple[str, ...] = Field(min_length=1)
    ready_timeout: float = Field(60.0, gt=0)
    idle_timeout: float = Field(600.0, gt=0)


class OAuthSettings(Settings):
    client_id: str | None = None
    client_secret: Secret | None = None
    authorize_url: str | None = None
    token_url: str | None = None
    device_url: str | None = None
    scopes: tuple[str, ...] | None = None
    redirect: str | None = None


class ModelSettings(Settings):
    """One model. Prices are USD per million tokens. ``None``: not said, so the catalogue or the
    provider type's default holds (``lokid.providers.catalogue.complete`` fills in what is known)."""

    name: str = Field(min_length=1)
    real_name: str | None = None
    type: Literal["chat", "embedding", "reranker"] = "chat"
    input_price: float | None = Field(None, ge=0)
    output_price: float | None = Field(None, ge=0)
    cached_input_price: float | None = Field(None, ge=0)
    cache_write_price: float | None = Field(None, ge=0)
    patch: RequestPatch | None = None
    max_input_tokens: int | None = Field(None, ge=1)
    max_output_tokens: int | None = Field(None, ge=1)
    require_max_tokens: bool = False
    supports_vision: bool | None = None
    supports_function_calling: bool | None = None
    no_stream: bool = False
    no_system_message: bool = False
    system_prompt_prefix: str | None = None
    max_tokens_per_chunk: int | None = Field(None, ge=1)
    default_chunk_size: int | None = Field(None, ge=1)
    max_batch_size: int | None = Field(None, ge=1)
    # Capabilities (PROVIDERS.md 0.2): providers reject what they do not support.
    chat_api: Literal["chat_completions", "responses"] | None = None
    max_tokens_param: Literal["max_tokens", "max_completion_tokens"] | None = None
    sampling: bool | None = None
    system_role: Literal["system", "developer", "none"] | None = None
    reasoning_style: Literal["none", "openai_effort", "think_tags"] | None = None
    structured_outputs: bool | None = None

    @property
    def wire_name(self) -> str:
        """The name that the provider knows the model by."""
        return self.real_name or self.name


class ClientSettings(Settings):
    """Keys that every type has. ``models`` None: the catalogue's, and any other name passes through."""

    type: str
    name: str = Field("", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$|^$", description="default: the type")
    auth: Literal["oauth"] | None = None
    oauth: OAuthSettings | None = None
    api_key: Secret | None = None
    api_base: str | None = None
    models: tuple[ModelSettings, ...] | None = None
    patch: ClientPatch = ClientPatch()
    extra: Extra = Extra()
