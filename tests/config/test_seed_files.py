"""Files as users of the programs have them that lokid took its format from."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from lokid.config import Config, parse, secret_names

LOKI = r"""
# ---- LLM ----
model: claude:claude-sonnet-4-5
temperature: null
top_p: null
stream: true
save: true
keybindings: vi
editor: nvim
wrap: no
wrap_code: false
repl_prelude: null
agent_session: temp
highlight: true
user_agent: auto
save_shell_history: true
sync_models_url: >
  https://models.example/models.yaml
left_prompt:
  '{color.red}{model}){color.green}{?session {session}}{!session >}{color.reset} '
vault_password_file: ~/.loki_password
function_calling: true
mapping_tools:
  fs: 'fs_cat,fs_ls'
enabled_tools: null
visible_tools:
#  - fs_read.sh
  - fs_cat.sh
mcp_server_support: true
enabled_mcp_servers: null
compression_threshold: 4000
rag_embedding_model: openai:text-embedding-3-small
rag_top_k: 5
document_loaders:
  pdf: 'pdftotext $1 -'
  jina: 'curl -H "Authorization: Bearer {{JINA_API_KEY}}" https://r.jina.example/$1'

clients:
  - type: openai
    api_base: https://api.openai.com/v1
    api_key: '{{OPENAI_API_KEY}}'
    organization_id: org-abc
  - type: openai-compatible
    name: ollama
    api_base: http://localhost:11434/v1
    models:
      - name: llama3.1
        max_input_tokens: 128000
        supports_function_calling: true
      - name: nomic-embed-text
        type: embedding
        default_chunk_size: 1000
        max_batch_size: 50
  - type: gemini
    api_base: https://generativelanguage.googleapis.com/v1beta
    api_key: {{GEMINI_API_KEY}}
    auth: null
    patch:
      chat_completions:
        '.*':
          body:
            safetySettings:
              - category: HARM_CATEGORY_HARASSMENT
                threshold: BLOCK_NONE
  - type: claude
    auth: oauth
    models:
      - name: claude-sonnet-4-5
        real_name: claude-sonnet-4-5-20250929
        max_input_tokens: 200000
        max_output_tokens: 8192
        require_max_tokens: true
        input_price: 3
        output_price: 15
        supports_vision: true
        supports_function_calling: true
        patch:
          body:
            temperature: null
            thinking: {type: enabled, budget_tokens: 4096}
  - type: openai-compatible
    name: groq
    api_base: https://api.groq.com/openai/v1
    api_key: '{{GROQ_API_KEY}}'
    extra:
      proxy: socks5://127.0.0.1:1080
      connect_timeout: 10
  - type: azure-openai
    api_base: https://{RESOURCE}.openai.azure.com
    api_key: '{{AZURE_OPENAI_API_KEY}}'
    models:
      - name: gpt-4o
  - type: vertexai
    project_id: my-project
    location: us-central1
    adc_file: /home/me/.config/gcloud/application_default_credentials.json
  - type: bedrock
    access_key_id: '{{AWS_ACCESS_KEY_ID}}'
    secret_access_key: '{{AWS_SECRET_ACCESS_KEY}}'
    region: us-east-1
    session_token:
  - type: openai-compatible
    name: cloudflare
    api_base: https://api.cloudflare.com/client/v4/accounts/{ACCOUNT_ID}/ai/v1
    api_key: '{{CLOUDFLARE_API_KEY}}'
  - type: cohere
    api_base: https://api.cohere.ai/v2
    api_key: '{{COHERE_API_KEY}}'
"""

AICHAT = """
model: openai:gpt-4o
temperature: 0.5
save: true
keybindings: emacs
buffer_editor: null
wrap: no
prelude: null
agent_prelude: null
compress_threshold: 4000
summarize_prompt: 'Summarize.'
use_tools: null
agents:
  - name: todo-sh
    model: null
rag_reranker_model: jina:jina-reranker-v2
rag_min_score_rerank: 0
highlight: true
light_theme: false
serve_addr: 127.0.0.1:8000
clients:
- type: openai
  api_key: sk-xxx
  extra:
    proxy: '-'
- type: openai-compatible
  name: jina
  api_base: https://api.jina.ai/v1
  api_key: xxx
  models:
  - name: jina-reranker-v2
    type: reranker
  - name: jina-embeddings-v3
    type: embedding
    max_tokens_per_chunk: 8192
    default_chunk_size: 1500
    max_batch_size: 100
- type: openai-compatible
  name: deepseek
  api_base: https://api.deepseek.com
  api_key: xxx
  models:
  - name: deepseek-reasoner
    system_prompt_prefix: Formatting re-enabled
    no_stream: false
    no_system_message: true
"""


def test_a_file_of_loki_works_as_it_is() -> None:
    names = secret_names(LOKI)
    assert "OPENAI_API_KEY" in names
    assert "JINA_API_KEY" not in names
    config = parse(LOKI, "loki.yaml", lookup=dict.fromkeys(names, "k"), environ={})
    assert isinstance(config, Config), [str(problem) for problem in config]
    assert config.model == "claude:claude-sonnet-4-5"
    assert [client.name for client in config.clients] == [
        "openai",
        "ollama",
        "gemini",
        "claude",
        "groq",
        "azure-openai",
        "vertexai",
        "bedrock",
        "cloudflare",
        "cohere",
    ]
    assert config.missing == {}
    assert {warning.message for warning in config.warnings} == {"is not used by lokid"}


def test_a_file_of_aichat_works_as_it_is() -> None:
    config = parse(AICHAT, "aichat.yaml", lookup={}, environ={"DEEPSEEK_API_KEY": "from-the-environment"})
    assert isinstance(config, Config), [str(problem) for problem in config]
    assert config.missing == {}
    assert config.clients[0].extra.proxy is None
    assert config.clients[2].api_key == SecretStr("from-the-environment")


@pytest.mark.parametrize("text", [LOKI, AICHAT])
def test_without_any_secret_such_a_file_is_still_good(text: str) -> None:
    config = parse(text, "f", lookup={}, environ={})
    assert isinstance(config, Config)
    assert set(config.missing) <= {client.name for client in config.clients}


def test_a_type_that_aichat_once_had_names_ours() -> None:
    found = parse(
        "clients: [{type: vertexai-claude, project_id: x, location: y}]", "f", lookup={}, environ={}
    )
    assert isinstance(found, tuple)
    assert found[0].message == "unknown type; did you mean `vertexai`?"
