"""YAML text as a tree of nodes that know their places.

PyYAML's own composer and constructor are not used, only its parser's events: the composer recurses in C
without a bound, the last of two equal keys wins silently in the constructor, and its errors quote the
line, which may hold a key. Scalars follow YAML 1.2 (what the seed's programs read) where 1.1 agrees;
where the two differ a scalar is ``doubtful`` and whoever uses it says "quote it".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import yaml

from lokid.config.problem import Path, Problem, dotted

MAX_CHARACTERS = 16 * 1024 * 1024  # 10,000 models are about 2 MiB
MAX_DEPTH = 32  # the deepest key of the format lies at 6, the rest is for patch bodies
MAX_ALIASED_NODES = 10_000  # what all aliases may add: enough for every sane file, no billion laughs

# libyaml and PyYAML's own scanner give every value the same events; only speed differs (10 times).
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Scalar:
    """``value``: text, None, bool, int or float. ``doubt``: what YAML 1.1 makes of it, if that is not
    what it looks like (then ``value`` is the bool for yes/no/on/off, else the text)."""

    line: int
    column: int
    text: str
    value: str | bool | int | float | None
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
_FIRST = frozenset("0123456789+-.")  # what a number or date begins with


def plain_scalar(line: int, column: int, text: str) -> Scalar:
    """The scalar that ``text`` means when it is not quoted."""
    if text in _NULL:
        return Scalar(line, column, text, None)
    if text in _BOOL:
        return Scalar(line, column, text, _BOOL[text])
    if text in _DOUBTFUL_BOOL:
        return Scalar(line, column, text, _DOUBTFUL_BOOL[text], "true or false")
    if text[0] not in _FIRST:
        return Scalar(line, column, text, text)
    if _INT.fullmatch(text):
        return Scalar(line, column, text, int(text))
    if _FLOAT.fullmatch(text) and not _LEADING_ZERO.match(text) and math.isfinite(float(text)):
        return Scalar(line, column, text, float(text))
    for pattern, doubt in _DOUBTFUL:
        if pattern.fullmatch(text):
            return Scalar(line, column, text, text, doubt)
    return Scalar(line, column, text, text)


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
        False,
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


def _syntax(error: yaml.MarkedYAMLError, path: str) -> Problem:
    said, mark = error.problem or "", error.problem_mark
    message = "not valid YAML here"
    for pattern, words, at_begin in _SYNTAX:
        if pattern in said:
            message = f"not valid YAML: {words}"
            mark = (at_begin and error.context_mark) or mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Problem(path, line, column, "", message)


Tree = tuple[Node | None, tuple[Problem, ...]]  # what ``read`` gives


def read(text: str, path: str) -> Tree:
    """The tree of ``text``, and what is wrong with it. None: no tree could be made (then there is a
    problem), duplicate keys and the like leave a tree so that the rest can be checked too."""
    if len(text) > MAX_CHARACTERS:
        return None, (Problem(path, 1, 1, "", "the file is longer than 16 MiB"),)
    builder = _Builder(path)
    try:
        for event in _events(text.removeprefix("\ufeff")):
            builder.feed(event)
    except yaml.MarkedYAMLError as error:
        return None, (*builder.problems, _syntax(error, path))
    except (yaml.YAMLError, UnicodeError):  # before the scanner: its places count bytes or nothing
        line, column = _unprintable(text)
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


_NOT_ALLOWED = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _unprintable(text: str) -> tuple[int, int]:
    found = _NOT_ALLOWED.search(text)
    before = text[: found.start()] if found else ""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


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
    ``template``: NAME, when a key was the mapping {NAME}."""

    node: Sequence | Mapping
    anchor: str | None
    key: tuple[str, int, int] | None = None
    template: str | None = None


class _Builder:
    """Takes events, keeps the open collections on a stack: no recursion, so no depth can hurt."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}  # None: it is still open
        self._aliased = 0
        # What looks like a number, and what it is: ten thousand models have a dozen prices and sizes. Goes
        # with the builder, since one of the texts may be a secret.
        self._numbers: dict[str, Scalar] = {}

    def feed(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):  # four of five are
            self._scalar(event)
            return
        match event:
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._start(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                done = self._open.pop()
                if done.anchor:
                    self._anchors[done.anchor] = done.node
                self._add(self._template(done) if done.template else done.node)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent() if self.root is not None:
                self._refuse(event, "a second document (---) in one file; lokid reads one")

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
            self._anchors[event.anchor] = node
        self._add(node)

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
        if known is not None:
            return Scalar(line, column, text, known.value, known.doubt)
        node = plain_scalar(line, column, text)
        if text and text[0] in _FIRST:
            self._numbers[text] = node
        return node

    def _start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        line, column = _place(event)
        if event.tag not in _DEFAULT_TAGS:
            self._problem(line, column, "tags (!...) are not used here; leave it out")
        if len(self._open) >= MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
        make = Mapping if isinstance(event, yaml.MappingStartEvent) else Sequence
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(_Open(make(line, column), event.anchor))

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            self._refuse(event, "an alias (*name) to an anchor (&name) that does not come before it")
        node = self._anchors[event.anchor]
        if node is None:
            self._refuse(event, "an alias to something that it is part of")
        self._aliased += node.size
        if self._aliased > MAX_ALIASED_NODES:
            self._refuse(event, f"aliases that repeat more than {MAX_ALIASED_NODES:,} values")
        if len(self._open) + node.height > MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
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

    def _problem(self, line: int, column: int, message: str) -> None:
        where: Path = ()
        for frame in self._open:
            if isinstance(frame.node, Sequence):
                where += (len(frame.node.items),)
            elif frame.key:
                where += (frame.key[0],)
        self.problems.append(Problem(self.path, line, column, dotted(where), message))

    def _refuse(self, event: yaml.Event, message: str) -> NoReturn:
        self._problem(*_place(event), message)
        raise _Refused
