"""``type: claude``: Anthropic's Messages API, https://docs.claude.com/en/api/messages."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lokid.dialects.errors import classify
from lokid.providers.base import Provider
from lokid.providers.keys import key_in
from lokid.providers.settings import ClientSettings


class ClaudeSettings(ClientSettings):
    """``api_version``: the ``anthropic-version`` header; unset, lokid picks what the model needs."""

    type: Literal["claude"]
    api_version: str | None = Field(None, pattern=r"^\d{4}-\d{2}-\d{2}$")


def base_url(client: ClaudeSettings) -> str:
    return client.api_base or "https://api.anthropic.com/v1"


CLAUDE = Provider(
    name="claude",
    settings=ClaudeSettings,
    base_url=base_url,
    authorize=key_in("x-api-key"),
    error=classify,
)
