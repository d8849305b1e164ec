"""What answers each method: one line per method in ``HANDLERS``, whose names are those of
``lokid.rpc.methods.METHODS``.

An ``Inline`` handler computes its answer from what is in memory; the reader of the connection calls it. A
``Spawned`` one may wait for a provider, a file or a thread, and runs in a task of its own, with a ``Call``
through which it streams. Either gets parameters that were checked already, and raises a LokidError or a
ShapeError for the caller to see.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from math import isnan

import anyio
import anyio.to_thread

import lokid
from lokid import sandbox
from lokid.chat import ChatResult, Event, decode, encode
from lokid.errors import Cancelled, InvalidParams, UnknownMethod
from lokid.rpc import shapes, vectors
from lokid.rpc.methods import METHODS, PROTOCOL, HelloResult
from lokid.runtime import lingering, often
from lokid.runtime.importing import Left
from lokid.runtime.usage.spending import beginning
from lokid.server.feed import TOPICS
from lokid.server.service import Call, Caller, Params, Service


@dataclass(frozen=True, slots=True)
class Inline:
    answer: Callable[[Service, Caller, Params], object]


@dataclass(frozen=True, slots=True)
class Spawned:
    answer: Callable[[Service, Call, Params], Awaitable[object]]


Handler = Inline | Spawned


def handler_of(method: str) -> Handler:
    """Raises UnknownMethod with the nearest name."""
    if (handler := HANDLERS.get(method)) is not None:
        return handler
    # A name is up to a frame long; what is said of it is not.
    name = method[:64]
    near = get_close_matches(name, HANDLERS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the methods are {', '.join(HANDLERS)}"
    raise UnknownMethod(f"there is no method {name!r}; {hint}", hint=hint)


def params_of(method: str, params: list[object]) -> Params:
    """The parameters of ``method`` as a checked map; raises ShapeError with the place."""
    named = shapes.named(params)
    shapes.check(named, METHODS[method][0])
    return named


# --- answered at once


def hello(service: Service, caller: Caller, params: Params) -> HelloResult:
    """Sets what the caller names and leaves the rest, so it may be said again."""
    if "errors" in params:
        caller.errors_as_map = params["errors"] == "map"
    if "client" in params:
        caller.introduce(params["client"])
    if "accepted" in params:
        caller.wants_accepted = params["accepted"]
    result: HelloResult = {
        "server": "lokid",
        "version": lokid.__version__,
        "protocol": PROTOCOL,
        "pid": os.getpid(),
        "started_at": service.started_at,
    }
    if service.runtime.config_broken():
        result["config_broken"] = True
    return result


def _status(service: Service, _caller: Caller, _params: Params) -> object:
    return {
        "daemon": {
            "version": lokid.__version__,
            "pid": os.getpid(),
            "protocol": PROTOCOL,
            "started_at": service.started_at,
            "socket": service.socket,
            "root": os.geteuid() == 0,
            "extra_socket": _extra_socket(service),
            "sandbox": sandbox.of_this_process().as_map(),
            "tasks": len(anyio.get_running_tasks()),
        },
        "config": service.runtime.config_status(),
        "vault": service.runtime.secrets.state(),
        "clients": service.runtime.list_clients(),
        "usage": service.runtime.usage_status(),
        "requests": service.requests.describe(),
    }


def _extra_socket(service: Service) -> object:
    """None: the configuration has none."""
    facts = service.runtime.extra_status()
    if facts is None:
        return None
    reason = {} if service.extra.problem is None else {"reason": service.extra.problem}
    return {"path": service.extra.path, "state": "open" if service.extra.path else "closed"} | reason | facts


def _list_clients(service: Service, _caller: Caller, _params: Params) -> object:
    return service.runtime.list_clients()


def _list_requests(service: Service, _caller: Caller, _params: Params) -> object:
    return service.requests.describe()


def _cancel_request(service: Service, _caller: Caller, params: Params) -> object:
    identifier: int = params["id"]
    if (running := service.requests.find(identifier)) is None:
        raise InvalidParams(f"no request {identifier} runs now", hint="lokictl ps")
    running.cancel(Cancelled("the request was cancelled from another connection (requests.cancel)"))
    return {"cancelled": identifier}


async def _show_config(service: Service, _call: Call, _params: Params) -> object:
    return await often.aside(service.runtime.show)  # of 100,000 models it takes a second


def _auth_status(service: Service, _caller: Caller, params: Params) -> object:
    return service.runtime.auth.status(params.get("client"))


def _subscribe(_service: Service, caller: Caller, params: Params) -> object:
    topics = [*TOPICS] if params.get("topics") is None else [*dict.fromkeys(params["topics"])]
    return {"topics": topics, "now": caller.subscribe(topics)}


# --- answered by a task


async def _chat(service: Service, call: Call, params: Params) -> object:
    if _is_long(params):  # twenty thousand messages are 0.1 s
        # One by one, and those of the extra socket in a line of their own: nobody waits behind all of them.
        intake = service.intake.share if call.asker.restricted else service.intake
        request = await intake.aside(call.asker.pid, partial(decode.chat_request, params))
    else:
        request = decode.chat_request(params)
    emit = call.emit if request.stream else _drop
    result = await service.runtime.chat(request, emit=emit, accepted=call.accepted, asker=call.asker)
    return encode.chat_result(result) if isinstance(result, ChatResult) else result


LONG = 1000
"""Messages and parts of them: 5 ms to read."""


def _is_long(params: Params) -> bool:
    contents = [message["content"] for message in params.get("messages") or ()]
    return len(contents) + sum(len(one) for one in contents if not isinstance(one, str)) > LONG


def _drop(_events: Sequence[Event]) -> None:
    """Of a call without ``stream``: its answer holds everything."""


async def _embed(service: Service, call: Call, params: Params) -> object:
    request = decode.embed_request(params)
    result = await service.runtime.embed(request, accepted=call.accepted, asker=call.asker)
    rest = encode.embed_result(result.answer, result.model, result.cost_usd)
    # Ten thousand vectors are a quarter of a second of work, and other connections would wait for it.
    return await anyio.to_thread.run_sync(
        vectors.response, call.msgid, result.answer.vectors, rest, request.encoding
    )


async def _rerank(service: Service, call: Call, params: Params) -> object:
    request = decode.rerank_request(params)
    result = await service.runtime.rerank(request, accepted=call.accepted, asker=call.asker)
    return encode.rerank_result(result.answer, result.model)


async def _model_names(service: Service, _call: Call, params: Params) -> object:
    return await service.runtime.model_names(params.get("type"), params.get("prefix", ""))


async def _list_models(service: Service, _call: Call, params: Params) -> object:
    return await service.runtime.list_models(
        params.get("type"), params.get("client"), params.get("refresh", False)
    )


async def _query_usage(service: Service, _call: Call, params: Params) -> object:
    since, until = (_moment(params, key) for key in ("since", "until"))
    return await service.runtime.usage(since, until, params.get("group_by"))


def _moment(params: Params, key: str) -> float | None:
    match params.get(key):
        case str() as day:
            with suppress(ValueError):
                return beginning(day, time.time())
        case None:
            return None
        case seconds if not isnan(seconds):
            return seconds  # type: ignore[no-any-return]
    raise InvalidParams(
        f"{key}: must be a number of seconds since the epoch, or a day: 2026-11-01, today or tomorrow"
    )


async def _check_config(service: Service, _call: Call, params: Params) -> object:
    # In a thread: the path is the caller's and may be on a dead network mount, or a pipe.
    check = partial(service.runtime.check, params.get("path"), params.get("data"))
    return await lingering.look(("config.check", "path" in params), check)


async def _reload_config(service: Service, _call: Call, _params: Params) -> object:
    return await service.runtime.reload()


async def _login(service: Service, _call: Call, params: Params) -> object:
    return await service.runtime.auth.login(params["client"], params.get("method"))


async def _finish_login(service: Service, _call: Call, params: Params) -> object:
    return await service.runtime.auth.finish(params["login_id"], params.get("code"))


async def _logout(service: Service, _call: Call, params: Params) -> object:
    return await service.runtime.auth.logout(params["client"])


async def _set_secret(service: Service, _call: Call, params: Params) -> object:
    return await service.runtime.secrets.set(params["name"], params["value"])


async def _get_secret(service: Service, _call: Call, params: Params) -> object:
    return await service.runtime.secrets.get(params["name"])


async def _list_secrets(service: Service, _call: Call, _params: Params) -> object:
    return await service.runtime.secrets.list()


async def _delete_secret(service: Service, _call: Call, params: Params) -> object:
    return await service.runtime.secrets.delete(params["name"])


async def _secrets_status(service: Service, _call: Call, _params: Params) -> object:
    return await service.runtime.secrets.status()


async def _lock(service: Service, _call: Call, _params: Params) -> object:
    return await service.runtime.secrets.lock()


async def _unlock(service: Service, _call: Call, params: Params) -> object:
    return await service.runtime.secrets.unlock(params.get("passphrase"))


async def _import_loki(service: Service, _call: Call, params: Params) -> object:
    given = {key: value for key, value in params.items() if key != "dry_run"}
    return await service.runtime.imports.loki(Left(**given), dry_run=params.get("dry_run", False))


async def _set_passphrase(service: Service, _call: Call, params: Params) -> object:
    return await service.runtime.secrets.protect(params["passphrase"])


def _in_turn(answer: Callable[[Service, Call, Params], Awaitable[object]]) -> Spawned:
    """What has one thread, lock or disk for everybody: one at a time of each program."""

    async def answer_in_turn(service: Service, call: Call, params: Params) -> object:
        async with service.lanes.turn(call.asker.pid, answer):
            return await answer(service, call, params)

    return Spawned(answer_in_turn)


HANDLERS: dict[str, Handler] = {
    "hello": Inline(hello),
    "chat": Spawned(_chat),
    "embed": Spawned(_embed),
    "rerank": Spawned(_rerank),
    "models.list": Spawned(_list_models),
    "models.names": Spawned(_model_names),
    "clients.list": Inline(_list_clients),
    "status": Inline(_status),
    "requests.list": Inline(_list_requests),
    "requests.cancel": Inline(_cancel_request),
    "config.check": _in_turn(_check_config),
    "config.reload": _in_turn(_reload_config),
    "config.show": _in_turn(_show_config),
    "usage.query": _in_turn(_query_usage),
    "import.loki": _in_turn(_import_loki),
    "auth.login": Spawned(_login),
    "auth.finish": Spawned(_finish_login),
    "auth.status": Inline(_auth_status),
    "auth.logout": Spawned(_logout),
    "secrets.set": _in_turn(_set_secret),
    "secrets.get": _in_turn(_get_secret),
    "secrets.list": _in_turn(_list_secrets),
    "secrets.delete": _in_turn(_delete_secret),
    "secrets.status": _in_turn(_secrets_status),
    "secrets.lock": _in_turn(_lock),
    "secrets.unlock": _in_turn(_unlock),
    "secrets.passphrase": _in_turn(_set_passphrase),
    "events.subscribe": Inline(_subscribe),
}
