"""`lokictl ask` starts in milliseconds, so what it imports of ours is counted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = {"typing", "dataclasses", "enum", "json", "inspect", "re", "socket", "asyncio", "pydantic", "click"}


def test_the_modules_of_the_fast_path_import_nothing_heavy() -> None:
    program = (
        "import sys; import lokid.rpc.address, lokid.rpc.connection, lokid.rpc.messages; "
        "print(*sys.modules, sep='\\n')"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path[:0] = {[str(root), *sys.path]!r}; {program}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert not HEAVY & loaded
    assert {name for name in loaded if name.startswith("lokid")} == {
        "lokid", "lokid.rpc", "lokid.rpc.address", "lokid.rpc.connection", "lokid.rpc.large",
        "lokid.rpc.messages",
    }  # fmt: skip
