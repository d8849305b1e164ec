"""The provider types: ``type:`` of the configuration -> what it is."""

from __future__ import annotations

from lokid.providers.azure_openai import AZURE_OPENAI
from lokid.providers.base import Provider
from lokid.providers.bedrock import BEDROCK
from lokid.providers.claude import CLAUDE
from lokid.providers.cohere import COHERE
from lokid.providers.gemini import GEMINI
from lokid.providers.openai import OPENAI
from lokid.providers.openai_compatible import OPENAI_COMPATIBLE
from lokid.providers.vertexai import VERTEXAI

PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        OPENAI,
        OPENAI_COMPATIBLE,
        AZURE_OPENAI,
        CLAUDE,
        GEMINI,
        VERTEXAI,
        BEDROCK,
        COHERE,
    )
}
