"""A provider, and a door to it that goes over each of the two transports."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from lokid.providers.settings import Extra
from lokid.runtime.network.http import HTTPClient
from tests.fakes.provider import FakeProvider


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


@pytest.fixture
async def http(library: bool) -> AsyncIterator[HTTPClient]:
    client = HTTPClient(Extra(), client="acme", library=library)
    yield client
    await client.aclose()
