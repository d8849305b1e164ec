"""A tiny model with random weights, made on the spot, and a genuine llama.cpp server that serves it.

The model speaks nonsense, always the same one: a real server with real streaming, schemas, embeddings and
cancellation, ready in a moment. Byte-level vocabulary, so that every text can be read and written.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gguf
import numpy as np

from lokid import llama

CONTEXT = 4096
TEMPLATE = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}\n{% endfor %}<|assistant|>"


def make_model(path: Path, *, layers: int = 1, width: int = 64) -> Path:
    """Writes a GGUF file of about 300 KB at ``path``. Large ``layers`` and ``width`` make it slow."""
    heads, feed_forward = 4, 2 * width
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    tokens += ["\u2581" + letter for letter in "abcdefghijklmnopqrstuvwxyz"]
    types = [gguf.TokenType.UNKNOWN] + [gguf.TokenType.CONTROL] * 2 + [gguf.TokenType.BYTE] * 256
    types += [gguf.TokenType.NORMAL] * 26
    noise = np.random.default_rng(7)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(TEMPLATE)

    def tensor(name: str, *shape: int) -> None:
        writer.add_tensor(name, (noise.standard_normal(shape) * 0.05).astype(np.float32))

    tensor("token_embd.weight", len(tokens), width)
    output = (noise.standard_normal((len(tokens), width)) * 0.05).astype(np.float32)
    # At temperature 0 only printable ASCII is said, and never the end of the answer: among a hundred
    # random logits the largest is above 0.
    for silent in (slice(0, 3 + 32), slice(3 + 127, 3 + 256)):
        output[silent] = 0
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    for layer in range(layers):
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(width, np.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"blk.{layer}.{name}.weight", width, width)
        tensor(f"blk.{layer}.ffn_gate.weight", feed_forward, width)
        tensor(f"blk.{layer}.ffn_up.weight", feed_forward, width)
        tensor(f"blk.{layer}.ffn_down.weight", width, feed_forward)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def command(model: Path, *options: str) -> list[str]:
    """For ``launch``; {port} is filled in by lokid."""
    # One thread: llama.cpp's threads wait for each other, which takes ages while other tests run.
    return [
        *(sys.executable, "-P", llama.__file__, "--model", str(model)),
        *("--port", "{port}", "--threads", "1", *options),
    ]


@contextmanager
def serving(model: Path, *options: str, key: str | None = None) -> Iterator[str]:
    """The base URL (with /v1) of a running server, which wants ``key`` if there is one."""
    environ = {**os.environ, **({llama.KEY_VARIABLE: key} if key else {})}
    arguments = [part.replace("{port}", "0") for part in command(model, *options)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert "listening on " in line, line
            yield line.split()[-1] + "/v1"
        finally:
            process.terminate()
            process.wait(10)
