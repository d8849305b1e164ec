"""Text that is no YAML: where, and what a person can do about it. Never the text, which may be a key."""

from __future__ import annotations

import re

import yaml

# What libyaml says -> what a person can act on. Everything else is "not valid YAML here": an unknown
# message could quote the text. True: the place is where the thing began, not where the scanner gave up.
_SYNTAX = (
    ("cannot start any token", "a tab, or another character that cannot begin a value", False),
    (
        "mapping values are not allowed",
        "a second ': ' on one line, or wrong indentation; quote the text",
        False,
    ),
    (
        "could not find expected ':'",
        "a key without ': ' after it, or text that goes on in the next line",
        True,
    ),
    ("unexpected end of stream", "a quoted text that is not closed", True),
    ("did not find expected ',' or ']'", "a list in [...] that is not closed, or lacks a comma", True),
    ("did not find expected ',' or '}'", "a mapping in {...} that is not closed, or lacks a comma", True),
    ("did not find expected '-' indicator", "text where a list entry is due; look at the indentation", False),
    ("did not find expected key", "wrong indentation, or text after a closing quote", False),
    ("did not find expected <document start>", "wrong indentation, or text after the end", False),
    ("sequence entries are not allowed", "a list entry on the line of its key; begin a new line", False),
    ("unknown escape", "an unknown \\ escape in double quotes; single quotes take text as it is", False),
    ("alphabetic or numeric character", "an & or * that begins no anchor or alias; quote the text", False),
)


def fault(error: yaml.MarkedYAMLError) -> tuple[int, int, str]:
    """Line, column and message."""
    said, mark = error.problem or "", error.problem_mark
    message = "not valid YAML here"
    for pattern, words, at_begin in _SYNTAX:
        if pattern in said:
            message = f"not valid YAML: {words}"
            mark = (at_begin and error.context_mark) or mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return line, column, message


_NOT_ALLOWED = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def unprintable(text: str) -> tuple[int, int]:
    """Line and column of the first character that YAML does not allow."""
    found = _NOT_ALLOWED.search(text)
    before = text[: found.start()] if found else ""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
