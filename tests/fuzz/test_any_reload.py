"""Files that are edited rightly and wrongly in any order: what is in force is always the last good state of
all of them together, clients whose entry did not change stay the same, and a request ends with the client
that it began with."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lokid.config import Vault as VaultSettings
from lokid.errors import ConfigInvalid
from lokid.runtime.loading import Paths
from lokid.runtime.reload import Reloader

NAMES = ("a", "b", "c")

BAD = ("clients: [", "", "clients:\n", "[]", "client: []", "clients: [{type: openai, nam: x}]", "\t\x00", "~")
"""Among them what an editor leaves between truncating and writing: nothing is no configuration of nothing."""

BAD_ENV = ("A", "=x", "A='x")


def text(clients: dict[str, int]) -> str:
    """``b``'s key comes from ``.env``, ``c``'s from the vault."""
    keys = {"b": {"api_key": "{{FROM_ENV}}"}, "c": {"api_key": "{{FROM_VAULT}}"}}
    return json.dumps(
        {
            "clients": [
                {
                    "type": "openai-compatible",
                    "name": name,
                    "api_base": f"http://127.0.0.1:{number}/v1",
                    "models": ["m"],
                    **keys.get(name, {}),
                }
                for name, number in clients.items()
            ]
        }
    )


EDITS = st.one_of(
    st.tuples(st.just("config"), st.dictionaries(st.sampled_from(NAMES), st.integers(1, 3), max_size=3)),
    st.tuples(st.just("bad config"), st.sampled_from(BAD)),
    st.tuples(st.just("no config"), st.none()),
    st.tuples(st.just("link"), st.dictionaries(st.sampled_from(NAMES), st.integers(1, 3), max_size=3)),
    st.tuples(st.just("env"), st.integers(1, 3)),
    st.tuples(st.just("bad env"), st.sampled_from(BAD_ENV)),
    st.tuples(st.just("vault"), st.integers(1, 3)),
    st.tuples(st.just("lease"), st.sampled_from(NAMES)),
)


class World:
    """The files, and what ought to be in force: ``model`` of the configuration, ``env`` and ``vault``."""

    def __init__(self, home: Path) -> None:
        self.config, self.env_file = home / "config.yaml", home / ".env"
        self.target = home / "elsewhere.yaml"
        environ = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "LOKID_CONFIG": str(self.config)}
        self.reloader = Reloader(Paths.of(environ), environ)
        self.written: dict[str, int] | None = None  # None: bad or gone
        self.env: int | None = 1
        self.vault = 1
        self.good: tuple[dict[str, int], int, int] | None = None
        self._put(self.config, text({}))
        self._put(self.env_file, "FROM_ENV=e1\n")
        self._secret()
        self.written = {}

    def _put(self, path: Path, content: str) -> None:
        new = path.with_name(f"{path.name}.new")
        new.write_text(content)
        new.chmod(0o600)
        os.replace(new, path)

    def _secret(self) -> None:
        self.reloader.vault.change(VaultSettings(), {"FROM_VAULT": f"v{self.vault}"})

    def edit(self, kind: str, value: Any) -> None:
        match kind:
            case "config":
                self._put(self.config, text(value))
                self.written = value
            case "bad config":
                self._put(self.config, value)
                self.written = None
            case "no config":
                self.config.unlink(missing_ok=True)
                self.written = None
            case "link":
                self._put(self.target, text(value))
                self.config.unlink(missing_ok=True)
                self.config.symlink_to(self.target)
                self.written = value
            case "env":
                self._put(self.env_file, f"FROM_ENV=e{value}\n")
                self.env = value
            case "bad env":
                self._put(self.env_file, value)
                self.env = None
            case "vault":
                self.vault = value
                self._secret()

    async def reload(self, spawn: Any) -> None:
        before = self.reloader.generation
        fits = self.written is not None and self.env is not None
        try:
            await self.reloader.reload(spawn, forced=False)
        except ConfigInvalid:
            assert not fits and self.reloader.problems
            assert self.reloader.generation is before
            return
        assert fits, "a bad file took effect"
        assert self.written is not None and self.env is not None
        old, self.good = self.good, (self.written, self.env, self.vault)
        self._look(before.clients, old)

    def _look(self, before: Any, old: tuple[dict[str, int], int, int] | None) -> None:
        assert self.good is not None
        clients, env, vault = self.good
        now = self.reloader.generation.clients
        assert {name: one.settings.api_base for name, one in now.items()} == {
            name: f"http://127.0.0.1:{number}/v1" for name, number in clients.items()
        }
        keys = {"b": f"e{env}", "c": f"v{vault}"}
        for name, one in now.items():
            key = one.settings.api_key
            assert (key.get_secret_value() if key is not None else None) == keys.get(name)
            if old is not None and name in before:
                parts = {"a": (), "b": (env == old[1],), "c": (vault == old[2],)}[name]
                same = old[0][name] == clients[name] and all(parts)
                assert (one is before[name]) == same, f"{name} was {'opened anew' if same else 'kept'}"


async def scenario(edits: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as room:
        world = World(Path(room))
        async with anyio.create_task_group() as tasks:
            with ExitStack() as leases:
                await world.reload(tasks.start_soon)
                held: list[tuple[Any, str]] = []
                for kind, value in edits:
                    if kind == "lease":
                        if (one := world.reloader.generation.clients.get(value)) is not None:
                            leases.enter_context(one.lease())
                            held.append((one, one.settings.api_base))
                        continue
                    world.edit(kind, value)
                    await world.reload(tasks.start_soon)
                    # Whatever was swapped meanwhile, what runs goes on with what it began with.
                    assert all(one.settings.api_base == base and not _closed(one) for one, base in held)
                gone = {id(one): one for one, _ in held}
            await anyio.wait_all_tasks_blocked()
            current = set(map(id, world.reloader.generation.clients.values()))
            assert all(_closed(one) == (number not in current) for number, one in gone.items())
            tasks.cancel_scope.cancel()


def _closed(client: Any) -> bool:
    return bool(client.closed)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@given(edits=st.lists(EDITS, max_size=10))
@settings(max_examples=25)
def test_the_last_good_state_is_in_force_whatever_was_edited(
    backend: str, edits: list[tuple[str, Any]]
) -> None:
    anyio.run(scenario, edits, backend=backend)
