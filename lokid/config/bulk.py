"""Long lists, read as plain values without places: a configuration may have 100,000 models, and to note where
each of their keys stands takes twice as long as to read them.

Whatever is not quite ordinary is left to ``nodes``, which reads the text once more with the place of
everything. So this knows one answer only, and it is the same: a property of the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from lokid.config.scalars import FIRST, WORDS, Value, meaning

MAX_DEPTH = 8
"""Inside an item; the bodies of patches may be deeper, and are read with places then."""


class Unusual(Exception):
    """Wrong, doubtful, with anchors or tags, a secret's name in it: all that a place or more thought is
    needed for."""


class TooMany(Exception):
    """There is one more item than the most; ``event``: it begins here."""

    def __init__(self, event: yaml.Event) -> None:
        self.event = event


def items(events: Iterator[yaml.Event], most: int) -> list[Any]:
    """Of the sequence whose begin was the event before, up to its end. Raises Unusual, TooMany."""
    found: list[Any] = []
    here: Any = found
    key: str | None = None
    outer: list[Any] = []
    numbers: dict[str, Value] = {}  # ten thousand models have a dozen prices and sizes
    for event in events:
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            if key is None and here.__class__ is dict:
                key = _key(event, here)
                continue
            value = _scalar(event, numbers)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            if not outer:
                return found
            here = outer.pop()
            continue
        else:
            value = _begun(event, len(outer))
        if key is not None:
            here[key] = value
            key = None
        elif here.__class__ is dict:
            raise Unusual  # a key that is a mapping or a list
        elif here is found and len(found) == most:
            raise TooMany(event)
        else:
            here.append(value)
        if value.__class__ is dict or value.__class__ is list:
            outer.append(here)
            here = value
    raise Unusual


def _key(event: yaml.ScalarEvent, here: dict[str, Any]) -> str:
    text: str = event.value
    if event.anchor is not None or event.tag is not None or text in here or text == "<<" or "\0" in text:
        raise Unusual
    return text


def _scalar(event: yaml.ScalarEvent, numbers: dict[str, Value]) -> Value:
    text: str = event.value
    if event.anchor is not None or event.tag is not None or "{{" in text:
        raise Unusual
    if not event.implicit[0]:  # quoted
        if "\0" in text:
            raise Unusual
        return text
    if text not in WORDS and text[0] not in FIRST:
        return text
    value = numbers.get(text)
    if value is None:
        value, doubt = meaning(text)
        if doubt is not None:
            raise Unusual
        numbers[text] = value
    return value


def _begun(event: yaml.Event, depth: int) -> dict[str, Any] | list[Any]:
    if not isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
        raise Unusual
    if event.anchor is not None or event.tag is not None or depth == MAX_DEPTH:
        raise Unusual
    return {} if isinstance(event, yaml.MappingStartEvent) else []
