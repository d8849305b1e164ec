"""What the tests of the door to the network share."""

from __future__ import annotations

import pytest


@pytest.fixture(params=[False, True], ids=["lean", "library"])
def library(request: pytest.FixtureRequest) -> bool:
    """Both transports, which must not be told apart: our own, and the one for proxies."""
    return bool(request.param)
