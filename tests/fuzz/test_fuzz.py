"""The corpora, and some thousand inputs made of them: seconds, where ``make fuzz`` takes what it is given.

LOKID_FUZZ_RUNS and LOKID_FUZZ_SEED make it longer and another one.
"""

from __future__ import annotations

import os

import pytest

from tests.fuzz.mutations import mutations
from tests.fuzz.table import CORPUS, TARGETS, corpus

SEED = int(os.environ.get("LOKID_FUZZ_SEED", "6"))
FEWER_RUNS = {"config": 1000, "yaml": 1000, "answers": 1200, "http1_response": 1000}
"""Of what takes longest for an input: some tenths of a millisecond."""

EACH = pytest.mark.parametrize("name", TARGETS)


@EACH
def test_what_once_broke_a_property_does_not_any_more(name: str) -> None:
    inputs = corpus(name)
    assert inputs, f"no corpus: python -m tests.fuzz.seeds writes {CORPUS}/{name}.txt"
    for data in inputs:
        TARGETS[name].run(data)


@EACH
def test_no_input_made_of_the_corpus_breaks_a_property(name: str) -> None:
    runs = int(os.environ.get("LOKID_FUZZ_RUNS", FEWER_RUNS.get(name, 2000)))
    for data in mutations(corpus(name), runs, SEED):
        try:
            TARGETS[name].run(data)
        except BaseException as error:
            error.add_note(f"the input, for {CORPUS / name}.txt: {data!r}")
            raise


def test_the_corpora_stay_small() -> None:
    assert {path.stem for path in CORPUS.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.iterdir()) < 256 * 1024
