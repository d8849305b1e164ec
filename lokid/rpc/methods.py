"""The whole API on one page: what may be asked over the socket, and in which shape.

``METHODS`` maps a method's name to the shapes of its parameters and of its result. Parameters travel
as ``[]`` or ``[map]``. The server checks them against these very classes (``lokid.rpc.shapes``), so a
key that is not here is an error with a did-you-mean. What goes to a provider has its shapes in
``questions``, the error codes are in ``codes``. Units and meanings: docs/rpc.md.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from lokid.rpc.questions import (
    ChatParams,
    ChatResultMap,
    EmbedParams,
    EmbedResult,
    RerankParams,
    RerankResult,
)

PROTOCOL = 1
"""Version of everything below; ``hello`` answers it."""


ModelType = Literal["chat", "embedding", "reranker"]
GroupBy = Literal["client", "model", "day", "program"]
LoginMethod = Literal["browser", "code", "device"]
IdentityKind = Literal["none", "file", "passphrase", "credential", "keyring"]
Topic = Literal["reloads", "clients", "tokens", "requests", "usage", "vault"]


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
    config_broken: NotRequired[bool]


class ModelsListParams(TypedDict):
    type: NotRequired[ModelType | None]
    client: NotRequired[str | None]
    refresh: NotRequired[bool]


class ModelsNamesParams(TypedDict):
    """``prefix``: only names that begin with it."""

    type: NotRequired[ModelType | None]
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
    data: NotRequired[bytes | None]


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
    """``clients``: those whose entry uses it now. ``overridden_by``: ``environment`` or the path of ``.env``,
    if ``variable`` has another value there, which comes first."""

    name: str
    replaced: bool
    clients: list[str]
    overridden_by: NotRequired[str]
    variable: NotRequired[str]


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
    """``locked``: all of lokid is. ``secrets``: how many, nil unless the vault is open. ``recipients``:
    besides the owner."""

    locked: bool
    state: Literal["absent", "open", "locked", "refused"]
    file: str
    identity: str
    identity_kind: IdentityKind
    secrets: int | None
    recipients: int
    reason: NotRequired[str]


class LockResult(TypedDict):
    """``kept``: what stays in memory all the same. ``in_flight``: clients with requests that still run."""

    state: Literal["locked"]
    identity_kind: IdentityKind
    kept: list[str]
    in_flight: int


class UnlockParams(TypedDict):
    """``passphrase``: if the identity is encrypted with one."""

    passphrase: NotRequired[str | None]


class PassphraseParams(TypedDict):
    """nil takes the passphrase off."""

    passphrase: str | None


class PassphraseResult(TypedDict):
    identity: str
    identity_kind: IdentityKind


class ImportLokiParams(TypedDict):
    config: NotRequired[str | None]
    vault: NotRequired[str | None]
    password: NotRequired[str | None]
    tokens: NotRequired[dict[str, str]]
    dry_run: NotRequired[bool]


class UsageParams(TypedDict):
    """Of requests that ended in ``since <= time < until``, in seconds since the epoch, or the beginning of a
    day in the daemon's time zone: ``2026-11-01``, ``today``, ``tomorrow``."""

    since: NotRequired[float | str | None]
    until: NotRequired[float | str | None]
    group_by: NotRequired[GroupBy | None]


class AuthLoginParams(TypedDict):
    """``code``: somebody will paste what the browser ends with."""

    client: str
    method: NotRequired[LoginMethod | None]


class AuthLoginResult(TypedDict):
    """A sign-in that waits, until ``expires_at``, for somebody who opens ``url``."""

    login_id: str
    method: LoginMethod
    url: str
    expires_at: float
    user_code: NotRequired[str]


class AuthFinishParams(TypedDict):
    login_id: str
    code: NotRequired[str | None]


class AuthStatusMap(TypedDict):
    """Facts about a token. ``expires_at``: nil for a key. ``refreshes``: without a person."""

    client: str
    state: Literal["signed_in", "needs_login", "locked"]
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


class SubscribeParams(TypedDict):
    """``topics``: nil for all; an empty list ends what this connection subscribed to."""

    topics: NotRequired[list[Topic] | None]


class EventMap(TypedDict):
    """``[2, "event", [event]]``: how one thing is now. ``client``: whose state it is, with the topics
    ``clients`` and ``tokens``; the other keys are those of the topic (docs/rpc.md)."""

    topic: Topic
    client: NotRequired[str]
    state: NotRequired[str]
    reason: NotRequired[str]
    # clients
    auth: NotRequired[str]
    # tokens
    refreshes: NotRequired[bool]
    obtained_at: NotRequired[float]
    expires_at: NotRequired[float | None]
    # reloads
    generation: NotRequired[int]
    loaded_at: NotRequired[float | None]
    problems: NotRequired[list[ProblemMap]]
    # requests
    running: NotRequired[int]
    waiting: NotRequired[int]
    # usage
    today: NotRequired[dict[str, Any]]
    month: NotRequired[dict[str, Any]]
    budgets: NotRequired[list[dict[str, Any]]]


class SubscribeResult(TypedDict):
    """``now``: everything as it is at this moment; what changes after it comes as an event."""

    topics: list[Topic]
    now: list[EventMap]


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
    "secrets.lock": (Empty, LockResult),
    "secrets.unlock": (UnlockParams, None),
    "secrets.passphrase": (PassphraseParams, PassphraseResult),
    "events.subscribe": (SubscribeParams, SubscribeResult),
}
"""Method name -> (parameters, result). A result of None is a list or a free-form map."""

NOTIFICATIONS = {
    "chat.event": "server to client: [msgid, event]",
    "accepted": "server to client: [msgid]; from here on the request must not be sent again",
    "cancel": "client to server: [msgid]",
    "event": "server to client: [event], after events.subscribe",
}
