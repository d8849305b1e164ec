"""What the pages for users show, works: every block of commands in them is run as it stands, with a real
daemon and a provider that answers at once. README.md has a test of its own, with a real model."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator

import pytest

from lokid.config import Config, parse
from tests.fakes.conversing import conversing
from tests.readme.pages import PROGRAMS, ROOT, User, blocks, environment, first_line

pytestmark = pytest.mark.external

PAGES = ("docs/usage.md", "docs/shell.md", "docs/why.md", "docs/logs.md")
COMMANDS = [(page, block) for page in PAGES for block in blocks(page, "sh")]
KEY = "sk-of-the-reader-0123456789"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    if not shutil.which("lokictl", path=str(PROGRAMS)):
        pytest.skip("no lokictl here: `make test` installs it")
    home = tmp_path_factory.mktemp("reader")
    folder = home / "work"
    for directory in (folder, home / "run"):
        directory.mkdir(mode=0o700)
    config = home / ".config" / "lokid" / "config.yaml"
    config.parent.mkdir(parents=True)
    with conversing("ls -S | head -n 5") as url:
        model = {"name": "m", "input_price": 1.0, "output_price": 2.0}
        entry = {"type": "openai", "api_base": url, "api_key": KEY, "models": [model]}
        config.write_text(json.dumps({"clients": [entry]}))
        person = User(folder, environment(home))
        person.run("lokictl", "daemon", "start")
        yield person
        person.run("lokictl", "daemon", "stop")


@pytest.mark.parametrize(("page", "block"), COMMANDS, ids=[first_line(block) for _, block in COMMANDS])
def test_the_commands_of_the_page_work(reader: User, page: str, block: str) -> None:
    done = reader.shell(block)
    assert "Traceback" not in done.stderr
    assert KEY not in done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_the_configurations_of_the_page_are_good(page: str) -> None:
    text = (ROOT / page).read_text()
    for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        found = parse(block, "example.yaml", lookup={}, environ={})
        assert isinstance(found, Config), found


@pytest.mark.parametrize("page", [*PAGES, "docs/migration.md"])
def test_a_block_of_commands_says_that_it_is_one(page: str) -> None:
    """Else nobody would run it here."""
    text = (ROOT / page).read_text()
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        assert language in ("sh", "yaml") or not re.search(r"^lokictl |\| lokictl ", block, re.MULTILINE)


def test_the_complaints_are_25_and_each_has_its_command() -> None:
    page = (ROOT / "docs" / "why.md").read_text()
    parts = re.split(r"^\*\*(\d+)\. ", page, flags=re.MULTILINE)[1:]
    assert sorted(map(int, parts[::2])) == list(range(1, 26))
    for part in parts[1::2]:
        assert "](https://github.com/" in part and part.count("```sh\n") == 1


@pytest.mark.parametrize("page", [*PAGES, "docs/migration.md"])
def test_the_links_of_the_page_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / page).read_text()):
        assert (ROOT / page).parent.joinpath(target).exists(), target
