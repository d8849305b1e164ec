"""A configuration that is edited a hundred times a second, rightly and wrongly, while somebody asks: no
request fails, none is made of two configurations, and at the end what was written last is in force."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.daemon import Client, connect, poll, process
from tests.fakes.http_threads import Handler, serving

DAEMON = [sys.executable, "-m", "lokid"]

EDITS = 100
"""Within a second."""

MISTAKES = ("", "clients: [", "clients: {}", "\t", "[]")


class Provider(Handler):
    """Keeps the marks of every request: in the body, in a header, in the key."""

    seen: list[tuple[str, ...]]

    def do_POST(self) -> None:
        body = self.asked()
        key = self.headers["authorization"].removeprefix("Bearer key-")
        self.seen.append((body["mark"], self.headers["x-mark"], key, self.path.split("/")[1]))
        message = {"role": "assistant", "content": "hi"}
        self.answer({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


@contextmanager
def following(path: Path) -> Iterator[tuple[Client, str, list[tuple[str, ...]]]]:
    """A daemon that follows ``path``: a connection to it, the provider's URL, and what that has seen."""
    Provider.seen = []
    path.parent.mkdir(parents=True)
    with serving(Provider) as url:
        put(path, text(url, 0))
        with process(command=DAEMON) as running:
            client = connect(Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock")
            yield client, url, Provider.seen
            client.close()
            running.terminate()
            running.communicate(timeout=30)


def text(url: str, mark: int) -> str:
    patch = {"chat_completions": {".*": {"body": {"mark": str(mark)}, "headers": {"x-mark": str(mark)}}}}
    client: dict[str, Any] = {"type": "openai-compatible", "name": "c", "api_base": f"{url}/{mark}/v1"}
    client |= {"api_key": f"key-{mark}", "models": [{"name": "m", "no_stream": True}], "patch": patch}
    return json.dumps({"clients": [client]})


def put(path: Path, content: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_text(content)
    new.chmod(0o600)
    os.replace(new, path)


def edit(path: Path, url: str, mark: int) -> None:
    """Every way in which a file changes, one after the other; the even ones are right."""
    if mark % 2:
        match mark // 2 % 7:
            case 5:
                path.unlink(missing_ok=True)
            case 6:
                path.unlink(missing_ok=True)
                path.symlink_to("nowhere.yaml")
            case mistake:
                put(path, MISTAKES[mistake])
    elif mark % 6 == 0:  # behind a link
        target = path.with_name(f"elsewhere-{mark % 4}.yaml")
        put(target, text(url, mark))
        path.unlink(missing_ok=True)
        path.symlink_to(target)
    elif (
        mark % 6 == 2 and not path.is_symlink()
    ):  # in place, as some editors do: first nothing, then something
        path.write_text(text(url, mark))
        path.chmod(0o600)
    else:
        put(path, text(url, mark))


@pytest.mark.timeout(120)
def test_no_request_fails_or_sees_a_mix_and_the_last_edit_wins(home: Path) -> None:
    path = home / ".config/lokid/config.yaml"
    with following(path) as (client, url, seen):
        assert _mark(client, seen) == 0  # there is one that may stay in force
        storm = threading.Thread(target=_edit_all, args=(path, url))
        storm.start()
        asked = 1
        while storm.is_alive():
            assert client.ask("chat", model="c:m", prompt="hi")["text"] == "hi"
            asked += 1
        storm.join()
        assert asked == len(seen)
        marks = [int(one[0]) for one in seen]
        assert all(len(set(one)) == 1 for one in seen), "a request was made of two configurations"
        assert marks == sorted(marks), "an older configuration came back"
        assert all(mark % 2 == 0 for mark in marks)
        poll(lambda: _mark(client, seen) == EDITS)
        assert client.ask("status")["config"]["problems"] == []


def _edit_all(path: Path, url: str) -> None:
    for mark in range(1, EDITS + 1):
        edit(path, url, mark)
        time.sleep(0.01)  # the rate is what is tested


def _mark(client: Client, seen: list[tuple[str, ...]]) -> int:
    client.ask("chat", model="c:m", prompt="hi")
    return int(seen[-1][0])


@pytest.mark.timeout(120)
def test_nothing_is_never_taken_for_a_configuration_of_nothing(home: Path) -> None:
    """A file that was emptied or deleted, or that an editor has not finished: what was in force stays so."""
    path = home / ".config/lokid/config.yaml"
    with following(path) as (client, url, seen):
        assert _mark(client, seen) == 0
        for number, mistake in enumerate((*MISTAKES, None)):
            if mistake is None:
                path.unlink()
            else:
                put(path, mistake)
            poll(lambda: client.ask("status")["config"]["problems"])
            assert _mark(client, seen) == number
            put(path, text(url, number + 1))
            poll(lambda wanted=number + 1: _mark(client, seen) == wanted)
