"""The text inside the vault."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.config.vault import (
    MAX_NAME,
    MAX_SECRETS,
    MAX_TEXT,
    MAX_VALUE,
    BadSecret,
    BadVault,
    changed,
    check,
    decode,
    encode,
)

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1)


@given(st.dictionaries(NAMES, VALUES))
def test_what_is_encoded_decodes(secrets: dict[str, str]) -> None:
    assert decode(encode(secrets)) == secrets


def test_the_text_is_one_line_per_secret_in_order() -> None:
    assert encode({"B": "2", "A": "ä"}).decode() == '{\n "A": "ä",\n "B": "2"\n}\n'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\xff", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b'{"A": "sk-1", "A": "sk-2"}', "JSON"),
        (b"[]", "JSON object"),
        (b'"sk-1"', "JSON object"),
        (b'{"A": 1}', "number 1"),
        (b'{"A": "x", "B": ""}', "number 2"),
        (b'{"sk-1 ": "x"}', "number 1"),
        (b" " * (MAX_TEXT + 1), "4 MiB"),
        (json.dumps({f"A{n}": "x" for n in range(MAX_SECRETS + 1)}).encode(), "1024"),
    ],
)
def test_another_text_is_refused_without_a_word_of_it(data: bytes, said: str) -> None:
    with pytest.raises(BadVault, match=said) as caught:
        decode(data)
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "1A", "A B", "A=sk-1", "Ä", "-A", "A\n", "A" * (MAX_NAME + 1)])
def test_a_bad_name_is_not_quoted(name: str) -> None:
    with pytest.raises(BadSecret, match="a name begins with") as caught:
        check(name, "x")
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize("value", ["", 1, None, "x" * (MAX_VALUE + 1), "\ud800", "a\0b"])
def test_a_bad_value_is_refused(value: object) -> None:
    with pytest.raises(BadSecret):
        check("A", value)


def test_changes_set_replace_and_remove() -> None:
    before = {"A": "1", "B": "2"}
    assert changed(before, {"A": "3", "B": None, "C": "4", "D": None}) == {"A": "3", "C": "4"}
    assert before == {"A": "1", "B": "2"}
    with pytest.raises(BadSecret):
        changed(before, {"": "x"})


def test_a_full_vault_takes_no_more() -> None:
    full = {f"A{n}": "x" for n in range(MAX_SECRETS)}
    assert changed(full, {"A0": "y"})["A0"] == "y"
    with pytest.raises(BadVault, match="full"):
        changed(full, {"B": "x"})
    with pytest.raises(BadVault, match="full"):
        changed({f"A{n}": "x" * MAX_VALUE for n in range(63)}, {"B": "x" * MAX_VALUE, "C": "y" * MAX_VALUE})
