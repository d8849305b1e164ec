"""An exception as the error of a response."""

from __future__ import annotations

import logging

from lokid.errors import InvalidParams, LokidError, Overloaded, ProviderFailed
from lokid.logs import hide, place
from lokid.rpc.connection import TooLarge
from lokid.rpc.messages import ProtocolError
from lokid.rpc.methods import ErrorMap
from lokid.rpc.shapes import ShapeError
from lokid.server.intake import Crowded

log = logging.getLogger(__name__)


def fault(error: Exception, method: str) -> LokidError:
    """What the caller is told of ``error``. Anything that is not one of ours is a bug of lokid: the log
    gets its type and place, never its text (foreign texts quote values), and the caller gets a sentence."""
    match error:
        case LokidError():
            return error
        case ShapeError():
            return InvalidParams(str(error))
        case MemoryError():
            log.warning("no memory left for a %s", method)
            return Overloaded(
                "lokid has no memory left for this request", hint="ask again, or for less at once"
            )
        case RuntimeError(args=("can't start new thread",)):  # Python's words for EAGAIN of clone(2)
            log.warning("no more threads can be started for a %s", method)
            return Overloaded(
                "lokid can start no more threads: it has as many as its user, service or container may have",
                hint="ask again, or raise it: ulimit -u, TasksMax=, pids.max",
            )
        case ImportError():
            # Much is imported when it is first wanted, from files that may be others by then.
            log.error("a part of lokid cannot be loaded for %s: %s", method, place(error))
            return ProviderFailed(
                "a part of lokid cannot be loaded: its files have changed since it started, or are gone",
                hint="lokictl daemon restart",
            )
        case ExceptionGroup(exceptions=[only]):
            # A task group around one failure says nothing that the failure does not say.
            return fault(only, method)
        case _:
            log.error("bug in %s: %s", method, place(error))
            return ProviderFailed(
                f"internal error in lokid ({type(error).__name__}): this is a bug, not a fault of the request"
                " or of the provider",
                hint="the daemon's log says where; `lokictl info` prints where the log is",
            )


def refused(error: ProtocolError) -> LokidError:
    """The same for a frame that is not taken."""
    match error:
        case Crowded():
            return Overloaded(str(error))
        case TooLarge():
            # Here and not in the hint alone: an error that is a string has none.
            return InvalidParams(
                f"{error}, the most that limits.max_frame_mib of the configuration allows",
                hint="send less at once, or raise limits.max_frame_mib in the configuration (at most 1024)",
            )
        case _:
            return InvalidParams(str(error))


def error_map(error: LokidError) -> ErrorMap:
    """For clients that said ``errors: "map"``; only facts that are known. Whoever raised ``error`` took care
    of its words; here is the last door."""
    answer: ErrorMap = {"code": error.code, "message": hide(error.message)}
    if error.hint is not None:
        answer["hint"] = hide(error.hint)
    if error.client is not None:
        answer["client"] = error.client
    if error.status is not None:
        answer["status"] = error.status
    if error.retry_after_s is not None:
        answer["retry_after_s"] = error.retry_after_s
    if error.request_id is not None:
        answer["request_id"] = hide(error.request_id)
    return answer


def error_text(error: LokidError) -> str:
    """For all other clients."""
    return hide(str(error))
