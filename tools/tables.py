"""Writes down what the provider types are, from the table that they are."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from lokid.config import ExtraSocket
from lokid.providers.base import Provider
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import (
    ClientSettings,
    CommandSecret,
    Extra,
    Launch,
    ModelSettings,
    OAuthSettings,
)

MEANINGS = {
    # of a client
    "type": "one of the types above",
    "name": "how the client is called in `client:model`; default: its type",
    "auth": "sign in instead of a key: [oauth.md](oauth.md)",
    "oauth": "who signs in, and where; see below",
    "api_key": "the key; may be left out for servers on this machine",
    "api_base": "where requests go, instead of the provider's own address",
    "models": "exactly these models, see below",
    "patch": "changes of requests, see below",
    "extra": "how the provider is reached, see below",
    "budget": "`usd_per_day`, `usd_per_month`: [usage.md](usage.md)",
    "limits": "`concurrency`, `requests_per_minute`, `tokens_per_minute`: [usage.md](usage.md)",
    "organization_id": "sent as `openai-organization`",
    "project_id": "of the provider's account",
    "launch": "a server that lokid starts, see below",
    "api_version": "of the provider's API",
    "location": "region, multi-region or `global`",
    "access_token": "of Google Cloud or Microsoft Entra ID, instead of `api_key`; lasts an hour",
    "quota_project_id": "Google Cloud project that pays",
    "adc_file": "file with Google's application default credentials",
    "region": "of AWS; else that of the profile in `~/.aws`",
    "access_key_id": "with `secret_access_key`, instead of `api_key`",
    "secret_access_key": "its other half",
    "session_token": "comes with temporary keys",
    # of a model
    "model.name": "how it is called here",
    "model.type": "what it can be asked for",
    "model.patch": "changes of every request to this model",
    "real_name": "how the provider calls it, if different",
    "input_price": "USD per million tokens",
    "output_price": "USD per million tokens",
    "cached_input_price": "USD per million tokens that the provider had cached",
    "cache_write_price": "USD per million tokens written to its cache",
    "long_input": "`above` tokens of input, and the four prices of requests with more",
    "max_input_tokens": "of one request",
    "max_output_tokens": "of one answer",
    "require_max_tokens": "send `max_output_tokens` when the caller sets no limit",
    "supports_vision": "false: images are refused here",
    "supports_function_calling": "false: tools are refused here",
    "no_stream": "cannot stream; the answer comes as one event",
    "no_system_message": "the system prompt is put before the first message",
    "system_prompt_prefix": "text before every system prompt",
    "max_tokens_per_chunk": "longest text to embed; a longer one is refused, nothing is cut off",
    "default_chunk_size": "characters per piece for programs that split texts; named when a text is too long",
    "max_batch_size": "texts per embedding request; more are split",
    "chat_api": "which of OpenAI's APIs",
    "max_tokens_param": "how the model calls its limit",
    "sampling": "false: refuses temperature and top_p; `one`: refuses them together",
    "system_role": "how the model calls its system prompt",
    "reasoning_style": "how reasoning is asked for and comes back",
    "reasoning_efforts": "what it takes as effort",
    "structured_outputs": "false: refuses schemas",
    # of extra
    "proxy": "`http://`, `https://`, `socks5://` or `socks5h://`",
    "connect_timeout": "until the connection stands",
    "timeout": "of the whole call",
    "first_byte_timeout": "until the answer begins; reasoning models think for minutes",
    "idle_timeout": "silence between two bytes",
    "ca_file": "certificate authorities in PEM, instead of the system's",
    "max_connections": "at the same time",
    "max_retries": "only before the first byte of the answer",
    # of extra_socket
    "path": "relative to the directory of lokid's own socket; a directory must be yours alone (0700)",
    "extra_socket.models": "`client:model`; `*` stands for any text",
    "extra_socket.budget": "`usd_per_day` (1 if there is no `budget`), `usd_per_month`: of this socket alone",
    "extra_socket.limits": "see below",
    # of launch
    "command": "program and arguments; no shell",
    "ready_timeout": "until it answers",
    "launch.idle_timeout": "without a question, then it is stopped",
    # of oauth
    "oauth.client_id": "of the client that you registered with the provider",
    "oauth.client_secret": "if it has one",
    "grant": "`client_credentials`: without a person",
    "authorize_url": "where the browser goes; default: known for some types, see [oauth.md](oauth.md)",
    "token_url": "where tokens come from; without the default everything else has none either",
    "device_url": "where codes for another device come from",
    "revoke_url": "where a sign-in is taken back",
    "issuer": "how the server calls itself (`iss`); else only its host is compared",
    "client_auth": "how the secret is shown: in a header or in the form; default: `basic`",
    "scopes": "what the token is good for",
    "redirect": "as registered; default: a free port and a random path of 127.0.0.1",
}
"""Key, or part and key where one word means two things -> what it is for. A key that only one type has may
say it in its own ``description`` instead."""


def capabilities() -> str:
    """What can be asked of each type."""
    lines = ["| `type:` | chat | embeddings | rerank | list of models |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| `{provider.name}` | {' | '.join('yes' if can else '-' for can in _can(provider))} |"
        for provider in PROVIDERS.values()
    ]
    return "\n".join(lines) + "\n"


def _can(provider: Provider) -> tuple[bool, ...]:
    return (
        provider.chat is not None,
        provider.embed is not None,
        provider.rerank is not None,
        provider.list_models is not None,
    )


def client_keys() -> str:
    """The keys that every client has, then those that only one type has."""
    common = ClientSettings.model_fields
    lines = [*_head(), *_rows(ClientSettings)]
    for provider in PROVIDERS.values():
        own = provider.settings.model_fields.keys() - common.keys()
        lines += [f"| `{provider.name}`: {row[2:]}" for row in _rows(provider.settings, own)]
    return "\n".join(lines) + "\n"


def model_keys() -> str:
    return "\n".join([*_head(), *_rows(ModelSettings, part="model")]) + "\n"


def extra_keys() -> str:
    return "\n".join([*_head(), *_rows(Extra)]) + "\n"


def extra_socket_keys() -> str:
    return "\n".join([*_head(), *_rows(ExtraSocket, part="extra_socket")]) + "\n"


def launch_keys() -> str:
    return "\n".join([*_head(), *_rows(Launch, part="launch")]) + "\n"


def oauth_keys() -> str:
    return "\n".join([*_head(), *_rows(OAuthSettings, part="oauth")]) + "\n"


def _head() -> list[str]:
    return ["| key | value | default | |", "| --- | --- | --- | --- |"]


def _rows(settings: type[BaseModel], only: set[str] | None = None, part: str = "") -> list[str]:
    fields = settings.model_fields.items()
    return [
        f"| `{name}` | {kind(field.annotation)} | {_default(field)} | {_meaning(part, name, field)} |"
        for name, field in fields
        if only is None or name in only
    ]


def _meaning(part: str, name: str, field: FieldInfo) -> str:
    return MEANINGS.get(f"{part}.{name}") or MEANINGS.get(name) or field.description or ""


def kind(annotation: Any) -> str:
    """A type hint in the words of a person who writes YAML."""
    origin, inner = get_origin(annotation), get_args(annotation)
    match origin:
        case _ if hasattr(annotation, "__metadata__"):
            return kind(inner[0])
        case None if isinstance(annotation, type):
            return _word(annotation)
        case types.UnionType | _ if origin in (types.UnionType, Union):
            if CommandSecret in map(_bare, inner):
                return "secret"
            return " or ".join(dict.fromkeys(kind(one) for one in inner if one is not type(None)))
        case _ if origin is Literal:
            return " or ".join(f"`{value}`" for value in inner)
        case _ if origin in (tuple, list):
            return f"list of {kind(inner[0])}"
        case _ if origin is dict:
            return "map"
    return "any"


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


def _word(annotation: type) -> str:
    if issubclass(annotation, BaseModel):
        return "map"
    words: dict[type, str] = {str: "text", bool: "true or false", int: "whole number", float: "number"}
    return "secret" if annotation is SecretStr else words.get(annotation, annotation.__name__)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    match field.default:
        case None | "" | BaseModel():
            return "-"
        case bool(value):
            return "true" if value else "false"
        case float(value):
            return f"{value:g}"
        case value:
            return f"{value}"
