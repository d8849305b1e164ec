"""What of a provider's words may be shown and logged."""

from __future__ import annotations

import re

from lokid.hiding import visible

MAX_MESSAGE = 300
"""Characters of a message: a few lines of a terminal, too few for a body or a prompt to travel along."""

LOOKED_AT = 20 * MAX_MESSAGE

CUT = "\N{HORIZONTAL ELLIPSIS}"
"""In the place of what was cut off."""

_MARKED = re.compile(
    r"\b(?:bearer|basic)\s+\S+"
    r"|\b(?:sk|pk|rk|gsk|xai|hf|pplx|nvapi|fw|ghp|github_pat|key)[-_][\w*.-]{6,}"
    r"|\b(?:AIza|AKIA|ASIA|ya29\.|eyJ)[\w*.-]{8,}",
    re.IGNORECASE,
)
"""Keys that say what they are; providers quote them, with asterisks in the middle at best."""

_WORD = re.compile(r"[\w+=-]{24,}")
_RUN = re.compile(r"[A-Za-z0-9+=]{24,}")
"""An unbroken run this long with a digit in it is no word of any language and no model's name, whose
parts are short: it is redacted even if it says nothing."""


def clean(message: str) -> str:
    """One short line without anything that looks like a key, and without characters that terminals obey:
    controls (escape sequences start with one), those that change the direction of what is around them, and
    those that nobody sees, which may stand in the middle of a key."""
    shown = (letter if letter.isprintable() else " " for letter in visible(message[:LOOKED_AT]))
    line = " ".join("".join(shown).split())
    line = _WORD.sub(_redact, _MARKED.sub("[redacted]", line))
    return short(f"{line}{CUT}" if len(message) > LOOKED_AT else line, MAX_MESSAGE)


def short(said: str, most: int) -> str:
    """At most so many characters, with a mark where the rest was: what stands before it may be the beginning
    of a key, and who knows the keys looks there (`lokid.runtime.redaction`)."""
    return said if len(said) <= most else said[: most - 1].rstrip() + CUT


def _redact(word: re.Match[str]) -> str:
    secret = any(any(map(str.isdigit, run)) for run in _RUN.findall(word[0]))
    return "[redacted]" if secret else word[0]
