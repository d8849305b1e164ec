"""One question, whole process: what a person or a script waits for, and what it costs.

All contestants ask the same provider on this machine for the same answer, 20 streamed events, so that only
their own cost shows. lokictl runs as installed from its wheel, against a daemon that is warm, which is its
purpose; the other programs have no daemon to be warm. An SDK is asked by the shortest script that streams.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import environments, gateways
from benchmarks.machine import RUN, Unavailable, shuffled

MODEL = "words-20"
SAID = " ".join(f"w{number}" for number in range(20))
BARE = "python -c pass"

OPENAI = """
import openai
client = openai.OpenAI(base_url="{base}/v1", api_key="none")
for chunk in client.chat.completions.create(
    model="words-20", messages=[{{"role": "user", "content": "hello"}}], stream=True
):
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
"""

ANTHROPIC = """
import anthropic
client = anthropic.Anthropic(base_url="{base}", api_key="none")
messages = [{{"role": "user", "content": "hello"}}]
with client.messages.stream(model="words-20", max_tokens=100, messages=messages) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print()
"""

ANY_LLM = """
from any_llm import completion
messages = [{{"role": "user", "content": "hello"}}]
for chunk in completion(
    model="words-20", provider="openai", api_base="{base}/v1", api_key="none", messages=messages, stream=True
):
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
"""

LITELLM = """
import litellm
messages = [{{"role": "user", "content": "hello"}}]
for chunk in litellm.completion(
    model="openai/words-20", api_base="{base}/v1", api_key="none", messages=messages, stream=True
):
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
"""

HTTPX = """
import httpx2, json
body = {{"model": "words-20", "messages": [{{"role": "user", "content": "hello"}}], "stream": True}}
with httpx2.stream("POST", "{base}/v1/chat/completions", json=body) as answer:
    for line in answer.iter_lines():
        if line.startswith("data: ") and line != "data: [DONE]":
            choices = json.loads(line[6:])["choices"]
            if choices:
                print(choices[0]["delta"].get("content") or "", end="", flush=True)
print()
"""

SCRIPTS = {
    "httpx2 script": HTTPX,
    "openai SDK script": OPENAI,
    "anthropic SDK script": ANTHROPIC,
    "any-llm script": ANY_LLM,
    "litellm script": LITELLM,
}
SLOW = {"anthropic SDK script", "any-llm script", "litellm script"}
"""Seconds each: asked in every third round only."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """``says``: in its output after a good answer."""

    command: list[str]
    env: Mapping[str, str]
    says: str


def run(contestant: Contestant, output: Path) -> dict[str, float]:
    """What one run took."""
    command = [RUN.path(), str(output), *contestant.command]
    done = subprocess.run(
        command, env=contestant.env, capture_output=True, text=True, timeout=120, check=False
    )
    measured: dict[str, float] = json.loads(done.stdout)
    # A benchmark of something that does not work is worthless.
    said = output.read_text("utf-8", "replace")
    if measured["status"] or contestant.says not in said:
        raise Unavailable(f"failed: {(done.stderr.strip() or said).splitlines()[-1:]}")
    return measured


def peers(base: str, room: Path, env: Mapping[str, str]) -> dict[str, Contestant]:
    """Everything that is installed by requirements/bench-peers.txt. ``base``: the provider's origin."""
    python = environments.python("peers")
    (room / "llm").mkdir(exist_ok=True)
    entry = [{"model_id": "fake", "model_name": MODEL, "api_base": f"{base}/v1"}]
    (room / "llm" / "extra-openai-models.yaml").write_text(json.dumps(entry))
    plain = {
        **env,
        "LLM_USER_PATH": str(room / "llm"),
        "OPENAI_API_KEY": "none",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # it would ask a host for prices at every start
    }
    found = {"llm": Contestant([str(python.with_name("llm")), "-m", "fake", "hello"], plain, SAID)}
    for name, script in SCRIPTS.items():
        found[name] = Contestant([str(python), "-c", script.format(base=base)], plain, SAID)
    return found


def curl(base: str, env: Mapping[str, str], *options: str) -> dict[str, Contestant]:
    program = shutil.which("curl")
    if program is None:
        return {}
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "stream": True})
    command = [program, "-sSN", *options, "-H", "content-type: application/json", "-d", body]
    return {"curl -N": Contestant([*command, f"{base}/v1/chat/completions"], env, "data: [DONE]")}


def measure(rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="lokid-bench.") as directory, gateways.provider() as port:
        room = Path(directory)
        plain = {"PATH": os.environ["PATH"], "HOME": directory}
        base = f"http://127.0.0.1:{port}"
        python = environments.lokid()
        with gateways.lokid(port, room) as lokid:
            socket = {**plain, "LOKID_SOCK": str(lokid.where)}
            contestants = {
                BARE: Contestant([str(python), "-c", "pass"], plain, ""),
                **curl(base, plain),
                "lokictl ask": Contestant([str(python.with_name("lokictl")), "ask", "hello"], socket, SAID),
            }
            left_out = {}
            try:
                contestants |= peers(base, room, plain)
            except Unavailable as reason:
                left_out["llm, SDKs, any-llm, litellm"] = str(reason)
            rows, failed = in_turn(contestants, room, rounds)
        if not shutil.which("curl"):
            left_out["curl"] = "is not installed"
    return {"contestants": rows, "left_out": {**left_out, **failed}, "rounds": rounds}


def in_turn(
    contestants: Mapping[str, Contestant], room: Path, rounds: int
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Medians by name, and who failed and why."""
    series: dict[str, list[dict[str, float]]] = {name: [] for name in contestants}
    failed: dict[str, str] = {}
    for number in range(rounds + 1):
        for name, contestant in shuffled(contestants.items(), number):
            if name in failed or (name in SLOW and number % 3 != 1 and number):
                continue
            try:
                row = run(contestant, room / "output")
            except Unavailable as reason:
                failed[name] = str(reason)
                print(f"{name} is left out: {reason}", file=sys.stderr, flush=True)
                continue
            if number:  # the first round warms the disk
                series[name].append(row)
    return {
        name: {
            "wall_ms": statistics.median(row["wall_s"] for row in rows) * 1e3,
            "fastest_ms": min(row["wall_s"] for row in rows) * 1e3,
            "least_first_ms": min(row["first_s"] for row in rows) * 1e3,
            "first_ms": statistics.median(row["first_s"] for row in rows) * 1e3,
            "cpu_ms": statistics.median(row["cpu_s"] for row in rows) * 1e3,
            "peak_mib": statistics.median(row["peak_mib"] for row in rows),
        }
        for name, rows in series.items()
        if rows and name not in failed
    }, failed
