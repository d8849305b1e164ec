"""What a reload does to the open clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lokid.config.schema import Config


@dataclass(frozen=True, slots=True)
class Plan:
    """Names of clients, each in the order of its configuration. ``keep``: nothing changed, so the warm
    connections and tokens stay. A changed client is in ``close`` and in ``open``; so is a renamed one,
    under its old and its new name, because its name decides which environment variables it reads."""

    keep: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    close: tuple[str, ...] = ()


def plan(old: Config | None, new: Config) -> Plan:
    """From ``old`` (None: nothing is open yet) to ``new``. ``keep`` and ``open`` together are all
    clients of ``new``; ``keep`` and ``close`` together all of ``old``."""
    before = _entries(old) if old else {}
    after = _entries(new)
    kept = {name for name, entry in after.items() if before.get(name) == entry}
    return Plan(
        keep=tuple(name for name in after if name in kept),
        open=tuple(name for name in after if name not in kept),
        close=tuple(name for name in before if name not in kept),
    )


def _entries(config: Config) -> Mapping[str, object]:
    """Everything that an open client was made from. Whether a value was written in the file, came out of
    the vault or from the environment makes no difference."""
    return {
        client.name: (
            client,
            config.missing.get(client.name, ()),
            config.patch_overrides.get(client.name, {}),
        )
        for client in config.clients
    }
