from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from lokid.chat import ChatRequest, ChatResult, EmbedRequest, Event, Message, RerankRequest, Text, TextDelta
from lokid.errors import (
    AuthenticationFailed,
    ConfigInvalid,
    InvalidParams,
    LokidError,
    ProviderFailed,
    ProviderUnavailable,
    RateLimited,
    SecretMissing,
    UnknownModel,
    Unsupported,
)
from lokid.providers import openai_formats
from lokid.runtime import core, listing
from lokid.runtime.core import Runtime
from tests.fakes import provider as steps
from tests.fakes.provider import FakeProvider, answer
from tests.fakes.server import until

pytestmark = pytest.mark.anyio

PATIENCE = {"extra": {"max_retries": 0}}


def configure(path: Path, *clients: dict[str, Any], **top: object) -> None:
    rows = [{"type": "openai-compatible", "models": ["m"], **PATIENCE, **client} for client in clients]
    path.write_text(json.dumps({**top, "clients": rows}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@asynccontextmanager
async def running(path: Path, *, builtin: bool = False, **environ: str) -> AsyncIterator[Runtime]:
    runtime = Runtime({"LOKID_CONFIG": str(path), **environ}, builtin=builtin)
    async with anyio.create_task_group() as group:
        await group.start(lambda task_status: runtime.run(task_status=task_status))
        yield runtime
        group.cancel_scope.cancel()


def question(model: str = "a", **settings: Any) -> ChatRequest:
    return ChatRequest(model, (Message("user", (Text("hello"),)),), **settings)


async def accepted() -> None:
    pass


async def ignore(events: Sequence[Event]) -> None:
    pass


async def ask(runtime: Runtime, request: ChatRequest) -> ChatResult:
    result = await runtime.chat(request, emit=ignore, accepted=accepted)
    assert isinstance(result, ChatResult)
    return result


def said(text: str, **headers: str) -> steps.Step:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return answer(body=json.dumps({"choices": [choice]}).encode(), **headers)


def sse(*texts: str) -> list[bytes]:
    """The chunks of a stream; the last one ends it."""
    events = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})  # type: ignore[dict-item]
    return [*(f"data: {json.dumps(event)}\n\n".encode() for event in events), b"data: [DONE]\n\n"]


