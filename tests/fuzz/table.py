"""All targets by name, and their corpora.

A corpus is a text file with a bytes literal a line, so that a change of it can be read. It holds what the
tests' own tables say (``python -m tests.fuzz.seeds``), what a fuzzer made of that and reached more with, and
every input that once broke a property.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from tests.fuzz import answer_targets, targets

TARGETS: dict[str, targets.Target] = {
    "rpc": targets.rpc,
    "answers_read_by_lokictl": targets.answers_read_by_lokictl,
    "sse": targets.sse,
    "event_stream": targets.event_stream,
    "config": targets.config,
    "dotenv": targets.dotenv,
    "vault": targets.vault,
    "merge_patch": targets.merge_patch,
    "waits": targets.waits,
    "answers": answer_targets.answers,
    "refusals": answer_targets.refusals,
    "oauth": answer_targets.oauth,
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
