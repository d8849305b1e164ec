"""``type: vertexai``: Google Cloud's Vertex AI, https://cloud.google.com/vertex-ai/generative-ai/docs.

Gemini, Claude and Mistral models of one Google Cloud project. Credentials are Google's application
default credentials (``adc_file``, or where gcloud puts them), or an API key (express mode).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lokid.dialects.errors import classify
from lokid.providers.base import Provider
from lokid.providers.keys import key_in
from lokid.providers.settings import ClientSettings


class VertexAISettings(ClientSettings):
    """``location``: a region (``us-central1``), a multi-region (``us``, ``eu``) or ``global``.
    ``adc_file``: a path; without it Google's usual places."""

    needed = ("project_id", "location")

    type: Literal["vertexai"]
    project_id: str | None = Field(None, pattern=r"^[a-z0-9.:-]+$")
    location: str | None = Field(None, pattern=r"^[a-z0-9-]+$")
    adc_file: str | None = Field(None, min_length=1)


def base_url(client: VertexAISettings) -> str:
    if client.api_base:
        return client.api_base
    match client.location:
        case "global" | None:
            return "https://aiplatform.googleapis.com"
        case "us" | "eu":  # multi-regions have hosts of their own
            return f"https://aiplatform.{client.location}.rep.googleapis.com"
    return f"https://{client.location}-aiplatform.googleapis.com"


VERTEXAI = Provider(
    name="vertexai",
    settings=VertexAISettings,
    base_url=base_url,
    authorize=key_in("x-goog-api-key"),
    error=classify,
    optional_secrets=("api_key",),
)
