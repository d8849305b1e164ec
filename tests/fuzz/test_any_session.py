"""A connection on which anything happens in any order: one response for each request, none for anything else,
and nothing left when it is over."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lokid.rpc.messages import Notification, Response, encode_notification, encode_request
from tests.fakes.runtime import BY_CODE
from tests.fakes.server import Client, connected, served, until

MODELS = (
    "c:echo",
    "c:hang",
    "c:messy",
    "c:slow",
    "c:bug",
    *(f"c:{code}" for code in ("timeout", "overloaded")),
)
assert {"timeout", "overloaded"} <= BY_CODE.keys()


@dataclass(frozen=True)
class Step:
    """``data``: what is sent. ``msgids``: of the requests in it. ``last``: the server ends the connection."""

    name: str
    data: bytes
    msgids: tuple[int, ...] = ()
    last: bool = False


def _asks(msgid: int, model: str, stream: bool) -> Step:
    params = {"model": model.removeprefix("c:"), "prompt": "a b c", "stream": stream}
    return Step(f"ask {msgid} {model}", encode_request(msgid, "chat", [params]), (msgid,))


def _calls(msgid: int, method: str) -> Step:
    return Step(f"{method} {msgid}", encode_request(msgid, method, []), (msgid,))


def _notifies(method: str, params: list[Any]) -> Step:
    return Step(f"notify {method}", encode_notification(method, params))


MSGIDS = st.integers(0, 5) | st.sampled_from((2**31, 2**32 - 1))
STEPS = (
    st.builds(_asks, MSGIDS, st.sampled_from(MODELS), st.booleans())
    | st.builds(_calls, MSGIDS, st.sampled_from(("hello", "status", "requests.list", "no.such", "chat", "")))
    | st.builds(lambda msgid: _notifies("cancel", [msgid]), MSGIDS)
    | st.sampled_from(
        (
            _notifies("cancel", []),
            _notifies("cancel", ["x", {}]),
            _notifies("nvim_error_event", [0, "x"]),
            Step("a response to nothing", b"\x94\x01\x05\xc0\xc0"),
        )
    )
)
ENDS = st.sampled_from(
    (
        Step("nonsense", b"GET / HTTP/1.1\r\n\r\n", last=True),
        Step("0xc1", b"\x94\x02\xc1", last=True),
        Step("a map", b"\x81\x01\x01", last=True),
        Step("half a frame", b"\x93\x02\xa6can", last=True),
        Step("too much", b"\xdd\xff\xff\xff\xff", last=True),
        Step("nothing more", b"", last=True),
    )
)
CUTS = st.lists(st.integers(0, 400), max_size=4)


async def _all(client: Client, count: int | None) -> Counter[int]:
    """``count`` responses, or those until the end."""
    found: Counter[int] = Counter()
    try:
        while count is None or found.total() < count:
            match await client.message():
                case Response(msgid=msgid):
                    found[msgid] += 1
                case Notification(method=method):
                    assert method in ("chat.event", "accepted")
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        assert count is None, f"the connection ended after {found.total()} of {count} responses"
    return found


async def scenario(steps: list[Step], end: Step | None, cuts: list[int]) -> None:
    wanted = Counter(msgid for step in steps for msgid in step.msgids)
    data = b"".join(step.data for step in steps) + (end.data if end is not None else b"")
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    with TemporaryDirectory() as room:
        async with served(Path(room)) as server:
            idle = len(anyio.get_running_tasks())
            async with connected(server.path) as client:
                for begin, upto in pairwise(places):
                    try:
                        await client.stream.send(data[begin:upto])
                    except anyio.BrokenResourceError:  # closed at the first bytes of the end
                        assert end is not None and upto > len(data) - len(end.data)
                if end is None:
                    # Whoever waits is let go, and all of them answer.
                    barrier = 7777
                    await client.stream.send(encode_request(barrier, "hello", []))
                    server.runtime.release.set()
                    found = await _hanging_cancelled(client, wanted, barrier)
                else:
                    if not end.data or end.name == "half a frame":
                        await client.stream.send_eof()
                    found = await _all(client, None)
                assert found == wanted
            await until(lambda: server.requests() == 0)
            await until(lambda: len(anyio.get_running_tasks()) <= idle)
            async with connected(server.path) as other:
                assert (await other.ask("hello")).error is None


async def _hanging_cancelled(client: Client, wanted: Counter[int], barrier: int) -> Counter[int]:
    """The responses of a connection that goes on: what hangs is cancelled, and the barrier is not counted."""
    for msgid in wanted:
        await client.notify("cancel", msgid)
    found = await _all(client, wanted.total() + 1)
    assert found.pop(barrier) == 1
    # Nothing comes after the last one.
    await client.send("hello", barrier)
    assert await _all(client, 1) == {barrier: 1}
    return found


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@given(steps=st.lists(STEPS, max_size=8), end=st.none() | ENDS, cuts=CUTS)
@settings(max_examples=50)
def test_every_request_is_answered_once_and_nothing_is_left(
    backend: str, steps: list[Step], end: Step | None, cuts: list[int]
) -> None:
    anyio.run(scenario, steps, end, cuts, backend=backend)
