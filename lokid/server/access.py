"""What each of the two sockets lets through: ``FULL`` is lokid's own, ``RESTRICTED`` the extra one.

The extra socket is made to be forwarded to machines and mounted into containers that are trusted with some
questions and with nothing else. So it says nothing that could help them further: an error keeps its code,
its waiting time and its HTTP status, and gets words from the table below, since those of lokid name clients,
files and keys of the configuration, and those of providers name accounts. What is wrong with the parameters
themselves is told in full.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lokid.chat import Event, RetryNotice
from lokid.errors import (
    InvalidParams,
    LokidError,
    NotForThisSocket,
    PermissionDenied,
    UnknownMethod,
    UnknownModel,
)
from lokid.server import extra_images
from lokid.server.faults import fault
from lokid.server.handlers import HANDLERS, Handler, Inline, Spawned, handler_of
from lokid.server.handlers import hello as _said
from lokid.server.service import Call, Caller, Params, Service


@dataclass(frozen=True, slots=True)
class Access:
    """``handler_of`` raises for a method that is not served, ``check`` for parameters that are not.
    ``fault``: what the caller is told of an error. ``events``: what it is told while it waits."""

    restricted: bool
    handler_of: Callable[[str], Handler]
    check: Callable[[str, Params], None]
    fault: Callable[[Exception, str], LokidError]
    events: Callable[[Sequence[Event]], Sequence[Event]]


FULL = Access(
    restricted=False,
    handler_of=handler_of,
    check=lambda _method, _params: None,
    fault=fault,
    events=lambda events: events,
)

_HERE = "the restricted socket of lokid (extra_socket)"

_SHOWN = (
    "id", "client", "name", "type", "input_price", "output_price", "max_input_tokens", "max_output_tokens",
    "supports_vision", "supports_function_calling", "no_stream", "max_tokens_per_chunk", "default_chunk_size",
    "max_batch_size",
)  # fmt: skip
"""Of a model: what decides whether and how to ask it. Not what its provider calls it, nor what lokid does
to its requests."""


def _hello(service: Service, caller: Caller, params: Params) -> object:
    # Nobody at the other end can mend the configuration.
    return {key: value for key, value in _said(service, caller, params).items() if key != "config_broken"}


async def _chat(service: Service, call: Call, params: Params) -> object:
    extra_images.declare(params.get("messages"))
    # Where questions wait for their turn, those of the user go first.
    return await _spawned("chat").answer(service, call, {**params, "priority": "batch"})


async def _list_models(service: Service, _call: Call, params: Params) -> object:
    # Of all clients, and only then of one: the error for an unknown client names those that there are.
    rows = service.runtime.extra_models(await service.runtime.list_models(params.get("type"), None, False))
    chosen = [row for row in rows if params.get("client") in (None, row["client"])]
    return [{key: row[key] for key in _SHOWN if key in row} for row in chosen]


def _spawned(method: str) -> Spawned:
    handler = HANDLERS[method]
    assert isinstance(handler, Spawned)
    return handler


_HANDLERS: dict[str, Handler] = {
    "hello": Inline(_hello),
    "chat": Spawned(_chat),
    "embed": HANDLERS["embed"],
    "rerank": HANDLERS["rerank"],
    "models.list": Spawned(_list_models),
}


def _restricted_handler_of(method: str) -> Handler:
    if (handler := _HANDLERS.get(method)) is not None:
        return handler
    served = f"it serves {', '.join(_HANDLERS)}"
    if method in HANDLERS:
        raise _Refusal(f"{_HERE} does not serve {method}; {served}", hint=_ELSEWHERE)
    raise UnknownMethod(f"there is no method {method[:64]!r} on {_HERE}; {served}")


class _Refusal(PermissionDenied):
    """Of the socket itself."""


_ELSEWHERE = "use lokictl on the machine where lokid runs, with lokid's own socket"

_REFUSED: dict[str, tuple[str, ...]] = {
    # Both could show or change what is sent in the user's name; ``refresh`` changes what others are shown.
    "chat": ("dry_run", "extra_body"),
    "models.list": ("refresh",),
}


def _check(method: str, params: Params) -> None:
    for key in _REFUSED.get(method, ()):
        if params.get(key):
            raise _Refusal(f"{key}: {_HERE} does not take it", hint=_ELSEWHERE)
    if (why := extra_images.why_not(params.get("messages"))) is not None:
        raise _Refusal(f"messages: {_HERE} {why}", hint=_ELSEWHERE)


_ASK_OWNER = "`lokictl status` on the machine where lokid runs says more"

_WORDS = {
    # code -> what is said instead of what happened
    "unsupported": "the model cannot do that",
    "bad_request": "the provider refused the request",
    "context_length_exceeded": "the request has more tokens than the model takes",
    "content_filtered": "the provider's filter refused the request",
    "provider_error": "the provider failed, or lokid did",
    "incomplete_response": "the answer broke off",
    "rate_limited": "too many requests at the moment",
    "overloaded": "too much is asked at the moment",
    "provider_unavailable": "the provider cannot be reached at the moment, or lokid is shutting down",
    "quota_exceeded": "the account's quota is used up",
    "budget_exceeded": "the budget is used up",
    "authentication_failed": f"lokid has no key that works; {_ASK_OWNER}",
    "permission_denied": "lokid's key may not do this",
    "login_required": f"lokid is not signed in; {_ASK_OWNER}",
    "secret_missing": f"lokid has no key, or is locked; {_ASK_OWNER}",
    "config_invalid": f"lokid has nothing to ask; {_ASK_OWNER}",
    "timeout": "the answer did not come in time",
    "cancelled": "the request was cancelled",
}


def _restricted_fault(error: Exception, method: str) -> LokidError:
    told = fault(error, method)
    match told:
        case _Refusal() | UnknownMethod():
            return told
        case InvalidParams():
            return InvalidParams(told.message)
        case UnknownModel() | NotForThisSocket():
            # The same for one that there is not and for one that is not for this socket.
            return UnknownModel(f"{_HERE} does not serve that model", hint="lokictl models")
    words = f"{_HERE}: {_WORDS[told.code]}"
    return type(told)(words, status=told.status, retry_after_s=told.retry_after_s)


def _restricted_events(events: Sequence[Event]) -> Sequence[Event]:
    said = "the provider could not answer yet"
    return [replace(event, reason=said) if isinstance(event, RetryNotice) else event for event in events]


RESTRICTED = Access(
    restricted=True,
    handler_of=_restricted_handler_of,
    check=_check,
    fault=_restricted_fault,
    events=_restricted_events,
)
