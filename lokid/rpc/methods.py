"""The whole API on one page: what may be asked over the socket, and in which shape.

``METHODS`` maps a method's name to the shapes of its parameters and of its result. Parameters travel
as ``[]`` or ``[map]``. The server checks them against these very classes (``lokid.rpc.shapes``), so a
key that is not here is an error with a did-you-mean. Units and meanings: docs/rpc.md.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

PROTOCOL = 1
"""Version of everything below; ``hello`` answers it."""

EXIT_STATUS = {
    "invalid_params": 2,
    "unknown_method": 2,
    "unknown_model": 2,
    "unsupported": 2,
    "bad_request": 1,
    "context_length_exceeded": 1,
    "content_filtered": 1,
    "provider_error": 1,
    "incomplete_response": 1,
    "daemon_unavailable": 69,
    "rate_limited": 75,
    "overloaded": 75,
    "provider_unavailable": 75,
    "quota_exceeded": 75,
    "budget_exceeded": 75,
    "authentication_failed": 77,
    "permission_denied": 77,
    "login_required": 77,
    "secret_missing": 77,
    "config_invalid": 78,
    "timeout": 124,
    "cancelled": 130,
}
"""Error code -> lokictl's exit status."""


class Empty(TypedDict):
    pass


class ErrorMap(TypedDict):
    """The error of a response after ``hello {errors: "map"}``; by default it is ``"code: message"``."""

    code: str
    message: str
    hint: NotRequired[str]
    client: NotRequired[str]
    status: NotRequired[int]
    retry_after_s: NotRequired[float]
    request_id: NotRequired[str]


class HelloParams(TypedDict):
    client: NotRequired[str]
    errors: NotRequired[Literal["string", "map"]]
    accepted: NotRequired[bool]


class HelloResult(TypedDict):
    server: str
    version: str
    protocol: int
    pid: int
    started_at: float


class PartMap(TypedDict):
    """One part of a message. Keys beyond these are opaque provider state, kept and sent back."""

    type: Literal["text", "image", "reasoning", "tool_call", "tool_result"]
    text: NotRequired[str]
    media_type: NotRequired[str]
    data: NotRequired[bytes]
    url: NotRequired[str]
    id: NotRequired[str]
    name: NotRequired[str]
    arguments: NotRequired[dict[str, Any]]
    content: NotRequired[Any]
    is_error: NotRequired[bool]


class MessageMap(TypedDict):
    role: Literal["system", "user", "assistant", "tool"]
    content: str | list[Any]


class ToolMap(TypedDict):
    name: str
    description: NotRequired[str | None]
    parameters: NotRequired[dict[str, Any]]
    strict: NotRequired[bool | None]


class UsageMap(TypedDict):
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int


class ChatParams(TypedDict):
    """Exactly one of ``prompt`` and ``messages``."""

    model: str
    prompt: NotRequired[str]
    messages: NotRequired[list[MessageMap]]
    system: NotRequired[str | None]
    temperature: NotRequired[float | None]
    top_p: NotRequired[float | None]
    max_tokens: NotRequired[int | None]
    stop: NotRequired[str | list[str] | None]
    tools: NotRequired[list[ToolMap] | None]
    tool_choice: NotRequired[str | dict[str, Any] | None]
    parallel_tool_calls: NotRequired[bool | None]
    response_schema: NotRequired[dict[str, Any] | None]
    reasoning: NotRequired[str | int | None]
    stream: NotRequired[bool]
    timeout_s: NotRequired[float | None]
    extra_body: NotRequired[dict[str, Any] | None]
    dry_run: NotRequired[bool]
    priority: NotRequired[Literal["interactive", "batch"] | None]


class ChatEventMap(TypedDict):
    """``[2, "chat.event", [msgid, event]]`` while a request with ``stream`` runs."""

    type: Literal["text", "reasoning", "tool_call", "retry"]
    text: NotRequired[str]
    index: NotRequired[int]
    id: NotRequired[str]
    name: NotRequired[str]
    arguments: NotRequired[str]
    attempt: NotRequired[int]
    after_s: NotRequired[float]
    reason: NotRequired[str]


class ChatResultMap(TypedDict):
    message: dict[str, Any]
    text: str
    finish_reason: str
    usage: UsageMap | None
    cost_usd: float | None
    model: str
    response_id: str | None
    attempts: int
    first_token_s: float | None
    total_s: float


