from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from lokid import logs
from lokid.errors import ConfigInvalid
from lokid.providers.settings import ClientSettings
from lokid.rpc import address
from lokid.runtime import loading, reload, watch
from lokid.runtime.clients import OpenClient
from lokid.runtime.loading import Paths, load
from lokid.runtime.local import builtin_clients
from lokid.runtime.reload import Reloader

pytestmark = pytest.mark.anyio


def text(*names: str, **keys: object) -> str:
    """A configuration with clients of these names; ``keys`` go into the last one."""
    clients: list[dict[str, Any]] = [
        {"type": "openai-compatible", "name": name, "api_base": "http://127.0.0.1:9/v1", "models": ["m"]}
        for name in names
    ]
    if keys:
        clients[-1] |= keys
    return json.dumps({"clients": clients})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    directory = tmp_path / "config" / "lokid"
    directory.mkdir(parents=True)
    return directory / "config.yaml"


def reloader(
    path: Path, *, builtin: Callable[[], tuple[ClientSettings, ...]] = tuple, **environ: str
) -> Reloader:
    environ = {"LOKID_CONFIG": str(path), **environ}
    return Reloader(Paths.of(environ), environ, builtin=builtin)


@asynccontextmanager
async def spawning() -> AsyncIterator[Any]:
    async with anyio.create_task_group() as group:
        yield group.start_soon
        group.cancel_scope.cancel()


