"""The whole path of a call without the socket, against a genuine llama.cpp server that lokid starts."""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import anyio
import psutil
import pytest

from lokid.chat import (
    ChatRequest,
    ChatResult,
    EmbedRequest,
    Event,
    Message,
    RerankRequest,
    ResponseSchema,
    Text,
    TextDelta,
)
from lokid.errors import ContextLengthExceeded, LokidError, UnknownModel
from lokid.protocols.http import HTTPRequest
from lokid.providers.settings import Extra
from lokid.runtime.core import Runtime
from lokid.runtime.network.http import HTTPClient, Timeouts
from tests.fakes import llama
from tests.fakes.processes import gone

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ``tiny.gguf`` and ``slow.gguf`` (10 ms a token)."""
    directory = tmp_path_factory.mktemp("models")
    llama.make_model(directory / "tiny.gguf")
    llama.make_model(directory / "slow.gguf", layers=6, width=384)
    return directory


Start = Callable[..., AbstractAsyncContextManager[Runtime]]


@pytest.fixture
def start(tmp_path: Path, models: Path) -> Start:
    @asynccontextmanager
    async def start(
        idle_timeout: float = 60, model: str = "tiny", options: Sequence[str] = ()
    ) -> AsyncIterator[Runtime]:
        def client(name: str, kind: str, *more: str) -> dict[str, object]:
            return {
                "type": "openai-compatible",
                "name": name,
                "api_base": "http://127.0.0.1:{port}/v1",
                "models": [{"name": model, "type": kind}],
                "launch": {
                    "command": llama.command(models / f"{model}.gguf", "--alias", model, *more),
                    "idle_timeout": idle_timeout,
                },
            }

        config = {
            "clients": [
                client("llama", "chat", *options),
                client("ranks", "reranker", "--rerank", "--context", "512"),
                client("vectors", "embedding", "--embeddings", "--pooling", "mean", "--context", "512"),
            ]
        }
        path = tmp_path / "config.yaml"
        path.write_text(json.dumps(config))
        runtime = Runtime({**os.environ, "LOKID_CONFIG": str(path)})
        async with anyio.create_task_group() as group:
            await group.start(lambda task_status: runtime.run(task_status=task_status))
            yield runtime
            group.cancel_scope.cancel()

    return start


def question(text: str = "hello", **settings: object) -> ChatRequest:
    fields: dict[str, object] = {"model": "llama", "max_tokens": 24, "temperature": 0.0, **settings}
    return ChatRequest(messages=(Message("user", (Text(text),)),), **fields)  # type: ignore[arg-type]


async def accepted() -> None:
    pass


async def ignore(events: Sequence[Event]) -> None:
    pass


async def ask(runtime: Runtime, request: ChatRequest) -> ChatResult:
    result = await runtime.chat(request, emit=ignore, accepted=accepted)
    assert isinstance(result, ChatResult)
    return result


def server(runtime: Runtime, name: str = "llama") -> dict[str, object]:
    row = next(row for row in runtime.list_clients() if row["name"] == name)
    found = row["server"]
    assert isinstance(found, dict)
    return found


async def test_a_stream_says_the_same_as_the_whole_answer(start: Start) -> None:
    async with start() as runtime:
        heard: list[str] = []

        async def emit(events: Sequence[Event]) -> None:
            heard.extend(event.text for event in events if isinstance(event, TextDelta))

        streamed = await runtime.chat(question(stream=True), emit=emit, accepted=accepted)
        assert isinstance(streamed, ChatResult)
        whole = await ask(runtime, question())
    assert len(heard) > 3
    assert "".join(heard) == streamed.answer.message.text == whole.answer.message.text
    assert streamed.answer.finish_reason == whole.answer.finish_reason == "length"
    assert streamed.answer.usage is not None
    assert whole.answer.usage is not None
    assert streamed.answer.usage.output_tokens == whole.answer.usage.output_tokens == 24
    assert streamed.model == "llama:tiny"


async def test_an_answer_holds_to_its_schema(start: Start) -> None:
    schema = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "size": {"enum": ["small", "large"]}},
        "required": ["ok", "size"],
        "additionalProperties": False,
    }
    async with start() as runtime:
        result = await ask(
            runtime, question(response_schema=ResponseSchema(schema), max_tokens=400, temperature=None)
        )
    answer = json.loads(result.answer.message.text)
    assert answer.keys() == {"ok", "size"}
    assert isinstance(answer["ok"], bool)
    assert answer["size"] in ("small", "large")


async def test_every_text_gets_its_vector_in_order(start: Start) -> None:
    async with start() as runtime:
        both = await runtime.embed(EmbedRequest("vectors", ("one", "another")), accepted=accepted)
        alone = await runtime.embed(EmbedRequest("vectors:tiny", ("another",)), accepted=accepted)
    first, second = (struct.unpack(f"<{len(vector) // 4}f", vector) for vector in both.answer.vectors)
    (again,) = (struct.unpack(f"<{len(vector) // 4}f", vector) for vector in alone.answer.vectors)
    assert len(first) == len(second) == 64
    assert second == pytest.approx(again, abs=1e-4)
    assert first != pytest.approx(second, abs=1e-2)


async def test_documents_come_back_best_first(start: Start) -> None:
    async with start() as runtime:
        request = RerankRequest("ranks", "hello", ("one", "two", "three"), top_n=2)
        reranked = await runtime.rerank(request, accepted=accepted)
    assert reranked.model == "ranks:tiny"
    first, second = reranked.answer.results
    assert first.score >= second.score
    assert first.index != second.index


async def test_a_model_of_another_type_is_the_callers_fault(start: Start) -> None:
    async with start() as runtime:
        with pytest.raises(UnknownModel, match="reranker"):
            await runtime.rerank(RerankRequest("llama", "q", ("a",)), accepted=accepted)
        with pytest.raises(UnknownModel, match="did you mean 'llama:tiny'"):
            await ask(runtime, question(model="tiny"))


async def test_too_long_a_prompt_is_named_as_such(start: Start) -> None:
    async with start() as runtime:
        with pytest.raises(ContextLengthExceeded):
            await ask(runtime, question("x" * 9000))


async def test_cancelling_stops_the_generation(start: Start) -> None:
    async with start(model="slow") as runtime:
        first = anyio.Event()

        async def emit(events: Sequence[Event]) -> None:
            first.set()

        async with anyio.create_task_group() as group:

            async def run() -> None:
                await runtime.chat(question(max_tokens=3000, stream=True), emit=emit, accepted=accepted)

            group.start_soon(run)
            await first.wait()
            assert await _busy(runtime)
            group.cancel_scope.cancel()
        with anyio.fail_after(3):  # the whole answer would take half a minute
            while await _busy(runtime):
                await anyio.sleep(0.02)


async def _busy(runtime: Runtime) -> bool:
    """Whether llama.cpp says that one of its slots works."""
    client = runtime.generation.clients["llama"]
    credentials = await client.credentials()
    key = credentials.secrets["api_key"].get_secret_value()
    http = HTTPClient(Extra())
    url = f"http://127.0.0.1:{server(runtime)['port']}/slots"
    async with http.send(
        HTTPRequest("GET", url, {"authorization": f"Bearer {key}"}), Timeouts(5, 5, 5)
    ) as response:
        body = b""
        while data := await response.read():
            body += data
    await http.aclose()
    return any(slot["is_processing"] for slot in json.loads(body))


async def test_the_first_request_starts_the_server_and_idleness_stops_it(start: Start) -> None:
    async with start(idle_timeout=0.3) as runtime:
        assert server(runtime)["state"] == "stopped"
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(ask, runtime, question())
        facts = server(runtime)
        assert facts["state"] == "ready"
        pid = facts["pid"]
        assert isinstance(pid, int)
        processes = [psutil.Process(pid), *psutil.Process(pid).children()]
        assert len(processes) == 2  # one server for three requests
        with anyio.fail_after(10):
            while server(runtime)["state"] != "stopped":
                await anyio.sleep(0.02)
        assert all(map(gone, processes))
        assert (await ask(runtime, question())).attempts == 1  # and the next request starts it again


async def test_nobody_without_the_key_may_ask_the_server(start: Start) -> None:
    async with start() as runtime:
        await ask(runtime, question())
        http = HTTPClient(Extra())
        url = f"http://127.0.0.1:{server(runtime)['port']}/v1/chat/completions"
        body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
        async with http.send(HTTPRequest("POST", url, {}, body), Timeouts(5, 5, 5)) as response:
            assert response.status == 401
        await http.aclose()


async def test_nothing_is_left_when_the_runtime_ends(start: Start) -> None:
    async with start() as runtime:
        await ask(runtime, question())
        pid = server(runtime)["pid"]
        assert isinstance(pid, int)
        processes = [psutil.Process(pid), *psutil.Process(pid).children()]
    assert all(map(gone, processes))


KILLED = """
import anyio, os, sys
from lokid.chat import EmbedRequest
from lokid.runtime.core import Runtime

