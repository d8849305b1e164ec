"""How much lokid takes in one message, for who has more than usual. Loaded only then."""

from __future__ import annotations

from lokictl import link
from lokictl.failure import Failure, usage

_MIB = 1024 * 1024


def room(size: int, usual: int, what: str) -> int:
    """Bytes that lokid takes. ``size``: of what there is up to now, more than ``usual``. Raises ``Failure``
    (exit status 2) if that is too much for the configuration as well."""
    most = max(_configured(), usual)
    if size > most:
        raise usage(
            f"{what} has more than {most // _MIB} MiB, and lokid takes no more in one message",
            "send a part of it; or raise max_frame_mib of limits: in the configuration",
        )
    return most


def _configured() -> int:
    """0: nobody can say, and then the usual counts."""
    try:
        return int(link.call("config.show")["limits"]["max_frame_mib"]) * _MIB
    except (Failure, KeyError, TypeError, ValueError):
        return 0
