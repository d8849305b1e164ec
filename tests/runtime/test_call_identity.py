"""Questions with the identity of a cloud: what arrives, what a refusal costs, what a person is told."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from lokid.chat import ChatRequest, ChatResult, Message, Text
from lokid.errors import AuthenticationFailed, LoginRequired, SecretMissing
from lokid.runtime.core import Runtime
from tests.fakes.clouds import answered, token
from tests.fakes.provider import Call, FakeProvider, Step

pytestmark = pytest.mark.anyio

GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1},
}
CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
}
OPENAI = {"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}
ENTRIES: dict[str, dict[str, Any]] = {
    "vertexai": {
        "project_id": "p",
        "location": "global",
        "models": [{"name": "gemini-x", "no_stream": True}],
    },
    "bedrock": {"models": [{"name": "amazon.nova-lite-v1:0", "no_stream": True}]},
    "azure-openai": {"models": [{"name": "m", "no_stream": True}]},
}


@asynccontextmanager
async def running(
    home: Path, kind: str, url: str, environ: Mapping[str, str], **keys: Any
) -> AsyncIterator[Runtime]:
    client = {"type": kind, "name": "mine", "api_base": url, **ENTRIES[kind], **keys}
    config = home / "config.yaml"
    config.write_text(json.dumps({"clients": [client]}))
    environ = {"LOKID_CONFIG": str(config), "HOME": str(home), "PATH": "/usr/bin:/bin", **environ}
    runtime = Runtime(environ, builtin=False)
    async with anyio.create_task_group() as group:
        await group.start(lambda task_status: runtime.run(task_status=task_status))
        yield runtime
        group.cancel_scope.cancel()


async def ask(runtime: Runtime) -> str:
    async def ignore(*_: object) -> None:
        pass

    request = ChatRequest("mine", (Message("user", (Text("hello"),)),))
    result = await runtime.chat(request, emit=ignore, accepted=ignore)
    assert isinstance(result, ChatResult)
    return result.answer.message.text


def refusing(status: int, then: Step, *, once: bool = True, body: object = None) -> Step:
    """Refuses the first request, or all."""
    refused = [answered(body or {"error": {"message": "the token canary-t1 is not valid"}}, status)]

    async def step(call: Call) -> None:
        await (refused.pop() if refused and once else refused[0] if refused else then)(call)

    return step


def gcloud(home: Path, url: str) -> None:
    file = home / ".config/gcloud/application_default_credentials.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    user = {"client_id": "i", "client_secret": "canary-secret", "refresh_token": "canary-refresh"}
    file.write_text(
        json.dumps({"type": "authorized_user", "quota_project_id": "payer", "token_uri": url, **user})
    )


class Server(FakeProvider):
    """A token endpoint at ``/token`` that counts (``canary-t1``, ...), and ``model`` everywhere else."""

    def __init__(self, model: Step) -> None:
        super().__init__(default=self._step)
        self.model = model
        self.tokens = 0

    async def _step(self, call: Call) -> None:
        if call.request.target.startswith("/token"):
            self.tokens += 1
            await token(f"canary-t{self.tokens}")(call)
        else:
            await self.model(call)

    @property
    def asked(self) -> list[Mapping[str, str]]:
        return [one.headers for one in self.requests if not one.target.startswith("/token")]


async def test_a_question_to_vertex_ai_has_the_token_and_who_pays(home: Path) -> None:
    async with Server(answered(GEMINI)) as server:
        gcloud(home, f"{server.url}/token")
        async with running(home, "vertexai", server.url, {}) as runtime:
            assert await ask(runtime) == "hi"
            assert await ask(runtime) == "hi"
            assert server.tokens == 1
            assert [one["authorization"] for one in server.asked] == ["Bearer canary-t1"] * 2
            assert [one["x-goog-user-project"] for one in server.asked] == ["payer"] * 2
            row = runtime.list_clients()[0]
            assert (row["auth"], row["state"]) == ("identity", "ready")


async def test_who_pays_is_said_by_the_configuration_first(home: Path) -> None:
    async with Server(answered(GEMINI)) as server:
        gcloud(home, f"{server.url}/token")
        async with running(home, "vertexai", server.url, {}, quota_project_id="mine-pays") as runtime:
            await ask(runtime)
            assert server.asked[0]["x-goog-user-project"] == "mine-pays"


async def test_a_refused_token_costs_one_renewal_and_the_question_is_asked_again(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Server(refusing(401, answered(GEMINI))) as server:
        gcloud(home, f"{server.url}/token")
        async with running(home, "vertexai", server.url, {}) as runtime:
            assert await ask(runtime) == "hi"
            assert [one["authorization"] for one in server.asked] == ["Bearer canary-t1", "Bearer canary-t2"]
    assert "canary" not in caplog.text


async def test_a_second_refusal_is_final_and_does_not_quote_the_token(home: Path) -> None:
    async with Server(refusing(401, answered(GEMINI), once=False)) as server:
        gcloud(home, f"{server.url}/token")
        async with running(home, "vertexai", server.url, {}) as runtime:
            with pytest.raises(AuthenticationFailed) as caught:
                await ask(runtime)
            assert server.tokens == 2
            assert "canary-t2" not in caught.value.message


async def test_who_has_not_signed_in_is_told_the_command_and_works_right_after_it(home: Path) -> None:
    async with (
        Server(answered(GEMINI)) as server,
        running(home, "vertexai", server.url, {"NO_GCE_CHECK": "true"}) as runtime,
    ):
        with pytest.raises(LoginRequired) as caught:
            await ask(runtime)
        assert caught.value.hint == "gcloud auth application-default login"
        row = runtime.list_clients()[0]
        assert row["state"] == "needs_login"
        assert "gcloud auth application-default login" in row["reason"]
        gcloud(home, f"{server.url}/token")
        assert await ask(runtime) == "hi"
        assert runtime.list_clients()[0]["state"] == "ready"


async def test_a_question_to_bedrock_is_signed_with_the_keys_of_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {
        "AWS_ACCESS_KEY_ID": "AKENV",
        "AWS_SECRET_ACCESS_KEY": "canary-secret-access-key",
        "AWS_SESSION_TOKEN": "canary-session",
        "AWS_DEFAULT_REGION": "eu-north-1",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    async with (
        Server(answered(CONVERSE)) as server,
        running(home, "bedrock", server.url, environ) as runtime,
    ):
        assert await ask(runtime) == "hi"
        said = server.asked[0]
        assert "Credential=AKENV/" in said["authorization"] and "/eu-north-1/" in said["authorization"]
        assert said["x-amz-security-token"] == "canary-session"
    assert not {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & os.environ.keys()  # no child inherits them


async def test_an_api_key_of_bedrock_goes_before_them(home: Path) -> None:
    environ = {
        "AWS_BEARER_TOKEN_BEDROCK": "canary-bearer",
        "AWS_REGION": "eu-north-1",
        "AWS_ACCESS_KEY_ID": "A",
    }
    async with (
        Server(answered(CONVERSE)) as server,
        running(home, "bedrock", server.url, environ) as runtime,
    ):
        assert await ask(runtime) == "hi"
        assert server.asked[0]["authorization"] == "Bearer canary-bearer"


async def test_expired_keys_of_a_profile_are_had_anew(home: Path) -> None:
    """Amazon says 403 to them."""
    (home / ".aws").mkdir()
    (home / ".aws/config").write_text(
        f"[profile work]\ncredential_process = /bin/sh {home}/keys.sh {home}/n\n"
    )
    (home / "keys.sh").write_text(
        'echo x >> "$1"; n=$(wc -l < "$1")\n'
        'echo "{\\"Version\\": 1, \\"AccessKeyId\\": \\"AK$n\\", \\"SecretAccessKey\\": \\"canary-$n\\",'
        ' \\"SessionToken\\": \\"canary-session-$n\\"}"\n'
    )
    expired = {"__type": "ExpiredTokenException", "message": "The security token included is expired"}
    async with Server(refusing(403, answered(CONVERSE), body=expired)) as server:
        keys = {"region": "eu-north-1", "profile": "work"}
        async with running(home, "bedrock", server.url, {}, **keys) as runtime:
            assert await ask(runtime) == "hi"
            assert [one["x-amz-security-token"][-1] for one in server.asked] == ["1", "2"]


async def test_a_question_to_azure_has_the_token_of_its_application(home: Path) -> None:
    async with Server(answered(OPENAI)) as server:
        keys = {
            "authority": f"{server.url}/token",
            "tenant_id": "t",
            "client_id": "c",
            "client_secret": "canary-client-secret",
        }
        async with running(home, "azure-openai", server.url, {}, **keys) as runtime:
            assert await ask(runtime) == "hi"
            assert server.asked[0]["authorization"] == "Bearer canary-t1"
            assert "api-key" not in server.asked[0]
            shown = json.dumps([runtime.show(), runtime.list_clients()])
            assert "canary" not in shown


async def test_keys_that_come_into_the_env_file_work_at_once(home: Path) -> None:
    (home / ".aws").mkdir()
    async with (
        Server(answered(CONVERSE)) as server,
        running(home, "bedrock", server.url, {"AWS_EC2_METADATA_DISABLED": "true"}, region="r") as runtime,
    ):
        with pytest.raises(SecretMissing) as caught:
            await ask(runtime)
        assert caught.value.hint == "aws sso login, or aws configure"
        assert runtime.list_clients()[0]["state"] == "needs_secret"
        (home / ".env").write_text("AWS_ACCESS_KEY_ID=AKFILE\nAWS_SECRET_ACCESS_KEY=canary-file-key\n")
        change = await runtime.reload()
        assert (change["kept"], change["opened"]) == ([], ["mine"])
        assert await ask(runtime) == "hi"
        assert "Credential=AKFILE/" in server.asked[-1]["authorization"]  # the first one dials
        assert (await runtime.reload())["kept"] == ["mine"]
