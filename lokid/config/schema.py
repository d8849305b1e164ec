"""What a configuration is, once it has been found good."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, Tag

from lokid.config.problem import Path, Problem
from lokid.providers.settings import Budget, ClientSettings, Count, KeyringSecret, RequestPatch, Settings

OverridePatches = Mapping[str, Mapping[str, RequestPatch]]
"""API (``chat_completions``, ``embeddings``, ``rerank``) -> pattern on the model's name -> patch."""


def _recipient(text: str) -> str:
    if not _RECIPIENT.fullmatch(text):
        raise ValueError("must be a public key for age: age1... or ssh-ed25519 ... or ssh-rsa ...")
    return text


_RECIPIENT = re.compile(r"age1[0-9a-z]{58}|ssh-(ed25519|rsa) [A-Za-z0-9+/=]+( .*)?")


_Identity = Annotated[
    Annotated[str, Field(min_length=1), Tag("a path")] | Annotated[KeyringSecret, Tag("a keyring")],
    Discriminator(lambda value: "a keyring" if isinstance(value, dict | KeyringSecret) else "a path"),
]
"""The tags are no names of keys, so that the place of an error cannot be taken for one."""


class Vault(Settings):
    """Where the vault and the key to it lie, if not in ``$XDG_DATA_HOME/lokid/``. ``identity``: a path, or an
    entry of the operating system's keyring. ``recipients``: public keys, besides the user's own, whose
    owners can read it as well."""

    file: str | None = Field(None, min_length=1)
    identity: _Identity | None = None
    recipients: tuple[Annotated[str, AfterValidator(_recipient)], ...] = ()


class Limits(Settings):
    """Of the RPC socket. ``max_frame_mib``: the largest message taken from a client; images travel in it."""

    max_frame_mib: Count = Field(64, le=1024)


def _allowed(pattern: str) -> str:
    client, colon, model = pattern.partition(":")
    if not (client and colon and model):
        raise ValueError("must be client:model, where * stands for any text: `openai:gpt-4.1*`, `local:*`")
    return pattern


def _matches(pattern: str, text: str) -> bool:
    """Linear, unlike a regular expression: ``text`` comes from whoever may be on the other side."""
    first, *pieces = pattern.split("*")
    if not pieces:
        return text == first
    last = pieces.pop()
    at, end = len(first), len(text) - len(last)
    if not (text.startswith(first) and text.endswith(last) and at <= end):
        return False
    for piece in pieces:
        if (found := text.find(piece, at, end)) < 0:
            return False
        at = found + len(piece)
    return True


def _some(patterns: tuple[str, ...]) -> tuple[str, ...]:
    if not patterns:
        raise ValueError("must name a model; without `extra_socket` there is no such socket")
    return patterns


class ExtraLimits(Settings):
    """For all who ask over the extra socket together; what is over is refused, and told when to come back."""

    concurrency: Count = 8
    requests_per_minute: Count | None = None


class ExtraSocket(Settings):
    """A second, restricted socket, to forward or to mount. ``path``: relative to the directory of lokid's own
    socket. ``models``: ``client:model``, where ``*`` stands for any text. A budget that is not given is one
    dollar a day: who leaves it out has thought of none."""

    path: str = Field("lokid-extra.sock", min_length=1)
    models: Annotated[tuple[Annotated[str, AfterValidator(_allowed)], ...], AfterValidator(_some)]
    budget: Budget = Budget(usd_per_day=1.0)
    limits: ExtraLimits = ExtraLimits()

    def allows(self, model: str) -> bool:
        """``model``: ``client:model`` in full, as the client of the configuration calls it."""
        return any(_matches(pattern, model) for pattern in self.models)


class TopLevel(Settings):
    """The keys of the top level, but ``clients``, whose entries depend on their ``type``."""

    model: str | None = Field(None, min_length=1)
    vault: Vault = Vault()
    limits: Limits = Limits()
    budget: Budget = Budget()
    extra_socket: ExtraSocket | None = None


OWN_KEYS = frozenset((*TopLevel.model_fields, "clients"))

FOREIGN_KEYS = frozenset(
    # aichat's and Loki's keys, so that their users can bring their file as it is. Taken from both
    # example files and references; what lokid does instead is the business of its callers.
    """
    agent_prelude agent_session agents auto_continue buffer_editor cmd_prelude compress_threshold
    compression_threshold continuation_prompt document_loaders editor enabled_mcp_servers enabled_tools
    function_calling function_calling_support highlight inject_skill_instructions
    inject_todo_instructions keybindings left_prompt light_theme macros mapping_mcp_servers mapping_tools
    max_auto_continues mcp_server_support mcp_servers prelude rag_chunk_overlap rag_chunk_size
    rag_embedding_model rag_min_score_keyword_search rag_min_score_rerank rag_min_score_vector_search
    rag_reranker_model rag_template rag_top_k repl_prelude right_prompt save save_session
    save_shell_history serve_addr stream summarization_prompt summarize_prompt summary_context_prompt
    summary_prompt sync_models_url temperature theme top_p use_tools user_agent vault_password_file
    visible_tools wrap wrap_code
    """.split()  # noqa: SIM905 - sixty names read better as words
)


@dataclass(frozen=True, slots=True)
class Config:
    """One good configuration.

    ``model``: the default model. ``missing``: by client, what keeps it from working, as
    ``NAME (how to give it)``; such a client is valid and disabled. ``patch_overrides``: by client, the
    patches of the environment; for an API named there the client's own patch does not apply.
    ``interpolated``: by client, the keys whose value came out of ``{{NAME}}``, which never print, with the
    names. ``overridden``: by variable that beats the file, the names in whose place it stands.
    ``warnings``: accepted, but perhaps not what was meant.
    """

    path: str
    model: str | None = None
    clients: tuple[ClientSettings, ...] = field(default=(), repr=False)
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    patch_overrides: Mapping[str, OverridePatches] = field(default_factory=dict, repr=False)
    vault: Vault = field(default_factory=Vault)
    limits: Limits = field(default_factory=Limits)
    budget: Budget = field(default_factory=Budget)
    extra_socket: ExtraSocket | None = None
    interpolated: Mapping[str, Mapping[Path, tuple[str, ...]]] = field(default_factory=dict, repr=False)
    overridden: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    warnings: tuple[Problem, ...] = ()

    def client(self, name: str) -> ClientSettings | None:
        return next((client for client in self.clients if client.name == name), None)
