"""One question, whole process, side by side: what a person or a script waits for.

    make bench                    about a minute

All contestants ask the same fake server on this machine for the same answer, 20 streamed events, so that
only their own cost shows. Every round runs each of them once, in turn: a machine that gets slower gets slower
for all. Medians are printed with their ratio to a bare start of the interpreter, since absolute times mean
little on another machine. lokictl runs as installed from its wheel, against a daemon that is warm, which is
its purpose; the other programs have no daemon to be warm.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent

OPENAI_SCRIPT = """
import openai
client = openai.OpenAI(base_url="{base}", api_key="none")
for chunk in client.chat.completions.create(
    model="fake", messages=[{{"role": "user", "content": "hello"}}], stream=True
):
    if chunk.choices and chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content, end="", flush=True)
print()
"""

HTTPX_SCRIPT = """
import httpx2, json
body = {{"model": "fake", "messages": [{{"role": "user", "content": "hello"}}], "stream": True}}
with httpx2.stream("POST", "{base}/chat/completions", json=body) as answer:
    for line in answer.iter_lines():
        if line.startswith("data: ") and line != "data: [DONE]":
            choices = json.loads(line[6:])["choices"]
            if choices:
                print(choices[0]["delta"].get("content") or "", end="", flush=True)
print()
"""


@contextlib.contextmanager
def fake_server() -> Iterator[str]:
    """The base URL of a server in a process of its own."""
    process = subprocess.Popen([sys.executable, HERE / "server.py"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def daemon(lokictl: Path, base: str) -> Iterator[dict[str, str]]:
    """The environment of lokictl with a daemon of its own, configured for the fake server."""
    with tempfile.TemporaryDirectory(prefix="lokid-bench.") as room:
        config = Path(room, "config.yaml")
        config.write_text(
            "model: fake:fake\n"
            "clients:\n"
            f"  - {{type: openai-compatible, name: fake, api_base: '{base}', models: [{{name: fake}}]}}\n"
        )
        os.mkdir(f"{room}/run", 0o700)
        env = {
            "PATH": os.environ["PATH"],
            "HOME": room,
            "LOKID_CONFIG": str(config),
            "XDG_RUNTIME_DIR": f"{room}/run",
            "XDG_STATE_HOME": f"{room}/state",
        }
        subprocess.run([lokictl, "daemon", "start"], env=env, check=True, stdout=subprocess.DEVNULL)
        try:
            yield env
        finally:
            subprocess.run([lokictl, "daemon", "stop"], env=env, check=False, stdout=subprocess.DEVNULL)


def run(command: list[str], env: dict[str, str]) -> tuple[float, str]:
    """Seconds from start to end, and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    took = time.perf_counter() - started
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()}")
    return took, done.stdout


def machine() -> str:
    """What the figures were measured on."""
    model = "unknown processor"
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as lines:
        model = next((line.split(": ")[1].strip() for line in lines if line.startswith("model name")), model)
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(description="Measure `lokictl ask` side by side.")
    parser.add_argument("--lokictl", type=Path, required=True, help="as installed from the wheel")
    parser.add_argument("--rounds", type=int, default=25)
    chosen = parser.parse_args()
    with fake_server() as base, daemon(chosen.lokictl.absolute(), base) as lokid:
        plain = {"PATH": os.environ["PATH"], "HOME": lokid["HOME"]}
        body = '{"model":"fake","messages":[{"role":"user","content":"hello"}],"stream":true}'
        curl = ["curl", "-sN", "-H", "content-type: application/json", "-d", body, f"{base}/chat/completions"]
        contestants = {
            "python -c pass": ([str(chosen.lokictl.with_name("python")), "-c", "pass"], plain),
            "curl -N, direct": (curl, plain),
            "lokictl ask, warm daemon": ([str(chosen.lokictl), "ask", "hello"], lokid),
            "httpx2 script": ([sys.executable, "-c", HTTPX_SCRIPT.format(base=base)], plain),
            "openai SDK script": ([sys.executable, "-c", OPENAI_SCRIPT.format(base=base)], plain),
        }
        if not shutil.which("curl"):
            del contestants["curl -N, direct"]
        times: dict[str, list[float]] = {name: [] for name in contestants}
        said: dict[str, str] = {}
        for number in range(chosen.rounds + 1):
            for name, (command, env) in contestants.items():
                took, said[name] = run(command, env)
                if number:  # the first round warms caches
                    times[name].append(took)
    # A benchmark of something that does not work is worthless: all must have said the same.
    answers = {
        text.strip() for name, text in said.items() if name not in ("python -c pass", "curl -N, direct")
    }
    assert len(answers) == 1 and answers != {""}, said
    bare = statistics.median(times["python -c pass"])
    print(f"{machine()}\n{chosen.rounds} rounds, interleaved; one question, 20 streamed events\n")
    print(f"{'':28}{'median ms':>10}{'fastest':>10}{'slowest':>10}{'ratio':>8}")
    for name, series in times.items():
        median, fastest, slowest = statistics.median(series), min(series), max(series)
        print(f"{name:28}{median * 1e3:10.1f}{fastest * 1e3:10.1f}{slowest * 1e3:10.1f}{median / bare:8.2f}")


if __name__ == "__main__":
    main()
