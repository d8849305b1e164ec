"""Envelopes of Loki's vault: what is tried, and what is not even tried."""

from __future__ import annotations

import pytest

from lokid.config import loki_vault
from lokid.config.loki_vault import BadEnvelope, Envelope, NotAVault, Opened, Try

SALT, NONCE, SEALED = "c2FsdHNhbHRzYWx0c2FsdA==", "bm9u" * 8, "Y2lw" * 8


def text(
    cost: str = "m=19456,t=2,p=1",
    salt: str = SALT,
    nonce: str = NONCE,
    sealed: str = SEALED,
    header: str = "$VAULT;v1;argon2id",
) -> str:
    return f"{header};{cost};salt={salt};nonce={nonce};ct={sealed}"


def test_an_envelope_is_tried_in_every_way_that_wrote_v1_the_cheap_one_first() -> None:
    one = loki_vault.envelope(f" {text()}\n")
    assert (one.memory_kib, one.passes, one.lanes, one.nonce) == (19456, 2, 1, b"non" * 8)
    assert one.tries == (
        Try(None, b"$VAULT;v1"),
        Try(b"salt" * 4, b"$VAULT;v1;argon2id;m=19456,t=2,p=1"),
        Try(b"salt" * 4, b"$VAULT;v1"),
        Try(SALT.encode(), b"$VAULT;v1"),
    )


def test_base64_may_lack_its_padding() -> None:
    assert loki_vault.envelope(text(salt=SALT.rstrip("="))).tries[1].salt == b"salt" * 4


@pytest.mark.parametrize(
    "cost",
    ["m=1048577,t=2,p=1", "m=999999999,t=1,p=1", "m=19456,t=11,p=1", "m=19456,t=2,p=9",
     "m=19456,t=0,p=1", "m=19456,t=2,p=0", "m=7,t=2,p=1", "m=63,t=1,p=8"],
)  # fmt: skip
def test_an_envelope_that_asks_for_too_much_work_or_for_none_is_not_tried(cost: str) -> None:
    with pytest.raises(BadEnvelope, match="more work"):
        loki_vault.envelope(text(cost))


def test_the_bounds_themselves_are_allowed() -> None:
    assert loki_vault.envelope(text("m=1048576,t=10,p=8")).memory_kib == 1048576
    assert loki_vault.envelope(text("m=64,t=1,p=8")).lanes == 8


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "hunter2-hunter2",
        text(header="$VAULT;v2;argon2id"),
        text(header="$VAULT;v1;scrypt"),
        text("m=-1,t=2,p=1"),
        text("t=2,m=19456,p=1"),
        text("m=1٣,t=2,p=1"),
        text(salt=""),
        text(salt="c2Fs"),
        text(salt="c2Fs" * 22),
        text(salt="A"),
        text(nonce="bm9u"),
        text(sealed="bm9u"),
        text(sealed="bm9u" * 100_000),
        text(sealed="Y2=lw" * 8),
        text() + ";more=1",
    ],
)
def test_what_is_no_envelope_says_so_and_shows_nothing_of_it(bad: str) -> None:
    with pytest.raises(BadEnvelope) as caught:
        loki_vault.envelope(bad)
    assert "hunter2" not in str(caught.value) and "c2Fs" not in str(caught.value)


def test_a_vault_is_read_whole_and_each_bad_entry_has_its_reason() -> None:
    found = loki_vault.read(f"A: {text()}\nb-c.d: '{text()}'\nNOT A NAME: {text()}\nB: []\nC: 12\n")
    assert [name for name, one in found.items() if isinstance(one, Envelope)] == ["A", "b-c.d"]
    assert list(loki_vault.unlike(found)) == ["A", "b-c.d"]
    assert "a name begins with" in str(found["NOT A NAME"])
    assert "no envelope" in str(found["B"]) and "no envelope" in str(found["C"])


@pytest.mark.parametrize("empty", ["", "\n", "{}\n"])
def test_an_empty_vault_holds_nothing(empty: str) -> None:
    assert loki_vault.read(empty) == {}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("A: [\n", "line 2, column 1"),
        ("A: a\nA: b\n", "line 2, column 1"),
        ("- hunter2\n", "not a mapping"),
        ("".join(f"A{n}: x\n" for n in range(1025)), "1024"),
    ],
)
def test_a_file_that_is_no_vault_says_where(bad: str, said: str) -> None:
    with pytest.raises(NotAVault, match=said) as caught:
        loki_vault.read(bad)
    assert "hunter2" not in str(caught.value)


def test_what_was_opened_by_the_zero_key_is_to_be_replaced() -> None:
    one = loki_vault.envelope(text())
    assert loki_vault.is_zero_key(one, (0, b"")) and not loki_vault.is_zero_key(one, None)
    assert loki_vault.opened(one, 0, b"value") == Opened("value", rotate=True)
    assert loki_vault.opened(one, 1, "wért".encode()) == Opened("wért", rotate=False)
    assert "wért" not in repr(Opened("wért")) and "cipcip" not in repr(one)


@pytest.mark.parametrize(("data", "said"), [(b"\xff", "text"), (b"", "empty")])
def test_what_was_opened_and_is_no_secret_says_why(data: bytes, said: str) -> None:
    with pytest.raises(BadEnvelope, match=said):
        loki_vault.opened(loki_vault.envelope(text()), 0, data)
