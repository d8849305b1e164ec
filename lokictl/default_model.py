"""Tells when a command made another model the one that ``lokictl ask`` asks: a key that was kept is a client
more, and the next question would go, with its price, where nobody sent it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lokictl import link
from lokictl.failure import Failure
from lokictl.render import note


@contextmanager
def tell_change() -> Iterator[None]:
    """One line on stderr if the default is another one afterwards. The variable of the shell goes before
    every default, so with it there is nothing to tell."""
    before = _config()
    yield
    after = _config()
    was, now = before.get("default_model"), after.get("default_model")
    if now is not None and was != now and not os.environ.get("LOKICTL_MODEL"):
        instead = f" instead of {was}" if was else ""
        how = "lokictl config edit" if after.get("exists") else "lokictl setup writes one"
        note(
            f"lokictl ask now asks {now}{instead}; to choose another: `model: CLIENT:MODEL` in the"
            f" configuration ({how}), or export LOKICTL_MODEL=CLIENT:MODEL"
        )


def _config() -> Mapping[str, Any]:
    """``config`` of the daemon's status; nothing if it does not tell."""
    try:
        found: Mapping[str, Any] = link.call("status")["config"]
    except Failure:
        return {}
    return found
