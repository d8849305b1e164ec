"""The vault under a running runtime: set, ask, lock, unlock, and files that change by themselves."""

from __future__ import annotations

import json
import os
import shutil
import stat
import threading
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from lokid.config import Vault as Settings
from lokid.errors import AuthenticationFailed, ConfigInvalid, InvalidParams, SecretMissing
from lokid.runtime import lingering
from lokid.runtime.core import Runtime
from lokid.runtime.secrets import identity, stored
from lokid.runtime.secrets.identity import WrongPassphrase
from lokid.runtime.secrets.stored import BACKOFF_S
from lokid.runtime.secrets.vault import Vault

pytestmark = pytest.mark.anyio

VALUE = "sk-planted-in-the-vault-0123456789"
CLIENTS = {
    "clients": [
        {"type": "openai-compatible", "name": "a", "api_base": "http://127.0.0.1:9/v1", "api_key": "{{A}}"},
        {"type": "openai-compatible", "name": "b", "api_base": "http://127.0.0.1:9/v1", "api_key": "{{E}}"},
        {"type": "openai"},
    ]
}


@pytest.fixture
def config(home: Path) -> Path:
    path = home / ".config" / "lokid" / "config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(CLIENTS))
    return path


@asynccontextmanager
async def running(home: Path, **environ: str) -> AsyncIterator[Runtime]:
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "E": "sk-of-the-environment", **environ}
    runtime = Runtime(environ, builtin=False)
    async with anyio.create_task_group() as group:
        await group.start(runtime.run)
        yield runtime
        group.cancel_scope.cancel()


def reason(runtime: Runtime, client: str) -> str | None:
    return runtime.generation.clients[client].state()[1]


async def key(runtime: Runtime, client: str) -> str:
    return (await runtime.generation.clients[client].credentials()).secrets["api_key"].get_secret_value()


def with_sleep(sleep: Any) -> types.SimpleNamespace:
    """``anyio`` for one module alone; what else sleeps in a runtime goes on sleeping."""
    return types.SimpleNamespace(**vars(anyio) | {"sleep": sleep})


@contextmanager
def forbidden(path: Path) -> Iterator[None]:
    path.chmod(0)
    try:
        yield
    finally:
        path.chmod(0o700)


@contextmanager
def going_in_circles(path: Path) -> Iterator[None]:
    """What root cannot enter either."""
    aside = path.rename(path.with_name("aside"))
    path.symlink_to(path)
    try:
        yield
    finally:
        path.unlink()
        aside.rename(path)


CLOSED = {"too many levels of symbolic links": going_in_circles}
if os.geteuid() != 0:  # root may enter every directory
    CLOSED["permission denied"] = forbidden


async def nothing_is_said_of_what_it_holds(runtime: Runtime) -> None:
    """Of a vault that is not there now."""
    status = await runtime.secrets.status()
    assert (status["state"], status["secrets"]) == ("refused", None)
    assert "is its disk mounted" in status["reason"]
    secrets = runtime.secrets
    for call in (
        secrets.list(), secrets.get("A"), secrets.delete("A"),
        secrets.add({"NEW": VALUE}, dry_run=True), secrets.add({"NEW": VALUE}, dry_run=False),
    ):  # fmt: skip
        with pytest.raises(ConfigInvalid, match="is its disk mounted"):
            await call


async def until(condition: Any) -> None:
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.01)


