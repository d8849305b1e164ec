"""``python -m tests.fakes.refreshing CONFIG``: one process of several that want the same token. Prints
``ready``, waits for a line, and prints the tokens that seven callers got."""

from __future__ import annotations

import json
import os
import sys

import anyio

from lokid.providers.registry import PROVIDERS
from lokid.runtime.oauth.tokens import Tokens


async def main(entry: str) -> None:
    settings = json.loads(entry) | {"models": None}
    tokens = Tokens(
        PROVIDERS[settings["type"]].settings.model_validate(settings), dict(os.environ), os.environ["HOME"]
    )
    got: list[str] = []

    async def call() -> None:
        got.append((await tokens.get()).get_secret_value())

    print("ready", flush=True)
    sys.stdin.readline()
    async with anyio.create_task_group() as group:
        tokens.begin(group.start_soon)
        async with anyio.create_task_group() as calls:
            for _ in range(7):
                calls.start_soon(call)
        tokens.close()
    print(json.dumps(got), flush=True)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], backend=os.environ.get("BACKEND", "asyncio"))
