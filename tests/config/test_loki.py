"""A configuration of Loki or aichat becomes one of lokid."""

from __future__ import annotations

import json

import pytest

from lokid.config import Config, loki, parse
from lokid.config.loki import Dropped, NoToken

FILE = """\
# My configuration.

model: openai:gpt-4o   # the usual one
# Of the terminal.
editor: vim
keybindings: vi
rag_template: |
  Answer:

  # not a comment
  __INPUT__

# The providers.
clients:
  # Paid by work.
  - type: openai
    api_key: '{{OPENAI_KEY}}'
  - type: openai-compatible
    name: local
    api_base: http://localhost:8080/v1
    api_key: {{ LOCAL }}
vault_password_file: ~/.secret
"""

SHORTER = """\
# My configuration.

model: openai:gpt-4o   # the usual one
# The providers.
clients:
  # Paid by work.
  - type: openai
    api_key: '{{OPENAI_KEY}}'
  - type: openai-compatible
    name: local
    api_base: http://localhost:8080/v1
    api_key: {{ LOCAL }}
"""


def test_what_only_loki_has_is_left_out_and_the_rest_stays_letter_by_letter() -> None:
    found = loki.convert(FILE, "loki.yaml")
    assert found.text == SHORTER
    assert found.dropped == (
        Dropped(5, "editor"),
        Dropped(6, "keybindings"),
        Dropped(7, "rag_template"),
        Dropped(22, "vault_password_file"),
    )
    assert [client.name for client in found.clients] == ["openai", "local"]
    assert found.secrets == ("LOCAL", "OPENAI_KEY")
    assert found.password_file == "~/.secret"
    assert found.problems == ()
    assert "OPENAI" not in repr(found).replace("OPENAI_KEY", "")


def test_a_file_without_foreign_keys_stays_as_it_is() -> None:
    assert loki.convert(SHORTER, "x").text == SHORTER
    assert loki.convert(SHORTER, "x").password_file is None


@pytest.mark.parametrize(
    "text",
    [
        '{"editor": "vim", "clients": [{"type": "openai"}]}\n',
        '{\n"clients": [{"type": "openai"}],\n"editor": "vim"\n}\n',
        "editor: &name vim\nclients: [{type: openai-compatible, name: *name, api_base: http://localhost}]\n",
    ],
)
def test_a_file_that_cannot_be_shortened_line_by_line_stays_as_it_is(text: str) -> None:
    found = loki.convert(text, "x")
    assert found.text == text
    assert found.dropped == ()
    assert found.problems == ()
    assert isinstance(parse(found.text, "x", lookup={}, environ={}), Config)


def test_a_key_that_nobody_knows_yet_is_left_out_too() -> None:
    found = loki.convert("clients: []\nnew_in_loki:\n  a: 1\nsk-1234567890abc: 2\n", "x")
    assert found.text == "clients: []\n"
    assert found.dropped == (Dropped(2, "new_in_loki"), Dropped(4, "(not a word)"))


def test_problems_have_the_places_of_the_file_that_was_read() -> None:
    found = loki.convert("editor: vim\nclients:\n  - type: ollama\n    api_kee: x\n", "/loki.yaml")
    assert [str(one) for one in found.problems] == [
        "/loki.yaml:3:11: clients[0].type: unknown type; did you mean `openai-compatible`?"
    ]
    assert found.clients == ()


@pytest.mark.parametrize(
    ("text", "place"), [("clients: [", "x:2:1"), ("- a\n", "x:1:1"), ("", "x:1:1"), ("a: 1\na: 2\n", "x:2:1")]
)
def test_what_cannot_be_read_says_where(text: str, place: str) -> None:
    found = loki.convert(text, "x")
    assert str(found.problems[0]).startswith(place)


def test_a_file_of_nothing_but_foreign_keys_has_no_clients() -> None:
    assert "clients" in str(loki.convert("editor: vim\n", "x").problems[0])


TOKEN = {"access_token": "a", "refresh_token": "r", "expires_at": 2000}


def test_a_token_of_loki_is_one_of_lokid() -> None:
    found = loki.token(json.dumps(TOKEN), 1000.0)
    assert found.access_token.get_secret_value() == "a"
    assert found.refresh_token is not None and found.refresh_token.get_secret_value() == "r"
    assert (found.obtained_at, found.expires_at) == (1000.0, 2000.0)
    assert loki.token(json.dumps(TOKEN), 3000.0).obtained_at == 2000.0
    far = loki.token(json.dumps({**TOKEN, "expires_at": 1e300}), 1000.0)
    assert far.expires_at is not None and far.expires_at < 1e10


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "{}",
        "[" * 100_000,
        json.dumps({**TOKEN, "access_token": ""}),
        json.dumps({**TOKEN, "refresh_token": "x" * 20_000}),
        json.dumps({**TOKEN, "expires_at": "soon"}),
        json.dumps({**TOKEN, "expires_at": None}),
        '{"access_token": "a", "refresh_token": "r", "expires_at": NaN}',
        '{"access_token": "a", "refresh_token": "r", "expires_at": 1' + "0" * 400 + "}",
    ],
)
def test_what_is_no_token_says_so_and_shows_nothing_of_it(text: str) -> None:
    with pytest.raises(NoToken):
        loki.token(text, 1000.0)
