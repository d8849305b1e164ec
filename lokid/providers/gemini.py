"""``type: gemini``: Google's Generative Language API, https://ai.google.dev/api."""

from __future__ import annotations

from typing import Literal

from lokid.dialects.errors import classify
from lokid.providers.base import Provider
from lokid.providers.keys import key_in
from lokid.providers.settings import ClientSettings


class GeminiSettings(ClientSettings):
    type: Literal["gemini"]


def base_url(client: GeminiSettings) -> str:
    # v1beta and not v1: preview models and features exist only there.
    return client.api_base or "https://generativelanguage.googleapis.com/v1beta"


# The key travels in a header and never as ?key=, because URLs are logged along the way.
GEMINI = Provider(
    name="gemini",
    settings=GeminiSettings,
    base_url=base_url,
    authorize=key_in("x-goog-api-key"),
    error=classify,
)
