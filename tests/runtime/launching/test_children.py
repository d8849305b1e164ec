"""Programs that are given something on standard input."""

from __future__ import annotations

import anyio
import pytest

from lokid.runtime.launching import children

pytestmark = pytest.mark.anyio

LONG = b"x" * 1024 * 1024  # more than a pipe holds


async def test_what_a_program_makes_of_its_input_is_its_output_and_its_status_says_how_it_ended() -> None:
    assert await children.output(["sh", "-c", "wc -c; exit 4"], LONG, {"PATH": "/usr/bin:/bin"}) == (
        4,
        b"1048576\n",
    )


@pytest.mark.parametrize(("script", "status"), [("exit 7", 7), ("kill -9 $$", -9)])
async def test_one_that_ends_before_it_has_read_everything_says_why(script: str, status: int) -> None:
    assert await children.output(["sh", "-c", script], LONG, {"PATH": "/usr/bin:/bin"}) == (status, b"")


async def test_one_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        await children.output(["/nonexistent"], b"", {})


async def test_one_that_takes_too_long_is_killed() -> None:
    with anyio.move_on_after(0.3) as scope, anyio.fail_after(30):
        await children.output(["sleep", "100"], b"", {"PATH": "/usr/bin:/bin"})
    assert scope.cancelled_caught