class TestAsking:
    async def test_finds_the_client_and_gives_the_answer(self, path: Path) -> None:
        async with FakeProvider(default=said("hi")) as provider:
            configure(path, {"name": "a", "api_base": provider.url}, {"name": "b", "api_base": provider.url})
            async with running(path) as runtime:
                for model in ("b", "b:m", ""):
                    result = await ask(runtime, question(model))
                    assert result.answer.message.text == "hi"
                assert result.model == "a:m"
                assert [row["requests"] for row in runtime.list_clients()] == [1, 2]

    async def test_with_dry_run_sends_nothing(self, path: Path) -> None:
        async with FakeProvider() as provider:
            configure(path, {"name": "a", "api_base": provider.url, "api_key": "sk-never-shown"})
            async with running(path) as runtime:
                shown = await runtime.chat(question(dry_run=True), emit=ignore, accepted=accepted)
        assert isinstance(shown, dict)
        assert shown["body"]["model"] == "m"
        assert "sk-never-shown" not in repr(shown)
        assert provider.requests == []

    async def test_a_type_that_the_client_has_no_model_for_is_refused(self, path: Path) -> None:
        configure(path, {"name": "a", "api_base": "http://127.0.0.1:9"})
        async with running(path) as runtime:
            with pytest.raises(Unsupported):
                await runtime.embed(EmbedRequest("a:m", ("x",)), accepted=accepted)
            with pytest.raises(UnknownModel):
                await runtime.rerank(RerankRequest("a", "q", ("x",)), accepted=accepted)

    async def test_of_a_client_without_its_key_names_the_variable(self, path: Path) -> None:
        path.write_text("clients: [{type: openai, name: work}]")
        async with running(path) as runtime:
            with pytest.raises(SecretMissing, match="WORK_API_KEY") as caught:
                await ask(runtime, question("work:gpt-4o"))
        assert caught.value.client == "work"

    async def test_finishes_with_the_generation_that_it_started_with(self, path: Path) -> None:
        go = anyio.Event()
        async with FakeProvider() as old, FakeProvider(default=said("from the new one")) as new:
            old.will(steps.slow(*sse("from ", "the ", "old one"), go=go))
            configure(path, {"name": "a", "api_base": old.url})
            async with running(path) as runtime, anyio.create_task_group() as group:
                heard: list[str] = []
                first = anyio.Event()

                async def emit(events: Sequence[Event]) -> None:
                    heard.extend(event.text for event in events if isinstance(event, TextDelta))
                    first.set()

                async def stream() -> None:
                    await runtime.chat(question(stream=True), emit=emit, accepted=accepted)

                group.start_soon(stream)
                await first.wait()
                client = runtime.generation.clients["a"]
                configure(path, {"name": "a", "api_base": new.url})
                assert (await runtime.reload())["opened"] == ["a"]
                assert (await ask(runtime, question())).answer.message.text == "from the new one"
                assert not client.closed
                go.set()
            assert "".join(heard) == "from the old one"
            assert client.closed

    async def test_an_unchanged_client_keeps_its_connection_over_a_reload(self, path: Path) -> None:
        async with FakeProvider(default=said("hi")) as provider:
            configure(path, {"name": "a", "api_base": provider.url})
            async with running(path) as runtime:
                await ask(runtime, question())
                configure(
                    path, {"name": "b", "api_base": provider.url}, {"name": "a", "api_base": provider.url}
                )
                assert (await runtime.reload())["kept"] == ["a"]
                await ask(runtime, question())
            assert {request.connection for request in provider.requests} == {0}

    async def test_a_provider_that_wants_a_pause_shows_as_cooling_down(self, path: Path) -> None:
        async with FakeProvider() as provider:
            provider.will(answer(429, b'{"error": {"message": "slower"}}', retry_after="90"))
            configure(path, {"name": "a", "api_base": provider.url})
            async with running(path) as runtime:
                with pytest.raises(RateLimited):
                    await ask(runtime, question())
                (row,) = runtime.list_clients()
        assert row["state"] == "cooling_down"
        assert "slower" in row["reason"]

    async def test_a_refused_key_of_a_command_is_asked_for_again(self, path: Path, tmp_path: Path) -> None:
        key = tmp_path / "key"
        key.write_text("old-key")
        async with FakeProvider() as provider:
            provider.will(answer(401, b'{"error": {"message": "no"}}'), said("hi"))
            secret = {"command": ["/bin/cat", str(key)]}
            configure(path, {"name": "a", "api_base": provider.url, "api_key": secret})
            async with running(path) as runtime:
                with pytest.raises(AuthenticationFailed):
                    await ask(runtime, question())
                key.write_text("new-key")
                await ask(runtime, question())
        assert [request.headers["authorization"] for request in provider.requests] == [
            "Bearer old-key",
            "Bearer new-key",
        ]


