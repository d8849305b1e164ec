"""What aichat has besides its configuration: keys in the environment, or in the ``.env`` beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from lokictl import left_by_loki

SECRETS = ("API_KEY", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "ACCESS_TOKEN")
"""Ends of the variables that aichat reads as ``{CLIENT}_{FIELD}``, and lokid under the same names."""

MAX_ENV = 64 * 1024
"""Bytes of a ``.env``: as much as a page of keys."""

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def variables(environ: Mapping[str, str], config: str, clients: Iterable[str]) -> dict[str, str]:
    """Variable -> value, of those that hold a secret of one of the ``clients``. What the environment has
    beats the file, as in aichat."""
    path = environ.get("AICHAT_ENV_FILE") or os.path.join(os.path.dirname(config), ".env")
    there = {**_parsed(path), **environ}
    names = (f"{_prefix(client)}_{end}" for client in clients for end in SECRETS)
    return {name: there[name] for name in names if there.get(name)}


def _prefix(client: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", client.upper())


def _parsed(path: str) -> dict[str, str]:
    if not os.path.isfile(path):
        return {}
    found = {}
    for line in left_by_loki.read(path, MAX_ENV).splitlines():
        if match := _LINE.fullmatch(line.strip()):
            found[match[1]] = _unquoted(match[2])
    return found


def _unquoted(text: str) -> str:
    """Without the quotes around it, or else without a comment after it."""
    if text[:1] in ("'", '"') and (end := text.find(text[0], 1)) > 0:
        return text[1:end]
    return re.split(r"\s#", text, maxsplit=1)[0].strip()
