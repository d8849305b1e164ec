"""``type: azure-openai``: Azure AI Foundry's OpenAI models.

https://learn.microsoft.com/azure/ai-foundry/openai/. Without ``api_version`` the v1 route
(``{api_base}/openai/v1``, the model's name in the body); with it the classic route
(``{api_base}/openai/deployments/{model}``).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lokid.dialects.errors import classify
from lokid.providers.base import Provider
from lokid.providers.keys import key_in
from lokid.providers.settings import ClientSettings


class AzureOpenAISettings(ClientSettings):
    """``api_base``: the resource, ``https://NAME.openai.azure.com``."""

    needed = ("api_base",)

    type: Literal["azure-openai"]
    api_version: str | None = Field(None, pattern=r"^\d{4}-\d{2}-\d{2}(-preview)?$")


def base_url(client: AzureOpenAISettings) -> str:
    base = client.api_base or ""
    return f"{base}/openai" if client.api_version else f"{base}/openai/v1"


AZURE_OPENAI = Provider(
    name="azure-openai",
    settings=AzureOpenAISettings,
    base_url=base_url,
    authorize=key_in("api-key"),
    error=classify,
)
