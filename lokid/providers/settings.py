"""What a client and its models may be configured to be: keys that all types share (docs/configuration.md).

A provider file subclasses ``ClientSettings`` with its ``type`` literal and the keys only it has. All
values are frozen and comparable: two equal entries are the same client, so a reload keeps it open.
The words of a ``ValueError`` raised here are what the user reads after the place: they never hold the
value, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    model_validator,
)

from lokid.providers.addresses import PORT, base_url, proxy_url, request_url


class Settings(BaseModel):
    """Base of everything read from the configuration: unknown keys are errors, values never print."""

    model_config = ConfigDict(
        defer_build=True,  # of eight provider types a person uses two: 2 MiB, and the start is shorter
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        protected_namespaces=(),
        allow_inf_nan=False,
    )


def _number(value: object) -> object:
    # Python's True is 1, so `timeout: yes` would be one second.
    if isinstance(value, bool):
        raise ValueError("must be a number, and is read as true or false")  # noqa: TRY004 - pydantic's way
    return value


Seconds = Annotated[float, BeforeValidator(_number), Field(gt=0)]
Count = Annotated[int, BeforeValidator(_number), Field(ge=1)]
Price = Annotated[float, BeforeValidator(_number), Field(ge=0)]


class CommandSecret(Settings):
    """``{command: [op, read, ...]}``: the first line of its output, kept until the next reload."""

    command: tuple[str, ...] = Field(min_length=1)
    timeout: Seconds = 30.0


class FileSecret(Settings):
    """``{file: path}``: its text without the final newline."""

    file: str = Field(min_length=1)


class KeyringSecret(Settings):
    """``{keyring: [service, name]}``: of the operating system's keyring, kept until the next reload."""

    keyring: tuple[Annotated[str, Field(min_length=1)], Annotated[str, Field(min_length=1)]]


def _secret_kind(value: object) -> str | None:
    # Not the keys' own names, so that the place of an error cannot be taken for the key's.
    match value:
        case str() | SecretStr():
            return "a text"
        case {"command": _} | CommandSecret():
            return "a command"
        case {"file": _} | FileSecret():
            return "a file"
        case {"keyring": _} | KeyringSecret():
            return "a keyring"
    return None


Secret = Annotated[
    Annotated[SecretStr, Tag("a text")]
    | Annotated[CommandSecret, Tag("a command")]
    | Annotated[FileSecret, Tag("a file")]
    | Annotated[KeyringSecret, Tag("a keyring")],
    Discriminator(_secret_kind),
]
"""A value, ``{command: [...]}``, ``{file: path}`` or ``{keyring: [service, name]}``."""


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is not a regular expression ({error.msg})") from None
    except (OverflowError, RecursionError):  # a{99999999999}, or thousands of brackets
        why = "a number in it is too large, or it nests too deep"
        raise ValueError(f"is not a regular expression ({why})") from None
    return pattern


BaseURL = Annotated[str, AfterValidator(base_url)]
RequestURL = Annotated[str, AfterValidator(request_url)]


def _proxy(value: SecretStr | None) -> SecretStr | None:
    text = value.get_secret_value().strip() if value else ""
    # aichat and Loki write "" or "-" for "no proxy"; lokid never takes one from the environment.
    return SecretStr(proxy_url(text)) if text not in ("", "-") else None


class RequestPatch(Settings):
    """RFC 7396 merge into the body, headers set or (null) removed, URL replaced."""

    url: RequestURL | None = Field(None, repr=False)
    body: dict[str, Any] | None = Field(None, repr=False)
    headers: dict[str, SecretStr | None] | None = None


Pattern = Annotated[str, AfterValidator(_regex)]


class ClientPatch(Settings):
    """Per API, patterns on the model's name; the first that matches as a whole (``^(...)$``) applies."""

    chat_completions: dict[Pattern, RequestPatch] = {}
    embeddings: dict[Pattern, RequestPatch] = {}
    rerank: dict[Pattern, RequestPatch] = {}


class Extra(Settings):
    """How to reach the provider. Times in seconds: ``timeout`` is the whole call, ``first_byte_timeout``
    is long because reasoning models think for minutes, ``idle_timeout`` is silence between two bytes."""

    proxy: Annotated[SecretStr | None, AfterValidator(_proxy)] = None
    connect_timeout: Seconds = 10.0
    timeout: Seconds = 1800.0
    first_byte_timeout: Seconds = 600.0
    idle_timeout: Seconds = 120.0
    ca_file: str | None = None
    max_connections: Annotated[Count, Field(le=1000)] = 64
    max_retries: Annotated[int, BeforeValidator(_number), Field(ge=0, le=10)] = 2


class Budget(Settings):
    """What may be spent in a calendar day or month of the daemon's time zone. 0 closes the client."""

    usd_per_day: Price | None = None
    usd_per_month: Price | None = None


class ClientLimits(Settings):
    """For all who ask the client together. ``concurrency``: requests at a time. The others: of any sixty
    seconds. What is over waits for its turn."""

    concurrency: Count | None = None
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None


