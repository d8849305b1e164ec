"""``type: bedrock``: Amazon Bedrock, https://docs.aws.amazon.com/bedrock/latest/APIReference/.

Credentials: a Bedrock API key (``api_key``), or static access keys. With neither, the usual sources of
an AWS program (profile, container, instance) apply.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lokid.dialects.errors import classify
from lokid.providers.base import Provider
from lokid.providers.keys import bearer
from lokid.providers.settings import ClientSettings, Secret


class BedrockSettings(ClientSettings):
    """``api_base`` replaces scheme and host; ``session_token`` comes with temporary access keys."""

    needed = ("region",)

    type: Literal["bedrock"]
    region: str | None = Field(None, pattern=r"^[a-z0-9-]+$")
    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None

    def lacking(self) -> tuple[str, ...]:
        keys = {"access_key_id": self.access_key_id, "secret_access_key": self.secret_access_key}
        given = any(keys.values()) or self.session_token is not None
        # One half of a pair of keys is a mistake, never a reason to try the next source of credentials.
        halves = tuple(key for key, value in keys.items() if value is None) if given else ()
        return ClientSettings.lacking(self) + halves


def base_url(client: BedrockSettings) -> str:
    return client.api_base or f"https://bedrock-runtime.{client.region}.amazonaws.com"


BEDROCK = Provider(
    name="bedrock",
    settings=BedrockSettings,
    base_url=base_url,
    authorize=bearer,
    error=classify,
    secrets=("api_key", "access_key_id", "secret_access_key", "session_token"),
    optional_secrets=("api_key", "access_key_id", "secret_access_key", "session_token"),
)
