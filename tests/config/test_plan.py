from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from lokid.config import Config, Plan, plan
from lokid.providers.settings import ClientSettings, RequestPatch


def client(name: str, key: str = "k", **more: object) -> ClientSettings:
    return ClientSettings(type="openai", name=name, api_key=SecretStr(key), **more)  # type: ignore[arg-type]


def configs(names: st.SearchStrategy[str]) -> st.SearchStrategy[Config]:
    entries = st.dictionaries(names, st.tuples(st.sampled_from("kl"), st.booleans(), st.booleans()))
    return entries.map(
        lambda found: Config(
            path="f",
            clients=tuple(client(name, key) for name, (key, _, _) in found.items()),
            missing={name: ("api_key",) for name, (_, missing, _) in found.items() if missing},
            patch_overrides={
                name: {"embeddings": {".*": RequestPatch(body={"a": 1})}}
                for name, (_, _, patched) in found.items()
                if patched
            },
        )
    )


some = configs(st.sampled_from("abcde"))


def names(config: Config) -> list[str]:
    return [one.name for one in config.clients]


@given(some, some)
def test_the_plan_names_every_client_of_both_exactly_once(old: Config, new: Config) -> None:
    made = plan(old, new)
    assert sorted(made.keep + made.open) == sorted(names(new))
    assert sorted(made.keep + made.close) == sorted(names(old))
    assert len(set(made.keep + made.open)) == len(new.clients)


@given(some, some)
def test_only_what_is_equal_is_kept(old: Config, new: Config) -> None:
    for name in plan(old, new).keep:
        assert old.client(name) == new.client(name)
        assert old.missing.get(name) == new.missing.get(name)
        assert old.patch_overrides.get(name) == new.patch_overrides.get(name)


@given(some)
def test_the_same_configuration_keeps_everything(config: Config) -> None:
    assert plan(config, config) == Plan(keep=tuple(names(config)))
    assert plan(config, replace(config, model="a:b", path="g")) == Plan(keep=tuple(names(config)))


@given(some)
def test_the_first_configuration_opens_everything(config: Config) -> None:
    assert plan(None, config) == Plan(open=tuple(names(config)))


@given(some, some)
def test_going_back_swaps_open_and_close(old: Config, new: Config) -> None:
    there, back = plan(old, new), plan(new, old)
    assert sorted(there.open) == sorted(back.close)
    assert sorted(there.close) == sorted(back.open)
    assert sorted(there.keep) == sorted(back.keep)


@given(some, some)
def test_following_the_plan_ends_in_the_new_configuration(old: Config, new: Config) -> None:
    made = plan(old, new)
    state = {one.name: one for one in old.clients}
    for name in made.close:
        del state[name]
    for name in made.open:
        assert name not in state
        found = new.client(name)
        assert found is not None
        state[name] = found
    assert state == {one.name: one for one in new.clients}
    assert plan(new, new).open == plan(new, new).close == ()


def test_order_alone_changes_nothing() -> None:
    old, new = (
        Config("f", clients=(client("a"), client("b"))),
        Config("f", clients=(client("b"), client("a"))),
    )
    assert plan(old, new) == Plan(keep=("b", "a"))


@pytest.mark.parametrize(
    "change",
    [
        {"api_key": SecretStr("other")},
        {"api_base": "https://other"},
        {"name": "a2"},
        {"models": ({"name": "m"},)},
        {"extra": {"timeout": 5}},
    ],
)
def test_any_change_of_an_entry_opens_it_anew(change: dict[str, object]) -> None:
    old = client("a")
    new = ClientSettings.model_validate(old.model_dump() | {"api_key": SecretStr("k")} | change)
    made = plan(Config("f", clients=(old,)), Config("f", clients=(new,)))
    assert made == Plan(open=(new.name,), close=("a",))


def test_a_secret_that_appears_opens_its_client() -> None:
    old = Config("f", clients=(client("a"),), missing={"a": ("api_key",)})
    assert plan(old, replace(old, missing={})) == Plan(open=("a",), close=("a",))


def test_a_client_that_is_not_there_is_none() -> None:
    assert Config("f", clients=(client("a"),)).client("b") is None
