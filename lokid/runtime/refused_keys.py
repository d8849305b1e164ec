"""What puts another key in the place of one that its provider refused: the command, by where the key is from.

Known when a configuration is loaded, and told when the provider says no: the provider's words are about its
own pages, and where the key lies only lokid knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from os.path import basename
from typing import TYPE_CHECKING

from pydantic import SecretStr

from lokid.config import Config
from lokid.config.overrides import variable
from lokid.errors import CHECK_KEY, AuthenticationFailed, LokidError
from lokid.providers.base import Provider
from lokid.providers.settings import ClientSettings, CommandSecret, FileSecret, KeyringSecret, OAuthSettings
from lokid.runtime.secrets.client_secrets import secret, secret_keys

if TYPE_CHECKING:
    from lokid.runtime.clients import OpenClient


def tell(error: LokidError, client: OpenClient) -> None:
    """Before the error is told to anybody. What the provider type knows more of stays."""
    if not isinstance(error, AuthenticationFailed) or error.status is None or client.key_mend is None:
        return
    known = error.hint
    if known in (None, CHECK_KEY) or client.settings.auth == "oauth":
        error.hint = client.key_mend
    else:
        error.hint = f"{client.key_mend}; {known}"


def of_application(client: str) -> str:
    """Of ``grant: client_credentials``, for which there is nothing to sign in to."""
    return f"check client_id, client_secret and scopes in `oauth` of client {client!r}"


def mend(
    settings: ClientSettings,
    provider: Provider,
    config: Config,
    environ: Mapping[str, str],
    started_with: Mapping[str, str],
) -> str | None:
    """``config``: the one that ``settings`` are from. ``started_with``: of ``environ`` what is not from
    ``.env``. None: nobody but the provider type knows."""
    if settings.auth == "oauth":
        said = settings.oauth or OAuthSettings()
        if said.grant == "client_credentials":
            return of_application(settings.name)
        return f"lokictl auth login {settings.name}"
    if getattr(settings, "launch", None) is not None:
        return None  # lokid made the key up
    names = config.interpolated.get(settings.name, {})
    told = [
        _of(settings, key, names.get((key,), ()), environ, started_with)
        for key in secret_keys(provider)
        if secret(settings, key) is not None
    ]
    if told:
        return ", and ".join(dict.fromkeys(told))
    if provider.identity is not None and provider.identity(settings) is not None:
        return None
    return f"lokictl secret set {variable(settings.name, 'api_key')}"


def _of(
    settings: ClientSettings,
    key: str,
    names: tuple[str, ...],
    environ: Mapping[str, str],
    started_with: Mapping[str, str],
) -> str:
    match secret(settings, key):
        case CommandSecret(command=command):
            return f"{key} is what {basename(command[0])!r} prints: have it print another one"
        case FileSecret(file=path):
            return f"{key} is in {path}: write another one there"
        case KeyringSecret(keyring=(service, name)):
            return f"{key} is in the keyring: keyring set {service} {name}, then lokictl config reload"
        case SecretStr() if names:
            return ", and ".join(f"lokictl secret set {name}" for name in names)
    if started_with.get(name := variable(settings.name, key)):
        return (
            f"lokid was started with {name}: lokictl daemon restart in a shell with another one, or without"
        )
    if environ.get(name):
        return f"set another {name} in .env"
    return f"set another {key} of client {settings.name!r}: lokictl config edit"
