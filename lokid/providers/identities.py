"""Which identity of a cloud a client uses when its configuration holds no key: what is said, not how it is
had (``lokid.runtime.identities``). ``Provider.identity`` gives one of these, or None for a client with keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AzureSource = Literal["client_secret", "managed_identity", "cli", "default"]


@dataclass(frozen=True, slots=True)
class GoogleIdentity:
    """Application Default Credentials. ``adc_file``: a path, instead of the usual places."""

    adc_file: str | None = None


@dataclass(frozen=True, slots=True)
class AWSIdentity:
    """The chain of the AWS SDKs. ``profile``: of the shared configuration, and then nothing else."""

    profile: str | None = None


@dataclass(frozen=True, slots=True)
class AzureIdentity:
    """Of Microsoft Entra ID. ``scope``: what the token is for. ``authority``: where tenants sign in.
    ``client_id``: of the application, or of a managed identity that is not the machine's own."""

    source: AzureSource
    scope: str
    authority: str
    tenant_id: str | None = None
    client_id: str | None = None


Identity = GoogleIdentity | AWSIdentity | AzureIdentity
