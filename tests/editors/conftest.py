"""The fake daemon that the tests of lokictl use, where a plugin looks for one."""

from tests.lokictl.conftest import daemon

__all__ = ["daemon"]
