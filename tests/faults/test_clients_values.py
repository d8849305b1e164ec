"""A frame of 64 KB may hold sixty thousand values. Everybody waits while they are looked at, so that is not a
call for each: ten connections that send nothing else made a ping wait for half a second."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from lokid.chat import decode
from lokid.protocols.json_pieces import encoded
from lokid.runtime.usage.estimates import chat_tokens

MANY = [1, None, 2.5, True] * 15_000
CALL = {"type": "tool_call", "id": "t", "name": "f", "arguments": {"a": MANY}}


def calls(work: Callable[[], object]) -> int:
    """Of functions of Python, while it runs."""
    count = 0

    def heard(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(heard)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "more",
    [
        {"prompt": "x", "tools": [{"name": "f", "parameters": {"enum": MANY}}]},
        {"prompt": "x", "response_schema": {"enum": MANY}},
        {"messages": [{"role": "assistant", "content": [CALL]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "text", "text": "x", "more": MANY}]}]},
    ],
    ids=["tool", "schema", "call", "state"],
)
def test_sixty_thousand_values_are_not_one_call_each(more: dict[str, Any]) -> None:
    params = {"model": "c:m", **more}
    asked = decode.chat_request(params)
    assert calls(lambda: decode.chat_request(params)) < 1000
    assert calls(lambda: chat_tokens(asked)) < 1000
    assert calls(lambda: encoded(more)) < 20_000  # in a thread, but the others want the interpreter
