"""What the daemon imports, and when: counted, since a time would depend on the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def loaded(program: str) -> set[str]:
    """The modules in memory after ``program``, in an interpreter that has nothing loaded for itself."""
    path = [str(ROOT), *sys.path]
    code = f"import sys; sys.path[:0] = {path!r}\n{program}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_clients_can_connect_before_anything_heavy_is_imported():
    # `lokid.daemon.main` binds the socket with what this imports.
    modules = loaded("import lokid.daemon")
    assert not modules & {
        "anyio",
        "argparse",
        "asyncio",
        "pydantic",
        "yaml",
        "ssl",
        "sqlite3",
        "urllib.parse",
        "lokid.runtime",
        "lokid.sandbox",
        "lokid.config",
    }


def test_the_library_for_proxies_is_imported_for_proxies_only():
    modules = loaded("import lokid.runtime.core, lokid.server.life")
    assert "lokid.runtime.network.lean" in modules
    assert not modules & {"httpx2", "httpcore2", "h11", "trio", "lokid.runtime.network.library"}


def test_no_plugin_of_an_installed_package_is_loaded(tmp_path):
    (tmp_path / "curious.py").write_text("def new_schema_validator(*_, **__): return None, None, None")
    described = tmp_path / "curious-1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: curious\nVersion: 1\n")
    (described / "entry_points.txt").write_text("[pydantic]\ncurious = curious\n")
    start = f"sys.path[:0] = [{str(tmp_path)!r}]; import os, lokid.daemon; lokid.daemon.harden(os.environ)"
    assert "curious" not in loaded(f"{start}; import lokid.server.life")
    # It would have been: the test knows how to make one.
    assert "curious" in loaded(
        f"{start}; del os.environ['PYDANTIC_DISABLE_PLUGINS']; import lokid.server.life"
    )


START = (
    "import os, lokid.daemon; lokid.daemon.harden(os.environ); lokid.daemon._import_pydantic();"
    " import lokid.server.life, lokid.runtime.core"
)


def test_an_idle_daemon_does_not_hold_what_only_few_of_them_need():
    modules = loaded(START)
    assert "lokid.runtime.core" in modules
    assert not modules & {"importlib.metadata", "zipfile", "email.message", "configparser", "argparse", "csv"}


def test_whoever_needs_to_know_what_is_installed_can_still_find_out():
    assert "zipfile" in loaded(f"{START}\nfrom importlib.metadata import version; assert version('pydantic')")
