"""Programs that use and misuse a daemon: they ask, cancel, vanish, stop reading, send nonsense; and a person
who edits the configuration, the ``.env`` and the vault all the time, rightly and wrongly."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import SocketStream

from benchmarks.faulty_provider import GONE, TEXT
from lokid.rpc.connection import ANSWERS, Connection
from lokid.rpc.messages import Notification, Response, encode_notification, encode_request

MODELS = ("steady:m", "edited:m", "signed:m", "vaulted:m", "comes:m")

PATIENCE_S = 20.0
"""A request may take 5 s by the configuration below; more is a request that was forgotten."""

EXPECTED = {
    *("rate_limited", "overloaded", "provider_unavailable", "provider_error", "incomplete_response"),
    *("timeout", "cancelled", "unknown_model", "secret_missing"),
}
"""What may go wrong here. ``secret_missing``: none is in the vault yet. ``unknown_model``: ``comes`` went."""


@dataclass
class Tally:
    """``outcomes``: of requests that had to be answered. ``wrong``: what must never be seen."""

    outcomes: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    reloads: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Peer:
    """One connection to the daemon."""

    def __init__(self, wire: SocketStream) -> None:
        self.wire = wire
        self._parser = Connection(ANSWERS)
        self._messages: list[Any] = []
        self._last = 0

    async def ask(self, method: str, **params: Any) -> int:
        self._last += 1
        await self.wire.send(encode_request(self._last, method, [params] if params else []))
        return self._last

    async def next(self) -> Any:
        while not self._messages:
            self._messages += self._parser.feed(await self.wire.receive())
        return self._messages.pop(0)

    async def call(self, method: str, **params: Any) -> Response:
        """The answer; events before it are dropped."""
        number = await self.ask(method, **params)
        with anyio.fail_after(PATIENCE_S):
            while True:
                match await self.next():
                    case Response(msgid=msgid) as response if msgid == number:
                        return response


@asynccontextmanager
async def peer(path: str) -> AsyncIterator[Peer]:
    async with await anyio.connect_unix(path) as wire:
        made = Peer(wire)
        await made.call("hello", errors="map")
        yield made


class Load:
    """``pause``: seconds between two acts of one program, at most."""

    def __init__(self, path: str, tally: Tally, chance: random.Random, pause: float) -> None:
        self._path, self._tally, self._chance, self._pause = path, tally, chance, pause

    async def run(self, until: Callable[[], bool]) -> None:
        """One program after the other, as one task."""
        acts: dict[Callable[[Peer], Awaitable[None]], int] = {
            self._asks: 50,
            self._asks_much_at_once: 10,
            self._cancels: 12,
            self._vanishes: 12,
            self._does_not_read: 3,
            self._sends_nonsense: 5,
            self._looks_around: 8,
        }
        while not until():
            act = self._chance.choices(list(acts), list(acts.values()))[0]
            self._tally.acts[act.__name__.strip("_")] += 1
            try:
                async with peer(self._path) as one:
                    await act(one)
            except (*GONE, TimeoutError) as error:
                self._tally.wrong.append(f"{act.__name__.strip('_')}: {type(error).__name__}")
            await anyio.sleep(self._chance.uniform(0, self._pause))

    def _question(self) -> dict[str, Any]:
        model, streams = self._chance.choice(MODELS), self._chance.random() < 0.7
        return {"model": model, "prompt": "q" * self._chance.randrange(1, 2000), "stream": streams}

    def _settle(self, response: Response, text: str | None) -> None:
        """``text``: of the events, None without a stream."""
        if response.error is None:
            result: Any = response.result
            self._tally.outcomes["answered"] += 1
            if result["text"] != TEXT or text not in (None, TEXT):
                self._tally.wrong.append("a short answer passed for a whole one")
            return
        code = response.error["code"]  # type: ignore[index]  # a map, as hello asked
        self._tally.outcomes[code] += 1
        message = response.error["message"]  # type: ignore[index]
        if code not in EXPECTED or "bug" in message:
            self._tally.wrong.append(f"an answer {code}: {message[:200]}")

    async def _collect(self, one: Peer, numbers: set[int], streams: set[int]) -> None:
        texts: Counter[int] = Counter()
        said: dict[int, str] = dict.fromkeys(streams, "")
        with anyio.fail_after(PATIENCE_S):
            while numbers:
                match await one.next():
                    case Response(msgid=msgid) as response:
                        if msgid not in numbers:
                            self._tally.wrong.append("a request was answered twice")
                        numbers.discard(msgid)
                        self._settle(response, said.get(msgid))
                    case Notification(method="chat.event", params=[int(msgid), dict(event)]):
                        texts[msgid] += 1
                        if event.get("type") == "text" and msgid in said:
                            said[msgid] += str(event["text"])

    async def _asks(self, one: Peer) -> None:
        question = self._question()
        number = await one.ask("chat", **question)
        await self._collect(one, {number}, {number} if question["stream"] else set())

    async def _asks_much_at_once(self, one: Peer) -> None:
        questions = [self._question() for _ in range(self._chance.randrange(2, 9))]
        numbers = [await one.ask("chat", **question) for question in questions]
        streams = {number for number, question in zip(numbers, questions, strict=True) if question["stream"]}
        await self._collect(one, set(numbers), streams)

    async def _cancels(self, one: Peer) -> None:
        number = await one.ask("chat", **self._question())
        await anyio.sleep(self._chance.uniform(0, 0.02))
        await one.wire.send(encode_notification("cancel", [number]))
        await self._collect(one, {number}, set())

    async def _vanishes(self, one: Peer) -> None:
        for _ in range(self._chance.randrange(1, 4)):
            await one.ask("chat", **self._question())
        await anyio.sleep(self._chance.uniform(0, 0.02))

    async def _does_not_read(self, one: Peer) -> None:
        for _ in range(8):
            await one.ask("chat", **self._question())
        await anyio.sleep(self._chance.uniform(0, 1))

    async def _sends_nonsense(self, one: Peer) -> None:
        nonsense = (b"GET / HTTP/1.1\r\n\r\n", b"\x94\x00\x01\xc1", b"\xdd\xff\xff\xff\xff", b"\x94\x00")
        await one.ask("chat", **self._question())
        await one.wire.send(self._chance.choice(nonsense))
        await anyio.sleep(self._chance.uniform(0, 0.02))

    async def _looks_around(self, one: Peer) -> None:
        methods = ("status", "clients.list", "models.list", "requests.list", "usage.query", "auth.status")
        for method in methods:
            response = await one.call(method)
            if response.error is not None:
                self._tally.wrong.append(f"{method} failed")
        if (await one.call("no.such.method")).error is None:
            self._tally.wrong.append("an unknown method was answered")


class Person:
    """Edits everything. ``home``: with the daemon's files; ``pid``: of the daemon."""

    def __init__(
        self, home: Path, url: str, socket: str, pid: int, tally: Tally, chance: random.Random
    ) -> None:
        self._home, self._url, self._socket, self._pid = home, url, socket, pid
        self._tally, self._chance = tally, chance
        self._mark = 0

    def config(self, *, comes: bool = True) -> str:
        extra = "{connect_timeout: 2, first_byte_timeout: 1, idle_timeout: 1, timeout: 5}"
        base = f"type: openai-compatible, api_base: '{self._url}/v1', models: [m], extra: {extra}"
        marks = f"body: {{mark: '{self._mark}'}}, headers: {{x-mark: '{self._mark}'}}"
        patch = f"{{chat_completions: {{'.*': {{{marks}}}}}}}"
        oauth = f"{{client_id: soak, token_url: '{self._url}/token', authorize_url: '{self._url}/authorize'}}"
        clients = [
            f"{{name: steady, api_key: none, {base}}}",
            f"{{name: edited, api_key: '{{{{SOAK_ENV}}}}', patch: {patch}, {base}}}",
            f"{{name: signed, auth: oauth, oauth: {oauth}, {base}}}",
            f"{{name: vaulted, api_key: '{{{{SOAK_VAULT}}}}', {base}}}",
        ]
        clients += [f"{{name: comes, api_key: none, {base}}}"] if comes else []
        return "clients:\n" + "".join(f"  - {client}\n" for client in clients)

    def write(self, name: str, text: str) -> None:
        """As editors do."""
        new = self._home / f"{name}.new"
        new.write_text(text)
        new.chmod(0o600)
        os.replace(new, self._home / name)

    async def run(self, until: Callable[[], bool], pause: float) -> None:
        acts: dict[Callable[[], Awaitable[None]], int] = {
            self._edits: 8,
            self._makes_a_mistake: 4,
            self._empties: 1,
            self._deletes: 1,
            self._storms: 1,
            self._edits_env: 3,
            self._changes_a_secret: 4,
            self._hangs_up: 2,
        }
        while not until():
            await anyio.sleep(self._chance.uniform(0, 2 * pause))
            act = self._chance.choices(list(acts), list(acts.values()))[0]
            self._tally.reloads[act.__name__.strip("_")] += 1
            await act()
        self._edit(comes=True)

    def _edit(self, *, comes: bool) -> None:
        self._mark += 1
        self.write("config.yaml", self.config(comes=comes))

    async def _edits(self) -> None:
        self._edit(comes=self._chance.random() < 0.8)

    async def _makes_a_mistake(self) -> None:
        self.write(
            "config.yaml", self._chance.choice(("clients: [", "clients: {}", "client: []", "- \t\x00"))
        )

    async def _empties(self) -> None:
        self.write("config.yaml", "")

    async def _deletes(self) -> None:
        with suppress(FileNotFoundError):
            (self._home / "config.yaml").unlink()

    async def _storms(self) -> None:
        for _ in range(50):
            self._edit(comes=self._chance.random() < 0.8)
            await anyio.sleep(0.01)

    async def _edits_env(self) -> None:
        self.write(".env", f"SOAK_ENV=env-key-{self._chance.randrange(10**6)}\n")

    async def _changes_a_secret(self) -> None:
        async with peer(self._socket) as one:
            value = f"vault-key-{self._chance.randrange(10**6)}"
            if (await one.call("secrets.set", name="SOAK_VAULT", value=value)).error is not None:
                self._tally.wrong.append("a secret could not be set")

    async def _hangs_up(self) -> None:
        os.kill(self._pid, signal.SIGHUP)
