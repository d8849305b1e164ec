"""The official SDKs against a server of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
import trustme

from tests.fakes.capture import Capture, capturing


@pytest.fixture(scope="session", autouse=True)
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """SDKs read all authorities of the world for each client, in plain HTTP too: most of what a test took."""
    file: Path = tmp_path_factory.mktemp("authority") / "one.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield


@pytest.fixture
def server() -> Iterator[Capture]:
    with capturing() as capture:
        yield capture


@pytest.fixture
def sdk(server: Capture) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key="sk-test",
        base_url=f"{server.url}/v1",
        organization="org-x",
        project="proj-x",
        max_retries=0,
    ) as client:
        yield client
