"""Vendors and local servers that speak OpenAI's formats: where they are, and how they differ.

A client of type ``openai-compatible`` whose name stands here needs no ``api_base``. A new vendor is one
row; a difference that no field describes yet is a field with a default that means "as OpenAI".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from lokid.dialects.openai_embeddings import Style


@dataclass(frozen=True, slots=True)
class Vendor:
    """``api_base``: None if it depends on the account. ``required_choice``: its word for
    ``tool_choice: required``. ``rerank_path``, ``top_n``, ``rerank_more`` (parameters): of its rerank API.
    ``facts``: sources of ``lokid.providers.prices`` that know its models. ``models``: what a client without
    a list of models offers; of vendors whose models change by the week, nothing."""

    api_base: str | None = None
    required_choice: str = "required"
    rerank_path: str = "rerank"
    top_n: str = "top_n"
    rerank_more: Mapping[str, Any] = field(default_factory=dict)
    embeddings: Style = field(default=Style())
    facts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


_UNCUT = {"truncation": False}
"""By default Voyage cuts what is too long and says nothing; lokid wants its refusal."""

_VOYAGE = Style(
    encoding_format="base64",  # anything but base64 or nothing is refused
    dimensions="output_dimension",
    input_type=("input_type", {"query": "query", "document": "document"}),
    more=_UNCUT,
)
_JINA = Style(
    encoding_format=None,  # it has embedding_type, and floats are its default
    input_type=("task", {"query": "retrieval.query", "document": "retrieval.passage"}),
)
_MISTRAL = Style(dimensions="output_dimension")

OTHER = Vendor()
"""Any server that is not in the table."""

VENDORS: dict[str, Vendor] = {
    # aichat's and Loki's names
    "ai21": Vendor("https://api.ai21.com/studio/v1"),
    "cloudflare": Vendor(facts=("cloudflare",)),  # .../client/v4/accounts/ACCOUNT/ai/v1
    "deepinfra": Vendor("https://api.deepinfra.com/v1/openai"),
    "deepseek": Vendor(
        "https://api.deepseek.com", facts=("deepseek",), models=("deepseek-chat", "deepseek-reasoner")
    ),
    "ernie": Vendor("https://qianfan.baidubce.com/v2", rerank_path="rerankers"),
    "github": Vendor("https://models.github.ai/inference"),
    "groq": Vendor(
        "https://api.groq.com/openai/v1",
        facts=("groq",),
        models=(
            "openai/gpt-oss-120b",
            "openai/gpt-oss-20b",
            "qwen/qwen3.8-27b",
            "llama-3.3-70b-versatile",
            "llama-3.1-8b-instant",
        ),
    ),
    "hunyuan": Vendor("https://api.hunyuan.cloud.tencent.com/v1"),
    "jina": Vendor("https://api.jina.ai/v1", embeddings=_JINA),
    "minimax": Vendor("https://api.minimax.io/v1", facts=("minimax",)),
    "mistral": Vendor(
        "https://api.mistral.ai/v1",
        required_choice="any",
        embeddings=_MISTRAL,
        facts=("mistral",),
        models=(
            "mistral-large-4",
            "mistral-medium-latest",
            "mistral-small-latest",
            "codestral-2508",
            "mistral-embed",
        ),
    ),
    "moonshot": Vendor(
        "https://api.moonshot.ai/v1",
        facts=("moonshotai",),
        models=("kimi-k3", "kimi-k3.1-pro", "kimi-k2.7-code", "kimi-k2.6"),
    ),
    "openrouter": Vendor("https://openrouter.ai/api/v1", facts=("openrouter",)),
    "perplexity": Vendor(
        "https://api.perplexity.ai",
        facts=("perplexity",),
        models=("sonar", "sonar-pro", "sonar-reasoning-pro", "sonar-deep-research"),
    ),
    "qianwen": Vendor("https://dashscope.aliyuncs.com/compatible-mode/v1"),
    "voyageai": Vendor(
        "https://api.voyageai.com/v1",
        top_n="top_k",
        rerank_more=_UNCUT,
        embeddings=_VOYAGE,
        facts=("voyageai",),
        models=("voyage-4", "voyage-4-large", "voyage-4-lite"),
    ),
    "xai": Vendor(
        "https://api.x.ai/v1", facts=("x-ai",), models=("grok-4.7", "grok-4.6", "grok-4.5", "grok-4.3")
    ),
    "zhipuai": Vendor(
        "https://open.bigmodel.cn/api/paas/v4",
        facts=("zhipuai",),
        models=("glm-5.3", "glm-5.3-flash", "glm-5.2"),
    ),
    # more vendors
    "cerebras": Vendor(
        "https://api.cerebras.ai/v1", facts=("cerebras",), models=("gpt-oss-120b", "qwen-3.8-27b")
    ),
    "fireworks": Vendor("https://api.fireworks.ai/inference/v1", facts=("fireworks",)),
    "huggingface": Vendor("https://router.huggingface.co/v1"),
    "nvidia": Vendor("https://integrate.api.nvidia.com/v1"),
    "siliconflow": Vendor("https://api.siliconflow.com/v1"),
    "together": Vendor("https://api.together.xyz/v1", facts=("together",)),
    "voyage": Vendor(
        "https://api.voyageai.com/v1",
        top_n="top_k",
        embeddings=_VOYAGE,
        facts=("voyageai",),
        models=("voyage-4", "voyage-4-large", "voyage-4-lite"),
    ),
    # servers on this machine, at their default ports
    "llamacpp": Vendor("http://127.0.0.1:8080/v1"),
    "lmstudio": Vendor("http://127.0.0.1:1234/v1"),
    "ollama": Vendor("http://127.0.0.1:11434/v1"),
    "vllm": Vendor("http://127.0.0.1:8000/v1"),
}

_HOSTS = {
    "api.cloudflare.com": "cloudflare",
    **{urlsplit(row.api_base).hostname: name for name, row in VENDORS.items() if row.api_base and row.facts},
}


def at(name: str, api_base: str | None) -> str:
    """The vendor at an address, whatever the client is called; without an address, the one that the
    client's ``name`` means. Empty if it is none: what another server asks for its models nobody knows."""
    if api_base is None:
        return name if name in VENDORS else ""
    return _HOSTS.get(urlsplit(api_base).hostname, "")
