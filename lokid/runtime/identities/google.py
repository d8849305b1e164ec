"""Application Default Credentials of Google Cloud: https://google.aip.dev/auth/4110.

The file that the configuration names, else ``GOOGLE_APPLICATION_CREDENTIALS``, else the one that gcloud
writes, else the metadata server. Users' own credentials and the metadata server need no SDK.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

from lokid import logs
from lokid.errors import LoginRequired, LokidError, ProviderFailed, ProviderUnavailable, SecretMissing
from lokid.protocols import oauth2, oauth2_answers
from lokid.protocols.oauth2_answers import Refusal
from lokid.providers.identities import GoogleIdentity
from lokid.runtime import lingering
from lokid.runtime.identities import kit, metadata
from lokid.runtime.identities.source import Obtained, Place, of_token
from lokid.runtime.oauth import token_requests
from lokid.runtime.secrets import sources as files

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
LOGIN = "gcloud auth application-default login"

METADATA = "169.254.169.254"
"""Not its name, metadata.google.internal, which a resolver outside of Google sends anywhere."""

_TOKEN_PATH = "computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105 - an address
_FLAVOR = ("metadata-flavor", "Google")
"""Sent and expected: nobody else at that address answers so."""

T = TypeVar("T")

_SECRET = ("client_secret", "refresh_token", "private_key")


def _secrets(found: Any) -> Iterator[str]:
    """Of a file of credentials, also of one inside another (``source_credentials``)."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key in _SECRET and isinstance(value, str):
                yield value
            yield from _secrets(value)


@dataclass(frozen=True, slots=True)
class Google:
    place: Place
    identity: GoogleIdentity

    @property
    def files(self) -> tuple[str, ...]:
        return (self._file()[0],)

    async def obtain(self) -> Obtained:
        path, named = self._file()
        if await self._look(partial(os.path.exists, path)):
            return await self._of_file(path)
        if named:
            self._lacks(f"there is no file {path}")
        return await self._of_machine()

    async def _look(self, work: Callable[[], T]) -> T:
        return await lingering.look(("identity", self.place.name), work)

    def _file(self) -> tuple[str, bool]:
        """The path, and whether somebody named it."""
        environ = self.place.environ
        if named := self.identity.adc_file or environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
            return self.place.path(named), True
        folder = environ.get("CLOUDSDK_CONFIG") or self.place.path("~/.config/gcloud")
        return os.path.join(folder, "application_default_credentials.json"), False

    async def _of_file(self, path: str) -> Obtained:
        try:
            text = await self._look(partial(files.read, path))
            found = json.loads(text.get_secret_value())
            kind = found["type"]
        except OSError as error:
            self._lacks(f"{path} cannot be read: {(error.strerror or 'unknown reason').lower()}")
        except (ValueError, KeyError, TypeError, RecursionError):
            self._lacks(f"{path} holds no credentials of Google Cloud")
        for secret in _secrets(found):
            logs.register(secret)
        if kind == "authorized_user":
            return await self._of_user(path, found)
        return await kit.obtain(
            self.place,
            {"cloud": "google", "file": path},
            packages=("google.auth", "requests"),
            extra="vertexai",
            prefixes=("GOOGLE_", "GCE_", "CLOUDSDK_", "AWS_"),  # AWS: for identities federated from there
            login=LOGIN if kind != "service_account" else f"check {path}",
        )

    async def _of_user(self, path: str, found: Mapping[str, Any]) -> Obtained:
        """What ``gcloud auth application-default login`` has written."""
        keys = ("client_id", "client_secret", "refresh_token")
        values = [found.get(key) for key in keys]
        if not all(isinstance(value, str) and value for value in values):
            self._lacks(f"{path} lacks one of {', '.join(keys)}")
        client_id, client_secret, refresh_token = map(str, values)
        server = oauth2.Server(str(found.get("token_uri") or TOKEN_URL), client_auth="post")
        request = oauth2.refresh_request(server, oauth2.Client(client_id, client_secret), refresh_token)
        status, body = await token_requests.post(self.place.settings, request)
        answer = oauth2_answers.token(status, body, 0.0)
        if isinstance(answer, Refusal):
            raise self._refused(answer, server.token_url)
        project = found.get("quota_project_id")
        return of_token(answer, project if isinstance(project, str) and project else None)

    async def _of_machine(self) -> Obtained:
        environ = self.place.environ
        if environ.get("NO_GCE_CHECK", "").lower() == "true":
            self._nobody()
        host = environ.get("GCE_METADATA_HOST") or environ.get("GCE_METADATA_ROOT") or METADATA
        url = f"http://{host}/{_TOKEN_PATH}?scopes={quote(SCOPE, safe='')}"
        try:
            status, headers, body = await metadata.get(url, dict([_FLAVOR]), self.place.name)
        except LokidError as error:
            if host == METADATA:  # nobody said that there is one
                self._nobody()
            raise ProviderUnavailable(
                f"the metadata server {host} gives no token: {error.message}", client=self.place.name
            ) from error
        if headers.get(_FLAVOR[0]) != _FLAVOR[1]:
            self._nobody()
        if status == 404:
            self._lacks("this machine has no service account")
        answer = oauth2_answers.token(status, body, 0.0)
        if isinstance(answer, Refusal):
            raise ProviderUnavailable(
                f"the metadata server gives no token ({answer.code})", client=self.place.name
            )
        return of_token(answer)

    def _refused(self, refusal: Refusal, url: str) -> LokidError:
        where, name = token_requests.host(url), self.place.name
        match refusal.kind:
            case "temporary":
                return ProviderUnavailable(
                    f"{where} gives no tokens at the moment ({refusal.code})", client=name, retryable=False
                )
            case "grant" | "client" | "denied":
                return LoginRequired(
                    f"{where} does not take the sign-in of gcloud (any more): {refusal.code}",
                    hint=LOGIN,
                    client=name,
                )
        return ProviderFailed(f"{where} refused a token request: {refusal.code}", hint=LOGIN, client=name)

    def _nobody(self) -> NoReturn:
        raise LoginRequired(
            f"client {self.place.name!r} has no credentials: nobody has signed in with gcloud, and this "
            "is no machine of Google Cloud",
            hint=LOGIN,
            client=self.place.name,
        )

    def _lacks(self, what: str) -> NoReturn:
        raise SecretMissing(
            f"client {self.place.name!r} has no credentials: {what}", hint=LOGIN, client=self.place.name
        )
