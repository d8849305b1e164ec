"""Nothing of the recordings lies there unread: where ``LOKID_WIRE`` names them, every answer is replayed by
some test and every request of an SDK is compared, or stands here with the reason why not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest

from tests.oracles import (
    test_wire,
    test_wire_bedrock,
    test_wire_claude,
    test_wire_cohere,
    test_wire_google,
    test_wire_requests,
)

NAMED = os.environ.get("LOKID_WIRE")
pytestmark = pytest.mark.skipif(not NAMED, reason="LOKID_WIRE names no recordings")
WIRE = Path(NAMED or "nowhere")

NOT_REPLAYED = {
    **test_wire_google.NO_ANSWERS,
    "aws-sigv4/02-bedrock-auth-selection.json": "says which source of keys wins, not what is sent",
}
NOT_COMPARED = {
    **test_wire_claude.NOT_OURS,
    **test_wire_google.NOT_OURS,
    "z_default_env": "no request, only the SDK's address",
    "google-auth/authorized_user_refresh": "a request for a token, which is not a provider's",
    "google-auth/service_account_jwt_bearer": "as above",
}
"""Name of a capture, in one folder or in all -> why none of lokid's requests is compared with it."""


def named_in(module: ModuleType) -> str:
    """The source of a test module, which names the files of the tests that are about one."""
    return Path(str(module.__file__)).read_text()


def below(folder: str, paths: Iterable[Path]) -> set[str]:
    return {str(path.relative_to(WIRE / folder)) for path in paths}


def replayed() -> set[str]:
    bedrock = (*test_wire_bedrock.STREAMS, *test_wire_bedrock.FRAMES)
    alone = [
        path
        for path in sorted((WIRE / "recorded").glob("bedrock/*.json"))
        + sorted((WIRE / "recorded").glob("aws-*/*"))
        if f'"{path.name}"' in named_in(test_wire_bedrock) or f"/{path.name}" in named_in(test_wire_bedrock)
    ]
    return {
        *(case["file"] for case in (*test_wire.CASES, *test_wire_claude.CASES, *test_wire_cohere.recorded())),
        *(name.partition("#")[0] for name, _, _ in test_wire_google.CASES),
        *below("recorded", (*bedrock, *alone)),
    }


def compared() -> set[str]:
    return below(
        "sdk-requests",
        (
            *test_wire_requests.CASES,
            *test_wire_requests.MISTRAL,
            *test_wire_claude.CAPTURES,
            *test_wire_cohere.captures("cohere"),
            *test_wire_cohere.captures("azure-ai-inference"),
            *test_wire_google.CAPTURES,
            *test_wire_bedrock.SENT,
        ),
    )


def test_every_recorded_answer_is_replayed() -> None:
    index = json.loads((WIRE / "recorded" / "index.json").read_text())
    files = {case["file"] for case in index}
    assert files - replayed() == set(NOT_REPLAYED)
    assert replayed() <= files


def test_every_file_of_the_recordings_is_in_their_index() -> None:
    """Requests that a recorded answer belongs to lie beside it."""
    index = {case["file"] for case in json.loads((WIRE / "recorded" / "index.json").read_text())}
    found = below("recorded", (path for path in (WIRE / "recorded").rglob("*") if path.is_file()))
    beside = {name for name in found if name.removesuffix(".req.json") in index}
    assert found - index - beside == {"index.json"}


def test_every_request_of_an_sdk_is_compared() -> None:
    found = below("sdk-requests", (WIRE / "sdk-requests").glob("*/*.json"))
    names = {name.removesuffix(".json") for name in found - compared()}
    unexplained = {name for name in names if not {name, name.rpartition("/")[2]} & NOT_COMPARED.keys()}
    assert not unexplained
    explained = {*names, *(name.rpartition("/")[2] for name in names)}
    assert set(NOT_COMPARED) <= explained, "a reason for what is compared"