class TestWhatCannotBeLoaded:
    async def test_a_bug_in_reading_is_told_logged_and_not_tried_again_until_the_file_changes(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        tries = 0

        def stumble(*_: object) -> loading.Loaded:
            nonlocal tries
            tries += 1
            raise RuntimeError("sk-never-shown")

        path.write_text(text("a"))
        async with spawning() as spawn:
            one = reloader(path)
            with monkeypatch.context() as broken:
                broken.setattr(reload, "load", stumble)
                with pytest.raises(ConfigInvalid, match="bug in lokid") as told:
                    await one.reload(spawn)
                assert [problem.path for problem in one.problems] == [str(path)]
                spawn(one.follow, spawn)
                await anyio.sleep(0.3)
                assert tries == 1
            assert "test_reload.py" in caplog.text
            assert "sk-never-shown" not in f"{told.value} {caplog.text}"
            path.write_text(text("b"))
            with anyio.fail_after(10):
                await one.swapped()
            assert not one.problems

    async def test_of_a_thousand_problems_a_hundred_are_kept(self, path: Path) -> None:
        path.write_text(
            text(*(f"c{number}" for number in range(1000))).replace("openai-compatible", "openal")
        )
        problems = load(Paths.of({"LOKID_CONFIG": str(path)}), {}, tuple).problems
        assert len(problems) == 101
        assert problems[-1].message == "900 more problems from here on are not shown"
        assert (problems[-1].line, problems[-1].column) > (problems[-2].line, problems[-2].column)


class TestPaths:
    def test_follow_xdg_unless_they_are_named(self) -> None:
        assert Paths.of({"HOME": "/h"}) == Paths("/h/.config/lokid/config.yaml", "/h/.config/lokid/.env")
        assert Paths.of({"XDG_CONFIG_HOME": "/x"}) == Paths("/x/lokid/config.yaml", "/x/lokid/.env")
        assert Paths.of({"LOKID_CONFIG": "/c/mine.yaml"}) == Paths("/c/mine.yaml", "/c/.env")
        assert Paths.of({"HOME": "/h", "LOKID_ENV_FILE": "/e"}).env_file == "/e"

    def test_they_are_those_that_lokictl_prints(self) -> None:
        for environ in ({"HOME": "/h", "XDG_CONFIG_HOME": "relative"}, {"HOME": "/h", "XDG_CONFIG_HOME": ""}):
            assert Paths.of(environ).config == address.config_file(environ) == "/h/.config/lokid/config.yaml"
        with pytest.raises(address.NoHome):
            Paths.of({})


class TestOneReload:
    async def test_opens_closes_and_keeps_what_the_plan_says(self, path: Path) -> None:
        async with spawning() as spawn:
            one = reloader(path)
            path.write_text(text("a", "b", "c"))
            assert (await one.reload(spawn)).opened == ("a", "b", "c")
            first = one.generation
            path.write_text(text("d", "a", "b", api_key="k"))
            change = await one.reload(spawn)
            second = one.generation
        assert (change.generation, change.kept, change.opened, change.closed) == (
            2,
            ("a",),
            ("d", "b"),
            ("b", "c"),
        )
        assert list(second.clients) == ["d", "a", "b"]
        assert second.clients["a"] is first.clients["a"]
        assert second.clients["b"] is not first.clients["b"]
        assert list(first.clients) == ["a", "b", "c"]  # a generation is a value: it did not change

    async def test_of_a_bad_file_changes_nothing_and_tells_every_problem(self, path: Path) -> None:
        async with spawning() as spawn:
            one = reloader(path)
            path.write_text(text("a"))
            await one.reload(spawn)
            before = one.generation
            path.write_text("clients:\n- type: openai-compatible\n  nam: x\n  api_bas: y\n")
            with pytest.raises(ConfigInvalid) as caught:
                await one.reload(spawn)
            assert one.generation is before
            assert f"{path}:3:3: clients[0].nam" in caught.value.message
            assert [problem.line for problem in one.problems] == [3, 4]
            path.write_text(text("a", "b"))
            assert (await one.reload(spawn)).kept == ("a",)
            assert one.problems == ()

    async def test_of_a_bad_env_file_changes_nothing_either(self, path: Path) -> None:
        async with spawning() as spawn:
            one = reloader(path)
            path.write_text(text("a"))
            path.with_name(".env").write_text("KEY=1\nnonsense secret\n")
            with pytest.raises(ConfigInvalid) as caught:
                await one.reload(spawn)
        assert f"{path.parent}/.env:2:1: is not a NAME=value line" in caught.value.message
        assert "secret" not in caught.value.message

    async def test_of_a_deleted_file_keeps_the_last_good_one(self, path: Path) -> None:
        async with spawning() as spawn:
            one = reloader(path)
            path.write_text(text("a"))
            await one.reload(spawn)
            path.unlink()
            with pytest.raises(ConfigInvalid, match="is gone"):
                await one.reload(spawn)
            assert list(one.generation.clients) == ["a"]

    async def test_takes_secrets_of_the_env_file_but_the_environment_beats_them(self, path: Path) -> None:
        path.write_text(text("a", api_key="{{ONE}}{{TWO}}"))
        env = path.with_name(".env")
        env.write_text("ONE=from-env-file\nTWO=from-env-file\n")
        async with spawning() as spawn:
            one = reloader(path, TWO="+from-environment")
            await one.reload(spawn)
            credentials = await one.generation.clients["a"].credentials()
            assert credentials.secrets["api_key"].get_secret_value() == "from-env-file+from-environment"
            env.write_text("ONE=new\n")
            assert (await one.reload(spawn)).opened == ("a",)

    async def test_of_a_secret_that_is_missing_disables_one_client_and_names_it(self, path: Path) -> None:
        path.write_text(text("good", "bad", api_key="{{NOWHERE}}"))
        async with spawning() as spawn:
            one = reloader(path)
            await one.reload(spawn)
            states = {name: client.state() for name, client in one.generation.clients.items()}
        assert states["good"] == ("ready", None)
        assert states["bad"][0] == "needs_secret"
        assert "NOWHERE" in str(states["bad"][1])

    async def test_runs_one_at_a_time(self, path: Path) -> None:
        path.write_text(text("a"))
        async with spawning() as spawn:
            one = reloader(path)
            changes = []

            async def again() -> None:
                changes.append(await one.reload(spawn))

            async with anyio.create_task_group() as group:
                for _ in range(5):
                    group.start_soon(again)
        assert sorted(change.generation for change in changes) == [1, 2, 3, 4, 5]
        assert [change.opened for change in changes if change.opened] == [("a",)]

    async def test_waits_for_the_last_lease_before_it_closes_a_client(self, path: Path) -> None:
        path.write_text(text("a"))
        async with spawning() as spawn:
            one = reloader(path)
            await one.reload(spawn)
            with one.generation.lease("a", "chat") as lease, one.generation.lease("a", "chat"):
                path.write_text(text("b"))
                await one.reload(spawn)
                await anyio.wait_all_tasks_blocked()
                assert lease.generation == 1
                assert not lease.client.closed
            with anyio.fail_after(5):
                while not lease.client.closed:
                    await anyio.sleep(0)

    async def test_of_the_very_same_files_parses_nothing_unless_it_is_forced(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parsed: list[str] = []

        def noting(text: str, *rest: Any, **keys: Any) -> Any:
            parsed.append(text)
            return parse(text, *rest, **keys)

        parse = loading.parse
        monkeypatch.setattr(loading, "parse", noting)
        path.write_text(text("a", api_key="sk-of-the-file"))
        path.chmod(0o644)
        async with spawning() as spawn:
            one = reloader(path)
            await one.reload(spawn)
            first = one.generation
            change = await one.reload(spawn, forced=False)
            assert (change.generation, change.kept, one.generation) == (1, ("a",), first)
            assert len(one.loaded.warnings) == len(parsed) == 1
            path.chmod(0o600)  # the same text, but who may read it is another matter
            assert (await one.reload(spawn, forced=False)).generation == 1
            assert (one.loaded.warnings, len(parsed)) == ((), 2)
            path.with_name(".env").write_text("KEY=value\n")
            await one.reload(spawn, forced=False)
            assert len(parsed) == 3
            path.write_text("clients: {}\n")
            for _ in range(2):
                with pytest.raises(ConfigInvalid, match="must be a list"):
                    await one.reload(spawn, forced=False)
            assert (await self.mended(one, path, spawn)).kept == ("a",)

    async def mended(self, one: Reloader, path: Path, spawn: Any) -> reload.Change:
        path.write_text(text("a", api_key="sk-of-the-file"))
        return await one.reload(spawn, forced=False)

    async def test_takes_thousands_of_models_out_of_memory_in_steps(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone: list[int] = [0]

        class Part:
            def __del__(self) -> None:
                gone[-1] += 1

        def parts(client: OpenClient) -> list[Part]:
            return [Part() for _ in client.models]

        monkeypatch.setattr(OpenClient, "parts", parts)
        many = 8 * reload.AT_ONCE
        async with spawning() as spawn:
            one = reloader(path)
            path.write_text(text("a", models=[f"m{number}" for number in range(many)]))
            await one.reload(spawn)
            path.write_text(text("a"))
            await one.reload(spawn)
            with anyio.fail_after(5):
                while sum(gone) < many:
                    await anyio.lowlevel.checkpoint()
                    gone.append(0)
        assert max(gone) <= 2 * reload.AT_ONCE  # trio may take it twice before this

    async def test_keeps_every_secret_out_of_the_log(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registered: list[str] = []
        monkeypatch.setattr(logs, "register", registered.append)
        path.write_text(text("a", api_key="sk-of-the-file"))
        async with spawning() as spawn:
            one = reloader(path)
            await one.reload(spawn)
            assert "sk-of-the-file" in registered

    async def test_hides_secrets_from_children_of_the_daemon(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("MINE_API_KEY", "NAMED", "BYSTANDER"):
            monkeypatch.setenv(name, "value")
        path.write_text(text("other", "mine").replace('"m"', '"{{NAMED}}"', 1))
        async with spawning() as spawn:
            await reloader(path, **os.environ).reload(spawn)
        assert "MINE_API_KEY" not in os.environ
        assert "NAMED" not in os.environ
        assert "BYSTANDER" in os.environ
        assert "PATH" in os.environ

    async def test_without_a_file_takes_the_builtin_clients_until_there_is_one(self, path: Path) -> None:
        mine = builtin_clients()
        async with spawning() as spawn:
            one = reloader(path, builtin=lambda: mine)
            await one.reload(spawn)
            assert list(one.generation.clients) == [client.name for client in mine]
            assert not one.generation.from_file
            path.write_text(text("a"))
            await one.reload(spawn)
            assert list(one.generation.clients) == ["a"]
            assert one.generation.from_file


class TestFiles:
    """What ``load`` makes of files that are not as they should be."""

    def problems(self, path: Path) -> list[str]:
        loaded = load(Paths(str(path), str(path.with_name(".env"))), {}, tuple)
        assert (loaded.config is None) == bool(loaded.problems)
        return [str(problem).removeprefix(f"{path}:").strip() for problem in loaded.problems]

    def warnings(self, path: Path) -> list[str]:
        loaded = load(Paths(str(path), str(path.with_name(".env"))), {}, tuple)
        assert loaded.config is not None
        return [str(problem).removeprefix(f"{path.parent}/") for problem in loaded.warnings]

    def test_everybody_may_write_to_it(self, path: Path) -> None:
        path.write_text(text("a"))
        path.chmod(0o602)
        assert self.problems(path) == [
            f"every user of this machine may write to it, so it is not used: chmod o-w {path}"
        ]

    def test_it_is_a_directory(self, path: Path) -> None:
        path.mkdir()
        assert self.problems(path) == ["cannot be read: is a directory"]

    def test_it_is_a_pipe(self, path: Path) -> None:
        os.mkfifo(path)
        assert self.problems(path) == ["is not a regular file"]

    def test_it_is_not_text(self, path: Path) -> None:
        path.write_bytes(b"clients:\n- \xff")
        assert self.problems(path) == ["2:1: is not UTF-8 text"]

    def test_it_is_a_link_to_nowhere(self, path: Path) -> None:
        """Of dotfiles that are not there yet: without them nobody would know of a budget."""
        path.symlink_to("elsewhere.yaml")
        [problem] = load(Paths(str(path), "/nowhere/.env"), {}, tuple).problems
        assert problem.message == "there is a link here to where there is nothing"

    def test_its_directory_is_a_link_to_nowhere(self, tmp_path: Path) -> None:
        """As GNU stow links it."""
        (tmp_path / "lokid").symlink_to("elsewhere")
        path = tmp_path / "lokid/deep/config.yaml"
        [problem] = load(Paths(str(path), "/nowhere/.env"), {}, tuple).problems
        assert problem.message == f"there is a link at {tmp_path}/lokid to where there is nothing"

    def test_it_is_a_circle_of_links(self, path: Path) -> None:
        path.symlink_to(path)
        assert self.problems(path) == ["cannot be read: too many levels of symbolic links"]

    def test_it_is_empty(self, path: Path) -> None:
        path.touch()
        assert len(self.problems(path)) == 1

    def test_others_may_read_the_key_in_it(self, path: Path) -> None:
        path.write_text(text("a", api_key="sk-literal"))
        path.chmod(0o644)
        assert self.warnings(path) == [
            f"config.yaml: holds a secret and other users may read it: chmod 600 {path}"
        ]
        path.chmod(0o600)
        assert self.warnings(path) == []
        for harmless in (text("a"), text("a", api_key="{{NOT_THERE_YET}}")):
            path.write_text(harmless)
            path.chmod(0o644)
            assert self.warnings(path) == []

    def test_others_may_read_the_env_file_or_the_file_of_a_secret(self, path: Path) -> None:
        path.write_text(text("a", api_key={"file": "key"}))
        for name in (".env", "key"):
            path.with_name(name).touch()
            path.with_name(name).chmod(0o640)
        assert [warning.partition(" and")[0] for warning in self.warnings(path)] == [
            ".env: holds secrets",
            "key: holds api_key of client a",
        ]


class TestFollow:
    """Edits of all kinds are live soon after the write, on the file itself and behind links."""

    @asynccontextmanager
    async def following(self, path: Path) -> AsyncIterator[Reloader]:
        one = reloader(path)
        async with anyio.create_task_group() as group:
            with suppress(ConfigInvalid):
                await one.reload(group.start_soon)
            group.start_soon(one.follow, group.start_soon)
            await self.quiet(one)
            yield one
            group.cancel_scope.cancel()

    async def quiet(self, one: Reloader) -> None:
        with anyio.fail_after(5):
            while one.loaded.young:
                await anyio.sleep(0.01)
        await anyio.wait_all_tasks_blocked()

    async def live(self, one: Reloader, *names: str, within: float = 3.0) -> float:
        started = time.monotonic()
        with anyio.fail_after(within):
            while list(one.generation.clients) != list(names):
                await anyio.sleep(0.005)
        return time.monotonic() - started

    async def test_sees_rewritten_replaced_and_created_files(self, path: Path) -> None:
        path.write_text(text("a"))
        async with self.following(path) as one:
            path.write_text(text("b"))
            await self.live(one, "b")
            other = path.with_name("new")
            other.write_text(text("c"))
            other.replace(path)
            await self.live(one, "c")
            path.unlink()
            with anyio.fail_after(3):
                while not one.problems:
                    await anyio.sleep(0.005)
            assert list(one.generation.clients) == ["c"]
            path.write_text(text("d"))
            await self.live(one, "d")
            assert one.problems == ()

    @pytest.mark.parametrize("code", [errno.EMFILE, errno.EACCES])  # of a directory, for one
    async def test_tries_again_what_the_system_could_not_read(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, code: int
    ) -> None:
        monkeypatch.setattr(reload, "AGAIN", 0.05)
        path.write_text(text("a"))
        async with self.following(path) as one:
            opened = os.open

            def exhausted(name: str, *rest: Any) -> int:
                if name == str(path):
                    raise OSError(code, os.strerror(code))
                return opened(name, *rest)

            with monkeypatch.context() as patch:
                patch.setattr(loading.os, "open", exhausted)
                path.write_text(text("b"))
                with anyio.fail_after(3):
                    while not one.problems:
                        await anyio.sleep(0.005)
                await self.quiet(one)
            assert os.strerror(code).lower() in one.problems[0].message
            await self.live(one, "b")  # although nothing touched the file since
            assert one.problems == ()

    async def test_sees_a_file_whose_directory_did_not_exist(self, tmp_path: Path) -> None:
        path = tmp_path / "later" / "lokid" / "config.yaml"
        async with self.following(path) as one:
            path.parent.mkdir(parents=True)
            path.write_text(text("a"))
            await self.live(one, "a")

    async def test_sees_that_a_directory_is_nobody_else_s_any_more(self, path: Path) -> None:
        """The mend that the message names changes no file."""
        path.write_text(text("a"))
        path.parent.parent.chmod(0o777)
        async with self.following(path) as one:
            assert "chmod o-w" in one.problems[0].message
            path.parent.parent.chmod(0o755)
            await self.live(one, "a", within=10)
            assert not one.problems

    async def test_sees_that_too_when_somebody_asked_for_a_load_meanwhile(self, path: Path) -> None:
        path.write_text(text("a"))
        async with self.following(path) as one:
            path.parent.parent.chmod(0o777)  # of which nothing tells
            with pytest.raises(ConfigInvalid, match="chmod o-w"):
                await one.reload(lambda *_: None)
            path.parent.parent.chmod(0o755)
            with anyio.fail_after(10):
                while one.problems:
                    await anyio.sleep(0.005)

    async def test_sees_the_env_file(self, path: Path) -> None:
        path.write_text(text("a", api_key="{{KEY}}"))
        async with self.following(path) as one:
            assert one.generation.clients["a"].state()[0] == "needs_secret"
            path.with_name(".env").write_text("KEY=value\n")
            with anyio.fail_after(3):
                while one.generation.clients["a"].state()[0] != "ready":
                    await anyio.sleep(0.005)

    async def test_sees_the_target_of_a_link_and_another_target(self, path: Path, tmp_path: Path) -> None:
        store = tmp_path / "dotfiles"
        store.mkdir()
        (store / "one.yaml").write_text(text("a"))
        path.symlink_to(store / "one.yaml")
        async with self.following(path) as one:
            (store / "one.yaml").write_text(text("b"))
            await self.live(one, "b")
            (store / "two.yaml").write_text(text("c"))
            link = path.with_name("link")
            link.symlink_to(store / "two.yaml")
            link.replace(path)
            await self.live(one, "c")
            (store / "two.yaml").write_text(text("d"))  # armed again, for the new target
            await self.live(one, "d")

    async def test_sees_a_linked_directory_that_is_switched(self, tmp_path: Path) -> None:
        for version in ("v1", "v2"):
            (tmp_path / version).mkdir()
            (tmp_path / version / "config.yaml").write_text(text(version))
        (tmp_path / "current").symlink_to("v1")
        async with self.following(tmp_path / "current" / "config.yaml") as one:
            assert list(one.generation.clients) == ["v1"]
            (tmp_path / "next").symlink_to("v2")
            (tmp_path / "next").replace(tmp_path / "current")
            await self.live(one, "v2")

    async def test_is_fast(self, path: Path) -> None:
        path.write_text(text("a"))
        async with self.following(path) as one:
            delays = []
            for name in ("b", "c", "d", "e", "f"):
                path.write_text(text(name))
                delays.append(await self.live(one, name))
        assert sorted(delays)[2] < 0.3

    async def test_ends_in_the_last_of_many_quick_edits(self, path: Path) -> None:
        path.write_text(text("a"))
        async with self.following(path) as one:
            before = one.generation.number
            for number in range(100):
                other = path.with_name("new")
                other.write_text(text(f"c{number}"))
                other.replace(path)
                await anyio.sleep(0.01)
            await self.live(one, "c99", within=1.0)
            assert one.generation.number - before < 20  # bundled, not one by one

    async def test_does_nothing_for_a_touch(self, path: Path) -> None:
        path.write_text(text("a"))
        async with self.following(path) as one:
            before, loaded = one.generation, one.loaded
            path.touch()
            with anyio.fail_after(3):
                while one.loaded is loaded:
                    await anyio.sleep(0.005)
            assert one.generation is before

    async def test_works_without_inotify(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watch, "_inotify", lambda: None)
        path.write_text(text("a"))
        async with self.following(path) as one:
            path.write_text(text("b"))
            await self.live(one, "b")

    async def test_looks_once_more_at_what_changed_while_it_was_read(self, path: Path) -> None:
        """A write in the same tick of the kernel's clock, with the same size, looks like no change."""
        path.write_text(text("a"))
        async with self.following(path) as one:
            path.write_text(text("b"))
            os.utime(path, (time.time(), time.time()))
            await self.live(one, "b")
            await self.quiet(one)
            assert not one.loaded.young
