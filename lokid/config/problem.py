"""Where the configuration is wrong, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

Path = tuple[str | int, ...]
"""Keys and indices from the top of the file: ``("clients", 0, "api_base")``."""

ENVIRONMENT = "environment"
"""The ``path`` of a problem with an environment variable; its ``key`` is the variable's name."""

_WORD = re.compile(r"<<|[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_DIGITS = 2
_OF_A_KEY = re.compile(r"(?:sk|gsk|xai|hf|pplx)[-_]|AIza|AKIA|ya29|eyJ")
_PATTERNS = frozenset(("chat_completions", "embeddings", "rerank"))
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """``line`` and ``column`` count from 1; 0 where the file as a whole is meant, or one that is not there.
    ``key`` is dotted (``clients[0].api_base``), ``""`` for the
    file as a whole. ``message`` never holds a value of the file."""

    path: str
    line: int
    column: int
    key: str
    message: str

    @classmethod
    def of_whole(cls, path: str, message: str, key: str = "") -> Problem:
        return cls(path, 0, 0, key, message)

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


MOST = 100
"""Problems that are kept and told. Of more, which one mistake can make, nobody reads the next hundred."""


def at_most(problems: Sequence[Problem], most: int = MOST) -> tuple[Problem, ...]:
    """The first ones, and how many more there are, said at the place of the next one."""
    if len(problems) <= most:
        return tuple(problems)
    more = problems[most]
    text = f"{len(problems) - most} more problems from here on are not shown"
    return (*problems[:most], replace(more, key="", message=text))


def dotted(path: Path) -> str:
    """``clients[0].patch.chat_completions.'gpt-.*'.body``.

    A forgotten space, colon or quote makes a key of a value, which may be a secret: what is neither a
    plain word with few digits nor, where one belongs, a pattern on models' names, is not shown.
    """
    text = ""
    before: str | int | None = None
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = _shown(part, pattern=before in _PATTERNS)
            text += f".{shown}" if text else shown
        before = part
    return text


def _shown(key: str, *, pattern: bool) -> str:
    if _WORD.fullmatch(key) and not _OF_A_KEY.match(key) and sum(map(str.isdigit, key)) <= _DIGITS:
        return key
    return repr(key[:_SHOWN_CHARACTERS]) if pattern else "(not a word)"
