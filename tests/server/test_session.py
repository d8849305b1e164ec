"""One connection: what is answered, in which order, and what ends it."""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from pathlib import Path
from typing import Any

import anyio
import msgpack
import pytest

from lokid import errors
from lokid.rpc.messages import Notification, Response, encode_notification, encode_request
from lokid.server import calling, reader, session
from lokid.server.faults import fault
from lokid.server.handlers import HANDLERS
from lokid.server.peer import program_of
from tests.fakes.runtime import BY_CODE, SECRET
from tests.fakes.server import served, until

pytestmark = pytest.mark.anyio


async def test_hello_says_who_serves(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        answer = await client.ask("hello", client="test")
        assert answer.error is None
        assert answer.result == {
            "server": "lokid",
            "version": __import__("lokid").__version__,
            "protocol": 1,
            "pid": os.getpid(),
            "started_at": 1.5,
        }
        server.runtime.broken = True
        assert (await client.ask("hello")).result["config_broken"] is True


async def test_a_client_is_shown_by_the_name_that_it_gives(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.ask("hello", client="mailbot/1.2")
        await client.send("chat", model="hang", prompt="hi")
        await until(server.requests)
        program = f"{program_of(os.getpid())} (mailbot)"
        assert [row["program"] for row in (await client.ask("requests.list")).result] == [program]
        assert server.runtime.asker.program == program, "the ledger's"
        await client.ask("hello", errors="map")
        await client.send("chat", model="hang", prompt="hi")
        await until(lambda: server.requests() == 2)
        assert server.runtime.asker.program == program, "a hello without a name takes none away"


async def test_params_may_be_an_empty_array_and_a_method_needs_no_hello(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        answer = await client.ask("status")
        assert answer.result["daemon"]["socket"] == server.path
        assert answer.result["daemon"]["root"] == (os.geteuid() == 0)
        assert answer.result["config"]["model"] == "c:echo"
        assert answer.result["clients"] == [{"name": "c", "type": "openai", "state": "ready"}]
        assert answer.result["requests"] == []


async def test_every_method_answers(tmp_path: Path) -> None:
    params = {
        "chat": {"model": "echo", "prompt": "hi"},
        "embed": {"model": "e", "texts": ["a"]},
        "rerank": {"model": "r", "query": "q", "documents": ["a", "b"]},
        "models.list": {"type": "chat", "refresh": True},
        "models.names": {"prefix": "c:e"},
        "config.check": {"path": "/x.yaml", "data": b"model: a"},
        "usage.query": {"group_by": "day"},
        "requests.cancel": {"id": 99},
        "auth.login": {"client": "mine"},
        "auth.finish": {"login_id": "L1", "code": "c#s"},
        "auth.logout": {"client": "mine"},
        "import.loki": {"config": "clients: []", "dry_run": True},
        "secrets.set": {"name": "B", "value": "b"},
        "secrets.get": {"name": "B"},
        "secrets.delete": {"name": "B"},
        "secrets.passphrase": {"passphrase": None},
    }
    async with served(tmp_path) as server, server.client() as client:
        answers = {method: await client.ask(method, **params.get(method, {})) for method in HANDLERS}
    assert answers.pop("requests.cancel").error.startswith("invalid_params: no request 99 runs now")
    assert {method for method, answer in answers.items() if answer.error is not None} == set()
    assert answers["chat"].result["text"] == "hi"
    assert answers["chat"].result["usage"]["output_tokens"] == 5
    assert answers["embed"].result["embeddings"] == [[1.0]]
    assert answers["rerank"].result["results"][0] == {"index": 0, "score": 1.0}
    assert answers["models.list"].result == [
        {"id": "c:echo", "type": "chat", "client": None, "refresh": True}
    ]
    assert answers["models.names"].result == ["c:echo"]
    assert answers["config.check"].result[0]["path"] == "/x.yaml"
    assert answers["config.reload"].result["generation"] == 2
    assert answers["status"].result["usage"]["today"] == {"requests": 1}
    assert answers["usage.query"].result == [{"since": None, "until": None, "group_by": "day"}]
    assert server.runtime.asker.pid == os.getpid()
    assert server.runtime.asker.program


@pytest.mark.parametrize("until", [float("nan"), "", "yesterday", "2026-13-01", "0001-01-01x"])
async def test_a_time_that_is_none_is_the_callers_fault(tmp_path: Path, until: object) -> None:
    async with served(tmp_path) as server, server.client() as client:
        answer = await client.ask("usage.query", until=until)
        assert (answer.error or "").startswith("invalid_params: until: must be a number of seconds since")


async def test_a_day_is_one_of_the_daemons_time_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        async with served(tmp_path) as server, server.client() as client:
            [asked] = (await client.ask("usage.query", since="2026-11-24", until="tomorrow")).result
    finally:
        monkeypatch.undo()
        time.tzset()
    assert asked["since"] == 1_795_428_000
    assert 0 < asked["until"] - time.time() <= 26 * 3600 and (asked["until"] + 14 * 3600) % 86400 == 0


async def test_embeddings_can_come_as_bytes(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        answer = await client.ask("embed", model="e", texts=["a"], encoding="f32")
        assert answer.result["embeddings"] == [struct.pack("<f", 1.0)]
        assert answer.result["cost_usd"] == 0.5


async def test_a_dry_run_answers_the_request_that_would_be_sent(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        answer = await client.ask("chat", model="echo", prompt="hi", dry_run=True)
        assert answer.result["url"] == "https://example.org/"


async def test_events_come_before_the_answer_and_only_if_asked_for(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        answer = await client.ask("chat", model="echo", prompt="one two", stream=True)
        assert answer.result["text"] == "one two"
        assert client.notifications == [
            Notification("chat.event", [answer.msgid, {"type": "text", "text": word}])
            for word in ("one", "two")
        ]
        client.notifications.clear()
        await client.ask("chat", model="echo", prompt="one two")
        assert client.notifications == []


async def test_events_of_one_read_leave_in_one_write(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.send("chat", model="echo", prompt="one two three", stream=True)
        await until(lambda: not server.requests() and server.runtime.started)
        first = await client.stream.receive(100_000)
        assert first.count(b"chat.event") == 3


async def test_accepted_comes_first_and_only_after_hello_asked(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.ask("chat", model="echo", prompt="hi", stream=True)
        assert [note.method for note in client.notifications] == ["chat.event"]
        client.notifications.clear()
        await client.ask("hello", accepted=True)
        answer = await client.ask("chat", model="echo", prompt="hi", stream=True)
        assert [note.method for note in client.notifications] == ["accepted", "chat.event"]
        assert client.notifications[0].params == [answer.msgid]


async def test_accepted_is_on_the_wire_before_the_call_goes_on(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.ask("hello", accepted=True)
        msgid = await client.send("chat", model="hang", prompt="hi")
        assert await client.message() == Notification("accepted", [msgid])


async def test_answers_come_in_the_order_in_which_they_are_ready(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        slow = await client.send("chat", model="slow", prompt="x")
        quick = await client.ask("chat", model="echo", prompt="quick")
        assert quick.result["text"] == "quick"
        server.runtime.release.set()
        late = await client.response()
        assert (late.msgid, late.result["text"]) == (slow, "late")


async def test_many_requests_of_one_connection_run_at_once(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        ids = {await client.send("chat", model="slow", prompt="x") for _ in range(100)}
        await until(lambda: len(server.runtime.started) == 100)
        server.runtime.release.set()
        assert {(await client.response()).msgid for _ in ids} == ids


@pytest.mark.parametrize("code", sorted(set(BY_CODE) - {"cancelled"}))
async def test_an_error_is_a_string_or_after_hello_a_map(tmp_path: Path, code: str) -> None:
    async with served(tmp_path) as server, server.client() as client:
        answer = await client.ask("chat", model=code, prompt="x")
        assert (answer.error, answer.result) == (f"{code}: it failed", None)
        await client.ask("hello", errors="map")
        answer = await client.ask("chat", model=code, prompt="x")
        assert answer.error == {
            "code": code,
            "message": "it failed",
            "hint": "do this",
            "client": "c",
            "status": 418,
            "retry_after_s": 2.5,
            "request_id": "r1",
        }


async def test_an_error_map_holds_only_known_facts(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.ask("hello", errors="map")
        answer = await client.ask("chat", model="echo")
        assert set(answer.error) == {"code", "message"}
        assert answer.error["code"] == "invalid_params"


async def test_a_bug_is_told_and_logged_without_its_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(tmp_path) as server, server.client() as client:
        answer = await client.ask("chat", model="bug", prompt="my prompt")
        assert answer.error.startswith("provider_error: internal error in lokid (RuntimeError)")
        assert "bug in chat: RuntimeError at" in caplog.text
        for text in (answer.error, caplog.text):
            assert SECRET not in text
            assert "my prompt" not in text
        assert (await client.ask("hello")).error is None, "the connection lives on"


async def test_unknown_methods_suggest_the_nearest(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        answer = await client.ask("chta")
        assert answer.error == "unknown_method: there is no method 'chta'; did you mean chat?"
        answer = await client.ask("x" * 5000)
        assert answer.error.startswith("unknown_method: ")
        assert len(answer.error) < 600


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ([{"model": "echo", "prompt": "x", "temprature": 1}], "temprature"),
        ([{"model": 7, "prompt": "x"}], "model"),
        ([{"prompt": "x"}], "model"),
        (["echo"], "params"),
        ([{}, {}], "params"),
    ],
)
async def test_wrong_params_name_the_place(tmp_path: Path, params: list[object], place: str) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.stream.send(encode_request(5, "chat", params))
        answer = await client.response()
        assert answer.error.startswith("invalid_params: ")
        assert place in answer.error


async def test_unknown_notifications_and_stray_responses_are_ignored(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.notify("nvim_error_event", 0, "E5108")
        await client.notify("cancel")
        await client.notify("cancel", 12345)
        await client.notify("cancel", "x")
        await client.stream.send(msgpack.packb([1, 7, None, "what?"]))
        assert (await client.ask("hello")).error is None


async def test_a_cancel_notification_ends_one_request(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        first = await client.send("chat", model="hang", prompt="x")
        other = await client.send("chat", model="slow", prompt="x")
        await until(lambda: len(server.runtime.started) == 2)
        await client.notify("cancel", first)
        answer = await client.response()
        assert (answer.msgid, answer.error) == (first, "cancelled: the client cancelled the request")
        server.runtime.release.set()
        assert (await client.response()).msgid == other


async def test_a_call_whose_cleaning_up_fails_still_answers_and_harms_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(tmp_path) as server, server.client() as client:
        msgid = await client.send("chat", model="messy", prompt="x")
        await until(lambda: server.runtime.started)
        await client.notify("cancel", msgid)
        assert (await client.response()).error.split(":")[0] in ("cancelled", "provider_error")
        assert (await client.ask("hello")).error is None
        assert SECRET not in caplog.text


async def test_a_bug_in_one_connection_is_not_the_end_of_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(tmp_path) as server, server.client() as client, server.client() as other:
        await other.ask("hello")
        with monkeypatch.context() as broken:
            broken.setattr(reader.Connection, "frames", lambda self, data, inline, step: 1 // 0)
            await client.send("hello")
            assert await client.ended()
        assert "bug in a connection: ZeroDivisionError at" in caplog.text
        assert (await other.ask("hello")).error is None


async def test_cancelling_before_the_task_began_works_too(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.stream.send(
            encode_request(1, "chat", [{"model": "hang", "prompt": "x"}]) + encode_notification("cancel", [1])
        )
        assert (await client.response()).error.startswith("cancelled: ")


async def test_requests_are_listed_and_cancelled_from_another_connection(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client, server.client() as other:
        await client.send("chat", model="hang", prompt="x")
        await until(lambda: server.runtime.started)
        [running] = (await other.ask("requests.list")).result
        assert running["method"] == "chat"
        assert running["model"] == "hang"
        assert running["pid"] == os.getpid()
        assert running["program"]
        assert running["elapsed_s"] >= 0
        assert (await other.ask("status")).result["requests"][0]["id"] == running["id"]
        assert (await other.ask("requests.cancel", id=running["id"])).error is None
        assert (await client.response()).error.startswith("cancelled: ")
        assert (await other.ask("requests.list")).result == []


async def test_a_client_that_leaves_cancels_its_requests_within_100_ms(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        async with server.client() as client:
            await client.send("chat", model="hang", prompt="x")
            await until(lambda: server.runtime.started)
        with anyio.fail_after(0.1):
            await server.runtime.was_cancelled.wait()
        await until(lambda: not server.requests())


@pytest.mark.parametrize("leaves", [socket.socket.close, lambda sock: sock.shutdown(socket.SHUT_WR)])
async def test_a_question_whose_asker_has_gone_already_is_not_asked(tmp_path: Path, leaves: Any) -> None:
    """It was sent while lokid could not read: stopped, or at its limit of descriptors."""
    async with served(tmp_path) as server:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(server.path)
        sock.sendall(encode_request(1, "chat", [{"model": "slow", "prompt": "x"}]))
        leaves(sock)  # and only now is it lokid's turn
        async with server.client() as other:
            await other.ask("hello")
            await until(lambda: len(server.listener._sessions) == 1)
        sock.close()
        assert not server.runtime.started


async def test_a_half_closed_connection_gets_its_cheap_answers_and_no_others(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.send("hello")
        running = await client.send("chat", model="hang", prompt="x")
        await client.stream.send_eof()
        assert (await client.response()).error is None
        assert await client.response() == Response(running, "cancelled: the connection was closed", None)
        assert await client.ended()


@pytest.mark.parametrize(
    "frame",
    [b"GET / HTTP/1.1\r\n\r\n", msgpack.packb([0, 1, "hello"]), msgpack.packb([9]), b"\xdd\xff\xff\xff\xff"],
)
async def test_a_malformed_frame_ends_its_connection_and_no_other(tmp_path: Path, frame: bytes) -> None:
    async with served(tmp_path) as server, server.client() as client, server.client() as bad:
        await client.send("chat", model="slow", prompt="x")
        await until(lambda: server.runtime.started)
        await bad.stream.send(frame)
        assert await bad.ended() or await bad.ended()  # a last answer may come first
        server.runtime.release.set()
        assert (await client.response()).result["text"] == "late"


async def test_an_oversized_frame_is_refused_at_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LINGER_S", 0.1)
    async with served(tmp_path) as server, server.client() as client:
        await client.stream.send(b"\x94\x00\x07\xa4chat\x91\x81\xa6prompt\xc6\xff\xff\xff\xff")
        answer = await client.response()
        assert answer.msgid == 7
        assert answer.error.startswith("invalid_params: ")
        assert await client.ended()


async def test_a_message_id_in_use_is_refused_and_the_first_request_lives(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.send("chat", 5, model="slow", prompt="x")
        await client.send("chat", 5, model="echo", prompt="x")
        assert (await client.response()).error.startswith("invalid_params: message id 5")
        server.runtime.release.set()
        assert (await client.response()).result["text"] == "late"
        await client.send("chat", 5, model="echo", prompt="again")
        assert (await client.response()).result["text"] == "again"


async def test_requests_cut_into_single_bytes_are_understood(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        for byte in encode_request(1, "chat", [{"model": "echo", "prompt": "cut"}]):
            await client.stream.send(bytes([byte]))
        assert (await client.response()).result["text"] == "cut"


async def test_half_a_frame_is_not_waited_for_for_ever_but_an_idle_connection_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "FRAME_S", 0.05)
    async with served(tmp_path) as server, server.client() as idle, server.client() as client:
        assert (await idle.ask("hello")).error is None
        await client.stream.send(encode_request(1, "hello", [])[:-1])
        assert await client.ended()
        assert (await idle.ask("hello")).error is None


async def test_a_connection_that_is_reset_ends_quietly(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(server.path)
            client.sendall(encode_request(1, "hello", []) * 3)
            await until(lambda: select.select([client], [], [], 0)[0])
        await until(lambda: not server.listener._sessions)


async def test_a_task_group_around_one_failure_is_not_shown(tmp_path: Path) -> None:
    error = errors.RateLimited("slow down")
    assert fault(ExceptionGroup("", [ExceptionGroup("", [error])]), "chat") is error
    both = fault(ExceptionGroup("", [error, ValueError("x")]), "chat")
    assert both.code == "provider_error"


async def test_a_limit_of_tasks_is_no_bug(caplog: pytest.LogCaptureFixture) -> None:
    told = fault(RuntimeError("can't start new thread"), "chat")
    assert told.code == "overloaded" and "TasksMax=" in (told.hint or "")
    assert "bug" not in caplog.text


async def test_files_that_changed_under_the_daemon_are_no_bug(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is imported when it is first wanted may be gone by then, or another version."""
    for error in (ModuleNotFoundError("No module named 'lokid.x'"), ImportError("cannot import name 'x'")):
        told = fault(ExceptionGroup("", [error]), "chat")
        assert "its files have changed" in told.message and told.hint == "lokictl daemon restart"
    assert "lokid.x" not in caplog.text and "bug" not in caplog.text


async def test_a_burst_of_cheap_requests_is_answered_in_order(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.stream.send(b"".join(encode_request(number, "hello", []) for number in range(2000)))
        assert [(await client.response()).msgid for _ in range(2000)] == list(range(2000))


async def test_the_configuration_says_how_large_a_frame_may_be(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        server.runtime.frame = 1024 * 1024
        async with server.client() as client:
            assert (await client.ask("chat", model="echo", prompt="x" * 1_000_000)).error is None
            # Sent to its end, although it is refused at its header: the client reads why.
            refused = await client.ask("chat", model="echo", prompt="x" * 4_000_000)
            assert refused.error == (
                "invalid_params: a frame is larger than 1 MiB, the most that limits.max_frame_mib of the"
                " configuration allows"
            )
        async with server.client() as client:
            await client.ask("hello", errors="map")
            refused = await client.ask("chat", model="echo", prompt="x" * 4_000_000)
            assert "raise limits.max_frame_mib" in refused.error["hint"]


async def test_an_answer_over_the_bound_is_an_error_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "MAX_ANSWER", 200)
    async with served(tmp_path) as server, server.client() as client:
        await client.ask("hello", errors="map")
        refused = await client.ask("embed", model="e", texts=["x"] * 100)
        assert refused.error["code"] == "invalid_params"
        assert "f32" in refused.error["hint"]
        assert (await client.ask("embed", model="e", texts=["x"])).error is None
