"""``{{NAME}}``: a secret named in the configuration, put in after parsing.

Only values are looked at, never the text of the file: a secret may hold any character and is never read
as YAML, and a comment never needs a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lokid.config import nodes
from lokid.config.schema import OWN_KEYS

_NAME = re.compile(r"\{\{ *([A-Za-z_][A-Za-z0-9_.-]*) *\}\}")


_OF_SHELL = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})")


def is_variable_of_shell(node: nodes.Node) -> bool:
    """``$NAME`` or ``${NAME}``, which some programs fill in. Here it would go out as the key."""
    return (
        isinstance(node, nodes.Scalar)
        and isinstance(node.value, str)
        and bool(_OF_SHELL.fullmatch(node.value))
    )


def names(text: str) -> tuple[str, ...]:
    """The names in one value, in order."""
    return tuple(_NAME.findall(text)) if "{{" in text else ()


def fill(text: str, lookup: Mapping[str, str]) -> str:
    """``text`` with the value of each name; a name that ``lookup`` lacks stays as it is (the client is
    not used then, so this never leaves)."""
    return _NAME.sub(lambda found: lookup.get(found[1], found[0]), text)


def secret_names(text: str, tree: nodes.Tree | None = None) -> frozenset[str]:
    """Every name that the configuration ``text`` uses, so that the vault is opened only when needed.
    Empty for a text that cannot be read; ``parse`` says why. ``tree``: as for ``parse``."""
    if "{{" not in text:
        return frozenset()
    root, _ = tree or nodes.read(text, "")
    if not isinstance(root, nodes.Mapping):
        return frozenset()
    own = (entry.node for key, entry in root.entries.items() if key in OWN_KEYS)
    return frozenset(name for node in own for value in _texts(node) for name in names(value))


def _texts(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Scalar(value=str(value)):
            yield value
        case nodes.Sequence(items=items):
            for item in items:
                yield from _texts(item)
        case nodes.Mapping(entries=entries):
            for entry in entries.values():
                yield from _texts(entry.node)
