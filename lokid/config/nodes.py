"""YAML text as a tree of nodes that know their places.

PyYAML's own composer and constructor are not used, only its parser's events: the composer recurses in C
without a bound, the last of two equal keys wins silently in the constructor, and its errors quote the
line, which may hold a key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from lokid.config import bulk
from lokid.config.problem import Path, Problem, dotted
from lokid.config.scalars import FIRST, Value, meaning
from lokid.config.syntax import fault, unprintable

MAX_CHARACTERS = 16 * 1024 * 1024  # 10,000 models are about 2 MiB
MAX_DEPTH = 32  # the deepest key of the format lies at 6, the rest is for patch bodies
MAX_ALIASED_NODES = 10_000  # what all aliases may add: enough for every sane file, no billion laughs

MOST = {
    "clients": (1_000, "more than 1,000 clients; a configuration may have so many"),
    "models": (
        100_000,
        "more than 100,000 models in one configuration; a client without `models` takes any name",
    ),
}
"""The most, and what is said of one more. A client takes 19 KB and 1 ms to open, a model 1 KB and 20 µs."""

# libyaml and PyYAML's own scanner give every value the same events; only speed differs (10 times).
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Scalar:
    """``value`` and ``doubt``: as ``scalars.meaning`` gives them."""

    line: int
    column: int
    text: str
    value: Value
    doubt: str | None = None
    size: int = 1
    height: int = 0


@dataclass(slots=True)
class Sequence:
    line: int
    column: int
    items: list[Node] = field(default_factory=list)
    size: int = 1
    height: int = 0


@dataclass(slots=True)
class Bulk(Sequence):
    """One whose items were read as plain values. They have no places, so there are no ``items``."""

    values: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class Entry:
    """``line`` and ``column``: of the key."""

    line: int
    column: int
    node: Node


@dataclass(slots=True)
class Mapping:
    line: int
    column: int
    entries: dict[str, Entry] = field(default_factory=dict)
    size: int = 1
    height: int = 0


Node = Scalar | Sequence | Mapping


def kind(node: Node) -> str:
    """What a person calls it: "a list", "the number ..." without the number."""
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(doubt=str(doubt)):
            return doubt
        case Scalar(value=None):
            return "empty"
        case Scalar(value=bool()):
            return "true or false"
        case Scalar(value=str()):
            return "text"
    return "a number"


def plain_scalar(line: int, column: int, text: str) -> Scalar:
    """The scalar that ``text`` means when it is not quoted."""
    value, doubt = meaning(text)
    return Scalar(line, column, text, value, doubt)


Tree = tuple[Node | None, tuple[Problem, ...]]  # what ``read`` gives


def read(text: str, path: str, *, places: bool = True) -> Tree:
    """The tree of ``text``, and what is wrong with it. None: no tree could be made (then there is a
    problem), duplicate keys and the like leave a tree so that the rest can be checked too. Without
    ``places`` the lists of models may be ``Bulk``: in half the time, for who has no problem to place."""
    if len(text) > MAX_CHARACTERS:
        return None, (Problem.of_whole(path, "the file is longer than 16 MiB"),)
    builder = _Builder(path, places)
    try:
        events = _events(text.removeprefix("\ufeff"))
        for event in events:
            builder.feed(event, events)
    except (bulk.Unusual, yaml.YAMLError, UnicodeError) as error:
        if not places:
            return read(text, path)
        if isinstance(error, yaml.MarkedYAMLError):
            line, column, said = fault(error)
            return None, (*builder.problems, Problem(path, line, column, "", said))
        line, column = unprintable(text)  # found before the scanner: its places count bytes or nothing
        said = "a control character or half a surrogate pair, which YAML does not allow"
        return None, (Problem(path, line, column, "", said),)
    except _Refused:
        return None, tuple(builder.problems)
    if builder.root is None or (isinstance(builder.root, Scalar) and builder.root.value is None):
        said = "the file is empty; to configure no clients write `clients: []`"
        return None, (Problem(path, 1, 1, "", said),)
    return builder.root, tuple(builder.problems)


def _events(text: str) -> Iterator[yaml.Event]:
    """What ``yaml.parse`` gives, without asking before each event whether there is one."""
    loader = _LOADER(text)
    try:
        while (event := loader.get_event()) is not None:
            yield event
    finally:
        loader.dispose()


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    assert mark is not None  # only events made by hand lack one
    return mark.line + 1, mark.column + 1


class _Refused(Exception):
    """The text cannot be read further; the problem is noted."""


_STRING_TAGS = frozenset(("!", "tag:yaml.org,2002:str"))
_DEFAULT_TAGS = frozenset((None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"))


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end was not seen yet. ``key``: read, its value comes next.
    ``template``: NAME, when a key was the mapping {NAME}. ``counted``: the row of ``MOST`` that its items
    count for."""

    node: Sequence | Mapping
    anchor: str | None
    counted: str | None = None
    key: tuple[str, int, int] | None = None
    template: str | None = None


