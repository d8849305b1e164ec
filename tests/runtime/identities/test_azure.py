"""Tokens of Microsoft Entra ID: the same requests that azure-identity makes."""

from __future__ import annotations

import contextlib
import json
import ssl
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import anyio.to_thread
import psutil
import pytest
import trustme
from azure.identity import ClientSecretCredential, ManagedIdentityCredential

from lokid.errors import LoginRequired, ProviderUnavailable, SecretMissing
from lokid.runtime.identities import kit
from tests.fakes.clouds import answered, source_of, token
from tests.fakes.processes import gone
from tests.fakes.provider import FakeProvider, answer, refusing_port
from tests.fakes.server import until

pytestmark = pytest.mark.anyio

APPLICATION = {"tenant_id": "tenant-1", "client_id": "app-1", "client_secret": "canary-secret"}
CLASSIC = "https://cognitiveservices.azure.com/.default"
V1 = "https://ai.azure.com/.default"


@pytest.fixture
def authority(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """The server's side of TLS, without which azure-identity signs nobody in, and a file to trust it by."""
    mine = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mine.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path / "ca.pem"
    mine.cert_pem.write_to_path(file)
    return context, str(file)


class TestApplication:
    async def test_asks_as_azure_identity_does(
        self, home: Path, authority: tuple[ssl.SSLContext, str]
    ) -> None:
        context, ca_file = authority
        async with FakeProvider(context) as server:
            base = f"{server.url}/tenant-1"
            found = {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/authorize",
                "issuer": f"{base}/v2.0",
            }
            server.will(token("canary-token"), answered(found), token())
            extra = {"ca_file": ca_file}
            ours = source_of("azure-openai", home, authority=server.url, extra=extra, **APPLICATION)
            obtained = await ours.obtain()

            def theirs() -> None:
                with ClientSecretCredential(
                    *APPLICATION.values(),
                    authority=server.url,
                    disable_instance_discovery=True,
                    connection_verify=ca_file,
                ) as credential:
                    credential.get_token(V1)

            await anyio.to_thread.run_sync(theirs)
            mine, _, oracle = server.requests
        assert (mine.method, mine.target) == (oracle.method, oracle.target)
        form, said = (dict(parse_qsl(one.body.decode())) for one in (mine, oracle))
        assert form == {key: said[key] for key in form}
        assert said.keys() - form.keys() <= {"client_info", "claims"}  # for MSAL's own cache
        assert obtained.secrets["access_token"].get_secret_value() == "canary-token"
        assert obtained.life_s == 3599

    @pytest.mark.parametrize(
        ("keys", "scope"),
        [
            ({}, V1),
            ({"api_version": "2024-10-21"}, CLASSIC),
            ({"api_version": "2024-10-21", "api_base": "https://x.services.ai.azure.com/models"}, V1),
            ({"api_version": "2024-10-21", "api_base": "https://x.openai.azure.com/openai"}, CLASSIC),
            ({"scope": "https://ai.azure.us/.default"}, "https://ai.azure.us/.default"),
        ],
    )
    async def test_asks_for_what_the_way_in_wants(self, home: Path, keys: dict[str, str], scope: str) -> None:
        async with FakeProvider(default=token()) as server:
            await source_of("azure-openai", home, authority=f"{server.url}/", **APPLICATION, **keys).obtain()
            assert dict(parse_qsl(server.requests[0].body.decode()))["scope"] == scope

    @pytest.mark.parametrize("code", ["invalid_client", "unauthorized_client", "invalid_grant"])
    async def test_that_is_refused_says_what_to_check(self, home: Path, code: str) -> None:
        step = answered({"error": code, "error_description": "AADSTS7000222 canary"}, 401)
        async with FakeProvider(default=step) as server:
            with pytest.raises(SecretMissing, match=f"does not take the application .*{code}") as caught:
                await source_of("azure-openai", home, authority=server.url, **APPLICATION).obtain()
        assert caught.value.hint is not None and "client_secret" in caught.value.hint
        assert "canary" not in caught.value.message

    async def test_waits_while_entra_is_down(self, home: Path) -> None:
        async with FakeProvider(default=answer(503)) as server:
            with pytest.raises(ProviderUnavailable, match="gives no tokens at the moment"):
                await source_of("azure-openai", home, authority=server.url, **APPLICATION).obtain()


def machines_token(patch: pytest.MonkeyPatch, environ: Mapping[str, str], client_id: str | None) -> None:
    """As azure-identity gets it, which reads the environment of its process."""
    for name, value in environ.items():
        patch.setenv(name, value)
    with ManagedIdentityCredential(client_id=client_id) as credential:
        credential.get_token(V1)


class TestManagedIdentity:
    @pytest.mark.parametrize("client_id", [None, "user-assigned"])
    async def test_is_asked_for_as_azure_identity_does(
        self, home: Path, client_id: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keys: dict[str, Any] = {"identity": "managed_identity"}
        keys |= {} if client_id is None else {"client_id": client_id}
        async with FakeProvider(
            default=token("canary-token", resource="r", expires_on="4102444800")
        ) as server:
            environ = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": server.url}
            obtained = await source_of("azure-openai", home, environ, **keys).obtain()
            await anyio.to_thread.run_sync(machines_token, monkeypatch, environ, client_id)
            ours, oracle = server.requests
        assert (ours.method, ours.headers["metadata"]) == (oracle.method, oracle.headers["metadata"])
        assert urlsplit(ours.target).path == urlsplit(oracle.target).path
        assert parse_qs(urlsplit(ours.target).query) == parse_qs(urlsplit(oracle.target).query)
        assert obtained.secrets["access_token"].get_secret_value() == "canary-token"

    async def test_of_app_service_is_asked_for_with_its_header(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = {"access_token": "t", "expires_on": str(int(time.time()) + 500), "token_type": "Bearer"}
        async with FakeProvider(default=answered(given)) as server:
            environ = {"IDENTITY_ENDPOINT": f"{server.url}/msi/token", "IDENTITY_HEADER": "canary-header"}
            obtained = await source_of("azure-openai", home, environ, identity="managed_identity").obtain()
            await anyio.to_thread.run_sync(machines_token, monkeypatch, environ, None)
            ours, oracle = server.requests
        assert ours.headers["x-identity-header"] == oracle.headers["x-identity-header"] == "canary-header"
        assert parse_qs(urlsplit(ours.target).query) == parse_qs(urlsplit(oracle.target).query)
        assert 490 < obtained.life_s <= 500

    @pytest.mark.parametrize("until", ["tomorrow", 10**400])
    async def test_with_a_life_that_makes_no_sense_counts_an_hour(self, home: Path, until: object) -> None:
        step = answered({"access_token": "t", "expires_on": until, "token_type": "Bearer"})
        async with FakeProvider(default=step) as server:
            environ = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": server.url}
            obtained = await source_of("azure-openai", home, environ, identity="managed_identity").obtain()
        assert obtained.life_s == 3600

    @pytest.mark.parametrize(
        ("status", "kind", "why"),
        [
            (400, SecretMissing, "no managed identity that client 'mine' could use"),
            (404, ProviderUnavailable, "at the moment"),
            (410, ProviderUnavailable, "at the moment"),
            (429, ProviderUnavailable, "at the moment"),
            (500, ProviderUnavailable, "at the moment"),
        ],
    )
    async def test_that_is_not_there_or_not_yet(
        self, home: Path, status: int, kind: type[Exception], why: str
    ) -> None:
        step = answered({"error": "invalid_request", "error_description": "Identity not found"}, status)
        async with FakeProvider(default=step) as server:
            environ = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": server.url}
            with pytest.raises(kind, match=why):
                await source_of("azure-openai", home, environ, identity="managed_identity").obtain()

    async def test_needs_a_metadata_server(self, home: Path) -> None:
        async with refusing_port() as port:
            environ = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://127.0.0.1:{port}"}
            with pytest.raises(ProviderUnavailable, match="no metadata server answers here") as caught:
                await source_of("azure-openai", home, environ, identity="managed_identity").obtain()
        assert caught.value.hint is not None and "identity: cli" in caught.value.hint


class TestAzureIdentity:
    """Through the package azure-identity, in a program of its own."""

    @staticmethod
    def az(home: Path, script: str) -> dict[str, str]:
        folder = home / "bin"
        folder.mkdir()
        program = folder / "az"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return {"PATH": f"{folder}:/usr/bin:/bin"}

    @pytest.mark.parametrize("identity", ["cli", "default"])
    async def test_asks_the_command_az(self, home: Path, identity: str) -> None:
        until = int(time.time()) + 600
        said = json.dumps({"accessToken": "canary-az", "expires_on": until, "tokenType": "Bearer"})
        environ = self.az(home, f"echo \"$@\" >> {home}/asked; echo '{said}'")
        environ |= {"AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"} if identity == "default" else {}
        obtained = await source_of("azure-openai", home, environ, identity=identity).obtain()
        assert obtained.secrets["access_token"].get_secret_value() == "canary-az"
        assert 500 < obtained.life_s <= 600
        assert V1.removesuffix("/.default") in (home / "asked").read_text()

    async def test_waits_for_a_slow_az_longer_than_the_package_does(self, home: Path) -> None:
        said = json.dumps({"accessToken": "canary-az", "expires_on": int(time.time()) + 600})
        environ = self.az(home, f"sleep 11; echo '{said}'")
        obtained = await source_of("azure-openai", home, environ, identity="cli").obtain()
        assert obtained.secrets["access_token"].get_secret_value() == "canary-az"

    async def test_ends_what_a_hanging_az_has_started(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        environ = self.az(home, f"sleep 300 & echo $! > {home}/pid; wait")
        found = source_of("azure-openai", home, environ, identity="cli")
        monkeypatch.setattr(kit, "WITHIN", 3.0)
        with pytest.raises(ProviderUnavailable, match="did not finish within"):
            await found.obtain()
        with contextlib.suppress(psutil.NoSuchProcess):
            started = psutil.Process(int((home / "pid").read_text()))
            await until(lambda: gone(started))

    async def test_says_how_to_sign_in(self, home: Path) -> None:
        environ = self.az(home, "echo 'ERROR: Please run az login to setup account. canary' >&2; exit 1")
        found = source_of("azure-openai", home, environ, identity="cli", tenant_id="contoso.com")
        with pytest.raises(LoginRequired, match="nobody has signed in to Azure here") as caught:
            await found.obtain()
        assert caught.value.hint == "az login --tenant contoso.com"
        assert "canary" not in caught.value.message
        assert str(home / ".azure/azureProfile.json") in found.files

    async def test_that_is_missing_is_named(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kit, "_is_installed", lambda package: False)
        with pytest.raises(SecretMissing, match="a package that is not installed") as caught:
            await source_of("azure-openai", home, identity="cli").obtain()
        assert caught.value.hint.endswith("-m pip install '.[azure]'")
