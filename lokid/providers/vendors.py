"""Vendors and local servers that speak OpenAI's formats: where they are, and how they differ.

A client of type ``openai-compatible`` whose name stands here needs no ``api_base``. A new vendor is one
row; a difference that no field describes yet is a field with a default that means "as OpenAI".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lokid.dialects.openai_embeddings import Style


@dataclass(frozen=True, slots=True)
class Vendor:
    """``api_base``: None if it depends on the account. ``required_choice``: its word for
    ``tool_choice: required``. ``rerank_path``, ``top_n``: of its rerank API."""

    api_base: str | None = None
    required_choice: str = "required"
    rerank_path: str = "rerank"
    top_n: str = "top_n"
    embeddings: Style = field(default=Style())


_VOYAGE = Style(
    encoding_format="base64",  # anything but base64 or nothing is refused
    dimensions="output_dimension",
    input_type=("input_type", {"query": "query", "document": "document"}),
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
    "cloudflare": Vendor(),  # .../client/v4/accounts/ACCOUNT/ai/v1
    "deepinfra": Vendor("https://api.deepinfra.com/v1/openai"),
    "deepseek": Vendor("https://api.deepseek.com"),
    "ernie": Vendor("https://qianfan.baidubce.com/v2", rerank_path="rerankers"),
    "github": Vendor("https://models.github.ai/inference"),
    "groq": Vendor("https://api.groq.com/openai/v1"),
    "hunyuan": Vendor("https://api.hunyuan.cloud.tencent.com/v1"),
    "jina": Vendor("https://api.jina.ai/v1", embeddings=_JINA),
    "minimax": Vendor("https://api.minimax.io/v1"),
    "mistral": Vendor("https://api.mistral.ai/v1", required_choice="any", embeddings=_MISTRAL),
    "moonshot": Vendor("https://api.moonshot.ai/v1"),
    "openrouter": Vendor("https://openrouter.ai/api/v1"),
    "perplexity": Vendor("https://api.perplexity.ai"),
    "qianwen": Vendor("https://dashscope.aliyuncs.com/compatible-mode/v1"),
    "voyageai": Vendor("https://api.voyageai.com/v1", top_n="top_k", embeddings=_VOYAGE),
    "xai": Vendor("https://api.x.ai/v1"),
    "zhipuai": Vendor("https://open.bigmodel.cn/api/paas/v4"),
    # more vendors
    "cerebras": Vendor("https://api.cerebras.ai/v1"),
    "fireworks": Vendor("https://api.fireworks.ai/inference/v1"),
    "huggingface": Vendor("https://router.huggingface.co/v1"),
    "nvidia": Vendor("https://integrate.api.nvidia.com/v1"),
    "siliconflow": Vendor("https://api.siliconflow.com/v1"),
    "together": Vendor("https://api.together.xyz/v1"),
    "voyage": Vendor("https://api.voyageai.com/v1", top_n="top_k", embeddings=_VOYAGE),
    # servers on this machine, at their default ports
    "llamacpp": Vendor("http://127.0.0.1:8080/v1"),
    "lmstudio": Vendor("http://127.0.0.1:1234/v1"),
    "ollama": Vendor("http://127.0.0.1:11434/v1"),
    "vllm": Vendor("http://127.0.0.1:8000/v1"),
}
