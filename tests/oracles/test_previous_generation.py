"""The same comparisons with the generation of the ``openai`` package before the current one.

Two versions of a package cannot be in one environment, so the older lies beside it, in ``oracle`` of the
environment (the Makefile puts it there), and these tests run once more in a process that finds it first.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLDER = Path(sys.prefix) / "oracle"
TESTS = sorted((ROOT / "tests" / "oracles").glob("test_openai_sdk_*.py"))


def older(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(OLDER)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.timeout(120)
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_previous_generation_agrees_too(path: Path) -> None:
    if not OLDER.is_dir():
        pytest.skip("the older package is not installed: `make test` does it")
    version = older("-c", "import openai; print(openai.__version__)").stdout
    assert version.startswith("2."), "the current generation would only agree with itself"
    done = older("-m", "pytest", "-p", "no:cacheprovider", path)
    assert done.returncode == 0, done.stdout
