"""The SDK of a cloud, asked for credentials in a program of its own (``sdk.py``).

A program, because the SDKs read the environment of their process in a dozen places, and the daemon's own is
not what its clients are configured with (``.env``, keys removed); because they block for as long as they
like, and a thread cannot be stopped; and because tens of megabytes would stay in the daemon.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from lokid.errors import AuthenticationFailed, LoginRequired, LokidError, ProviderUnavailable, SecretMissing
from lokid.runtime import extras
from lokid.runtime.identities.source import NO_END_S, Obtained, Place
from lokid.runtime.launching import children

WITHIN = 40.0
"""Seconds. An SDK asks a metadata server, then a token service; a user's own ``credential_process`` may wait
for a hardware token."""

_PROGRAM = os.path.join(os.path.dirname(__file__), "sdk.py")

_DIRECT = "localhost,127.0.0.1,::1,169.254.169.254,169.254.170.2,169.254.170.23,metadata.google.internal"
"""What no proxy is asked for."""


async def obtain(
    place: Place,
    request: Mapping[str, Any],
    *,
    packages: tuple[str, ...],
    extra: str,
    prefixes: tuple[str, ...],
    login: str,
) -> Obtained:
    """``request``: for ``sdk.py``, nothing secret in it. ``prefixes``: of the variables that the SDK may see.
    ``login``: the command that mends what a person must mend. Raises as ``Source.obtain``."""
    if not all(map(_is_installed, packages)):
        raise SecretMissing(
            f"the credentials of client {place.name!r} need a package that is not installed",
            hint=extras.hint(extra),
            client=place.name,
        )
    command = [sys.executable, "-P", _PROGRAM, json.dumps(request)]
    try:
        line = await children.first_line(
            command,
            children.environment(place.environ),
            place.directory,
            WITHIN,
            json.dumps(_variables(place, prefixes)).encode(),
        )
        answer = json.loads(line)
        if "error" in answer:
            raise _failure(place, str(answer["kind"]), str(answer["error"]), login)
        life_s = NO_END_S if answer["expires_in"] is None else float(answer["expires_in"])
        secrets = {key: SecretStr(value) for key, value in answer["secrets"].items()}
        return Obtained(secrets, life_s, answer.get("quota_project"))
    except children.CommandFailed as error:
        raise ProviderUnavailable(
            f"no credentials for client {place.name!r}: what asks for them {error}",
            client=place.name,
            retryable=False,  # whoever asked has waited long enough
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError):  # whose text would quote it
        raise ProviderUnavailable(
            f"no credentials for client {place.name!r}: what asks for them answered something else",
            client=place.name,
        ) from None


def _is_installed(package: str) -> bool:
    importlib.invalidate_caches()  # perhaps a moment ago
    try:
        return importlib.util.find_spec(package) is not None  # imports nothing but what is above it
    except ModuleNotFoundError:
        return False


def _failure(place: Place, kind: str, why: str, login: str) -> LokidError:
    message = f"no credentials for client {place.name!r}: {why}"
    match kind:
        case "login":
            return LoginRequired(message, hint=login, client=place.name)
        case "secret":
            return SecretMissing(message, hint=login, client=place.name)
        case "refused":
            return AuthenticationFailed(message, hint=login, client=place.name)
    return ProviderUnavailable(message, client=place.name)


def _variables(place: Place, prefixes: tuple[str, ...]) -> dict[str, str]:
    """Proxy and authorities are those of the client, never those of the environment."""
    environ = {name: value for name, value in place.environ.items() if name.startswith(prefixes)}
    extra = place.settings.extra
    if extra.proxy is not None:
        proxy = extra.proxy.get_secret_value()
        environ |= {"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy, "NO_PROXY": _DIRECT}
    if extra.ca_file is not None:
        environ |= {"REQUESTS_CA_BUNDLE": extra.ca_file, "AWS_CA_BUNDLE": extra.ca_file}
    return environ