class Launch(Settings):
    """A server that lokid starts on the first request and stops when idle. ``{port}`` in ``command``
    and in the client's ``api_base`` is a free port that lokid picks."""

    command: tuple[str, ...] = Field(min_length=1)
    ready_timeout: Seconds = 60.0
    idle_timeout: Seconds = 600.0


class OAuthSettings(Settings):
    """A client that the user registered with the server, and where that is unless lokid knows
    (``oauth_presets``). ``grant: client_credentials`` needs no person. ``redirect``: as registered; without a
    port any free one is taken."""

    client_id: str | None = Field(None, min_length=1)
    client_secret: Secret | None = None
    grant: Literal["authorization_code", "client_credentials"] = "authorization_code"
    authorize_url: RequestURL | None = None
    token_url: RequestURL | None = None
    device_url: RequestURL | None = None
    revoke_url: RequestURL | None = None
    issuer: RequestURL | None = None
    client_auth: Literal["basic", "post"] | None = None
    scopes: tuple[str, ...] | None = None
    redirect: RequestURL | None = None


Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class LongInput(Settings):
    """Prices of a request with more than ``above`` tokens of input. They hold for all its tokens."""

    above: Count
    input_price: Price | None = None
    output_price: Price | None = None
    cached_input_price: Price | None = None
    cache_write_price: Price | None = None


class ModelSettings(Settings):
    """One model. Prices are USD per million tokens. ``None``: not said, so the catalogue or the
    provider type's default holds (``lokid.providers.catalogue.complete`` fills in what is known)."""

    name: str = Field(min_length=1)
    real_name: str | None = None
    type: Literal["chat", "embedding", "reranker"] = "chat"
    input_price: Price | None = None
    output_price: Price | None = None
    cached_input_price: Price | None = None
    cache_write_price: Price | None = None
    long_input: LongInput | None = None
    patch: RequestPatch | None = None
    max_input_tokens: Count | None = None
    max_output_tokens: Count | None = None
    require_max_tokens: bool = False
    supports_vision: bool | None = None
    supports_function_calling: bool | None = None
    no_stream: bool = False
    no_system_message: bool = False
    system_prompt_prefix: str | None = None
    max_tokens_per_chunk: Count | None = None
    default_chunk_size: Count | None = None
    max_batch_size: Count | None = None
    # Capabilities (docs/providers.md): providers reject what they do not support.
    chat_api: Literal["chat_completions", "responses"] | None = None
    max_tokens_param: Literal["max_tokens", "max_completion_tokens"] | None = None
    sampling: bool | Literal["one"] | None = None  # "one": temperature or top_p, not both
    system_role: Literal["system", "developer", "none"] | None = None
    reasoning_style: (
        Literal[
            "none",
            "openai_effort",
            "think_tags",
            "think_end",
            "claude_budget",
            "claude_adaptive",
            "gemini_budget",
            "gemini_level",
            "nova_effort",
            "cohere_budget",
        ]
        | None
    ) = None
    reasoning_efforts: Annotated[tuple[Effort, ...], Field(min_length=1)] | None = None  # lowest first
    structured_outputs: bool | None = None

    @property
    def wire_name(self) -> str:
        """The name that the provider knows the model by."""
        return self.real_name or self.name


def _client_name(name: str) -> str:
    # It stands before the colon of client:model, in file names and in names of variables.
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,99}|", name):
        raise ValueError("must begin with a letter or digit and hold only letters, digits, '.', '_' and '-'")
    return name


class ClientSettings(Settings):
    """Keys that every type has. ``models`` None: the catalogue's, and any other name passes through.

    ``name``: by default the type. ``needed``: keys without which the client cannot work, besides the
    secrets that the provider lists. ``environment``: key -> variables that others have agreed on, the first
    that is set, for a key that nothing else gives.
    """

    needed: ClassVar[tuple[str, ...]] = ()
    environment: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    type: str
    name: Annotated[str, AfterValidator(_client_name)] = ""
    auth: Literal["oauth"] | None = None
    oauth: OAuthSettings | None = None
    api_key: Secret | None = None
    api_base: BaseURL | None = Field(None, repr=False)
    models: tuple[ModelSettings, ...] | None = None
    patch: ClientPatch = ClientPatch()
    extra: Extra = Extra()
    budget: Budget = Budget()
    limits: ClientLimits = ClientLimits()

    @model_validator(mode="after")
    def _port_of_a_launched_server(self) -> Self:
        if self.api_base and PORT in self.api_base and getattr(self, "launch", None) is None:
            raise ValueError(
                f"{PORT} in api_base is the port of a server that `launch` starts; there is none"
            )
        return self

    def lacking(self) -> tuple[str, ...]:
        """The keys that must still be given, in the file or by the environment variable
        ``{CLIENT}_{KEY}``, before the client can work; ``Provider.secrets`` come on top."""
        return tuple(key for key in self.needed if getattr(self, key) is None)
