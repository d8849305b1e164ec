"""The same comparisons with the generation of the official SDKs before the current one.

Two versions of a package cannot be in one environment. ``LOKID_OLD_SDKS`` names a folder with the older ones
(``make test`` fills it and sets the variable); the tests run once more in a process that finds it first.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLDER = os.environ.get("LOKID_OLD_SDKS")

PACKAGES = ("anthropic", "google-genai", "openai")
FILES = (
    "test_anthropic_sdk.py",
    "test_azure_foundry_sdks.py",
    "test_google_sdk.py",
    "test_openai_sdk_answers.py",
    "test_openai_sdk_azure.py",
    "test_openai_sdk_requests.py",
    "test_vertex_claude_sdk.py",
)
"""Those that compare with one of the packages; the other SDKs have had no new generation of late."""

SAY_VERSIONS = f"import importlib.metadata as m; print(*(m.version(name) for name in {PACKAGES}))"


def older(*arguments: str) -> subprocess.CompletedProcess[str]:
    own = ("LOKID_OLD_SDKS", "PYTEST_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**environ, "PYTHONPATH": str(OLDER)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.timeout(120)
@pytest.mark.skipif(not OLDER, reason="LOKID_OLD_SDKS names no folder with older packages: `make test`")
def test_the_previous_generation_agrees_too() -> None:
    found = older("-c", SAY_VERSIONS).stdout.split()
    for name, previous in zip(PACKAGES, found, strict=True):
        # Else the current generation would only agree with itself.
        assert int(previous.partition(".")[0]) < int(version(name).partition(".")[0]), name
    done = older("-m", "pytest", "-p", "no:cacheprovider", *(f"tests/oracles/{name}" for name in FILES))
    assert done.returncode == 0, done.stdout[-5000:]
