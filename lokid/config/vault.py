"""The text inside the vault: a JSON object of name -> value, so that ``age -d`` and ``jq`` are enough to
read it and ``age -e`` to write it. Whether that text is encrypted, and where it lies, is not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

MAX_SECRETS = 1024
"""As many values are kept out of the log at least (``logs.MAX_SECRETS`` is four times that)."""

MAX_NAME = 128
MAX_VALUE = 64 * 1024
"""Characters: a certificate chain would fit, a wrong file piped in would not."""

MAX_TEXT = 4 * 1024 * 1024
"""Bytes of the text. More is another file, or damage."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")  # what may stand in {{NAME}}


class BadVault(Exception):
    """``str()`` says what is wrong with the text, and nothing of what it holds."""


class BadSecret(Exception):
    """``str()`` says why a name or value cannot be kept; never the value."""


def decode(data: bytes) -> dict[str, str]:
    """The secrets in ``data``. Raises BadVault."""
    if len(data) > MAX_TEXT:
        raise BadVault("holds more than 4 MiB")
    try:
        found = json.loads(data, object_pairs_hook=_unique)
    except (ValueError, RecursionError):  # of JSON and of UTF-8
        raise BadVault('does not hold JSON like {"NAME": "value"}') from None
    if not isinstance(found, dict):
        raise BadVault('does not hold a JSON object like {"NAME": "value"}')
    if len(found) > MAX_SECRETS:
        raise BadVault(f"holds more than {MAX_SECRETS} secrets")
    for number, (name, value) in enumerate(found.items(), 1):
        try:
            check(name, value)
        except BadSecret as error:
            raise BadVault(f"holds an entry that is none (number {number}): {error}") from None
    return found


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def encode(secrets: Mapping[str, str]) -> bytes:
    """One line per secret, in the order of their names."""
    return json.dumps(dict(sorted(secrets.items())), indent=1, ensure_ascii=False).encode() + b"\n"


def check(name: str, value: object) -> None:
    """Raises BadSecret for what cannot be kept."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        # Not quoted: people mix up the order, and then this is the value.
        raise BadSecret(
            "a name begins with a letter or _ and goes on with letters, digits, _, . and -,"
            f" {MAX_NAME} at most; as in OPENAI_API_KEY"
        )
    if not isinstance(value, str):
        raise BadSecret("a value is a text")
    if not value:
        raise BadSecret("the value is empty")
    if len(value) > MAX_VALUE:
        raise BadSecret("the value is longer than 64 Ki characters")
    if "\0" in value:
        # No header, variable or argument can hold one: it is a binary file, or UTF-16.
        raise BadSecret("the value holds a NUL character, so it is no text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadSecret("the value is not UTF-8 text") from None


def changed(secrets: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """``secrets`` with ``changes`` applied; None removes. Raises BadSecret, BadVault if it gets too large."""
    result = dict(secrets)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        else:
            check(name, value)
            result[name] = value
    if len(result) > MAX_SECRETS or len(encode(result)) > MAX_TEXT:
        raise BadVault(f"is full: {MAX_SECRETS} secrets and 4 MiB are the most it takes")
    return result
