"""What a new user has already: keys in the environment, and servers of models on this machine."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from lokictl import yaml_text

KEYS = (
    # variable, client. A client with a type of its own is called like that; others are compatible vendors.
    ("OPENAI_API_KEY", "openai"),
    ("ANTHROPIC_API_KEY", "claude"),
    ("CLAUDE_API_KEY", "claude"),
    ("GEMINI_API_KEY", "gemini"),
    ("GOOGLE_API_KEY", "gemini"),
    ("COHERE_API_KEY", "cohere"),
    ("CO_API_KEY", "cohere"),
    ("CEREBRAS_API_KEY", "cerebras"),
    ("DEEPINFRA_API_KEY", "deepinfra"),
    ("DEEPSEEK_API_KEY", "deepseek"),
    ("FIREWORKS_API_KEY", "fireworks"),
    ("GROQ_API_KEY", "groq"),
    ("HF_TOKEN", "huggingface"),
    ("MISTRAL_API_KEY", "mistral"),
    ("MOONSHOT_API_KEY", "moonshot"),
    ("NVIDIA_API_KEY", "nvidia"),
    ("OPENROUTER_API_KEY", "openrouter"),
    ("PERPLEXITY_API_KEY", "perplexity"),
    ("TOGETHER_API_KEY", "together"),
    ("XAI_API_KEY", "xai"),
)
TYPES = ("openai", "claude", "gemini", "cohere")

LOCAL = "local"

SERVERS = (("ollama", 11434), ("lmstudio", 1234))

PROBE_S = 1.0
"""Seconds for a server on this machine to say what it has. It is there at once, or it is not."""

MAX_ANSWER = 1 << 20
MAX_MODELS = 100
"""Bytes, and models that are taken over. Nobody has more on a disk, and a file should stay readable."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "")  # noqa: S104 - what a server says it listens on


@dataclass(frozen=True, slots=True)
class Found:
    """A client to be. ``variable``: has its key. ``api_base``, ``models``: of a server on this machine.
    ``entry``: of the model that comes with lokid, as the configuration in force has it."""

    name: str
    variable: str | None = None
    api_base: str | None = None
    models: Sequence[str] = field(default_factory=tuple)
    entry: Mapping[str, Any] | None = None

    @property
    def where(self) -> str:
        if self.entry is not None:
            return "the small model that is installed with lokid"
        if self.variable:
            return f"key in {self.variable}"
        return f"{self.api_base}, {len(self.models)} model{'' if len(self.models) == 1 else 's'}"

    def lines(self) -> str:
        """Its entry under ``clients:``. Texts are JSON's, which YAML reads alike."""
        if self.variable is not None:
            text = f"  - type: {self.name}\n"
            if self.name not in TYPES:
                text = f"  - type: openai-compatible\n    name: {self.name}\n"
            key = f'    api_key: "{{{{{self.variable}}}}}"'
            return f"{text}{key}  # in the vault: lokictl secret set {self.variable}\n"
        if self.entry is not None:
            entry = {"type": self.entry["type"], "name": self.name}
            entry |= {key: self.entry[key] for key in ("api_base", "models", "launch")}
            return "".join(f"{line}\n" for line in yaml_text.lines([entry], 2))
        text = f"  - type: openai-compatible\n    name: {self.name}\n    api_base: {self.api_base}\n"
        text += "    models:\n"
        for model in self.models:
            kind = ", type: embedding" if "embed" in model else ""
            text += f"      - {{name: {json.dumps(model, ensure_ascii=False)}{kind}}}\n"
        return text


def keys(environ: Mapping[str, str]) -> list[Found]:
    """One per client, of the first of its variables that is set."""
    found: dict[str, Found] = {}
    for variable, name in KEYS:
        if environ.get(variable):
            found.setdefault(name, Found(name, variable))
    return list(found.values())


def built_in(shown: Mapping[str, Any]) -> list[Found]:
    """The client that is there without a configuration, from ``config.show``: with one it would be gone."""
    return [
        Found(LOCAL, models=[model["name"] for model in one["models"]], entry=one)
        for one in shown.get("clients") or ()
        if one.get("name") == LOCAL and one.get("launch")
    ]


def servers(environ: Mapping[str, str]) -> list[Found]:
    """Those that run on this machine and have a model."""
    found = []
    for name, usual in SERVERS:
        port = _ollama_port(environ.get("OLLAMA_HOST", ""), usual) if name == "ollama" else usual
        if port and (models := ask(port)):
            found.append(Found(name, api_base=f"http://127.0.0.1:{port}/v1", models=models))
    return found


def _ollama_port(said: str, usual: int) -> int | None:
    """Where Ollama's own variable says it listens; None if that is another machine."""
    try:
        parts = urlsplit(said if "//" in said else f"//{said}")
        return (parts.port or usual) if (parts.hostname or "") in _LOOPBACK else None
    except ValueError:
        return None


def ask(port: int) -> tuple[str, ...]:
    """The names of the models of a server on this machine; none if nobody listens, or something else."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_S)
    try:
        connection.request("GET", "/v1/models")
        answer = connection.getresponse()
        data = json.loads(answer.read(MAX_ANSWER)) if answer.status == 200 else {}
        rows = data.get("data") if isinstance(data, dict) else None
        names = [row["id"] for row in rows or () if isinstance(row, dict) and isinstance(row.get("id"), str)]
    except (OSError, http.client.HTTPException, ValueError, TypeError, RecursionError):
        return ()
    finally:
        connection.close()
    # A configuration would have a secret in the place of "{{NAME}}", and send it to whoever listens there.
    usable = (name for name in names if name and name.isprintable() and "{{" not in name)
    return tuple(dict.fromkeys(usable))[:MAX_MODELS]


HEADER = """\
# lokid's configuration, as `lokictl setup` wrote it. A saved change takes effect at once, and
# `lokictl config check` checks it. config.example.yaml shows every key, docs/configuration.md explains them.

# What `lokictl ask` asks when no model is named, as client:model. Without it: the first client that is ready.
# model: {example}

clients:
"""


def configuration(found: Sequence[Found]) -> str:
    one = found[0]
    example = f"{one.name}:{one.models[0]}" if one.models else f"{one.name}:MODEL"
    return HEADER.format(example=example) + "\n".join(each.lines() for each in found)