async def main():
    runtime = Runtime(os.environ)
    async with anyio.create_task_group() as group:
        await group.start(lambda task_status: runtime.run(task_status=task_status))
        async def accepted(): pass
        await runtime.embed(EmbedRequest("vectors", ("x",)), accepted=accepted)
        print(runtime.list_clients()[2]["server"]["pid"], flush=True)
        await anyio.sleep_forever()

anyio.run(main, backend=sys.argv[1])
"""


async def test_a_killed_lokid_takes_its_servers_along(
    start: Start, tmp_path: Path, anyio_backend: str
) -> None:
    async with start():  # for its configuration
        pass
    environ = {**os.environ, "LOKID_CONFIG": str(tmp_path / "config.yaml"), "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-c", KILLED, anyio_backend]
    async with await anyio.open_process(command, env=environ, stdin=None, stderr=None) as process:
        assert process.stdout is not None
        pid = int(await process.stdout.receive())
        processes = [psutil.Process(pid), *psutil.Process(pid).children()]
        assert len(processes) == 2
        process.kill()
        await process.wait()
    with anyio.fail_after(10):
        while not all(map(gone, processes)):
            await anyio.sleep(0.02)


async def test_a_server_that_dies_during_an_answer_says_so_and_the_next_request_restarts_it(
    start: Start,
) -> None:
    async with start(model="slow") as runtime:

        async def emit(events: Sequence[Event]) -> None:
            pid = server(runtime)["pid"]
            assert isinstance(pid, int)
            with suppress(psutil.NoSuchProcess):  # events that were on their way still come
                for process in psutil.Process(pid).children():
                    process.kill()

        with pytest.raises(LokidError) as caught:
            await runtime.chat(question(max_tokens=3000, stream=True), emit=emit, accepted=accepted)
        assert caught.value.code == "incomplete_response"
        assert "was killed by SIGKILL" in caught.value.message
        assert "listening on" in caught.value.message
        assert (await ask(runtime, question(max_tokens=2))).attempts == 1