class TestListing:
    async def test_models_have_every_setting(self, path: Path) -> None:
        models = [
            {"name": "m", "input_price": 1.5, "patch": {"headers": {"x": "secret"}}},
            {"name": "e", "type": "embedding"},
        ]
        configure(path, {"name": "a", "api_base": "http://127.0.0.1:9", "models": models}, {"name": "b"})
        async with running(path) as runtime:
            rows = await runtime.list_models(None, None, False)
            assert [row["id"] for row in rows] == ["a:m", "a:e", "b:m"]
            assert rows[0]["client"] == "a"
            assert rows[0]["input_price"] == 1.5
            assert rows[0].keys() >= {
                "name", "real_name", "type", "output_price", "max_input_tokens", "max_output_tokens",
                "require_max_tokens", "supports_vision", "supports_function_calling", "no_stream",
                "no_system_message", "system_prompt_prefix", "max_tokens_per_chunk", "default_chunk_size",
                "max_batch_size",
            }  # fmt: skip
            assert "secret" not in repr(rows)
            assert [row["id"] for row in await runtime.list_models("embedding", None, False)] == ["a:e"]
            assert [row["id"] for row in await runtime.list_models(None, "b", False)] == ["b:m"]
            assert await runtime.model_names() == ["a:m", "a:e", "b:m"]
            assert await runtime.model_names("chat", "a:") == ["a:m"]
            with pytest.raises(UnknownModel, match="no client is called 'bb'"):
                await runtime.list_models(None, "bb", False)

    async def test_refresh_adds_what_the_provider_knows_and_survives_the_ones_that_fail(
        self, path: Path
    ) -> None:
        listing = answer(body=b'{"data": [{"id": "new-1"}, {"id": "text-embedding-2"}]}')
        async with FakeProvider(default=listing) as good, FakeProvider() as bad:
            bad.default = answer(401, b'{"error": {"message": "wrong key sk-bad-key"}}')
            configure(
                path,
                {"name": "good", "api_base": good.url, "models": None},
                {"name": "bad", "api_base": bad.url, "models": None, "api_key": "sk-bad-key"},
                {"name": "listed", "api_base": good.url},
            )
            async with running(path) as runtime:
                assert await runtime.list_models("chat", "good", False) == []
                rows = await runtime.list_models(None, None, True)
                assert [row["id"] for row in rows] == ["good:new-1", "good:text-embedding-2", "listed:m"]
                assert rows[1]["type"] == "embedding"
                assert rows == await runtime.list_models(None, None, False)  # not asked again
                good.default = answer(500, b"{}")
                assert rows == await runtime.list_models(None, None, True)  # the old list is still good
                status = {row["name"]: row for row in runtime.list_clients()}
                assert status["good"]["models"] == 2
                assert status["good"]["models_error"]
                assert "does not accept the key" in status["bad"]["models_error"]
                assert "models_error" not in status["listed"]
                with pytest.raises(AuthenticationFailed) as caught:
                    await runtime.list_models(None, "bad", True)
                assert "sk-bad-key" not in caught.value.message
                assert caught.value.client == "bad"
                bad.default = answer(401, b"\x1b", content_encoding="br")
                with pytest.raises(AuthenticationFailed):
                    await runtime.list_models(None, "bad", True)

    async def test_a_large_list_of_models_is_read_where_nobody_waits_and_no_name_is_longer_than_names_are(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read_in: list[threading.Thread] = []

        def names(value: Any) -> tuple[str, ...]:
            read_in.append(threading.current_thread())
            return tuple(row["id"] for row in value["data"])

        monkeypatch.setattr(openai_formats, "_model_names", names)
        body = json.dumps({"data": [{"id": "x" * 300_000}, {"id": "m" * 512}]}).encode()
        async with FakeProvider(default=answer(body=body)) as provider:
            configure(path, {"name": "a", "api_base": provider.url, "models": None})
            async with running(path) as runtime:
                rows = await runtime.list_models(None, "a", True)
        assert [row["name"] for row in rows] == ["m" * 512]
        assert read_in and threading.main_thread() not in read_in

    async def test_a_provider_that_lists_its_key_as_a_model_shows_it_to_nobody(self, path: Path) -> None:
        key = "Zq8-live/4f9aQ7zB2xK8w"
        names = [key, f"x-{key.upper()}-y", key.encode().hex(), "lm-studio-community/m", "plain"]
        body = json.dumps({"data": [{"id": name} for name in names]}).encode()
        async with FakeProvider(default=answer(body=body)) as provider:
            for secret in (key, "lm-studio"):
                configure(path, {"name": "a", "api_base": provider.url, "models": None, "api_key": secret})
                async with running(path) as runtime:
                    rows = await runtime.list_models(None, None, True)
                expected = names[3:] if secret == key else names
                assert [row["name"] for row in rows] == expected

    async def test_a_secret_in_a_setting_of_a_model_is_shown_to_nobody(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (path.parent / ".env").write_text("WORD=canary-of-the-env\n")
        models = [
            {"name": "m", "real_name": "x-{{WORD}}", "system_prompt_prefix": "The word is {{WORD}}."},
            {"name": "n", "real_name": "plain"},
            {"name": "o-{{WORD}}"},
        ]
        configure(path, {"name": "a", "api_base": "http://127.0.0.1:9", "models": models})
        async with running(path) as runtime:
            rows = await runtime.list_models(None, None, False)
        assert "canary" not in repr(rows)
        assert [row["real_name"] for row in rows] == ["<secret>", "plain", None]
        assert [row["id"] for row in rows] == ["a:m", "a:n", "a:<secret>"]
        assert rows[0]["system_prompt_prefix"] == "<secret>"

    async def test_a_client_without_a_list_has_the_models_of_the_catalogue(self, path: Path) -> None:
        path.write_text(
            "clients: [{type: openai-compatible, name: groq, api_key: k}, {type: openai, api_key: k}]"
        )
        async with running(path) as runtime:
            rows = {row["id"]: row for row in await runtime.list_models("chat", None, False)}
        assert rows["groq:openai/gpt-oss-120b"]["input_price"] == 0.15
        assert rows["openai:gpt-5.4"]["long_input"]["above"] == 272_000

    async def test_a_list_of_models_is_not_asked_for_after_the_lock(self, path: Path, tmp_path: Path) -> None:
        """What gives the key may take its time."""
        slow = "touch waits; until test -e go; do sleep 0.05; done; echo a-key-of-a-command"
        told: list[LokidError] = []
        async with FakeProvider(default=answer(body=b'{"data": []}')) as provider:
            key = {"command": ["/bin/sh", "-c", f"cd {tmp_path}; {slow}"]}
            configure(path, {"name": "a", "api_base": provider.url, "models": None, "api_key": key})
            async with running(path) as runtime, anyio.create_task_group() as group:

                async def asks() -> None:
                    try:
                        await runtime.list_models(None, "a", True)
                    except LokidError as error:
                        told.append(error)

                group.start_soon(asks)
                await until((tmp_path / "waits").exists, 30)
                await runtime.secrets.lock()
                (tmp_path / "go").touch()
                await until(lambda: told or provider.requests, 30)
        assert [type(error) for error in told] == [SecretMissing] and not provider.requests

    async def test_lists_of_models_are_bounded_and_read_one_at_a_time(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        reading, most = 0, 0

        def names(value: Any) -> tuple[str, ...]:
            nonlocal reading, most
            reading += 1
            most = max(most, reading)
            found = tuple(row["id"] for row in value["data"])
            reading -= 1
            return found

        monkeypatch.setattr(openai_formats, "_model_names", names)
        many = json.dumps({"data": [{"id": f"model-{number}"} for number in range(20_000)]}).encode()
        huge = json.dumps({"data": [{"id": "m", "text": "x" * (9 << 20)}]}).encode()
        async with FakeProvider(default=answer(body=many)) as provider:
            clients = [{"name": f"c{at}", "api_base": provider.url, "models": None} for at in range(6)]
            configure(path, *clients)
            async with running(path) as runtime:
                held = await runtime.list_models(None, None, True)
                assert (len(held), most) == (6 * 5_000, 1)
                # What is in front of a list here is no fault of its provider.
                monkeypatch.setattr(listing, "REFRESH_S", 2.0)
                waits, listing._one_at_a_time().total_tokens = listing._one_at_a_time(), 0
                async with anyio.create_task_group() as group:
                    group.start_soon(runtime.list_models, None, "c0", True)
                    await until(lambda: waits.statistics().tasks_waiting)
                    await anyio.sleep(2.1)
                    waits.total_tokens = 1
                assert "'c3' lists more than 5000 models" in caplog.text
                provider.default = answer(body=huge)
                with pytest.raises(ProviderFailed, match="more than 8 MiB"):
                    await runtime.list_models(None, "c0", True)

    async def test_ten_thousand_models_are_written_down_once(self, path: Path) -> None:
        models = [{"name": f"model-{number}"} for number in range(10_000)]
        configure(path, {"name": "a", "api_base": "http://127.0.0.1:9", "models": models})
        async with running(path) as runtime:
            first = await runtime.list_models(None, None, False)
            assert len(first) == 10_000
            again = await runtime.list_models("chat", None, False)
            assert len(await runtime.model_names("chat", "a:model-9")) == 1111
            assert all(one is other for one, other in zip(first, again, strict=True))

    async def test_refresh_of_a_type_that_cannot_list_says_so(self, path: Path) -> None:
        path.write_text("clients: [{type: claude, api_key: sk-1}]")
        async with running(path) as runtime:
            if runtime.generation.clients["claude"].provider.list_models is None:
                with pytest.raises(Unsupported):
                    await runtime.list_models(None, "claude", True)


class TestConfiguration:
    async def test_status_tells_what_is_loaded(self, path: Path) -> None:
        configure(path, {"name": "a"}, model="a:m", wrap="auto")
        async with running(path) as runtime:
            status = runtime.config_status()
        assert status["path"] == str(path)
        assert status["generation"] == 1
        assert status["loaded_at"] > 1.7e9
        assert status["model"] == "a:m"
        assert status["exists"]
        assert status["problems"] == [] and not runtime.config_broken()
        assert [warning["key"] for warning in status["warnings"]] == ["wrap"]

    async def test_a_bad_file_at_the_start_leaves_no_clients_and_says_why(self, path: Path) -> None:
        path.write_text("clients: [{type: nonsense}]")
        async with running(path, builtin=True) as runtime:
            (problem,) = runtime.config_status()["problems"]
            assert not runtime.config_broken(), "nothing is in force, and each question says so"
            assert problem["path"] == str(path)
            assert (problem["line"], problem["column"], problem["key"]) == (1, 18, "clients[0].type")
            assert runtime.list_clients() == []
            with pytest.raises(ConfigInvalid, match=r"config.yaml:1:18: clients\[0\].type"):
                await ask(runtime, question())
            configure(path, {"name": "a"})
            with anyio.fail_after(5):
                while not runtime.list_clients():
                    await anyio.sleep(0.01)
            assert not runtime.config_broken()
            path.write_text("clients: [{type: nonsense}]")
            with anyio.fail_after(5):
                while not runtime.config_broken():
                    await anyio.sleep(0.01)

    async def test_check_tells_the_problems_of_any_file_and_changes_nothing(
        self, path: Path, tmp_path: Path
    ) -> None:
        configure(path, {"name": "a"})
        other = tmp_path / "other.yaml"
        other.write_text("client: []")
        async with running(path) as runtime:
            assert runtime.check(None) == []
            assert {problem["path"] for problem in runtime.check(str(other))} == {str(other)}
            (missing,) = runtime.check(str(tmp_path / "none.yaml"))
            assert missing["message"] == "there is no such file"
            # A file of another /tmp is checked as its reader has it, and one that is here as it is here.
            unseen = str(tmp_path / "unseen.yaml")
            assert runtime.check(unseen, b"clients: []") == []
            (wrong,) = runtime.check(unseen, b"clients: []\nclient: []")
            assert (wrong["path"], wrong["line"], wrong["column"]) == (unseen, 2, 1)
            (wrong,) = runtime.check(unseen, b"clients: []\n# \xff")
            assert (wrong["line"], wrong["message"]) == (2, "is not UTF-8 text")
            assert runtime.check(str(path), b"client: []") == []
            assert runtime.generation.number == 1

    async def test_reload_tells_all_problems_at_once(self, path: Path) -> None:
        configure(path, {"name": "a"})
        async with running(path) as runtime:
            path.write_text("clients: []\nnonsense: 1\nrubbish: 2\n")
            with pytest.raises(ConfigInvalid) as caught:
                await runtime.reload()
            assert len(caught.value.message.splitlines()) == 2
            assert [row["name"] for row in runtime.list_clients()] == ["a"]

    async def test_show_has_no_secret(self, path: Path) -> None:
        configure(path, {"name": "a", "api_key": "sk-never-shown"})
        async with running(path) as runtime:
            shown = runtime.show()
        assert shown["clients"][0]["name"] == "a"
        assert "sk-never-shown" not in repr(shown)

    async def test_without_any_configuration_the_local_model_is_there_if_it_is_installed(
        self, path: Path
    ) -> None:
        async with running(path, builtin=True) as runtime:
            assert [row["name"] for row in runtime.list_clients()] == ["local"]
            assert not runtime.config_status()["exists"]
        async with running(path) as runtime:
            with pytest.raises(ConfigInvalid, match="nothing is configured"):
                await ask(runtime, question(""))


class TestLife:
    async def test_before_it_runs_it_says_so(self, path: Path) -> None:
        runtime = Runtime({"LOKID_CONFIG": str(path)})
        with pytest.raises(ConfigInvalid, match="not loaded yet"):
            await ask(runtime, question())
        configure(path, {"name": "a", "launch": {"command": ["x"]}})
        await runtime.reload()
        with pytest.raises(ProviderUnavailable, match="not running yet"):
            await ask(runtime, question())

    async def test_its_end_closes_every_connection(self, path: Path) -> None:
        async with FakeProvider(default=said("hi")) as provider:
            configure(path, {"name": "a", "api_base": provider.url})
            async with running(path) as runtime:
                await ask(runtime, question())
                client = runtime.generation.clients["a"]
            assert client.closed
            await provider.until(lambda: provider.open == 0)


async def test_a_path_that_the_system_cannot_take_is_the_callers_mistake(path: Path) -> None:
    configure(path, {"name": "a", "api_base": "http://127.0.0.1:9/v1"})
    async with running(path) as runtime:
        with pytest.raises(InvalidParams, match="path: holds a NUL character"):
            runtime.check("a\0b")


async def test_a_bug_that_a_file_brings_out_does_not_end_the_daemon(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ValueError("a secret")

    monkeypatch.setattr(core, "builtin_clients", broken)
    monkeypatch.setattr(core, "AFTER_A_BUG_S", 0.01)
    async with running(path, builtin=True) as runtime:
        with anyio.fail_after(10):
            configure(path, {"name": "a", "api_base": "http://127.0.0.1:9/v1"})
            while not runtime.list_clients():
                await anyio.sleep(0.01)
    assert "bug in reading the configuration: ValueError at " in caplog.text
    assert "a secret" not in caplog.text


async def test_a_bug_in_a_background_task_does_not_end_the_daemon(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configure(
        path, {"name": "a", "launch": {"command": ["x", "{port}"]}, "api_base": "http://127.0.0.1:{port}"}
    )
    (path.parent / ".env").write_text("PATH=a\0b\n")  # Popen raises ValueError for it, as for no other text
    async with running(path) as runtime:
        with pytest.raises(ProviderUnavailable, match="was stopped"):
            await runtime.chat(question(), emit=ignore, accepted=accepted)
        assert runtime.list_clients()[0]["server"]["state"] == "failed"
    assert "bug in the background: ValueError at " in caplog.text