class TestSecrets:
    async def test_a_secret_works_as_soon_as_it_is_set(self, home: Path, config: Path) -> None:
        async with running(home) as runtime:
            assert "lokictl secret set A" in str(reason(runtime, "a"))
            assert "lokictl secret set OPENAI_API_KEY" in str(reason(runtime, "openai"))
            with pytest.raises(SecretMissing) as caught:
                await key(runtime, "a")
            assert caught.value.hint == "lokictl secret set A"
            other = runtime.generation.clients["b"]
            assert await runtime.secrets.set("A", VALUE) == {"name": "A", "replaced": False, "clients": ["a"]}
            assert await key(runtime, "a") == VALUE
            await runtime.secrets.set("OPENAI_API_KEY", VALUE)
            assert await key(runtime, "openai") == VALUE
            assert runtime.generation.clients["b"] is other  # its connections stay warm
            assert await runtime.secrets.list() == [
                {"name": "A", "clients": ["a"]},
                {"name": "OPENAI_API_KEY", "clients": ["openai"]},
            ]
            assert await runtime.secrets.get("A") == {"name": "A", "value": VALUE}
            assert (await runtime.secrets.set("A", "another-value"))["replaced"]
            assert await key(runtime, "a") == "another-value"
            assert await runtime.secrets.delete("A") == {"name": "A", "clients": ["a"]}
            with pytest.raises(SecretMissing):
                await key(runtime, "a")

    async def test_a_variable_that_comes_first_is_told(self, home: Path, config: Path) -> None:
        """A key that was moved out of the environment stays in that of the lokid which moved it."""
        async with running(home, OPENAI_API_KEY="sk-of-the-start") as runtime:
            answer = await runtime.secrets.set("OPENAI_API_KEY", VALUE)
            assert answer["overridden_by"] == "environment"
            assert await key(runtime, "openai") == "sk-of-the-start"
            assert "overridden_by" not in await runtime.secrets.set("OPENAI_API_KEY", "sk-of-the-start")
            assert "overridden_by" not in await runtime.secrets.set("A", VALUE)
        (config.parent / ".env").write_text("OPENAI_API_KEY=sk-of-a-file\n")
        (config.parent / ".env").chmod(0o600)
        async with running(home) as runtime:
            answer = await runtime.secrets.set("OPENAI_API_KEY", VALUE)
            assert answer["overridden_by"] == str(config.parent / ".env")

    async def test_a_variable_of_another_name_that_comes_first_is_told(
        self, home: Path, config: Path
    ) -> None:
        told = {"overridden_by": "environment", "variable": "A_API_KEY"}
        async with running(home, A_API_KEY="sk-of-the-start") as runtime:
            answer = await runtime.secrets.set("A", VALUE)
            assert answer == {"name": "A", "replaced": False, "clients": [], **told}
            assert await key(runtime, "a") == "sk-of-the-start"
            await runtime.secrets.set("OPENAI_API_KEY", VALUE)
            assert await runtime.secrets.list() == [
                {"name": "A", "clients": [], **told},
                {"name": "OPENAI_API_KEY", "clients": ["openai"]},
            ]
            assert "variable" not in await runtime.secrets.set("A", "sk-of-the-start")

    async def test_so_is_one_where_no_configuration_says_the_name(self, home: Path) -> None:
        """GEMINI_API_KEY, else GOOGLE_API_KEY: the environment's comes before either of the vault's."""
        async with running(home, GEMINI_API_KEY="gm-of-the-start") as runtime:
            answer = await runtime.secrets.set("GOOGLE_API_KEY", VALUE)
            assert (answer["overridden_by"], answer["variable"]) == ("environment", "GEMINI_API_KEY")
            assert await key(runtime, "gemini") == "gm-of-the-start"

    @pytest.mark.parametrize("linked", ["nothing", "the file", "its directory"])
    async def test_no_new_vault_takes_the_place_of_one_whose_disk_is_not_mounted(
        self, home: Path, config: Path, tmp_path: Path, linked: str
    ) -> None:
        disk, folder = tmp_path / "disk", home / ".local" / "share" / "lokid"
        disk.mkdir()
        folder.parent.mkdir(parents=True)
        if linked == "its directory":
            folder.symlink_to(disk)
        elif linked == "the file":
            folder.mkdir()
            (folder / "vault.age").symlink_to(disk / "vault.age")
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            vault = Path((await runtime.secrets.status())["file"])
            away = vault if linked == "nothing" else disk
            away.rename(tmp_path / "away")
            for _ in range(2):
                with pytest.raises(ConfigInvalid, match="is its disk mounted"):
                    await runtime.secrets.set("OPENAI_API_KEY", VALUE)
                assert not vault.exists()
                assert await key(runtime, "a") == VALUE
            await nothing_is_said_of_what_it_holds(runtime)
            (tmp_path / "away").rename(away)
            await runtime.secrets.set("OPENAI_API_KEY", VALUE)
            assert [row["name"] for row in await runtime.secrets.list()] == ["A", "OPENAI_API_KEY"]
            away.rename(tmp_path / "away")
        async with running(home) as runtime:
            if linked == "nothing":  # where it was is not known any more
                await runtime.secrets.set("A", VALUE)
            else:
                with pytest.raises(ConfigInvalid, match="is its disk mounted"):
                    await runtime.secrets.set("A", VALUE)
                assert "the vault cannot be read: lokictl status" in str(reason(runtime, "a"))
                await nothing_is_said_of_what_it_holds(runtime)

    @pytest.mark.parametrize("link", ["removed", "to another place"])
    async def test_nor_of_one_that_a_link_led_to(
        self, home: Path, config: Path, tmp_path: Path, link: str
    ) -> None:
        folder = home / ".local" / "share" / "lokid"
        folder.parent.mkdir(parents=True)
        for name in ("disk", "another"):
            (tmp_path / name).mkdir()
        folder.symlink_to(tmp_path / "disk")
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            folder.unlink()
            if link == "to another place":
                folder.symlink_to(tmp_path / "another")
            with pytest.raises(ConfigInvalid, match="is its disk mounted"):
                await runtime.secrets.set("NEW", VALUE)
            assert not (folder / "vault.age").exists()
            with pytest.raises(ConfigInvalid, match="is its disk mounted"):
                await runtime.reload()
            assert await key(runtime, "a") == VALUE
            folder.unlink(missing_ok=True)
            folder.symlink_to(tmp_path / "disk")
            await runtime.secrets.set("NEW", VALUE)
            assert [row["name"] for row in await runtime.secrets.list()] == ["A", "NEW"]

    @pytest.mark.parametrize("where", ["its directory", "behind a link", "in front of a link"])
    @pytest.mark.parametrize("why", CLOSED)
    async def test_where_nobody_may_look_the_reason_is_that(
        self, home: Path, config: Path, tmp_path: Path, where: str, why: str
    ) -> None:
        disk, folder = tmp_path / "disk", home / ".local" / "share" / "lokid"
        closed = {"its directory": folder, "behind a link": disk, "in front of a link": folder.parent}[where]
        if where != "its directory":
            (disk / "lokid").mkdir(parents=True)
            folder.parent.mkdir(parents=True)
            folder.symlink_to(disk / "lokid")
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            with CLOSED[why](closed):
                for _ in range(2):
                    with pytest.raises(ConfigInvalid, match=f"the vault could not be saved: {why}; what"):
                        await runtime.secrets.set("NEW", VALUE)
                    with pytest.raises(ConfigInvalid, match=f"(?i): {why}"):
                        await runtime.reload()
                    assert await key(runtime, "a") == VALUE
                for call in (runtime.secrets.list(), runtime.secrets.delete("A")):
                    with pytest.raises(ConfigInvalid, match=f"(?i)the vault cannot be read: .*: {why}"):
                        await call
                with pytest.raises(ConfigInvalid, match=f"(?i): {why}"):
                    await runtime.secrets.protect("open sesame")
                status = await runtime.secrets.status()
                assert status["state"] == "refused"
                assert why in status["reason"].lower()
            await runtime.secrets.set("NEW", VALUE)
            assert [row["name"] for row in await runtime.secrets.list()] == ["A", "NEW"]

    async def test_no_vault_is_made_where_everybody_may_put_links(self, home: Path, config: Path) -> None:
        folder = home / ".local" / "share" / "lokid"
        folder.mkdir(parents=True)
        folder.chmod(0o777)
        (folder / "vault.age").symlink_to(home / "bashrc")
        async with running(home) as runtime:
            with pytest.raises(ConfigInvalid, match=f"chmod go-w {folder}"):
                await runtime.secrets.set("A", VALUE)
            assert [path.name for path in folder.iterdir() if path.suffix != ".lock"] == ["vault.age"]
            assert not (home / "bashrc").exists()
            folder.chmod(0o755)
            await runtime.secrets.set("A", VALUE)

    async def test_without_a_configuration_a_key_is_enough(self, home: Path) -> None:
        async with running(home) as runtime:
            assert runtime.list_clients() == []
            for number, (name, client) in enumerate(
                {
                    "OPENAI_API_KEY": "openai",
                    "ANTHROPIC_API_KEY": "claude",
                    "GEMINI_API_KEY": "gemini",
                }.items()
            ):
                await runtime.secrets.set(name, VALUE)
                assert [one["state"] for one in runtime.list_clients()] == ["ready"] * (number + 1)
                assert await key(runtime, client) == VALUE
            await runtime.secrets.lock()
            assert [one["name"] for one in runtime.list_clients()] == ["openai", "claude", "gemini"]
            assert reason(runtime, "openai") == "lokid is locked: lokictl unlock"
            await runtime.secrets.unlock(None)
            assert await key(runtime, "openai") == VALUE

    async def test_a_key_in_the_environment_makes_no_client(self, home: Path) -> None:
        async with running(home, OPENAI_API_KEY="sk-of-something-else") as runtime:
            assert runtime.list_clients() == []

    async def test_an_unknown_name_is_no_secret(self, home: Path) -> None:
        async with running(home) as runtime:
            await runtime.secrets.set("OPENAI_API_KEY", VALUE)
            for call in (runtime.secrets.get, runtime.secrets.delete):
                with pytest.raises(InvalidParams, match="did you mean 'OPENAI_API_KEY'"):
                    await call("OPENAI_API_KEX")

    async def test_the_vault_beats_the_environment_and_that_the_credentials(
        self, home: Path, config: Path, tmp_path: Path
    ) -> None:
        credentials = tmp_path / "credentials"
        credentials.mkdir()
        for name in ("A", "E", "vault-identity.bak", "OPENAI_API_KEY"):
            (credentials / name).write_text("sk-credential\n")
        (credentials / "BLOB").write_bytes(b"\xff\xfe")
        async with running(home, CREDENTIALS_DIRECTORY=str(credentials)) as runtime:
            assert await key(runtime, "a") == "sk-credential"
            assert await key(runtime, "openai") == "sk-credential"
            assert await key(runtime, "b") == "sk-of-the-environment"
            await runtime.secrets.set("E", VALUE)
            assert await key(runtime, "b") == VALUE

    async def test_a_configuration_with_a_problem_does_not_keep_a_secret_out(
        self, home: Path, config: Path
    ) -> None:
        async with running(home) as runtime:
            config.write_text("clients: [")
            await runtime.secrets.set("A", VALUE)
            assert await runtime.secrets.get("A") == {"name": "A", "value": VALUE}
            config.write_text(json.dumps(CLIENTS))
            await until(lambda: reason(runtime, "a") is None)
            assert await key(runtime, "a") == VALUE


