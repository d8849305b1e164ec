"""The log says what programs do to it, not as often as they do it."""

from __future__ import annotations

import logging
from math import inf
from pathlib import Path
from types import SimpleNamespace

import pytest

from lokid.server import seldom as module
from lokid.server.seldom import Seldom
from tests.fakes.server import served

log = logging.getLogger("lokid.test")


def test_of_each_kind_one_line_a_second_and_the_next_counts_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimpleNamespace(now=7.0)
    monkeypatch.setattr(module, "anyio", SimpleNamespace(current_time=lambda: clock.now))
    seldom = Seldom()
    for number in range(4):
        seldom(log.warning, "closed %d", number)
        seldom(log.warning, "refused %d", number)
    clock.now += module.EVERY_S
    for number in range(4, 6):
        seldom(log.warning, "closed %d", number)
    clock.now += 5 * module.EVERY_S
    seldom(log.warning, "closed %d", 6)
    assert caplog.messages == [
        "closed 0",
        "refused 0",
        "closed 4 (and 3 more since the last such line)",
        "closed 6 (and 1 more since the last such line)",
    ]


@pytest.mark.anyio
async def test_a_loop_of_broken_frames_does_not_fill_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY_S", inf)
    async with served(tmp_path) as server:
        for _ in range(5):
            async with server.client() as client:
                await client.stream.send(b"\xc1")
                assert await client.ended()
    assert caplog.text.count("closed a connection") == 1
