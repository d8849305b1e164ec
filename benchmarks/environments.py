"""Where the contestants are installed: each in its own environment in ``.venv-bench``, from hashed locks.

What cannot be installed here raises ``Unavailable``; it is then left out, and the reason is printed.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import Unavailable

ROOT = Path(__file__).parent.parent
ROOM = ROOT / ".venv-bench"
INSTALLED = "LOKID_BENCH_INSTALLED"
"""Set for processes of the same run that have no network."""
GATEWAY = Path(__file__).parent / "gateway"


def clean() -> dict[str, str]:
    """An environment without what makes a Python slower or lets it find more than is installed for it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "LOKI", "XDG_")) and not name.endswith(("_API_KEY", "_TOKEN"))
    }


def python(name: str) -> Path:
    """The interpreter of the environment with what requirements/bench-NAME.txt locks."""
    if INSTALLED in os.environ:
        return ROOM / name / "bin" / "python"
    lock = ROOT / "requirements" / f"bench-{name}.txt"
    return _made(name, _digest([lock]), [["--require-hashes", "-r", str(lock)]])


@functools.cache  # one run measures one state of the sources
def lokid() -> Path:
    """The interpreter of an environment with lokid as a user has it: installed from its wheel."""
    if INSTALLED in os.environ:
        return ROOM / "lokid" / "bin" / "python"
    lock = ROOT / "requirements" / "runtime.txt"
    sources = [
        path
        for folder in ("lokid", "lokictl", "bin", "man")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    whole = [ROOT / name for name in ("pyproject.toml", "README.md", "LICENSE")]
    with tempfile.TemporaryDirectory(prefix="lokid-bench.") as copy:  # a build leaves files in its tree
        for path in [*sources, *whole]:
            target = Path(copy, path.relative_to(ROOT))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        steps = [["--require-hashes", "-r", str(lock)], ["--no-build-isolation", "--force-reinstall", copy]]
        return _made("lokid", _digest([lock, *sources, *whole]), steps)


def portkey() -> Path:
    """The start script of the gateway from npm."""
    script = GATEWAY / "node_modules/@portkey-ai/gateway/build/start-server.js"
    if not shutil.which("node"):
        raise Unavailable("needs Node.js")
    if not script.exists():
        if not shutil.which("npm"):
            raise Unavailable("needs npm")
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=GATEWAY)
    return script


def _digest(paths: Sequence[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        found.update(path.read_bytes())
    return found.hexdigest()


def _made(name: str, digest: str, steps: list[list[str]]) -> Path:
    folder = ROOM / name
    interpreter, stamp = folder / "bin" / "python", folder / "made-of"
    if stamp.exists() and stamp.read_text() == digest:
        return interpreter
    print(f"installing {name} into {folder.relative_to(ROOT)}", file=sys.stderr, flush=True)
    if not interpreter.exists():
        _run([sys.executable, "-m", "venv", str(folder)])
    for step in steps:
        wheels = [] if "--no-build-isolation" in step else ["--only-binary=:all:"]
        pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "-qq", "install", "--no-deps"]
        _run([*pip, *wheels, *step])
    # A first start that compiles its modules would be measured otherwise.
    _run([str(interpreter), "-m", "compileall", "-qq", "-j", "0", str(folder / "lib")], may_fail=True)
    stamp.write_text(digest)
    return interpreter


def _run(command: list[str], *, cwd: Path | None = None, may_fail: bool = False) -> None:
    done = subprocess.run(command, cwd=cwd, env=clean(), capture_output=True, text=True, check=False)
    if done.returncode and not may_fail:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise Unavailable(f"could not be installed: {' '.join(last)}")
