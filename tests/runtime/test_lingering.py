"""Of what hangs there are a few threads, however many ask and go: there would soon be none for anybody."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from lokid.errors import SecretMissing
from lokid.providers.identities import GoogleIdentity
from lokid.providers.settings import FileSecret
from lokid.providers.vertexai import VertexAISettings
from lokid.runtime import lingering, loading
from lokid.runtime.identities.credentials import CloudCredentials
from lokid.runtime.identities.google import Google
from lokid.runtime.identities.source import Place
from lokid.runtime.loading import Paths, load
from lokid.runtime.secrets.sources import Keyring

ASKERS = 3 * lingering.AT_ONCE


class Mount:
    """``hang`` returns when the mount answers again."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.hanging = 0

    def hang(self, *_: object) -> str:
        self.hanging += 1
        assert self.answers.wait(20)
        return "it"


@pytest.fixture
def mount() -> Iterator[Mount]:
    found = Mount()
    yield found
    found.answers.set()


async def asked_and_gone(mount: Mount, ask: Callable[[], object]) -> None:
    """As many as there may be hang when they go; the others wait in line."""
    async with anyio.create_task_group() as group:
        for _ in range(ASKERS):
            group.start_soon(ask)  # type: ignore[arg-type]
        with anyio.fail_after(10):
            while mount.hanging < lingering.AT_ONCE:
                await anyio.sleep(0.001)
        await anyio.sleep(2 * lingering.AGAIN_S)
        group.cancel_scope.cancel()


@pytest.mark.anyio
async def test_who_asks_and_goes_leaves_no_thread_more(mount: Mount) -> None:
    for _ in range(3):
        await asked_and_gone(mount, lambda: lingering.look("mount", mount.hang))
    assert mount.hanging == lingering.AT_ONCE
    assert await lingering.look("another", lambda: 1) == 1, "the others are not held up"
    mount.answers.set()
    assert await lingering.look("mount", mount.hang) == "it"


