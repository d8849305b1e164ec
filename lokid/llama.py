"""llama.cpp as a program: ``python -m lokid.llama --model FILE.gguf --port 8123``.

Serves one GGUF model over HTTP on the loopback interface, in the dialect of OpenAI (``/v1/chat/completions``,
``/v1/embeddings``, ``/v1/rerank``), until SIGTERM. The llama.cpp inside is that of the ``xllamacpp`` wheel
(extra ``local``). An ``openai-compatible`` client starts it with ``launch``; a person may as well.

The key that callers must send as ``Authorization: Bearer ...`` is the environment variable
``LOKID_LAUNCH_KEY``, never an argument, which every user of the machine could read. Without it, anyone
who reaches the port may ask.

Exit status: 0 after SIGTERM or SIGINT, 1 if the model cannot be loaded, 2 for a wrong command line.
Nothing of lokid is imported, so the program needs no more memory than llama.cpp does.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

KEY_VARIABLE = "LOKID_LAUNCH_KEY"
POOLING = ("mean", "cls", "last")


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line; leaves with status 2 and one line on stderr when it is wrong."""
    import argparse  # not for the daemon, which only wants to know where this file is

    parser = argparse.ArgumentParser(
        prog="lokid.llama", description="Serve one GGUF model with llama.cpp.", allow_abbrev=False
    )
    parser.add_argument("--model", required=True, metavar="FILE", help="the GGUF file")
    parser.add_argument("--port", type=int, required=True, help="on the loopback interface; 0: any free one")
    parser.add_argument("--alias", metavar="NAME", help="name in answers; default: the path of the model")
    parser.add_argument("--context", type=int, default=0, metavar="TOKENS", help="default: the model's own")
    parser.add_argument("--parallel", type=int, default=1, metavar="N", help="answers at the same time")
    parser.add_argument("--threads", type=int, metavar="N", help="default: one per core")
    parser.add_argument(
        "--temperature", type=float, metavar="T", help="for requests without one; default: llama.cpp's"
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--embeddings", action="store_true", help="serve /v1/embeddings only")
    mode.add_argument("--rerank", action="store_true", help="serve /v1/rerank only")
    parser.add_argument("--pooling", choices=POOLING, help="of token vectors; default: the model's own")
    parser.add_argument("--verbose", action="store_true", help="the log of llama.cpp on stderr")
    chosen = parser.parse_args(argv)
    if not os.path.isfile(chosen.model):
        parser.error(f"no such model file: {chosen.model}")
    if not 0 <= chosen.port <= 65535:
        parser.error("--port must be between 0 and 65535")
    if chosen.context < 0 or chosen.parallel < 1 or (chosen.threads is not None and chosen.threads < 1):
        parser.error("--context, --parallel and --threads must be positive")
    return chosen


def parameters(chosen: argparse.Namespace, key: str | None) -> Any:
    """llama.cpp's own parameters for ``chosen``."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = chosen.model
    params.hostnames = ["127.0.0.1"]
    params.port = chosen.port
    params.offline = True  # the file is here; llama.cpp must not look for it elsewhere
    params.ui = False
    params.endpoint_slots = True  # what runs now: tests and `lokictl doctor` look at it
    params.verbosity = 3 if chosen.verbose else 1  # 1: errors
    # llama.cpp divides ``n_ctx`` among its slots; here the context is what one answer may use.
    params.n_ctx = chosen.context * chosen.parallel
    params.n_parallel = chosen.parallel
    # The prompt cache in RAM serves many conversations of large models; 8 GiB, the default, is more than
    # the small models have that are started this way.
    params.cache_ram_mib = 512
    if chosen.alias:
        params.model_alias = {chosen.alias}
    if chosen.threads:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = chosen.threads
    if chosen.temperature is not None:
        params.sampling.temp = chosen.temperature
    if key:
        params.api_keys = [key]
    if chosen.embeddings or chosen.rerank:
        params.embedding = True
        # A text is pooled as a whole, so it must fit one physical batch.
        params.n_ubatch = params.n_batch
    pooling = "rank" if chosen.rerank else chosen.pooling
    if pooling:
        params.pooling_type = xllamacpp.llama_pooling_type[f"LLAMA_POOLING_TYPE_{pooling.upper()}"]
    return params


def main(argv: Sequence[str] | None = None) -> int:
    chosen = arguments(argv)
    # Blocked before llama.cpp starts its threads, which inherit the mask: only sigwait() below gets them.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        import xllamacpp
    except ModuleNotFoundError:
        print("lokid.llama: llama.cpp is not installed: make demo", file=sys.stderr)  # noqa: T201 - its only user interface
        return 1
    except ImportError as error:  # a shared library that slim systems lack
        reason = f"{error} (Debian has libgomp.so.1 in libgomp1)"
        print(f"lokid.llama: llama.cpp cannot be loaded: {reason}", file=sys.stderr)  # noqa: T201
        return 1
    try:
        server = xllamacpp.Server(parameters(chosen, os.environ.pop(KEY_VARIABLE, None)))
    except Exception as error:  # what the binding raises is not documented
        print(f"lokid.llama: cannot serve {chosen.model}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"lokid.llama: listening on {server.listening_address}", flush=True)  # noqa: T201
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    # llama.cpp's destructor waits for its running answers; nobody reads them any more.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
