"""What stands around an identity of a cloud in tests: a client's place, and time that a test moves on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lokid.providers.registry import PROVIDERS
from lokid.runtime.identities.credentials import source
from lokid.runtime.identities.source import Place, Source
from lokid.runtime.oauth.held import Clock
from lokid.runtime.secrets.sources import Keyring
from tests.fakes.provider import Step, answer

NEEDED: dict[str, dict[str, Any]] = {
    "vertexai": {"project_id": "p", "location": "global"},
    "bedrock": {"region": "eu-central-1"},
    "azure-openai": {"api_base": "https://example.openai.azure.com"},
}


@dataclass
class Time:
    running: float = 50.0

    def clock(self) -> Clock:
        return Clock(lambda: self.running, lambda: 1.8e9)

    def passes(self, seconds: float) -> None:
        self.running += seconds


def source_of(kind: str, home: Path, environ: Mapping[str, str] | None = None, **keys: Any) -> Source:
    """Where a client ``mine`` of type ``kind`` has its credentials from."""
    provider = PROVIDERS[kind]
    settings = provider.settings.model_validate({"type": kind, "name": "mine", **NEEDED[kind], **keys})
    assert provider.identity is not None
    identity = provider.identity(settings)
    assert identity is not None
    around = {"HOME": str(home), "PATH": "/usr/bin:/bin", **(environ or {})}
    secret = {} if "client_secret" not in keys else {"client_secret": settings.client_secret}  # type: ignore[attr-defined]
    keyring = Keyring("mine", secret, environ=around, directory=str(home))
    return source(identity, Place(settings, around, str(home)), keyring)


def token(value: str = "t1", **more: Any) -> Step:
    return answered({"access_token": value, "expires_in": 3599, "token_type": "Bearer", **more})


def answered(value: object, status: int = 200, **headers: str) -> Step:
    return answer(status, json.dumps(value).encode(), **headers)
