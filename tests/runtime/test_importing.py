"""What Loki left, taken over by a running runtime. The envelopes come from ``tests.fakes.loki``."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from lokid.errors import (
    AuthenticationFailed,
    ConfigInvalid,
    InvalidParams,
    ProviderUnavailable,
    SecretMissing,
    Unsupported,
)
from lokid.runtime import importing
from lokid.runtime.core import Runtime
from lokid.runtime.importing import Left
from lokid.runtime.oauth import token_file, tokens
from tests.fakes.loki import VARIANTS, envelope

pytestmark = pytest.mark.anyio

PASSWORD = "open sesame, plaintext"
VALUE = "sk-planted-in-the-vault-of-loki-0123"
OAUTH = {"client_id": "mine", "token_url": "http://127.0.0.1:9/t", "authorize_url": "http://127.0.0.1:9/a"}
CLIENTS = {
    "clients": [
        {"type": "gemini", "name": "signs-in", "auth": "oauth", "oauth": OAUTH},
        {"type": "claude", "name": "lacks", "auth": "oauth"},
        {"type": "gemini", "name": "alone", "auth": "oauth",
         "oauth": {**OAUTH, "grant": "client_credentials", "client_secret": "s"}},
        {"type": "openai", "api_key": "{{A}}"},
    ]
}  # fmt: skip


@pytest.fixture
def config(home: Path) -> Path:
    path = home / ".config" / "lokid" / "config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(CLIENTS))
    return path


@asynccontextmanager
async def running(home: Path, **environ: str) -> AsyncIterator[Runtime]:
    real = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    runtime = Runtime({"HOME": str(home), **real, **environ}, builtin=False)
    async with anyio.create_task_group() as group:
        await group.start(runtime.run)
        yield runtime
        group.cancel_scope.cancel()


def vault(**envelopes: str) -> str:
    return "".join(f"{name}: {one}\n" for name, one in envelopes.items())


def outcomes(answer: dict[str, Any], kind: str = "secrets") -> dict[str, str]:
    return {row.get("name") or row["client"]: row["outcome"] for row in answer[kind]}


def token(refresh: str = "refresh-token-of-loki", life: float = 3600) -> str:
    expires_at = int(time.time() + life)
    return json.dumps(
        {"access_token": "access-token-of-loki", "refresh_token": refresh, "expires_at": expires_at}
    )


class TestVault:
    async def test_every_variant_is_opened_and_the_zero_key_is_reported(
        self, home: Path, config: Path
    ) -> None:
        sealed = {
            f"K{number}": envelope(f"{VALUE}-{one}", PASSWORD, one) for number, one in enumerate(VARIANTS)
        }
        async with running(home) as runtime:
            answer = await runtime.imports.loki(Left(vault=vault(**sealed), password=PASSWORD), dry_run=False)
            assert answer == {
                "config": None,
                "secrets": [{"name": f"K{n}", "outcome": "new", "rotate": n == 0} for n in range(4)],
                "tokens": [],
            }
            for number, one in enumerate(VARIANTS):
                assert (await runtime.secrets.get(f"K{number}"))["value"] == f"{VALUE}-{one}"

    async def test_what_the_library_itself_asks_for_is_opened(self, home: Path, config: Path) -> None:
        text = vault(A=envelope(VALUE, PASSWORD, m=19456, t=2, p=1), B=envelope(VALUE, PASSWORD, m=64, p=4))
        async with running(home) as runtime:
            answer = await runtime.imports.loki(Left(vault=text, password=PASSWORD), dry_run=False)
            assert outcomes(answer) == {"A": "new", "B": "new"}
            key = (await runtime.generation.clients["openai"].credentials()).secrets["api_key"]
            assert key.get_secret_value() == VALUE

    async def test_a_dry_run_changes_nothing(self, home: Path, config: Path) -> None:
        text = vault(A=envelope(VALUE, PASSWORD))
        async with running(home) as runtime:
            left = Left(vault=text, password=PASSWORD, tokens={"signs-in": token()})
            answer = await runtime.imports.loki(left, dry_run=True)
            assert outcomes(answer) == {"A": "new"}
            assert outcomes(answer, "tokens") == {"signs-in": "moved"}
            assert (await runtime.secrets.status())["state"] == "absent"
            assert runtime.auth.status("signs-in")[0]["state"] == "needs_login"
        assert not (home / ".local/state/lokid/tokens").exists()

    async def test_what_is_there_already_stays(self, home: Path, config: Path) -> None:
        text = vault(A=envelope(VALUE, PASSWORD), B=envelope(VALUE, PASSWORD), C=envelope(VALUE, PASSWORD))
        async with running(home) as runtime:
            await runtime.secrets.set("A", "another")
            await runtime.secrets.set("B", VALUE)
            for last in ("new", "same"):
                answer = await runtime.imports.loki(Left(vault=text, password=PASSWORD), dry_run=False)
                assert outcomes(answer) == {"A": "other", "B": "same", "C": last}
            assert (await runtime.secrets.get("A"))["value"] == "another"

    async def test_a_wrong_password_keeps_nothing(self, home: Path, config: Path) -> None:
        text = vault(A=envelope(VALUE, PASSWORD), B=envelope(VALUE, PASSWORD, "zero key"))
        async with running(home) as runtime:
            with pytest.raises(AuthenticationFailed) as caught:
                await runtime.imports.loki(Left(vault=text, password="wrong-password"), dry_run=False)
            assert "wrong-password" not in str(caught.value)
            for none in (None, ""):
                with pytest.raises(InvalidParams, match="needs its password"):
                    await runtime.imports.loki(Left(vault=text, password=none), dry_run=False)
            with pytest.raises(InvalidParams, match="longer"):
                await runtime.imports.loki(Left(vault=text, password="x" * 70_000), dry_run=False)
            assert (await runtime.secrets.status())["state"] == "absent"

    async def test_any_password_opens_the_zero_key(self, home: Path, config: Path) -> None:
        text = vault(A=envelope(VALUE, PASSWORD, "zero key"))
        async with running(home) as runtime:
            answer = await runtime.imports.loki(Left(vault=text, password="wrong"), dry_run=False)
            assert answer["secrets"] == [{"name": "A", "outcome": "new", "rotate": True}]

    async def test_what_is_damaged_or_hostile_does_not_keep_the_rest_out(
        self, home: Path, config: Path
    ) -> None:
        good = envelope(VALUE, PASSWORD)
        header, _, sealed = good.rpartition("ct=")
        flipped = f"{header}ct={'B' if sealed[0] == 'A' else 'A'}{sealed[1:]}"
        text = vault(
            GOOD=good,
            FLIPPED=flipped,
            CUT=good[:-8],
            HUNGRY=good.replace("m=64", "m=999999999"),
            BYTES=envelope(b"\xff\xfe", PASSWORD),
            EMPTY="''",
        )
        text += f"'sk-a value, not a name': {good}\n"
        async with running(home) as runtime:
            answer = await runtime.imports.loki(Left(vault=text, password=PASSWORD), dry_run=False)
            reasons = {row["name"]: row.get("reason", "") for row in answer["secrets"]}
            assert outcomes(answer) == {
                **dict.fromkeys(reasons, "unreadable"), "GOOD": "new",
            }  # fmt: skip
            assert "damaged" in reasons["FLIPPED"] and "damaged" in reasons["CUT"]
            assert "more work" in reasons["HUNGRY"]
            assert "text" in reasons["BYTES"]
            assert "a name begins with" in reasons["(entry 7)"]
            assert "sk-a value" not in json.dumps(answer) and VALUE not in json.dumps(answer)
            assert [row["name"] for row in await runtime.secrets.list()] == ["GOOD"]

    async def test_a_vault_of_nothing_needs_no_password(self, home: Path, config: Path) -> None:
        async with running(home) as runtime:
            assert (await runtime.imports.loki(Left(vault="{}"), dry_run=False))["secrets"] == []
            answer = await runtime.imports.loki(Left(vault="A: hunter2\n"), dry_run=False)
            assert outcomes(answer) == {"A": "unreadable"}
            with pytest.raises(InvalidParams, match="not a vault of Loki"):
                await runtime.imports.loki(Left(vault="- a"), dry_run=False)

    async def test_a_locked_vault_takes_nothing(self, home: Path, config: Path) -> None:
        text = vault(A=envelope(VALUE, PASSWORD))
        async with running(home) as runtime:
            await runtime.secrets.set("B", "b")
            await runtime.secrets.lock()
            for dry_run in (True, False):
                with pytest.raises(SecretMissing, match="locked"):
                    await runtime.imports.loki(Left(vault=text, password=PASSWORD), dry_run=dry_run)

    @pytest.mark.parametrize(
        ("program", "kind", "said"),
        [
            ("raise SystemExit(4)", Unsupported, "not installed"),
            ("raise MemoryError", ConfigInvalid, "exit status 1"),
            ("import os; os.kill(os.getpid(), 9)", ConfigInvalid, "SIGKILL"),
            ("import time; time.sleep(60)", ConfigInvalid, "within 0.5 s"),
        ],
    )
    async def test_a_program_that_fails_says_why(
        self,
        home: Path,
        config: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        program: str,
        kind: type[Exception],
        said: str,
    ) -> None:
        path = tmp_path / "unseal.py"
        path.write_text(program)
        monkeypatch.setattr(importing.unseal, "__file__", str(path))
        monkeypatch.setattr(importing, "UNSEAL_S", 0.5 if "sleep" in program else 30.0)
        async with running(home) as runtime:
            with pytest.raises(kind, match=said):
                left = Left(vault=vault(A=envelope(VALUE, PASSWORD)), password=PASSWORD)
                await runtime.imports.loki(left, dry_run=False)

    async def test_a_python_that_cannot_be_started_says_why(
        self, home: Path, config: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with running(home) as runtime:
            monkeypatch.setattr(importing.sys, "executable", str(home / "absent"))
            with pytest.raises(ConfigInvalid, match="No such file"):
                left = Left(vault=vault(A=envelope(VALUE, PASSWORD)), password=PASSWORD)
                await runtime.imports.loki(left, dry_run=False)


class TestConfiguration:
    async def test_it_is_answered_and_not_written(self, home: Path) -> None:
        async with running(home) as runtime:
            text = "editor: vim\nvault_password_file: ~/p\nclients:\n  - type: openai\n    api_key: '{{A}}'\n"
            answer = await runtime.imports.loki(Left(config=text), dry_run=False)
            assert answer["config"] == {
                "text": "clients:\n  - type: openai\n    api_key: '{{A}}'\n",
                "clients": ["openai"],
                "dropped": [{"line": 1, "key": "editor"}, {"line": 2, "key": "vault_password_file"}],
                "secrets": ["A"],
                "password_file": "~/p",
                "problems": [],
            }
        assert not (home / ".config").exists()

    async def test_its_problems_are_answered(self, home: Path) -> None:
        async with running(home) as runtime:
            answer = await runtime.imports.loki(Left(config="clients: 3\n"), dry_run=True)
            assert answer["config"]["problems"] == [
                {"path": "config.yaml", "line": 1, "column": 10, "key": "clients",
                 "message": "must be a list, and is a number"}
            ]  # fmt: skip


class TestTokens:
    async def test_a_sign_in_is_moved_and_works(self, home: Path, config: Path) -> None:
        async with running(home) as runtime:
            for _ in range(2):  # again, as after a kill before the caller has removed its file
                answer = await runtime.imports.loki(Left(tokens={"signs-in": token()}), dry_run=False)
                assert answer["tokens"] == [{"client": "signs-in", "outcome": "moved"}]
            assert runtime.auth.status("signs-in")[0]["state"] == "signed_in"
            client = runtime.generation.clients["signs-in"]
            found = (await client.credentials()).secrets["access_token"]
            assert found.get_secret_value() == "access-token-of-loki"
        path = home / ".local/state/lokid/tokens/signs-in.json"
        record = token_file.read(str(path))
        assert record is not None and record.gen == 1 and record.client_id == "mine"

    async def test_a_sign_in_of_lokid_stays(self, home: Path, config: Path) -> None:
        async with running(home) as runtime:
            await runtime.imports.loki(Left(tokens={"signs-in": token("the-first-one")}), dry_run=False)
            for dry_run in (True, False):
                answer = await runtime.imports.loki(Left(tokens={"signs-in": token()}), dry_run=dry_run)
                assert answer["tokens"][0]["outcome"] == "left"
                assert "sign-in of its own" in answer["tokens"][0]["reason"]

    @pytest.mark.parametrize(
        ("client", "said"),
        [
            ("nobody", "no client"),
            ("openai", "auth: oauth"),
            ("lacks", "oauth.client_id"),
            ("alone", "no sign-in"),
        ],
    )
    async def test_a_client_that_can_do_nothing_with_it_leaves_it(
        self, home: Path, config: Path, client: str, said: str
    ) -> None:
        async with running(home) as runtime:
            answer = await runtime.imports.loki(Left(tokens={client: token()}), dry_run=False)
            assert answer["tokens"][0]["outcome"] == "left"
            assert said in answer["tokens"][0]["reason"]

    async def test_a_dry_run_knows_the_clients_that_would_come(self, home: Path) -> None:
        left = Left(config=json.dumps(CLIENTS), tokens={"signs-in": token(), "lacks": token()})
        async with running(home) as runtime:
            answer = await runtime.imports.loki(left, dry_run=True)
            assert outcomes(answer, "tokens") == {"signs-in": "moved", "lacks": "left"}
            answer = await runtime.imports.loki(left, dry_run=False)
            assert outcomes(answer, "tokens") == {"signs-in": "left", "lacks": "left"}

    async def test_damaged_files_are_left(self, home: Path, config: Path) -> None:
        async with running(home) as runtime:
            answer = await runtime.imports.loki(Left(tokens={"signs-in": "{"}), dry_run=False)
            assert "the file is not" in answer["tokens"][0]["reason"]
            path = home / ".local/state/lokid/tokens/signs-in.json"
            path.parent.mkdir(parents=True)
            path.write_text("{}")
            path.chmod(0o644)
            answer = await runtime.imports.loki(Left(tokens={"signs-in": token()}), dry_run=False)
            assert "0644" in answer["tokens"][0]["reason"]

    async def test_on_a_full_disk_nothing_is_moved(
        self, home: Path, config: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tokens, "SAVE_PAUSE_S", 0.01)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        async with running(home) as runtime:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
            try:
                with pytest.raises(ProviderUnavailable, match="could not be saved"):
                    await runtime.imports.loki(Left(tokens={"signs-in": token()}), dry_run=False)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    async def test_what_cannot_be_saved_is_not_moved(self, home: Path, config: Path) -> None:
        (home / ".local/state/lokid/tokens/signs-in.json.lock").mkdir(parents=True)  # in the way
        async with running(home) as runtime:
            with pytest.raises(ProviderUnavailable, match="could not be saved"):
                await runtime.imports.loki(Left(tokens={"signs-in": token()}), dry_run=False)