class TestFollowing:
    async def test_another_program_writes_and_it_is_in_force(self, home: Path, config: Path) -> None:
        async with running(home) as runtime:
            other = Vault({"HOME": str(home)}, "/")
            await anyio.to_thread.run_sync(other.change, Settings(), {"A": VALUE})
            await until(lambda: reason(runtime, "a") is None)
            assert await key(runtime, "a") == VALUE
            await anyio.to_thread.run_sync(other.change, Settings(), {"A": "a-new-one"})
            with anyio.fail_after(10):
                while await key(runtime, "a") != "a-new-one":
                    await anyio.sleep(0.01)

    @pytest.mark.parametrize("damage", ["cut", "gone", "mode", "identity"])
    async def test_a_vault_that_turned_bad_changes_nothing(
        self, home: Path, config: Path, damage: str
    ) -> None:
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            path = Path((await runtime.secrets.status())["file"])
            match damage:
                case "cut":
                    path.write_bytes(path.read_bytes()[:-1])
                case "gone":
                    path.unlink()
                case "mode":
                    path.chmod(0o666)
                case "identity":
                    path.with_name("identity.txt").chmod(0o644)
            await until(lambda: runtime.config_status()["problems"])
            problem = runtime.config_status()["problems"][0]
            assert problem["path"] == str(path)
            assert await key(runtime, "a") == VALUE
            with pytest.raises(ConfigInvalid):
                await runtime.reload()

    async def test_a_vault_that_is_bad_at_the_start_switches_off_only_who_needs_it(
        self, home: Path, config: Path
    ) -> None:
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            path = Path((await runtime.secrets.status())["file"])
        path.write_bytes(path.read_bytes()[:-1])
        async with running(home) as runtime:
            assert "the vault cannot be read" in str(reason(runtime, "a"))
            assert await key(runtime, "b") == "sk-of-the-environment"
            assert "damaged" in runtime.config_status()["warnings"][0]["message"]
            assert (await runtime.secrets.status())["state"] == "refused"
            for call in (runtime.secrets.list(), runtime.secrets.get("A"), runtime.secrets.set("A", "x")):
                with pytest.raises(ConfigInvalid):
                    await call
            assert path.exists()


