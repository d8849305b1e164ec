"""All targets by name, and their corpora.

A corpus is a text file with a bytes literal a line, so that a change of it can be read. It holds what the
tests' own tables say (``python -m tests.fuzz.seeds``), what a fuzzer made of that and reached more with, and
every input that once broke a property.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import answer_targets, config_targets, http1_targets, targets


@dataclass(frozen=True, slots=True)
class Target:
    """``traced``: the packages and modules under test. A call is made for each branch in them, which costs
    several times what the branch does, so it is not made for what stands around them. ``longest``: bytes of
    an input; everything that the target reads can be said in that, with limits made small. ``words``: what
    the format is made of and chance does not find."""

    run: targets.Target
    traced: tuple[str, ...]
    longest: int
    words: tuple[str, ...] = ()


_KEYS = (
    *config_targets.KEYS,
    "{{NAME}}",
    "{{MISSING}}",
    "'@@'",
    "http://[::1]/",
    "client:model",
    "&a ",
    "*a",
)
_YAML = ("lokid.config.nodes", "lokid.config.bulk", "lokid.config.scalars", "lokid.config.syntax")
_ANSWERS = ("lokid.providers", "lokid.dialects", "lokid.protocols", "lokid.chat")

TARGETS: dict[str, Target] = {
    "rpc": Target(targets.rpc, ("lokid.rpc",), 112),
    "answers_read_by_lokictl": Target(targets.answers_read_by_lokictl, ("lokictl.wire",), 200),
    "sse": Target(targets.sse, ("lokid.protocols.sse",), 80),
    "event_stream": Target(targets.event_stream, ("lokid.protocols.event_stream",), 160),
    "yaml": Target(config_targets.yaml, _YAML, 160, _KEYS),
    "config": Target(config_targets.config, ("lokid.config", "lokid.providers"), 160, _KEYS),
    "dotenv": Target(config_targets.dotenv, ("lokid.runtime.secrets.sources",), 200),
    "vault": Target(config_targets.vault, ("lokid.config.vault",), 200),
    "merge_patch": Target(targets.merge_patch, ("lokid.protocols.merge_patch",), 200),
    "waits": Target(targets.waits, ("lokid.protocols.retry_after",), 200),
    "http1_response": Target(
        http1_targets.response, ("lokid.protocols.http1",), 250, http1_targets.RESPONSE_WORDS
    ),
    "http1_request": Target(
        http1_targets.request, ("lokid.protocols.http1",), 200, http1_targets.REQUEST_WORDS
    ),
    "answers": Target(answer_targets.answers, _ANSWERS, 600),
    "refusals": Target(answer_targets.refusals, _ANSWERS, 400),
    "oauth": Target(answer_targets.oauth, ("lokid.protocols.oauth2", "lokid.protocols.oauth2_answers"), 300),
}

CORPUS = Path(__file__).parent / "corpus"


def corpus(name: str) -> list[bytes]:
    """The smallest first."""
    path = CORPUS / f"{name}.txt"
    return [ast.literal_eval(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep(name: str, inputs: Iterable[bytes]) -> None:
    CORPUS.mkdir(exist_ok=True)
    lines = sorted({repr(each) for each in inputs}, key=lambda line: (len(line), line))
    (CORPUS / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
