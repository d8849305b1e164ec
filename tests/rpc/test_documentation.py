"""docs/rpc.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_type_hints, is_typeddict

import pytest

from lokid.rpc.codes import EXIT_STATUS
from lokid.rpc.connection import REQUESTS
from lokid.rpc.methods import METHODS, NOTIFICATIONS, PROTOCOL, ErrorMap, EventMap
from lokid.rpc.questions import ChatEventMap, PartMap

PAGE = (Path(__file__).parents[2] / "docs" / "rpc.md").read_text()


def section(heading: str) -> str:
    """The text below a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/rpc.md has no heading {heading}"
    return found[1]


def quoted(text: str) -> set[str]:
    """The words in backquotes."""
    return {word for quote in re.findall(r"`([^`]+)`", text) for word in re.findall(r"[\w.]+", quote)}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_described_with_its_parameters_and_its_result(method: str) -> None:
    text = section(f"`{method}`")
    for shape in METHODS[method]:
        if shape is not None and is_typeddict(shape):
            assert set(get_type_hints(shape)) <= quoted(text)


def test_no_method_is_described_that_is_not_there() -> None:
    assert set(re.findall(r"^### `([\w.]+)`$", PAGE, re.MULTILINE)) == set(METHODS)


def test_every_code_has_its_exit_status() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d+) \|$", section("Errors"), re.MULTILINE)
    assert {code: int(status) for code, status in rows} == EXIT_STATUS


def test_errors_events_parts_and_notifications_are_described() -> None:
    assert set(get_type_hints(ErrorMap)) <= quoted(section("Errors"))
    assert set(get_type_hints(ChatEventMap)) <= quoted(section("Notifications"))
    assert set(get_type_hints(PartMap)) <= quoted(section("`chat`"))
    assert set(get_type_hints(EventMap)) <= quoted(section("`events.subscribe`"))
    assert set(NOTIFICATIONS) <= quoted(section("Notifications"))
    assert f"{PROTOCOL}: the version of this page" in PAGE


def test_the_limits_are_those_of_the_code() -> None:
    numbers = [int(number) for number in re.findall(r"^\| [^|]+ \| (\d+)", section("Frames"), re.MULTILINE)]
    assert numbers == [
        REQUESTS.max_frame,
        REQUESTS.max_depth,
        REQUESTS.max_array,
        REQUESTS.max_map,
        REQUESTS.max_objects,
    ]
