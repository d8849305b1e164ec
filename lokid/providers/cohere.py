"""``type: cohere``: Cohere's API v2, https://docs.cohere.com/reference."""

from __future__ import annotations

from typing import Literal

from lokid.dialects.errors import classify
from lokid.providers.base import Provider
from lokid.providers.keys import bearer
from lokid.providers.settings import ClientSettings


class CohereSettings(ClientSettings):
    type: Literal["cohere"]


def base_url(client: CohereSettings) -> str:
    return client.api_base or "https://api.cohere.com/v2"


COHERE = Provider(
    name="cohere",
    settings=CohereSettings,
    base_url=base_url,
    authorize=bearer,
    error=classify,
)
