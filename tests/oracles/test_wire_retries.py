"""What lokid sends again and what the official SDKs do, as recorded on the wire (see ``test_wire``)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lokid.providers.registry import PROVIDERS
from lokid.runtime.retry import BASE_S, CEILING_S, delay

TYPES = {"anthropic": "claude"}
"""SDK -> type, where they are called differently."""

DIFFERENT = {
    # Google's SDK retries nothing unless asked to; when asked, it retries these.
    ("gemini", 429): True,
    ("gemini", 500): True,
    ("gemini", 502): True,
    ("gemini", 503): True,
    ("gemini", 504): True,
    ("gemini", 408): True,
    # As the other SDKs have it: a conflict and a server's own failure pass.
    ("gemini", 409): True,
    ("gemini", 520): True,
    ("gemini", 529): True,
    ("bedrock", 409): True,
    ("bedrock", 520): True,
    ("bedrock", 529): True,
}
"""(SDK, status) -> what lokid does instead."""


def recorded() -> list[dict[str, Any]]:
    wire = os.environ.get("LOKID_WIRE")
    if not wire:
        return []
    return json.loads((Path(wire) / "sdk-requests" / "retry_behaviour.json").read_text())


@pytest.mark.parametrize(
    "case", recorded(), ids=lambda case: f"{case['client']}-{case['status']}-{'-'.join(case['headers'])}"
)
def test_lokid_sends_again_what_the_sdk_sends_again(case: dict[str, Any]) -> None:
    headers = case["headers"]
    error = PROVIDERS[TYPES.get(case["client"], case["client"])].error(case["status"], headers, b"{}")
    wait = delay(1, error, 1.0, max_retries=2, remaining_s=600)
    wanted = DIFFERENT.get((case["client"], case["status"]), case["attempts"] > 1)
    assert (wait is not None) == wanted
    if wait is not None:
        asked = float(headers.get("retry-after", 0)) or float(headers.get("retry-after-ms", 0)) / 1000
        assert asked <= wait <= asked + BASE_S
        assert delay(2, error, 1.0, max_retries=2, remaining_s=600) <= asked + 2 * BASE_S <= asked + CEILING_S
        assert delay(3, error, 1.0, max_retries=2, remaining_s=600) is None  # three attempts, as everywhere
