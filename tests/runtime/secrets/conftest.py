from __future__ import annotations

from collections.abc import Iterator

import pytest

from lokid.runtime.secrets import identity
from tests.fakes import quick_kdf


@pytest.fixture(autouse=True)
def quick_derivation() -> Iterator[None]:
    """The real one is what tests/e2e/test_vault.py and tests/faults/test_storage_saves.py wait for."""
    with pytest.MonkeyPatch.context() as patch:  # of its own: what a test undoes is what it did
        patch.setattr(identity, "kdf", quick_kdf)
        yield
