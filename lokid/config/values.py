"""Nodes as plain values, with secrets filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lokid.config import nodes, secrets
from lokid.config.problem import Path, Problem, dotted


class Values:
    """Turns the nodes of one part of the file into dicts, lists and scalars.

    Notes on the way: ``problems``; ``missing``: place -> names that ``lookup`` lacks; ``filled``: place ->
    the names, where the value came out of ``{{NAME}}``. Places are relative to the node that was given first.
    """

    def __init__(self, path: str, base: Path, lookup: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self.missing: dict[Path, tuple[str, ...]] = {}
        self.filled: dict[Path, tuple[str, ...]] = {}
        self._path = path
        self._base = base
        self._lookup = lookup

    def plain(self, node: nodes.Node, at: Path = (), *, free: bool = False) -> Any:
        """``free``: inside the body of a patch, where any JSON may stand and no schema tells a text from
        a truth value. The depth is bounded by ``nodes.MAX_DEPTH``."""
        if type(node) is nodes.Scalar and node.doubt is None:  # nearly all are
            value = node.value
            return self._text(value, at) if type(value) is str and "{{" in value else value
        match node:
            case nodes.Mapping(entries=entries):
                return {
                    key: self.plain(entry.node, (*at, key), free=free or key == "body")
                    for key, entry in entries.items()
                }
            case nodes.Bulk(values=values):  # of ordinary values: no secret's name, no doubt
                return values
            case nodes.Sequence(items=items):
                return [self.plain(item, (*at, index), free=free) for index, item in enumerate(items)]
            case nodes.Scalar(value=bool(value), doubt=str()) if not free:
                return value  # where a text is wanted the schema says so
        remedy = "quote it, or write true or false" if isinstance(node.value, bool) else "quote it"
        self._problem(node, at, f"is read as {node.doubt} by some YAML readers; {remedy}")
        return node.value

    def _text(self, text: str, at: Path) -> str:
        names = secrets.names(text)
        if not names:
            return text
        self.filled[at] = names
        # The system takes a NUL character in no path, argument or variable: such a value is as good as none.
        if absent := tuple(name for name in names if "\0" in self._lookup.get(name, "\0")):
            self.missing[at] = absent
        filled = secrets.fill(text, self._lookup)
        return text if "\0" in filled else filled

    def _problem(self, node: nodes.Node, at: Path, message: str) -> None:
        key = dotted((*self._base, *at))
        self.problems.append(Problem(self._path, node.line, node.column, key, message))
