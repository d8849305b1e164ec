"""What runs now, as ``requests.list`` shows it."""

from __future__ import annotations

import os

import pytest

from lokid.errors import Cancelled
from lokid.server.peer import Peer, called, program_of
from lokid.server.requests import Requests

pytestmark = pytest.mark.anyio

ME = Peer(os.getpid(), os.geteuid())


async def test_requests_have_numbers_of_the_daemon_not_of_the_client() -> None:
    requests = Requests()
    first, second = requests.add(7, "chat", "a", ME), requests.add(7, "embed", None, ME)
    assert [entry["id"] for entry in requests.describe()] == [first.id, second.id]
    assert first.id != second.id
    assert requests.find(second.id) is second
    requests.remove(first)
    assert requests.find(first.id) is None
    assert len(requests) == 1


async def test_the_first_reason_of_a_cancelled_request_stays() -> None:
    running = Requests().add(1, "chat", "a", ME)
    first = Cancelled("first")
    running.cancel(first)
    running.cancel(Cancelled("second"))
    assert running.why is first


async def test_the_age_of_a_request_is_in_seconds_since_it_came() -> None:
    running = Requests().add(1, "chat", "a", ME)
    entry = running.describe()
    assert 0 <= entry["elapsed_s"] < 5
    assert entry["pid"] == os.getpid()
    assert entry["program"] == program_of(os.getpid())


async def test_a_request_that_waits_for_its_turn_is_seen_to() -> None:
    requests = Requests()
    running = requests.add(1, "chat", "a", ME, "vi")
    assert [(entry["state"], entry["program"]) for entry in requests.describe()] == [("running", "vi")]
    running.asker.waiting = True
    assert requests.describe()[0]["state"] == "waiting"


def test_a_program_that_is_gone_has_no_name() -> None:
    assert program_of(os.getpid())
    assert program_of(2**22 + 1) == ""


@pytest.mark.parametrize(
    ("program", "name", "shown"),
    [
        ("python3", "mailbot", "python3 (mailbot)"),
        ("python3", "mailbot/1.2", "python3 (mailbot)"),  # a version would split what it spent in two
        ("lokictl", "lokictl/0.3.0", "lokictl"),
        ("python3", "", "python3"),
        ("", "mailbot", "mailbot"),
        ("sh", "a\x1b[31m\nb" + "c" * 100, "sh (a[31mb" + "c" * 58 + ")"),
    ],
)
def test_a_program_is_shown_with_what_it_calls_itself(program: str, name: str, shown: str) -> None:
    assert called(program, name) == shown