class DryRunResult(TypedDict):
    """``chat`` with ``dry_run``. ``origins``: path in the request -> which patch put it there."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any
    origins: dict[str, str]


class EmbedParams(TypedDict):
    model: str
    texts: list[str]
    input_type: NotRequired[Literal["query", "document"] | None]
    dimensions: NotRequired[int | None]
    encoding: NotRequired[Literal["list", "f32"]]


class EmbedResult(TypedDict):
    """``embeddings``: one list of floats per text, or with ``encoding: f32`` its little-endian bytes."""

    embeddings: list[Any]
    usage: UsageMap | None
    cost_usd: float | None
    model: str


class RerankParams(TypedDict):
    model: str
    query: str
    documents: list[str]
    top_n: NotRequired[int | None]


class RerankResult(TypedDict):
    results: list[dict[str, Any]]
    usage: UsageMap | None
    model: str


class ModelsListParams(TypedDict):
    type: NotRequired[Literal["chat", "embedding", "reranker"] | None]
    client: NotRequired[str | None]
    refresh: NotRequired[bool]


class ModelsNamesParams(TypedDict):
    """``prefix``: only names that begin with it."""

    type: NotRequired[Literal["chat", "embedding", "reranker"] | None]
    prefix: NotRequired[str]


class RequestMap(TypedDict):
    """A request in flight. ``id`` goes into ``requests.cancel``. ``state``: waiting for its turn, as the
    ``limits`` of its client want it, or running."""

    id: int
    method: str
    state: Literal["waiting", "running"]
    model: str | None
    pid: int
    program: str
    started_at: float
    elapsed_s: float


class CancelParams(TypedDict):
    id: int


class ConfigCheckParams(TypedDict):
    path: NotRequired[str | None]


class ProblemMap(TypedDict):
    path: str
    line: int
    column: int
    key: str
    message: str


class SecretSetParams(TypedDict):
    name: str
    value: str


class SecretSetResult(TypedDict):
    """``clients``: those whose entry uses it now."""

    name: str
    replaced: bool
    clients: list[str]


class SecretNameParams(TypedDict):
    name: str


class SecretGetResult(TypedDict):
    """The one answer of the API that holds a secret."""

    name: str
    value: str


class SecretDeleteResult(TypedDict):
    name: str
    clients: list[str]


class SecretsStatusResult(TypedDict):
    """``secrets``: how many, nil unless the vault is open. ``recipients``: besides the owner."""

    state: Literal["absent", "open", "locked", "refused"]
    file: str
    identity: str
    identity_kind: Literal["none", "file", "passphrase", "credential"]
    secrets: int | None
    recipients: int
    reason: NotRequired[str]


class UnlockParams(TypedDict):
    """``passphrase``: if the identity is encrypted with one."""

    passphrase: NotRequired[str | None]


class PassphraseParams(TypedDict):
    """nil takes the passphrase off."""

    passphrase: str | None


class PassphraseResult(TypedDict):
    identity: str
    identity_kind: Literal["none", "file", "passphrase", "credential"]


class ImportLokiParams(TypedDict):
    config: NotRequired[str | None]
    vault: NotRequired[str | None]
    password: NotRequired[str | None]
    tokens: NotRequired[dict[str, str]]
    dry_run: NotRequired[bool]


class UsageParams(TypedDict):
    """Of requests that ended in ``since <= time < until``, in seconds since the epoch."""

    since: NotRequired[float | None]
    until: NotRequired[float | None]
    group_by: NotRequired[Literal["client", "model", "day", "program"] | None]


class AuthLoginParams(TypedDict):
    """``code``: somebody will paste what the browser ends with."""

    client: str
    method: NotRequired[Literal["browser", "code", "device"] | None]


class AuthLoginResult(TypedDict):
    """A sign-in that waits, until ``expires_at``, for somebody who opens ``url``."""

    login_id: str
    method: Literal["browser", "code", "device"]
    url: str
    expires_at: float
    user_code: NotRequired[str]


class AuthFinishParams(TypedDict):
    login_id: str
    code: NotRequired[str | None]


class AuthStatusMap(TypedDict):
    """Facts about a token. ``expires_at``: nil for a key. ``refreshes``: without a person."""

    client: str
    state: Literal["signed_in", "needs_login"]
    refreshes: bool
    reason: NotRequired[str]
    scope: NotRequired[str | None]
    obtained_at: NotRequired[float]
    expires_at: NotRequired[float | None]


class AuthStatusParams(TypedDict):
    client: NotRequired[str | None]


class AuthLogoutParams(TypedDict):
    client: str


class AuthLogoutResult(TypedDict):
    """``revoked``: the provider took note too."""

    client: str
    revoked: bool


METHODS: dict[str, tuple[type, type | None]] = {
    "hello": (HelloParams, HelloResult),
    "chat": (ChatParams, ChatResultMap),
    "embed": (EmbedParams, EmbedResult),
    "rerank": (RerankParams, RerankResult),
    "models.list": (ModelsListParams, None),
    "models.names": (ModelsNamesParams, None),
    "clients.list": (Empty, None),
    "status": (Empty, None),
    "requests.list": (Empty, None),
    "requests.cancel": (CancelParams, None),
    "config.check": (ConfigCheckParams, None),
    "config.reload": (Empty, None),
    "config.show": (Empty, None),
    "import.loki": (ImportLokiParams, None),
    "usage.query": (UsageParams, None),
    "auth.login": (AuthLoginParams, AuthLoginResult),
    "auth.finish": (AuthFinishParams, AuthStatusMap),
    "auth.status": (AuthStatusParams, None),
    "auth.logout": (AuthLogoutParams, AuthLogoutResult),
    "secrets.set": (SecretSetParams, SecretSetResult),
    "secrets.get": (SecretNameParams, SecretGetResult),
    "secrets.list": (Empty, None),
    "secrets.delete": (SecretNameParams, SecretDeleteResult),
    "secrets.status": (Empty, SecretsStatusResult),
    "secrets.lock": (Empty, None),
    "secrets.unlock": (UnlockParams, None),
    "secrets.passphrase": (PassphraseParams, PassphraseResult),
}
"""Method name -> (parameters, result). A result of None is a list or a free-form map."""

NOTIFICATIONS = {
    "chat.event": "server to client: [msgid, event]",
    "accepted": "server to client: [msgid]; from here on the request must not be sent again",
    "cancel": "client to server: [msgid]",
}
