"""What stays of a generation while lokid is locked: who its clients are, and nothing that they ask with.

Everything that a person wrote may be a key or hold one (an address with a password, a header of a patch, an
option of a command), so what stays is an allow-list and not a search for secrets.
"""

from __future__ import annotations

from dataclasses import replace

from lokid.config import Config
from lokid.providers.settings import ClientSettings
from lokid.runtime.clients import OpenClient, Surroundings
from lokid.runtime.generation import Generation
from lokid.runtime.known import Models, unpatched

KEPT = frozenset({"type", "name", "auth", "models", "budget", "limits"})
"""Keys of a client that are shown, counted or completed. Models go without their patches."""


def sealed(old: Generation, around: Surroundings) -> Generation:
    """``old`` with a client in the place of each of its clients that can only say that lokid is locked."""
    clients = {name: _stand_in(client, old.config, around) for name, client in old.clients.items()}
    config = replace(
        old.config,
        clients=tuple(client.settings for client in clients.values()),
        missing={},
        patch_overrides={},
        interpolated={},
        overridden={},
    )
    return replace(old, number=old.number + 1, config=config, clients=clients, sealed=True)


def _stand_in(client: OpenClient, config: Config, around: Surroundings) -> OpenClient:
    # Whatever was put in from a secret goes, but for the name, which stands in every answer anyway.
    secret = {str(way[0]) for way in config.interpolated.get(client.name, {})} - {"name", "type"}
    settings = _bare(client.settings, KEPT - secret)
    told = "models" not in secret
    models = client.models.without_patches() if told else Models(settings, client.provider)
    stand_in = OpenClient(settings, client.provider, around, models=models, stands_in_for=client)
    stand_in.requests = client.requests
    if told and client.offered is not client.models:
        stand_in.offered = unpatched(client.offered)
    return stand_in


def _bare(settings: ClientSettings, kept: frozenset[str]) -> ClientSettings:
    fields = type(settings).model_fields
    gone = {key: one.get_default(call_default_factory=True) for key, one in fields.items() if key not in kept}
    if settings.models is not None and "models" in kept:
        gone["models"] = unpatched(settings.models)
    return settings.model_copy(update=gone)
