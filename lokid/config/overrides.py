"""Environment variables that beat the file.

``{CLIENT}_{FIELD}`` (``OPENAI_API_KEY``) for every key of a client whose value is one text, and
``LOKID_PATCH_{CLIENT}_{API}``, which replaces the client's patch for that API. ``{CLIENT}`` is the
client's name in capitals, with ``_`` for everything but letters and digits. An empty variable counts as
unset, as programs that start others often leave them behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

from pydantic import TypeAdapter, ValidationError

from lokid.config import nodes
from lokid.config.explain import did_you_mean, explain, textual
from lokid.config.problem import ENVIRONMENT, Problem
from lokid.config.schema import Config, OverridePatches
from lokid.config.values import Values
from lokid.providers.settings import ClientPatch, ClientSettings, Pattern, RequestPatch

PATCH = "LOKID_PATCH_"
"""What variables with patches begin with."""
_APIS = {api.upper(): api for api in ClientPatch.model_fields}
_PATCHES = dict[Pattern, RequestPatch]


@cache  # few have such a variable, and to make it takes 5 ms of every start
def _adapter() -> TypeAdapter[dict[str, RequestPatch]]:
    return TypeAdapter(_PATCHES)


def prefix(client: str) -> str:
    """What the variables of the client begin with, without the ``_``."""
    return re.sub("[^A-Z0-9]", "_", client.upper())


def variable(client: str, field: str) -> str:
    return f"{prefix(client)}_{field.upper()}"


@cache  # of a class for each provider; a reload asks once for each client
def fields(settings: type[ClientSettings]) -> tuple[str, ...]:
    """The keys of a client that a variable may give."""
    return tuple(
        key
        for key, field in settings.model_fields.items()
        if key not in ("type", "name") and textual(field.annotation)
    )


def variables(config: Config) -> frozenset[str]:
    """Every variable that a client of ``config`` reads, whether it is set or not: secrets mostly, which no
    child of the daemon needs to inherit."""
    return frozenset(
        variable(client.name, field) for client in config.clients for field in fields(type(client))
    )


def values(settings: type[ClientSettings], client: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Field -> value, for those that the environment gives."""
    found = ((field, environ.get(variable(client, field))) for field in fields(settings))
    return {field: value for field, value in found if value}


def agreed(settings: type[ClientSettings], environ: Mapping[str, str]) -> dict[str, str]:
    """Field -> variable, for those that a variable gives which belongs to no client (``AWS_REGION``)."""
    found = (
        (field, next((name for name in names if environ.get(name)), None))
        for field, names in settings.environment.items()
    )
    return {field: name for field, name in found if name}


def patches(
    clients: Iterable[str], environ: Mapping[str, str]
) -> tuple[dict[str, OverridePatches], list[Problem], list[Problem]]:
    """By client and API the patches of the environment, then problems, then warnings (a variable that no
    client reads)."""
    by_prefix = {prefix(client): client for client in clients}
    found: dict[str, dict[str, Mapping[str, RequestPatch]]] = {}
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for name, value in sorted(environ.items()):
        if not name.startswith(PATCH) or not value:
            continue
        api = next((api for api in _APIS if name.endswith(f"_{api}")), None)
        owner = name.removeprefix(PATCH).removesuffix(f"_{api}")
        if api is None or owner not in by_prefix:
            known = [f"{PATCH}{client}_{api}" for client in by_prefix for api in _APIS]
            said = f"no client reads this variable{_meant(name, known)}"
            warnings.append(Problem.of_whole(ENVIRONMENT, said, name))
            continue
        patch = _patch(name, _APIS[api], value)
        if isinstance(patch, list):
            problems += patch
        else:
            found.setdefault(by_prefix[owner], {})[_APIS[api]] = patch
    return dict(found), problems, warnings


def _meant(name: str, known: Iterable[str]) -> str:
    return (
        did_you_mean(name.lower(), [one.lower() for one in known])
        .upper()
        .replace("; DID YOU MEAN", "; did you mean")
    )


def _patch(name: str, api: str, value: str) -> dict[str, RequestPatch] | list[Problem]:
    """Pattern -> patch, from JSON or YAML of the shape that the file has under the API."""
    node, found = nodes.read(value, ENVIRONMENT)
    problems = list(found)
    if node is not None:
        reader = Values(ENVIRONMENT, (api,), {})
        plain = reader.plain(node)
        problems += reader.problems
        try:
            patch = _adapter().validate_python(plain)
        except ValidationError as error:
            problems += explain(error, node, _PATCHES, path=ENVIRONMENT, base=(api,))
        else:
            if not problems:
                return patch
    inside = [f"{problem.key}: {problem.message}" if problem.key else problem.message for problem in problems]
    return [replace(problem, key=name, message=said) for problem, said in zip(problems, inside, strict=True)]
