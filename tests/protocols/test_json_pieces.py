"""The same bytes as ``json.dumps``, in short steps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.protocols import json_pieces
from lokid.protocols.http import HTTPRequest
from lokid.protocols.json_pieces import NODES, STEP, encoded, is_light

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=VALUES, step=st.integers(1, 4), nodes=st.integers(0, 3), together=st.integers(1, 3))
def test_the_bytes_are_those_of_one_call(value: Any, step: int, nodes: int, together: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "STEP", step)
        patch.setattr(json_pieces, "NODES", nodes)
        patch.setattr(json_pieces, "TOGETHER", together)
        assert encoded([value]) == HTTPRequest("POST", "https://x/", body=[value]).content()


def test_a_lone_surrogate_is_escaped_as_in_one_call() -> None:
    value = {"text": "é" * STEP + "\ud800", "many": list(range(NODES + 1))}
    assert encoded(value) == HTTPRequest("POST", "https://x/", body=value).content()


def test_no_step_writes_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    dumps = json.dumps

    def noted(value: Any, **options: Any) -> str:
        written.append(len(dumps(value, **options)))
        return dumps(value, **options)

    monkeypatch.setattr(json_pieces.json, "dumps", noted)
    encoded({"prompt": "x" * 5 * STEP, "messages": [{"role": "user", "content": "hi"}] * 20 * NODES})
    assert max(written) <= STEP + 2


@pytest.mark.parametrize(
    ("value", "light"),
    [
        ({"messages": [{"role": "user", "content": "x" * STEP}]}, False),
        ({"messages": [{"role": "user", "content": "x" * (STEP - 10)}]}, True),
        ([0] * NODES, True),
        ([0] * (NODES + 1), False),
        ([["x" * (STEP // 2)]] * 3, False),
    ],
)
def test_what_is_light(value: Any, light: bool) -> None:
    assert is_light(value) is light