@pytest.mark.anyio
async def test_who_came_first_is_first_and_the_others_sleep(
    mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[int] = []
    looks = 0

    def counted(*arguments: Any) -> bool:
        nonlocal looks
        looks += 1
        return begins(*arguments)

    begins = lingering._begins
    monkeypatch.setattr(lingering, "_begins", counted)

    async def ask(number: int) -> None:
        await lingering.look("mount", lambda: order.append(number), at_once=1)

    async with anyio.create_task_group() as group:
        group.start_soon(lingering.look, "mount", mount.hang, 1)
        for number in range(100):
            await anyio.wait_all_tasks_blocked()
            group.start_soon(ask, number)
        mount.answers.set()
        began, looks = anyio.current_time(), 0
    # Two looks for each that ends, and those of the first in line in between.
    assert looks <= 3 * 100 + (anyio.current_time() - began) / lingering.AGAIN_S
    assert order == [*range(100)]


@pytest.mark.anyio
async def test_who_goes_before_a_thread_began_leaves_its_place(mount: Mount) -> None:
    mount.answers.set()
    for _ in range(ASKERS):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await lingering.look("mount", mount.hang)
    with anyio.fail_after(10):
        assert await lingering.look("mount", mount.hang) == "it"


@pytest.mark.anyio
async def test_a_key_on_a_mount_that_hangs_takes_no_thread_for_each_question(
    mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lokid.runtime.watch.marks", mount.hang)
    for _ in range(3):
        ring = Keyring("mine", {"api_key": FileSecret(file="/nfs/key")}, environ={}, directory="/")
        for _ in range(ASKERS):
            with anyio.move_on_after(0.01):
                await ring.get()
    assert mount.hanging <= lingering.AT_ONCE


def test_a_load_does_not_wait_for_a_key_on_a_mount_that_hangs(
    mount: Mount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(path: str, **how: Any) -> os.stat_result:
        return stat("/" if path == "/nfs/key" and mount.hang() else path, **how)

    stat = os.stat
    monkeypatch.setattr(os, "stat", slow)
    monkeypatch.setattr(loading, "PATIENCE_S", 0.01)
    config = tmp_path / "config.yaml"
    config.write_text(
        "clients:\n  - {type: openai, api_key: {file: /nfs/key}}\n  - {type: claude, api_key: k}\n"
    )
    config.chmod(0o600)
    for _ in range(ASKERS):
        found = load(Paths(str(config), str(tmp_path / ".env")), {}, tuple)
        assert found.config is not None
        assert [one.name for one in found.config.clients] == ["openai", "claude"]
        assert ("/nfs/key", "does not answer: openai waits for it") in [
            (one.path, one.message) for one in found.warnings
        ]
    assert mount.hanging == lingering.AT_ONCE


def test_a_load_waits_for_many_keys_on_a_mount_that_hangs_as_for_one(
    mount: Mount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(path: str, **how: Any) -> os.stat_result:
        return stat("/" if str(path).startswith("/nfs") and mount.hang() else path, **how)

    stat = os.stat
    waits = 0

    class Waiting(SimpleQueue[Any]):
        """The time is over when the one that answers has answered, however long that takes."""

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            nonlocal waits
            waits += 1
            if waits > 1:
                raise Empty
            return super().get(timeout=20)

    monkeypatch.setattr(os, "stat", slow)
    monkeypatch.setattr("lokid.runtime.lingering.SimpleQueue", Waiting)
    open_key = tmp_path / "key"
    open_key.write_text("k")
    open_key.chmod(0o644)
    files = [*(f"/nfs/{number}" for number in range(9)), "/nfs/of/another", str(open_key)]
    config = tmp_path / "config.yaml"
    entries = (f"  - {{type: openai, name: c{n}, api_key: {{file: {one}}}}}" for n, one in enumerate(files))
    config.write_text("\n".join(("clients:", *entries)))
    config.chmod(0o600)
    found = load(Paths(str(config), str(tmp_path / ".env")), {}, tuple)
    said = {one.path: one.message for one in found.warnings}
    assert [said[one].split(":")[0] for one in files[:10]] == ["does not answer"] * 10
    assert "other users may read it" in said[str(open_key)], "what does answer is told all the same"
    assert mount.hanging <= 2, "a thread for each directory"
    assert waits == 2, "all of them are waited for together"


@pytest.mark.anyio
async def test_a_file_of_an_identity_on_a_mount_that_hangs_holds_up_its_client_alone(
    mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = threading.Event()

    def slow(path: str, **how: Any) -> os.stat_result:
        if path != "/nfs/adc.json":
            return stat(path, **how)
        looks.set()
        mount.hang()
        raise FileNotFoundError(errno.ENOENT, "")

    stat = os.stat
    monkeypatch.setattr(os, "stat", slow)
    monkeypatch.setattr("lokid.runtime.identities.credentials.LOOK_S", 0.0)
    settings = VertexAISettings(name="mine", type="vertexai", project_id="p", location="l")
    place = Place(settings, {}, "/")
    source = Google(place, GoogleIdentity("/nfs/adc.json"))
    credentials = CloudCredentials("mine", source)
    async with anyio.create_task_group() as group:
        credentials.begin(group.start_soon)
        group.start_soon(credentials.get)
        with anyio.fail_after(10):
            while not looks.is_set():
                await anyio.sleep(0.001)  # who else wants something is served meanwhile
        group.cancel_scope.cancel()
    mount.answers.set()
    credentials = CloudCredentials("mine", source)
    async with anyio.create_task_group() as group:
        credentials.begin(group.start_soon)
        with anyio.fail_after(10), pytest.raises(SecretMissing, match="there is no file"):
            await credentials.get()
        mount.answers.clear()
        for _ in range(ASKERS):
            assert credentials.problem() is not None, "what a person has to mend, as of the last look"
        group.cancel_scope.cancel()
