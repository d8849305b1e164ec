from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lokid.config import secret_names
from lokid.config.secrets import fill, names


def test_names_are_found_in_order() -> None:
    assert names("x") == ()
    assert names("{{A}}-{{ b.c }}") == ("A", "b.c")
    assert names("{{}} {{1a}} {{a b}} {A}") == ()


def test_a_value_is_put_in_as_it_is_and_only_once() -> None:
    assert fill("Bearer {{A}}", {"A": "{{B}} \\1 : # '"}) == "Bearer {{B}} \\1 : # '"
    assert fill("{{A}}{{B}}", {"A": "1"}) == "1{{B}}"


@given(st.text(), st.text(alphabet="abc"))
def test_nothing_but_the_name_changes(value: str, around: str) -> None:
    assert fill(f"{around}{{{{N}}}}{around}", {"N": value}) == around + value + around


def test_only_values_that_lokid_uses_ask_for_secrets() -> None:
    text = """
# {{COMMENT}}
model: '{{MODEL}}'
rag_template: '{{FOREIGN}}'
clients:
  - type: openai
    api_key: {{KEY}}
    '{{NOT_A_VALUE}}': 1
    models: [{name: a, patch: {body: {x: ['{{DEEP}}', 1]}}}]
"""
    assert secret_names(text) == {"MODEL", "KEY", "DEEP"}


def test_a_text_that_cannot_be_read_asks_for_nothing() -> None:
    assert secret_names("a: [ '{{A}}'") == frozenset()
    assert secret_names("['{{A}}']") == frozenset()
    assert secret_names("clients: []") == frozenset()