class _Builder:
    """Takes events, keeps the open collections on a stack: no recursion, so no depth can hurt."""

    def __init__(self, path: str, places: bool) -> None:
        self.path = path
        self._places = places
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}  # None: it is still open
        self._aliased = 0
        self._left = {what: most for what, (most, _) in MOST.items()}
        # What looks like a number, and what it is: ten thousand models have a dozen prices and sizes. Goes
        # with the builder, since one of the texts may be a secret.
        self._numbers: dict[str, tuple[Value, str | None]] = {}

    def feed(self, event: yaml.Event, events: Iterator[yaml.Event]) -> None:
        """``events``: those that follow; a long list takes them itself."""
        if isinstance(event, yaml.ScalarEvent):  # four of five are
            self._scalar(event)
            return
        match event:
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._start(event, events)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                done = self._open.pop()
                if done.anchor:
                    self._anchors[done.anchor] = done.node
                self._add(self._template(done) if done.template else done.node)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent() if self.root is not None:
                self._refuse(*_place(event), "a second document (---) in one file; lokid reads one")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        line, column = _place(event)
        text: str = event.value
        if event.tag is None and event.anchor is None and self._is_key(text, line, column):
            return
        if event.tag is not None and event.tag not in _STRING_TAGS:
            self._problem(line, column, "tags (!...) are not used here; leave it out")
        if event.implicit[0] and event.tag is None:  # neither quoted nor tagged
            node = self._plain(line, column, text)
        elif "\0" in text:
            # The system takes it in no path, argument or variable. Empty: nobody reads on with it.
            self._problem(line, column, "a NUL character (\\0) has no place in a text here")
            node = Scalar(line, column, "", "")
        else:
            node = Scalar(line, column, text, text)
        if event.anchor:
            self._name(event.anchor, node)
        self._add(node)

    def _name(self, anchor: str, node: Node | None) -> None:
        if not self._places:  # an alias counts what it repeats, and a ``Bulk`` has no size
            raise bulk.Unusual
        self._anchors[anchor] = node

    def _is_key(self, text: str, line: int, column: int) -> bool:
        """Takes the text as the next key, if one comes next: half of all scalars, with no need of a node."""
        top = self._open[-1] if self._open else None
        if top is None or top.key is not None or type(top.node) is not Mapping or "\0" in text:
            return False
        top.key = (text, line, column)
        top.node.size += 1
        top.node.height = top.node.height or 1
        return True

    def _plain(self, line: int, column: int, text: str) -> Scalar:
        known = self._numbers.get(text)
        if known is None:
            known = meaning(text)
            if text and text[0] in FIRST:
                self._numbers[text] = known
        return Scalar(line, column, text, *known)

    def _start(
        self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, events: Iterator[yaml.Event]
    ) -> None:
        line, column = _place(event)
        if event.tag not in _DEFAULT_TAGS:
            self._problem(line, column, "tags (!...) are not used here; leave it out")
        if len(self._open) >= MAX_DEPTH:
            self._refuse(line, column, f"nested deeper than {MAX_DEPTH} levels")
        if event.anchor:
            self._name(event.anchor, None)
        if isinstance(event, yaml.MappingStartEvent):
            self._open.append(_Open(Mapping(line, column), event.anchor))
        elif (counted := self._counted()) == "models" and not self._places:
            self._add(self._bulk(line, column, events))
        else:
            self._open.append(_Open(Sequence(line, column), event.anchor, counted))

    def _counted(self) -> str | None:
        """The row of ``MOST`` that the items of a sequence count for which begins here."""
        match [frame.key and frame.key[0] for frame in self._open]:
            case ["clients"]:
                return "clients"
            case ["clients", None, "models"]:
                return "models"
        return None

    def _bulk(self, line: int, column: int, events: Iterator[yaml.Event]) -> Bulk:
        most = self._left["models"]
        try:
            values = bulk.items(events, most)
        except bulk.TooMany as error:
            self._refuse(*_place(error.event), MOST["models"][1], most)
        self._left["models"] -= len(values)
        return Bulk(line, column, values=values)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            self._refuse(*_place(event), "an alias (*name) to an anchor (&name) that does not come before it")
        node = self._anchors[event.anchor]
        if node is None:
            self._refuse(*_place(event), "an alias to something that it is part of")
        self._aliased += node.size
        if self._aliased > MAX_ALIASED_NODES:
            self._refuse(*_place(event), f"aliases that repeat more than {MAX_ALIASED_NODES:,} values")
        if len(self._open) + node.height > MAX_DEPTH:
            self._refuse(*_place(event), f"nested deeper than {MAX_DEPTH} levels")
        self._add(node)

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        top = self._open[-1]
        parent = top.node
        parent.size += node.size
        if parent.height <= node.height:
            parent.height = node.height + 1
        if isinstance(parent, Sequence):
            if top.counted is not None:
                if not self._left[top.counted]:
                    self._refuse(node.line, node.column, MOST[top.counted][1])
                self._left[top.counted] -= 1
            parent.items.append(node)
        elif top.key is None:
            top.key = (self._key(node, top), node.line, node.column)
        else:
            key, line, column = top.key
            if first := parent.entries.get(key):
                said = f"is already there in line {first.line}, column {first.column}; keep one of the two"
                self._problem(line, column, said)
            elif key == "<<":
                said = "merging (<<) is not supported; repeat the keys, or use an alias for a whole value"
                self._problem(line, column, said)
            else:
                parent.entries[key] = Entry(line, column, node)
            top.key = None

    def _key(self, node: Node, top: _Open) -> str:
        """A key is its text, whatever YAML would read it as: the keys of JSON are text too."""
        match node:
            case Scalar(text=text):
                return text
            case Mapping(entries=entries) if [getattr(e.node, "text", None) for e in entries.values()] == [
                ""
            ]:
                (top.template,) = entries
                return f"{{{top.template}}}"
        self._problem(node.line, node.column, "a key must be text, not a list or a mapping")
        return f"?{node.line}:{node.column}"  # cannot meet another one

    def _template(self, done: _Open) -> Node:
        """``{{NAME}}`` without quotes is a mapping whose key is a mapping, to YAML. The seed's programs
        replace secrets in the text of the file, so their users may write it like that."""
        node = done.node
        assert isinstance(node, Mapping)
        values = [entry.node for entry in node.entries.values()]
        if len(values) == 1 and isinstance(values[0], Scalar) and values[0].text == "":
            text = f"{{{{{done.template}}}}}"
            return Scalar(node.line, node.column, text, text)
        self._problem(node.line, node.column, "a key must be text, not a list or a mapping")
        return node

    def _problem(self, line: int, column: int, message: str, *inside: int) -> None:
        where: Path = ()
        for frame in self._open:
            if isinstance(frame.node, Sequence):
                where += (len(frame.node.items),)
            elif frame.key:
                where += (frame.key[0],)
        self.problems.append(Problem(self.path, line, column, dotted((*where, *inside)), message))

    def _refuse(self, line: int, column: int, message: str, *inside: int) -> NoReturn:
        self._problem(line, column, message, *inside)
        raise _Refused
