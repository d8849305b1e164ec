"""Conversations as turns of two roles, each a list of blocks: how Claude's Messages and Bedrock's Converse
want them. What a block looks like is the dialect's (``Blocks``); where it stands is decided here.

System messages at the beginning become ``system``; later ones open the user's next turn, which keeps their
place. Everything between two answers is one turn of the user, results of tools together in front of all
else. Blank texts are refused by both APIs, so they are left out, and an answer of nothing with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lokid.chat import ChatRequest, Image, Message, Part, Text, ToolResult
from lokid.dialects.openai_pieces import system_text
from lokid.dialects.traits import Traits
from lokid.long_text import is_blank, joined

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Blocks:
    """How one dialect writes a block. ``answered`` is a part of an earlier answer, which may be none."""

    text: Callable[[str], Block]
    image: Callable[[Image, Traits], Block]
    result: Callable[[ToolResult, Traits], Block]
    answered: Callable[[Part, Traits], list[Block]]


def turns(request: ChatRequest, traits: Traits, blocks: Blocks) -> tuple[str, list[dict[str, Any]]]:
    """The system text ("" where it is folded into the first turn) and ``[{role, content: [block]}]``, roles
    alternating."""
    folds = traits.system_role == "none"
    first = next((n for n, m in enumerate(request.messages) if m.role != "system"), len(request.messages))
    opening = [system_text(request, traits), *(message.text for message in request.messages[:first])]
    system = joined(filter(None, opening), "\n\n")
    growing = _Turns(traits, blocks)
    if folds:
        growing.say(system)
    for message in request.messages[first:]:
        growing.add(message)
    return "" if folds else system, growing.end()


class _Turns:
    """The list of turns while it grows."""

    def __init__(self, traits: Traits, blocks: Blocks) -> None:
        self._traits = traits
        self._blocks = blocks
        self._wire: list[dict[str, Any]] = []
        self._results: list[Block] = []
        self._content: list[Block] = []

    def say(self, words: str) -> None:
        if not is_blank(words):
            self._content.append(self._blocks.text(words))

    def add(self, message: Message) -> None:
        if message.role == "assistant":
            answered = [b for part in message.parts for b in self._blocks.answered(part, self._traits)]
            if answered:
                self._flush()
                self._append("assistant", answered)
            return
        for part in message.parts:
            if isinstance(part, ToolResult):
                self._results.append(self._blocks.result(part, self._traits))
            elif isinstance(part, Text):
                self.say(part.text)
            elif isinstance(part, Image):
                self._content.append(self._blocks.image(part, self._traits))

    def end(self) -> list[dict[str, Any]]:
        self._flush()
        return self._wire

    def _flush(self) -> None:
        if blocks := [*self._results, *self._content]:
            self._append("user", blocks)
        self._results, self._content = [], []

    def _append(self, role: str, blocks: list[Block]) -> None:
        if self._wire and self._wire[-1]["role"] == role:
            self._wire[-1]["content"] += blocks
        else:
            self._wire.append({"role": role, "content": blocks})
