"""The user's own files: YAML, the configuration in it, ``.env`` and the vault. As ``targets``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import msgpack

from lokid.config import Config, nodes, parse, plan, show
from lokid.config import vault as vault_text
from lokid.config.problem import ENVIRONMENT, Problem
from lokid.config.schema import TopLevel
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ModelSettings
from lokid.runtime.secrets import sources as dotenv_text
from tests.fuzz.targets import SECRET, hides

KEYS = tuple(
    f"{key}: "
    for key in dict.fromkeys(
        (
            "clients",
            *TopLevel.model_fields,
            *(key for provider in PROVIDERS.values() for key in provider.settings.model_fields),
            *ModelSettings.model_fields,
        )
    )
)
"""What chance does not find, nor the corpus has: every key of a client and a model."""

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""As YAML counts lines. Most editors count LF alone: that is meant where YAML's scanner names no place."""


_PATTERN = re.compile(r"""\b(chat_completions|embeddings|rerank)\.(['"]).*?\2(?=[.:])""")
"""Patterns on models' names are shown: whoever writes a secret as one shows it."""


def _inside(problems: Iterable[Problem], text: str) -> None:
    for problem in problems:
        assert _within(problem, _BREAK.split(text)) or _within(problem, text.split("\n")), problem


def _within(problem: Problem, lines: list[str]) -> bool:
    """The place may be the end of a line, or that of the text."""
    length = len(lines[problem.line - 1]) if problem.line <= len(lines) else 0
    return 1 <= problem.line <= len(lines) + 1 and 1 <= problem.column <= length + 1


def yaml(data: bytes) -> None:
    """YAML as nodes, bounded, with places that exist, and the same values if places are not asked for; what
    is read well is read the same once it is written as JSON, which is YAML too."""
    text = data.decode("utf-8", "surrogateescape").replace("@@", SECRET)
    root, problems = nodes.read(text, "f")
    assert root is not None or problems
    _inside(problems, text)
    for problem in problems:
        hides(_PATTERN.sub("", str(problem)))
    quick, said = nodes.read(text, "f", places=False)
    assert bool(said) == bool(problems)
    if root is None or quick is None:
        assert root is quick or problems
        return
    if not problems:  # repr: 1 is True, and 1.0 too
        assert repr(_value(quick, len(text))) == repr(_value(root, len(text)))
    assert root.height <= nodes.MAX_DEPTH
    assert root.size <= nodes.MAX_ALIASED_NODES + len(text) + 1
    if not problems and root.size <= 100:
        value = _value(root, len(text))
        written = json.dumps(value)
        # YAML knows no pairs of surrogates (Python writes no others), and no key of more on its line.
        if "\\u" not in written and len(written) <= 1024:
            again, problems = nodes.read(written, "f")
            assert again is not None and not problems
            assert _value(again, len(written)) == value


def _value(node: nodes.Node, length: int) -> Any:
    assert 1 <= node.line <= length + 1 and 1 <= node.column <= length + 1
    match node:
        case nodes.Scalar():
            return node.value if node.doubt is None else node.text
        case nodes.Bulk():
            return node.values
        case nodes.Sequence():
            return [_value(item, length) for item in node.items]
    return {key: _value(entry.node, length) for key, entry in node.entries.items()}


def config(data: bytes) -> None:
    """Text, and after a NUL the value of a variable that patches. ``@@`` in either stands for the secret."""
    text, _, patch = data.decode("utf-8", "surrogateescape").replace("@@", SECRET).partition("\0")
    environ = {"LOKID_PATCH_C_CHAT_COMPLETIONS": patch} if patch else {}
    found = parse(text, "f", lookup={"NAME": SECRET}, environ=environ)
    if "models" in text and len(data) % 4 == 0:  # these may be read without their places
        tree = nodes.read(text, "f")
        assert parse(text, "f", lookup={"NAME": SECRET}, environ=environ, tree=tree) == found
    problems = found.warnings if isinstance(found, Config) else found
    _inside((one for one in problems if one.path != ENVIRONMENT), text)
    for problem in problems:
        hides(_PATTERN.sub("", str(problem)))
    if isinstance(found, Config):
        steps = plan(found, found)
        assert not steps.open and not steps.close
        shown = show(found)
        msgpack.packb(shown)
        for client in shown["clients"]:
            # A command is shown; what is a secret in it only its author knows.
            keys = (client.get(key) for key in ("api_key", "secret_access_key", "session_token"))
            hides("".join(key for key in keys if isinstance(key, str)))


def dotenv(data: bytes) -> None:
    """``.env``, and the lines of it that are none."""
    text = data.decode(errors="replace").replace("@@", SECRET)
    values, problems = dotenv_text.dotenv(text, "f")
    for problem in problems:
        if SECRET not in problem.key:  # NAME=, which is no value
            hides(str(problem))
    assert all(name and isinstance(value, str) for name, value in values.items())


def vault(data: bytes) -> None:
    """What is inside a decrypted vault."""
    data = data.replace(b"@@", SECRET.encode())
    try:
        found = vault_text.decode(data)
    except vault_text.BadVault as error:
        hides(str(error))
        return
    assert vault_text.decode(vault_text.encode(found)) == found
    for name in found:
        assert name not in vault_text.changed(found, {name: None})
