"""What a text of YAML means when it is not quoted.

Scalars follow YAML 1.2 (what the seed's programs read) where 1.1 agrees; where the two differ one is
doubtful, and whoever uses it says "quote it".
"""

from __future__ import annotations

import math
import re

Value = str | bool | int | float | None

# YAML 1.2 core schema, as far as 1.1 reads the same.
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# Digits are bounded: int() of thousands of digits is slow and refused by Python.
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,4})?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")

# YAML 1.1 (https://yaml.org/type/) reads these as something else than they look like.
_DOUBTFUL_BOOL = {
    word: value
    for words, value in ((("yes", "on"), True), (("no", "off"), False))
    for base in words
    for word in (base, base.title(), base.upper())
}
_DOUBTFUL: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"), "a number in base 60"),
    (re.compile(r"\d{4}-\d\d?-\d\d?(?:[Tt ].*)?"), "a date"),
    (re.compile(r"[-+]?0[0-7_]+|[-+]?0o[0-7_]+"), "an octal number"),
    (re.compile(r"[-+]?0x[0-9a-fA-F_]+"), "a hexadecimal number"),
    (re.compile(r"[-+]?0b[01_]+"), "a binary number"),
    (re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"), "a number"),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"), "a number that is not finite"),
)
FIRST = frozenset("0123456789+-.")  # what a number or date begins with

WORDS = frozenset((*_NULL, *_BOOL, *_DOUBTFUL_BOOL))
"""What is another thing than text and begins like one: a text that is none of these and does not begin as
in ``FIRST`` is text."""


def meaning(text: str) -> tuple[Value, str | None]:
    """The value, and what YAML 1.1 makes of it, if that is not what it looks like (then the value is the
    bool for yes/no/on/off, else the text)."""
    if text in _NULL:
        return None, None
    if text in _BOOL:
        return _BOOL[text], None
    if text in _DOUBTFUL_BOOL:
        return _DOUBTFUL_BOOL[text], "true or false"
    if text[0] not in FIRST:
        return text, None
    if _INT.fullmatch(text):
        return int(text), None
    if _FLOAT.fullmatch(text) and not _LEADING_ZERO.match(text) and math.isfinite(float(text)):
        return float(text), None
    return text, next((doubt for pattern, doubt in _DOUBTFUL if pattern.fullmatch(text)), None)