class TestLocking:
    async def test_a_lock_needs_no_good_configuration(self, home: Path, config: Path) -> None:
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            config.write_text("clients: [")
            await until(lambda: runtime.config_status()["problems"])
            await runtime.secrets.lock()
            with pytest.raises(SecretMissing, match="locked") as caught:
                await key(runtime, "a")
            assert caught.value.hint == "lokictl unlock"

    async def test_a_load_that_began_before_the_lock_counts_no_more(self, home: Path, config: Path) -> None:
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)

            async def reload() -> None:
                with suppress(SecretMissing):  # so does one that comes too late
                    await runtime.reload()

            async with anyio.create_task_group() as group:
                for _ in range(10):
                    group.start_soon(reload)
                await anyio.sleep(0.002)
                await runtime.secrets.lock()
            with pytest.raises(SecretMissing, match="locked"):
                await key(runtime, "a")

    async def test_a_passphrase_keeps_a_restart_locked(self, home: Path, config: Path) -> None:
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            answer = await runtime.secrets.protect("open sesame")
            assert answer["identity_kind"] == "passphrase"
            assert await key(runtime, "a") == VALUE
        async with running(home) as runtime:
            assert "the vault is locked: lokictl unlock" in str(reason(runtime, "a"))
            assert await key(runtime, "b") == "sk-of-the-environment"
            with pytest.raises(AuthenticationFailed, match="passphrase") as caught:
                await runtime.secrets.unlock("open barley")
            assert "barley" not in str(caught.value)
            assert await runtime.secrets.unlock("open sesame") == {"state": "open", "secrets": 1}
            assert await key(runtime, "a") == VALUE

    async def test_one_that_is_set_while_a_lock_comes_is_what_unlocks(
        self, home: Path, config: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wrap = identity.wrap
        async with running(home) as runtime:

            async def locked_meanwhile(*given: Any) -> bytes:
                await runtime.secrets.lock()
                return await wrap(*given)

            await runtime.secrets.set("A", VALUE)
            monkeypatch.setattr(identity, "wrap", locked_meanwhile)
            answer = await runtime.secrets.protect("open sesame")
            status = await runtime.secrets.status()
            assert (status["locked"], status["state"], status["secrets"]) == (True, "locked", None)
            assert {key: status[key] for key in answer} == answer
            assert (await runtime.secrets.lock())["identity_kind"] == "passphrase"
            with pytest.raises(InvalidParams, match="encrypted with a passphrase"):
                await runtime.secrets.unlock(None)
            assert await runtime.secrets.unlock("open sesame") == {"state": "open", "secrets": 1}
            assert await key(runtime, "a") == VALUE

    async def test_nor_is_one_made_in_the_place_of_a_locked_one(self, home: Path, config: Path) -> None:
        folder, away = home / ".local" / "share" / "lokid", home / "away"
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            await runtime.secrets.protect("open sesame")
        async with running(home) as runtime:
            folder.rename(away)
            for _ in range(2):
                with pytest.raises(ConfigInvalid, match="is its disk mounted"):
                    await runtime.secrets.set("NEW", VALUE)
                await runtime.reload()
                assert "the vault cannot be read: lokictl status" in str(reason(runtime, "a"))
                assert not (folder / "vault.age").exists()
            if folder.exists():
                shutil.rmtree(folder)
            away.rename(folder)
            assert await runtime.secrets.unlock("open sesame") == {"state": "open", "secrets": 1}
            assert await key(runtime, "a") == VALUE

    @pytest.mark.parametrize("passphrase", [None, "open sesame"])
    async def test_nor_of_one_that_went_while_lokid_was_locked(
        self, home: Path, config: Path, passphrase: str | None
    ) -> None:
        vault, away = home / ".local" / "share" / "lokid" / "vault.age", home / "away"
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            if passphrase:
                await runtime.secrets.protect(passphrase)
            await runtime.secrets.lock()
            vault.rename(away)
            with pytest.raises(ConfigInvalid, match=r"lokid is unlocked, but .* is not there any more"):
                await runtime.secrets.unlock(passphrase)
            for _ in range(2):
                with pytest.raises(ConfigInvalid, match="is its disk mounted"):
                    await runtime.secrets.set("NEW", VALUE)
                await nothing_is_said_of_what_it_holds(runtime)
                assert not vault.exists()
                assert await key(runtime, "b") == "sk-of-the-environment"
                assert "the vault cannot be read: lokictl status" in str(reason(runtime, "a"))
                await runtime.reload()
            away.rename(vault)
            await until(lambda: reason(runtime, "a") is None)
            assert await key(runtime, "a") == VALUE
            await runtime.secrets.set("NEW", VALUE)
            assert [row["name"] for row in await runtime.secrets.list()] == ["A", "NEW"]

    async def test_what_opens_the_environment_may_be_away_with_the_vault(
        self, home: Path, config: Path
    ) -> None:
        folder, away = home / ".local" / "share" / "lokid", home / "away"
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            await runtime.secrets.lock()
            folder.rename(away)
            with pytest.raises(ConfigInvalid, match=r"vault\.age is not there any more"):
                await runtime.secrets.unlock(None)
            with pytest.raises(ConfigInvalid, match=r"vault\.age is not there any more"):
                await runtime.secrets.set("NEW", VALUE)
            assert not folder.exists()
            assert reason(runtime, "b") == "lokid is locked: lokictl unlock"
            away.rename(folder)
            (folder / "identity.txt").rename(away)
            with pytest.raises(ConfigInvalid, match=r"identity\.txt does not hold the identity"):
                await runtime.secrets.unlock(None)
            away.rename(folder / "identity.txt")
            assert await runtime.secrets.unlock(None) == {"state": "open", "secrets": 1}
            assert await key(runtime, "a") == VALUE

    async def test_where_there_was_none_there_is_none_to_put_back(self, home: Path, config: Path) -> None:
        async with running(home) as runtime:
            await runtime.secrets.lock()
            with pytest.raises(SecretMissing, match="the vault is locked"):
                await runtime.secrets.set("A", VALUE)
            assert await runtime.secrets.unlock(None) == {"state": "absent", "secrets": 0}
            await runtime.secrets.set("A", VALUE)
            assert await key(runtime, "a") == VALUE

    async def test_without_a_configuration_a_vault_that_is_away_says_so(self, home: Path) -> None:
        vault = home / ".local" / "share" / "lokid" / "vault.age"
        async with running(home) as runtime:
            await runtime.secrets.set("OPENAI_API_KEY", VALUE)
            await runtime.secrets.lock()
            vault.rename(home / "away")
            with pytest.raises(ConfigInvalid, match="is its disk mounted"):
                await runtime.secrets.unlock(None)
            assert "the vault cannot be read: lokictl status" in str(reason(runtime, "openai"))

    async def test_the_loop_is_free_while_a_passphrase_is_tried(self, home: Path) -> None:
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            await runtime.secrets.protect("open sesame")
            await runtime.secrets.lock()
            os.mkfifo(gate := str(home / "gate"))

            async def tried() -> None:
                with pytest.raises(AuthenticationFailed):
                    await runtime.secrets.unlock(gate)

            def opened() -> None:
                with open(gate, "wb"):  # when the program is there, which waits for it
                    pass

            async with anyio.create_task_group() as group:
                group.start_soon(tried)
                await anyio.to_thread.run_sync(opened)  # never ends if nothing else runs meanwhile

    async def test_wrong_passphrases_take_longer_and_longer(
        self, home: Path, config: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            await runtime.secrets.protect("open sesame")
            await runtime.secrets.lock()
            waited = []

            async def noted(delay: float) -> None:
                waited.append(delay)
                await anyio.sleep(0)

            monkeypatch.setattr(stored, "anyio", with_sleep(noted))
            for _ in range(2):
                with pytest.raises(AuthenticationFailed):
                    await runtime.secrets.unlock("wrong")
            monkeypatch.undo()
            assert [one for one in waited if one >= BACKOFF_S] == pytest.approx([0.1, 0.2])
            with pytest.raises(SecretMissing, match="lokid is locked"):
                await key(runtime, "b")
            await runtime.secrets.unlock("open sesame")
            assert await key(runtime, "b") == "sk-of-the-environment"

    async def test_who_leaves_before_the_answer_makes_the_next_guess_no_quicker(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waited: list[float] = []

        async def wrong(_passphrase: str | None) -> None:
            raise WrongPassphrase

        async def left(delay: float) -> None:
            waited.append(delay)
            if delay == 60.0:  # the pause after the guess
                raise TimeoutError

        async with running(home) as runtime:
            monkeypatch.setattr(runtime._reloader, "unseal", wrong)
            monkeypatch.setattr("lokid.runtime.secrets.stored.BACKOFF_S", 60.0)
            monkeypatch.setattr("lokid.runtime.secrets.stored.BACKOFF_MAX_S", 60.0)
            monkeypatch.setattr(stored, "anyio", with_sleep(left))
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    await runtime.secrets.unlock("wrong")
            monkeypatch.undo()
        before_first, _, before_second, _ = waited
        assert before_first == 0.0
        assert 0.0 < before_second <= 60.0

    async def test_one_passphrase_is_derived_at_a_time(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """512 MiB each: many at once would be more than the machine has, let alone the unit."""
        derive, now, most = identity._derive, 0, 0

        async def counted(*given: Any) -> bytes:
            nonlocal now, most
            now += 1
            most = max(most, now)
            try:
                return await derive(*given)
            finally:
                now -= 1

        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            await runtime.secrets.protect("open sesame")
            monkeypatch.setattr(identity, "_derive", counted)
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(runtime.secrets.protect, "open sesame")
                    group.start_soon(runtime.secrets.unlock, "open sesame")
            assert most == 1

    @pytest.mark.parametrize("passphrase", ["P\nP", "P\r", "\x1b[200~P", "P\x7f"])
    async def test_a_passphrase_that_nobody_could_type_is_refused(self, home: Path, passphrase: str) -> None:
        """Given twice, as other programs want it: it was a passphrase of two lines."""
        async with running(home) as runtime:
            await runtime.secrets.set("A", VALUE)
            with pytest.raises(InvalidParams, match="one line without control"):
                await runtime.secrets.protect(passphrase)
            assert (await runtime.secrets.get("A"))["value"] == VALUE

    async def test_a_long_passphrase_is_refused_unread(self, home: Path) -> None:
        async with running(home) as runtime:
            for call in (runtime.secrets.unlock, runtime.secrets.protect):
                with pytest.raises(InvalidParams, match="longer"):
                    await call("x" * 70_000)


async def test_a_secret_of_the_vault_is_in_no_answer_but_get(home: Path, config: Path) -> None:
    async with running(home) as runtime:
        await runtime.secrets.set("A", VALUE)
        told = [
            runtime.show(), runtime.config_status(), runtime.list_clients(), await runtime.list_models(),
            await runtime.secrets.list(), await runtime.secrets.status(), runtime.check(),
            repr(runtime.generation), repr(vars(runtime._reloader)),
        ]  # fmt: skip
        assert VALUE not in str(told)
        folder = Path((await runtime.secrets.status())["file"]).parent
        assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in folder.iterdir())


async def test_a_vault_on_a_disk_that_hangs_takes_no_threads_from_others(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, hanging = threading.Event(), threading.Semaphore(0)

    def hang(*_: object) -> Any:
        hanging.release()
        assert answers.wait(20)
        raise InvalidParams("it answers")

    async def asked(call: Callable[..., Awaitable[Any]], *given: str) -> None:
        with suppress(InvalidParams):
            await call(*given)

    async with running(home) as runtime:
        monkeypatch.setattr(Vault, "read", hang)
        monkeypatch.setattr(Vault, "change", hang)
        before = threading.active_count()
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(asked, runtime.secrets.list)
                group.start_soon(asked, runtime.secrets.set, "A", VALUE)
            for _ in range(lingering.AT_ONCE + 1):  # all who look, and one who changes
                await until(lambda: hanging.acquire(blocking=False))
            with anyio.fail_after(10):
                assert await anyio.to_thread.run_sync(lambda: 1) == 1
            assert threading.active_count() - before <= lingering.AT_ONCE + 2
            group.cancel_scope.cancel()
            answers.set()
