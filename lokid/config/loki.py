"""What Loki (and aichat, which it came from) leave behind, as far as lokid has a use for it: the
configuration, and the tokens of a sign-in. The vault: ``loki_vault``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pydantic import SecretStr

from lokid.config import nodes
from lokid.config.parse import parse
from lokid.config.problem import Problem, dotted
from lokid.config.schema import OWN_KEYS, Config
from lokid.config.secrets import secret_names
from lokid.config.values import Values
from lokid.protocols.oauth2_answers import MAX_LIFE_S, MAX_TOKEN, Token
from lokid.providers.settings import ClientSettings


@dataclass(frozen=True, slots=True)
class Dropped:
    """A key of the top level that lokid does not have, and where it was."""

    line: int
    key: str


@dataclass(frozen=True, slots=True)
class Converted:
    """``text``: a configuration of lokid, if there are no ``problems``; their places are those of the file
    that was read. ``secrets``: the names it uses. ``password_file``: of Loki's vault, as written."""

    text: str = field(repr=False)
    clients: tuple[ClientSettings, ...] = field(default=(), repr=False)
    dropped: tuple[Dropped, ...] = ()
    secrets: tuple[str, ...] = ()
    password_file: str | None = None
    problems: tuple[Problem, ...] = ()


def convert(text: str, path: str) -> Converted:
    """``text`` without the keys that only Loki and aichat have; the rest, comments too, stays as it is.
    ``path`` names the file in problems."""
    root, problems = nodes.read(text, path)
    if problems:
        return Converted(text, problems=problems)
    if not isinstance(root, nodes.Mapping):
        one = Problem(path, 1, 1, "", "must be a mapping with `clients:` at its top")
        return Converted(text, problems=(one,))
    said = root.entries.get("vault_password_file")
    password_file = said.node.text if said is not None and isinstance(said.node, nodes.Scalar) else None
    shorter, lines, dropped = _without_foreign_keys(text, root)
    found = parse(shorter, path, lookup={}, environ={})
    if not isinstance(found, Config):
        there = tuple(replace(one, line=lines[min(one.line, len(lines)) - 1]) for one in found)
        return Converted(shorter, dropped=dropped, password_file=password_file or None, problems=there)
    names = tuple(sorted(secret_names(shorter)))
    return Converted(shorter, found.clients, dropped, names, password_file or None)


def _without_foreign_keys(text: str, root: nodes.Mapping) -> tuple[str, Sequence[int], tuple[Dropped, ...]]:
    """The shorter text, the number in ``text`` of each of its lines, and what is gone. A file that is not
    made of one key after the other (as JSON, or with anchors in what would go) stays as it is."""
    lines = text.splitlines(keepends=True)
    foreign = [key for key in root.entries if key not in OWN_KEYS]
    unchanged = text, range(1, len(lines) + 1), ()
    if not foreign:
        return unchanged
    begins = sorted((_begin(lines, entry.line), key) for key, entry in root.entries.items())
    kept: list[int] = [*range(1, begins[0][0])]
    ends = [begin for begin, _ in begins[1:]] + [len(lines) + 1]
    for (begin, key), end in zip(begins, ends, strict=True):
        if key not in foreign:
            kept += range(begin, end)
    shorter = "".join(lines[number - 1] for number in kept)
    again, problems = nodes.read(shorter, "")
    if problems or not isinstance(again, nodes.Mapping) or _plain(again) != _plain(root, foreign):
        return unchanged
    return shorter, kept, tuple(Dropped(root.entries[key].line, dotted((key,))) for key in foreign)


def _begin(lines: Sequence[str], line: int) -> int:
    """Where what belongs to the key in ``line`` begins: at the comments right above it."""
    while line > 1 and lines[line - 2].startswith("#"):
        line -= 1
    return line


def _plain(root: nodes.Mapping, without: Sequence[str] = ()) -> dict[str, object]:
    values = Values("", (), {})
    return {key: values.plain(entry.node) for key, entry in root.entries.items() if key not in without}


class NoToken(Exception):
    """``str()`` is the end of a sentence about the file; nothing of what it holds."""


def token(text: str, now: float) -> Token:
    """Of ``<client>_oauth_tokens.json``. Raises NoToken."""
    try:
        found = json.loads(text)
        access, refresh = str(found["access_token"]), str(found["refresh_token"])
        expires_at = float(found["expires_at"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise NoToken("is not a file of Loki's tokens, or is damaged") from None
    if not (0 < len(access) <= MAX_TOKEN and 0 < len(refresh) <= MAX_TOKEN and math.isfinite(expires_at)):
        raise NoToken("holds tokens that are empty or too long")
    expires_at = min(max(expires_at, 0.0), now + MAX_LIFE_S)
    return Token(SecretStr(access), SecretStr(refresh), None, min(now, expires_at), expires_at)
