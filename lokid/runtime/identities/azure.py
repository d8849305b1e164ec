"""Tokens of Microsoft Entra ID: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
and https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token.

An application with its secret and a managed identity need no SDK; ``cli`` and ``default`` do.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from urllib.parse import quote, urlencode

from lokid.errors import LokidError, ProviderUnavailable, SecretMissing
from lokid.protocols import oauth2, oauth2_answers
from lokid.protocols.oauth2_answers import Refusal
from lokid.providers.identities import AzureIdentity
from lokid.runtime.identities import kit, metadata
from lokid.runtime.identities.source import Obtained, Place, of_token
from lokid.runtime.oauth import token_requests
from lokid.runtime.secrets.sources import Keyring

METADATA = "http://169.254.169.254"
_VM_API, _APP_SERVICE_API = "2018-02-01", "2019-08-01"

LOGIN = "az login"


@dataclass(frozen=True, slots=True)
class Azure:
    """``keyring``: has the ``client_secret``."""

    place: Place
    identity: AzureIdentity
    keyring: Keyring

    @property
    def files(self) -> tuple[str, ...]:
        """What ``az login`` writes to."""
        folder = self.place.environ.get("AZURE_CONFIG_DIR") or "~/.azure"
        return tuple(
            self.place.path(f"{folder}/{name}") for name in ("azureProfile.json", "msal_token_cache.json")
        )

    async def obtain(self) -> Obtained:
        match self.identity.source:
            case "client_secret":
                return await self._of_application()
            case "managed_identity":
                return await self._of_machine()
        return await kit.obtain(
            self.place,
            {"cloud": "azure", **asdict(self.identity)},
            packages=("azure.identity",),
            extra="azure",
            prefixes=("AZURE_", "IDENTITY_", "IMDS_", "MSI_"),
            login=LOGIN if self.identity.tenant_id is None else f"{LOGIN} --tenant {self.identity.tenant_id}",
        )

    async def _of_application(self) -> Obtained:
        identity = self.identity
        assert identity.tenant_id is not None and identity.client_id is not None  # else it lacks them
        url = f"{identity.authority}/{quote(identity.tenant_id, safe='')}/oauth2/v2.0/token"
        server = oauth2.Server(url, scopes=(identity.scope,), client_auth="post")
        secret = (await self.keyring.get())["client_secret"]
        client = oauth2.Client(identity.client_id, secret.get_secret_value())
        request = oauth2.client_credentials_request(server, client)
        status, body = await token_requests.post(self.place.settings, request)
        answer = oauth2_answers.token(status, body, 0.0)
        if isinstance(answer, Refusal):
            raise self._refused(answer, url)
        return of_token(answer)

    def _refused(self, refusal: Refusal, url: str) -> LokidError:
        where, name = token_requests.host(url), self.place.name
        if refusal.kind == "temporary":
            return ProviderUnavailable(
                f"{where} gives no tokens at the moment ({refusal.code})", client=name, retryable=False
            )
        return SecretMissing(
            f"{where} does not take the application of client {name!r}: {refusal.code}",
            hint="check tenant_id, client_id and client_secret; secrets of applications run out",
            client=name,
        )

    async def _of_machine(self) -> Obtained:
        url, headers = self._endpoint()
        name = self.place.name
        try:
            status, _, body = await metadata.get(url, headers, name)
        except ProviderUnavailable as error:
            raise ProviderUnavailable(
                f"client {name!r} has `identity: managed_identity`, and no metadata server answers here: "
                f"{error.message}",
                hint="is this a machine of Azure? elsewhere use `identity: cli` or an application",
                client=name,
            ) from error
        answer = oauth2_answers.token(status, body, 0.0)
        if isinstance(answer, Refusal):
            if answer.kind == "temporary" or status in (404, 410):  # as documented, while it is being set up
                raise ProviderUnavailable(
                    f"the metadata server gives no token at the moment ({answer.code})", client=name
                )
            raise SecretMissing(
                f"this machine has no managed identity that client {name!r} could use ({answer.code})",
                hint="assign one to it; client_id chooses between several",
                client=name,
            )
        return of_token(answer, life_s=_life(body))

    def _endpoint(self) -> tuple[str, dict[str, str]]:
        """Of App Service and its kin where the environment says so, else of the virtual machine."""
        environ, resource = self.place.environ, self.identity.scope.removesuffix("/.default")
        query = {"resource": resource}
        if self.identity.client_id is not None:
            query["client_id"] = self.identity.client_id
        if (endpoint := environ.get("IDENTITY_ENDPOINT")) and (key := environ.get("IDENTITY_HEADER")):
            query = {"api-version": _APP_SERVICE_API, **query}
            return f"{endpoint}?{urlencode(query)}", {"x-identity-header": key}
        host = environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST", METADATA).rstrip("/")
        query = {"api-version": _VM_API, **query}
        return f"{host}/metadata/identity/oauth2/token?{urlencode(query)}", {"metadata": "true"}


def _life(body: bytes) -> float | None:
    """App Service says when a token ends and not how long it lives, and gives old ones again."""
    answer = json.loads(body)
    try:
        return None if "expires_in" in answer else max(float(answer["expires_on"]) - time.time(), 0.0)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
