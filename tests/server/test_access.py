"""What the extra socket lets through, and what it says: less than lokid's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lokid.chat import RetryNotice, TextDelta
from lokid.errors import ConfigInvalid, LokidError, NotForThisSocket, UnknownModel
from lokid.rpc.methods import METHODS
from lokid.rpc.shapes import ShapeError
from lokid.server.access import FULL, RESTRICTED
from lokid.server.handlers import HANDLERS
from tests.fakes.runtime import BY_CODE, SECRET
from tests.fakes.server import Served, served, until

pytestmark = pytest.mark.anyio

SERVED = {"hello", "chat", "embed", "rerank", "models.list"}

PARAMS: dict[str, dict[str, Any]] = {
    "chat": {"model": "echo", "prompt": "hi"},
    "embed": {"model": "e", "texts": ["a"]},
    "rerank": {"model": "r", "query": "q", "documents": ["a"]},
    "requests.cancel": {"id": 1},
    "auth.login": {"client": "mine"},
    "auth.finish": {"login_id": "L1", "code": "c#s"},
    "auth.logout": {"client": "mine"},
    "secrets.set": {"name": "B", "value": "b"},
    "secrets.get": {"name": "A"},
    "secrets.delete": {"name": "A"},
    "secrets.passphrase": {"passphrase": None},
    "import.loki": {"config": "clients: []", "dry_run": True},
}


@asynccontextmanager
async def extra(directory: Path) -> AsyncIterator[Served]:
    async with served(directory, access=RESTRICTED) as server:
        yield server


async def test_whether_the_configuration_is_broken_concerns_nobody_at_the_other_end(tmp_path: Path) -> None:
    async with extra(tmp_path) as server, server.client() as client:
        before = (await client.ask("hello")).result
        server.runtime.broken = True
        assert (await client.ask("hello")).result == before


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_every_method_is_served_on_both_sockets_or_refused_on_the_extra_one(
    tmp_path: Path, method: str
) -> None:
    async with served(tmp_path / "own") as own, own.client() as client:
        answer = await client.ask(method, **PARAMS.get(method, {}))
        assert answer.error is None or answer.error.startswith("invalid_params: ")
    async with extra(tmp_path / "extra") as server, server.client() as client:
        before = dict(server.runtime.secrets.kept)
        answer = await client.ask(method, **PARAMS.get(method, {}))
        if method in SERVED:
            assert answer.error is None
        else:
            assert answer.error.startswith("permission_denied: the restricted socket of lokid (extra_socket)")
            assert answer.result is None
        assert server.runtime.secrets.kept == before
        assert server.runtime.reloads == 0


def test_both_tables_hold_the_methods_that_there_are() -> None:
    assert set(HANDLERS) == set(METHODS)
    for method in METHODS:
        FULL.handler_of(method)
        if method in SERVED:
            RESTRICTED.handler_of(method)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("chat", {"model": "echo", "prompt": "hi", "dry_run": True}),
        ("chat", {"model": "echo", "prompt": "hi", "extra_body": {"user": "somebody else"}}),
        ("models.list", {"refresh": True}),
    ],
)
async def test_nothing_that_shows_or_changes_what_is_sent_is_taken(
    tmp_path: Path, method: str, params: dict[str, Any]
) -> None:
    async with extra(tmp_path) as server, server.client() as client:
        answer = await client.ask(method, **params)
        assert answer.error.startswith("permission_denied: ")
        assert server.runtime.started == []
        harmless = {key: value for key, value in params.items() if key in ("model", "prompt")}
        assert (await client.ask(method, **harmless)).error is None


async def test_its_questions_are_marked_and_give_way(tmp_path: Path) -> None:
    async with extra(tmp_path) as server, server.client() as client:
        await client.send("chat", model="slow", prompt="hi", stream=True, priority="interactive")
        await until(lambda: server.runtime.started)
        assert server.runtime.asker.restricted
        assert server.runtime.priority == "batch"
        [running] = server.service.requests.describe()
        assert running["program"].startswith("extra:")
        server.runtime.release.set()
        assert (await client.response()).error is None


async def test_what_is_sent_as_an_image_is_said_to_be_one(tmp_path: Path) -> None:
    """Gemini would watch a film where nothing is said."""
    urls = {
        "https://x.org/film.mp4": "image/jpeg",
        "https://x.org/film.mp4?a.png": "image/jpeg",
        "https://x.org/1": "image/jpeg",
        "https://x.org/a.PNG?b": None,  # as Gemini is told
        "data:image/webp;base64,eA==": "image/webp",
    }
    parts = [{"type": "image", "url": url} for url in urls]
    async with extra(tmp_path) as server, server.client() as client:
        answer = await client.ask("chat", model="echo", messages=[{"role": "user", "content": parts}])
        assert answer.error is None
        assert [image.media_type for image in server.runtime.images] == [*urls.values()]


async def test_cancelling_works_on_it(tmp_path: Path) -> None:
    async with extra(tmp_path) as server, server.client() as client:
        msgid = await client.send("chat", model="hang", prompt="hi")
        await until(lambda: server.runtime.started)
        await client.notify("cancel", msgid)
        assert (await client.response()).error == "cancelled: the client cancelled the request"


async def test_only_allowed_models_are_listed_and_only_what_a_caller_needs_of_them(tmp_path: Path) -> None:
    async with extra(tmp_path) as server, server.client() as client:
        server.runtime.rows = [
            {"id": "c:m", "client": "c", "name": "m", "type": "chat", "real_name": SECRET},
            {"id": "d:m", "client": "d", "name": "m", "type": "chat"},
        ]
        assert (await client.ask("models.list")).result == [
            {"id": "c:m", "client": "c", "name": "m", "type": "chat"}
        ]
        assert (await client.ask("models.list", client="d")).result == []


PRIVATE = "/home/me/.config/lokid/config.yaml: client 'zebra' of org-12345"


@pytest.mark.parametrize("code", sorted(BY_CODE.keys() - {"unknown_method"}))  # which is its own word
def test_an_error_says_nothing_of_files_clients_or_accounts(code: str) -> None:
    error = BY_CODE[code](
        PRIVATE, hint=PRIVATE, client="zebra", request_id=PRIVATE, status=429, retry_after_s=2.0
    )
    told = RESTRICTED.fault(error, "chat")
    if code != "invalid_params":  # which is about the caller's own words
        assert "zebra" not in f"{told.message} {told.hint}"
    assert (told.client, told.request_id) == (None, None)
    assert told.code == code


@pytest.mark.parametrize(
    "error", [RuntimeError(PRIVATE), OSError(2, "x", PRIVATE), ExceptionGroup("", [ConfigInvalid(PRIVATE)])]
)
def test_a_bug_says_nothing_either(error: Exception) -> None:
    assert "zebra" not in str(RESTRICTED.fault(error, "chat"))


def test_a_model_that_is_not_allowed_and_one_that_is_not_there_look_the_same() -> None:
    errors: list[LokidError] = [
        UnknownModel("no client is called 'x'; did you mean 'zebra'?", hint=PRIVATE),
        UnknownModel("no such model", client="zebra"),
        NotForThisSocket("zebra:m is not for this socket"),
    ]
    assert (
        len({(str(told), told.hint) for told in (RESTRICTED.fault(error, "chat") for error in errors)}) == 1
    )


def test_what_is_wrong_with_the_parameters_is_told_in_full() -> None:
    assert RESTRICTED.fault(ShapeError("messages[2].role", "must be text"), "chat").message == (
        "messages[2].role: must be text"
    )


def test_the_reason_of_a_retry_is_the_providers_and_not_told() -> None:
    events = [TextDelta("hi"), RetryNotice(2, 1.0, PRIVATE)]
    text, retry = RESTRICTED.events(events)
    assert text == TextDelta("hi")
    assert retry == RetryNotice(2, 1.0, "the provider could not answer yet")
    assert FULL.events(events) is events


@pytest.mark.parametrize(
    "url",
    [
        "gs://bucket/a.png",
        "s3://b/a",
        "file:///etc/passwd",
        "https://generativelanguage.googleapis.com/v1/files/x",
        "https://generativelanguage%2Egoogleapis.com/v1/files/x",
        "https://GenerativeLanguage.googleapis.com.:443/v1/files/x",
        "https://generativelanguage\uff0egoogleapis.com/v1/files/x",
        " gs://bucket/a.png",
        "http://127.0.0.1\\@example.com/a.png",
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_images_that_only_the_users_account_can_read_are_refused(url: str, inside: bool) -> None:
    part: dict[str, Any] = {"type": "image", "url": url}
    if inside:
        part = {"type": "tool_result", "id": "1", "name": "t", "content": [part]}
    messages = [{"role": "user", "content": [part]}]
    with pytest.raises(LokidError, match="images by http and https only"):
        RESTRICTED.check("chat", {"messages": messages})
    FULL.check("chat", {"messages": messages})


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/a.png",
        "http://127.1/a.png",
        "http://2130706433/a.png",
        "http://[::1]/a.png",
        "http://[::1/a.png",
        "http://example.com@127.0.0.1?@example.com",
        "http://[::ffff:169.254.169.254]/latest",
        "http://192.168.1.1/camera.jpg",
        "http://localhost/a.png",
        "http://me@box.localhost./a.png",
        "http://printer/a.png",
        "http://[64:ff9b::a00:1]/a.png",
        "http://[2002:7f00:1::]/a.png",
        "http://[fec0::1]/a.png",
        "http://168.63.129.16/metadata",
        "http://192.0.0.192/opc/v2/instance/",
        "http://localhost.localdomain/a",
        "http://localhost6.localdomain6:8080/a",
        "http://kubernetes.default.svc/api",
        "http://wiki.corp/a.png",
        "http://224.0.0.1/a.png",
        "https://wiki.internal/a.png",
    ],
)
def test_images_that_only_this_machine_can_fetch_are_refused(url: str) -> None:
    """A server of models that runs on it would."""
    with pytest.raises(LokidError, match="from this machine or its network"):
        RESTRICTED.check("chat", {"messages": [{"role": "user", "content": [{"type": "image", "url": url}]}]})


@pytest.mark.parametrize(
    "host",
    [
        "metadata.google\u3002internal",  # a full stop in names
        "metadata.google.inter\u00adnal",  # left out of names
        "www.you\u200dtube.com",
        "www.you%25tube.com",
        f"{'x' * 5000}.com",
        "example.com%2540metadata.google.internal%2f.example.com",
        "example.com%40metadata.google.internal%2f.example.com",
    ],
)
def test_hosts_that_programs_read_in_more_than_one_way_are_refused(host: str) -> None:
    part = {"type": "image", "url": f"http://{host}/a.png"}
    with pytest.raises(LokidError, match="hosts with plain names only"):
        RESTRICTED.check("chat", {"messages": [{"role": "user", "content": [part]}]})


@pytest.mark.parametrize(
    "image",
    [
        {"media_type": "video/mp4", "data": b"x"},
        {"media_type": "application/pdf", "url": "https://example.com/a.png"},
        {"url": "data:application/pdf;base64,eA=="},
        {"url": "https://www.youtube.com/watch?v=x"},
        {"url": "https://youtu.be/x"},
    ],
)
def test_what_is_no_image_is_refused(image: dict[str, Any]) -> None:
    """1,600 tokens are counted for an image, whatever it is; an hour of film is a million."""
    messages = [{"role": "user", "content": [{"type": "image", **image}]}]
    with pytest.raises(LokidError, match="images only"):
        RESTRICTED.check("chat", {"messages": messages})
    FULL.check("chat", {"messages": messages})


def test_images_that_anybody_can_read_are_not() -> None:
    urls = (
        "https://example.com/a.png",
        "http://1.1.1.1/a",
        "http://[2606:4700:4700::1111]:80/a",
        "https://b\u00fccher.example/",
        "HTTPS://X.org/a",
    )
    for url in (*urls, "data:image/png;base64,eA=="):
        part = {"type": "image", "url": url}
        RESTRICTED.check(
            "chat", {"messages": [{"role": "user", "content": [part]}, {"role": "user", "content": "x"}]}
        )
