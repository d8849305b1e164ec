"""``lokictl ask`` imports what costs nothing. Counted in modules, because milliseconds vary.

Each ban has its reason: typing +9 ms, socket +11, json +11, dataclasses +21, click +36, asyncio +57 over a
bare start of 13 ms; msgpack +7, which small answers do not need; __future__ +0.3, so that annotations of more
than a name stand in quotes on this path.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from tests.fakes.daemon import ROOT
from tests.fakes.rpc_daemon import result, say
from tests.fakes.terminal import environment

BANNED = {
    "__future__", "argparse", "asyncio", "click", "collections", "contextlib", "dataclasses", "enum", "json",
    "msgpack", "re", "selectors", "socket", "subprocess", "typing",
}  # fmt: skip

PROGRAM = """
import sys
before = set(sys.modules)
from lokictl.__main__ import run
status = run(sys.argv[1:])
print("status", status, file=sys.stderr)
print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""


def modules(*arguments, stdin=b""):
    """What the command line imported beyond a bare start."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], input=stdin, capture_output=True, env=environment()
    )
    status, names = done.stderr.decode().splitlines()[-2:]
    assert status == "status 0", done.stderr
    return set(names.split())


def test_the_fast_path_imports_nothing_that_costs(daemon):
    daemon(chat=say(*["word "] * 20))
    names = modules("ask", "fake:model", "-t", "0.5", "hi", stdin=b"more")
    assert names & BANNED == set()
    assert len(names) <= 16, sorted(names)


AFTER = """
import sys
from lokictl import link
from lokictl.__main__ import run
def send(self, data, send=link.Link._send):
    send(self, data)
    print(*sorted(name for name in sys.modules if name.startswith("lokictl")), file=sys.stderr)
link.Link._send = send
run(["ask", "hi"])
print(*sorted(name for name in sys.modules if name.startswith("lokictl")), file=sys.stderr)
"""


def test_what_shows_the_answer_is_imported_while_the_daemon_works(daemon):
    daemon(chat=say("word"))
    done = subprocess.run(
        [sys.executable, "-c", AFTER], stdin=subprocess.DEVNULL, capture_output=True, env=environment()
    )
    assert done.stdout == b"word\n"
    before, after = (set(line.split()) for line in done.stderr.splitlines())
    assert {name.decode() for name in after - before} == {"lokictl.reply", "lokictl.wire"}


def test_what_lies_beside_the_command_is_not_imported(tmp_path):
    shutil.copy(ROOT / "bin" / "lokictl", tmp_path)
    (tmp_path / "lokictl.py").write_text("print('not lokictl')")
    done = subprocess.run(
        [sys.executable, tmp_path / "lokictl", "--version"], capture_output=True, env=environment()
    )
    assert done.stdout.startswith(b"lokictl "), done.stderr


def test_ask_imports_only_the_standard_library_msgpack_and_the_rpc_page(daemon):
    daemon(chat=lambda call, params: result("x" * 200_000))
    names = modules("ask", "--json", "hi")
    foreign = {
        name
        for name in names
        if name.partition(".")[0] not in sys.stdlib_module_names | {"msgpack", "lokictl", "cython_runtime"}
        and not name.startswith(("_cython", "lokid.rpc"))
    }
    assert foreign == {"lokid"}


def test_other_commands_import_click_and_nothing_else_foreign(daemon):
    daemon(clients__list=lambda *_: [])
    names = modules("clients")
    foreign = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
    assert {name for name in foreign if not name.startswith(("_cython", "cython"))} == {
        "click", "lokictl", "lokid", "msgpack",
    }  # fmt: skip
    assert {name for name in names if name.startswith("lokid.") and not name.startswith("lokid.rpc")} == set()
