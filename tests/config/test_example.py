from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from lokid.config import Config, nodes, parse, secret_names, show
from lokid.config.explain import _members  # walks annotations the way the error messages do
from lokid.config.schema import TopLevel
from lokid.providers.registry import PROVIDERS

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
TEXT = EXAMPLE.read_text()


def models(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """``model`` and every settings class in its fields."""
    if model in seen:
        return
    seen.add(model)
    yield model
    for field in model.model_fields.values():
        waiting = [field.annotation]
        while waiting:
            for member in _members(waiting.pop()):
                if isinstance(member, type) and issubclass(member, BaseModel):
                    yield from models(member, seen)
                else:
                    waiting += [inner for inner in getattr(member, "__args__", ()) if inner is not ...]


def keys() -> set[str]:
    seen: set[type[BaseModel]] = set()
    tops = [TopLevel, *(provider.settings for provider in PROVIDERS.values())]
    return {key for top in tops for model in models(top, seen) for key in model.model_fields}


def load() -> Config:
    names = secret_names(TEXT)
    found = parse(TEXT, str(EXAMPLE), lookup=dict.fromkeys(names, "value"), environ={})
    assert isinstance(found, Config), "\n".join(map(str, found))
    return found


def test_the_example_is_a_good_configuration() -> None:
    config = load()
    assert config.missing == {}
    assert config.warnings == ()


def test_the_example_has_a_client_of_every_type() -> None:
    assert {client.type for client in load().clients} == set(PROVIDERS)


def test_the_settings_are_found_at_every_depth() -> None:
    assert {"model", "launch", "ready_timeout", "real_name", "headers", "command", "file", "scopes"} <= keys()


def written(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Mapping(entries=entries):
            for key, entry in entries.items():
                yield key
                yield from written(entry.node)
        case nodes.Sequence(items=items):
            for item in items:
                yield from written(item)


def test_the_example_has_every_key() -> None:
    root, _ = nodes.read(TEXT, "")
    assert root is not None
    assert keys() - set(written(root)) == set()


def test_the_example_shows_without_a_secret() -> None:
    shown = show(load())
    assert "value" not in str([client.get("api_key") for client in shown["clients"]])


def test_the_configurations_of_the_documentation_are_good() -> None:
    blocks = [
        block
        for page in ("configuration", "patches")
        for block in re.findall(
            r"```yaml\n(.*?)```", (EXAMPLE.parent / f"docs/{page}.md").read_text(), re.DOTALL
        )
    ]
    assert blocks
    for block in blocks:
        found = parse(block, "docs", lookup=dict.fromkeys(secret_names(block), "v"), environ={})
        assert isinstance(found, Config), [str(problem) for problem in found]
