"""Long lists of models are read without places, and nobody can tell."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lokid.config import Config, bulk, nodes, parse
from lokid.config import parse as parsed
from lokid.config.parse import _models

HEAD = "clients:\n- type: openai\n  models:\n"


def plain(node: nodes.Node | None) -> Any:
    match node:
        case nodes.Mapping(entries=entries):
            return {key: plain(entry.node) for key, entry in entries.items()}
        case nodes.Bulk(values=values):
            return values
        case nodes.Sequence(items=items):
            return [plain(item) for item in items]
        case nodes.Scalar(value=value):
            return value
    return None


def models(text: str) -> nodes.Node:
    root, _ = nodes.read(text, "f", places=False)
    assert isinstance(root, nodes.Mapping)
    clients = root.entries["clients"].node
    assert isinstance(clients, nodes.Sequence)
    client = clients.items[-1]
    assert isinstance(client, nodes.Mapping)
    return client.entries["models"].node


def agree(text: str) -> None:
    """Both ways to read ``text`` give the same values, of the same types, and the same problems."""
    fast, slow = nodes.read(text, "f", places=False), nodes.read(text, "f")
    assert repr(plain(fast[0])) == repr(plain(slow[0]))
    assert fast[1] == slow[1]
    found = [parse(text, "f", lookup={"K": "v"}, environ={}, tree=tree) for tree in (fast, slow)]
    assert repr(found[0]) == repr(found[1])
    assert found[0] == found[1]


SCALARS = [
    *("x", "1", "4.1", "1e3", "-", "yes", "No", "null", "~", "", "true", "010", "0x1f", "2024-10-21", "1_0"),
    *("'a'", '"b\\n"', '"\\0"', '"q: r"', "{{K}}", "x-{{K}}", "'{{K}}'", "'{{ K'", "*a", "&a b", "!!str 1"),
    *("! 4.1", "[1, a]", "{a: b}", "{a: {b: [c]}}", "[[[[[[[[[[x]]]]]]]]]]", "{<<: {a: b}}", "{? [k] : v}"),
    *("{{a: b}: c}", "|-\n      t", ">\n      t\n      u", "a\n      b", "'a\n\n      b'", "é", "# c"),
    *("x # c", "a: b", "@x", "%x", "[", "}", "'"),
]
KEYS = [
    *("name", "name", "name", "input_price", "patch", "body", "type", "nam", "<<", "'q'", '"\\0"', "4.1"),
    *("no", "&k k"),
]

entries = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(SCALARS)), min_size=1, max_size=4)


@given(st.lists(st.sampled_from(SCALARS) | entries, max_size=6))
def test_a_list_without_places_is_the_list_with_them(items: list[Any]) -> None:
    lines = []
    for item in items:
        if isinstance(item, str):
            lines.append(f"  - {item}")
        else:
            lines += [f"  {'-' if not at else ' '} {key}: {value}" for at, (key, value) in enumerate(item)]
    agree(HEAD + "\n".join(lines) + "\n")


@given(st.text(alphabet=st.sampled_from("a1-:[]{}&*!|'\"#? \n,.{}\\0"), max_size=30))
def test_so_is_any_text_in_its_place(text: str) -> None:
    agree(HEAD + "  " + text.replace("\n", "\n  "))
    agree(f"clients: [{{type: openai, models: [{text}]}}]")


def test_ordinary_models_are_read_without_places() -> None:
    written = "  - m\n  - {name: n, input_price: 1, patch: {body: {a: [1, null, 'x']}}}\n"
    node = models(HEAD + written)
    assert isinstance(node, nodes.Bulk)
    assert node.values == ["m", {"name": "n", "input_price": 1, "patch": {"body": {"a": [1, None, "x"]}}}]
    agree(HEAD + written)


@pytest.mark.parametrize(
    "item",
    [
        *("yes", "0x1f", "'{{K}}'", "{{K}}", "&a b", "!!str x", "{a: 1, a: 2}", "{<<: {}}", '"\\0"'),
        *("{? [a] : b}", "[" * 9 + "]" * 9),
    ],
)
def test_what_needs_a_place_or_a_thought_is_read_with_places(item: str) -> None:
    assert not isinstance(models(f"{HEAD}  - m\n  - {item}\n"), nodes.Bulk)
    agree(f"{HEAD}  - m\n  - {item}\n")


def test_so_is_a_list_that_an_alias_may_repeat() -> None:
    text = "clients:\n- &c {type: openai, models: [m]}\n- *c\n"
    agree(text)
    agree("clients:\n- {type: openai, name: &n x, models: [m, n]}\n- {type: claude, models: [*n]}\n")


def test_only_models_of_clients_are_without_places() -> None:
    root, _ = nodes.read("models: [a]\nclients: [{other: [a]}, [{models: [a]}]]", "f", places=False)
    assert "Bulk" not in repr(root)


def test_a_mistake_among_thousands_has_its_place() -> None:
    _models.cache_clear()
    lines = [f"  - {{name: m{number}, input_price: 1}}" for number in range(3000)]
    lines[2500] = "  - {name: m2500, input_prize: 1}"
    lines[2600] = "  - {name: m2600, input_price: -1}"
    found = parsed(HEAD + "\n".join(lines), "f", lookup={}, environ={})
    assert not isinstance(found, Config)
    assert [str(one) for one in found] == [
        "f:2504:19: clients[0].models[2500].input_prize: unknown key; did you mean `input_price`?",
        "f:2604:32: clients[0].models[2600].input_price: must be at least 0",
    ]


@pytest.mark.parametrize("places", [True, False])
class TestBounds:
    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        words = {what: said for what, (_, said) in nodes.MOST.items()}
        monkeypatch.setattr(nodes, "MOST", {"clients": (3, words["clients"]), "models": (5, words["models"])})

    def test_of_clients(self, places: bool) -> None:
        clients = "clients:\n" + "- {type: openai}\n" * 3
        assert nodes.read(clients, "f", places=places)[1] == ()
        root, [problem] = nodes.read(clients + "- {type: openai}\n" * 9, "f", places=places)
        assert root is None  # so nothing expensive follows
        assert str(problem) == "f:5:3: clients[3]: more than 1,000 clients; a configuration may have so many"

    def test_of_the_models_of_all_clients_together(self, places: bool) -> None:
        names = count()
        client = "- {{type: openai, models: [{}]}}\n".format
        two = "clients:\n" + client("a, b") + client("c, {name: d}")
        assert nodes.read(two + client("e"), "f", places=places)[1] == ()
        endless = ", ".join(f"m{next(names)}" for _ in range(50))
        root, [problem] = nodes.read(two + client(endless), "f", places=places)
        assert root is None
        assert str(problem) == (
            "f:4:31: clients[2].models[1]: more than 100,000 models in one configuration;"
            " a client without `models` takes any name"
        )

    def test_they_hold_for_nothing_else(self, places: bool) -> None:
        text = "clients: [{type: openai, api_key: {command: [a, b, c, d, e, f, g]}}]"
        assert nodes.read(text, "f", places=places)[1] == ()


def test_the_bounds_are_those_of_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs/configuration.md").read_text("utf-8")
    for what, (most, said) in nodes.MOST.items():
        assert f"{most:,} {what}" in said
        assert f"{most:,} {what}" in page


def test_a_list_that_does_not_end_is_left_to_who_can_say_so() -> None:
    with pytest.raises(bulk.Unusual):
        bulk.items(iter(()), 1)


def test_an_alias_is_left_to_who_knows_what_it_stands_for() -> None:
    with pytest.raises(bulk.Unusual):
        bulk.items(iter([yaml.AliasEvent("somewhere")]), 10)
