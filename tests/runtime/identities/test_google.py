"""Application Default Credentials: the order of places, and what is asked; google-auth is the oracle."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import anyio.to_thread
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import identity_pool
from google.auth.transport.requests import Request

from lokid import logs
from lokid.errors import LoginRequired, ProviderUnavailable, SecretMissing
from lokid.runtime.identities import google, kit
from tests.fakes.clouds import answered, source_of, token
from tests.fakes.provider import Call, FakeProvider, answer, refusing_port

pytestmark = pytest.mark.anyio

USER = {
    "type": "authorized_user",
    "client_id": "id.apps.googleusercontent.com",
    "client_secret": "canary-client-secret",
    "refresh_token": "canary-refresh-token",
    "quota_project_id": "payer",
}
FLAVOR = {"metadata-flavor": "Google"}
LOGIN = "gcloud auth application-default login"


def write(path: Path, value: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value) if not isinstance(value, str) else value)
    return str(path)


def well_known(home: Path) -> Path:
    return home / ".config/gcloud/application_default_credentials.json"


class TestPlaces:
    async def test_are_asked_in_googles_order(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        names = {}
        async with FakeProvider() as server:
            for name in ("named", "environment", "gcloud"):
                path = well_known(home) if name == "gcloud" else home / f"{name}.json"
                write(path, USER | {"refresh_token": name, "token_uri": f"{server.url}/token"})
                names[name] = str(path)
            environ = {
                "GOOGLE_APPLICATION_CREDENTIALS": names["environment"],
                "GCE_METADATA_HOST": f"127.0.0.1:{server.port}",
            }
            server.will(*[token()] * 3, answered({"access_token": "t", "expires_in": 60}, **FLAVOR))
            await source_of("vertexai", home, environ, adc_file="~/named.json").obtain()
            await source_of("vertexai", home, environ).obtain()
            environ.pop("GOOGLE_APPLICATION_CREDENTIALS")
            await source_of("vertexai", home, environ).obtain()
            asked = [dict(parse_qsl(one.body.decode())).get("refresh_token") for one in server.requests]
            assert asked == ["named", "environment", "gcloud"]
            well_known(home).unlink()
            await source_of("vertexai", home, environ).obtain()
            assert [one.method for one in server.requests] == ["POST", "POST", "POST", "GET"]

    @pytest.mark.parametrize("where", ["configuration", "environment"])
    async def test_that_are_named_must_be_there(self, home: Path, where: str) -> None:
        path = str(home / "gone.json")
        keys = {"adc_file": path} if where == "configuration" else {}
        environ = {} if keys else {"GOOGLE_APPLICATION_CREDENTIALS": path}
        found = source_of("vertexai", home, environ, **keys)
        assert found.files == (path,)
        with pytest.raises(SecretMissing, match="there is no file") as caught:
            await found.obtain()
        assert caught.value.hint == LOGIN

    async def test_of_gcloud_may_be_elsewhere(self, home: Path) -> None:
        found = source_of("vertexai", home, {"CLOUDSDK_CONFIG": "/elsewhere"})
        assert found.files == ("/elsewhere/application_default_credentials.json",)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '"x"', '{"type": "authorized_user"}', "[" * 5000])
    async def test_that_hold_something_else_are_named(self, home: Path, text: str) -> None:
        write(well_known(home), text)
        with pytest.raises(SecretMissing, match=r"application_default_credentials\.json") as caught:
            await source_of("vertexai", home).obtain()
        assert caught.value.hint == LOGIN

    async def test_without_any_a_person_must_sign_in(self, home: Path) -> None:
        with pytest.raises(LoginRequired, match="nobody has signed in with gcloud") as caught:
            await source_of("vertexai", home, {"NO_GCE_CHECK": "true"}).obtain()
        assert caught.value.hint == LOGIN


class TestUser:
    async def test_has_secrets_that_no_log_shows(self, home: Path) -> None:
        async with FakeProvider(default=token()) as server:
            inner = {"private_key": "canary-private-key"}
            write(well_known(home), USER | {"token_uri": f"{server.url}/token", "source_credentials": inner})
            await source_of("vertexai", home).obtain()
        line = logs.redact("canary-refresh-token canary-client-secret canary-private-key")
        assert line == "[secret] [secret] [secret]"

    async def test_asks_as_google_auth_does(self, home: Path) -> None:
        from google.auth.transport.requests import Request
        from google.oauth2.credentials import Credentials

        async with FakeProvider(default=token("canary-token")) as server:
            said = USER | {"token_uri": f"{server.url}/token"}
            write(well_known(home), said)
            obtained = await source_of("vertexai", home).obtain()

            def theirs() -> None:
                made: Any = Credentials.from_authorized_user_info(said)
                made = made.with_token_uri(f"{server.url}/token")
                made.refresh(Request())

            await anyio.to_thread.run_sync(theirs)
            ours, oracle = server.requests
        assert obtained.secrets["access_token"].get_secret_value() == "canary-token"
        assert (obtained.life_s, obtained.quota_project) == (3599, "payer")
        assert dict(parse_qsl(ours.body.decode())) == dict(parse_qsl(oracle.body.decode()))
        assert ours.headers["content-type"] == oracle.headers["content-type"]
        assert "canary" not in repr(obtained)

    @pytest.mark.parametrize("code", ["invalid_grant", "invalid_client"])
    async def test_that_google_does_not_take_must_sign_in_again(self, home: Path, code: str) -> None:
        step = answered({"error": code, "error_description": "canary", "error_subtype": "invalid_rapt"}, 400)
        async with FakeProvider(default=step) as server:
            write(well_known(home), USER | {"token_uri": f"{server.url}/token"})
            with pytest.raises(LoginRequired, match=code) as caught:
                await source_of("vertexai", home).obtain()
        assert caught.value.hint == LOGIN
        assert "canary" not in caught.value.message

    async def test_waits_while_google_is_down(self, home: Path) -> None:
        async with FakeProvider(default=answer(503)) as server:
            write(well_known(home), USER | {"token_uri": f"{server.url}/token"})
            with pytest.raises(ProviderUnavailable, match="gives no tokens at the moment"):
                await source_of("vertexai", home).obtain()

    async def test_is_told_of_a_refusal_that_is_something_else(self, home: Path) -> None:
        async with FakeProvider(default=answered({"error": "invalid_scope"}, 400)) as server:
            write(well_known(home), USER | {"token_uri": f"{server.url}/token"})
            with pytest.raises(Exception, match="refused a token request: invalid_scope"):
                await source_of("vertexai", home).obtain()


class TestMetadataServer:
    async def test_is_asked_as_google_auth_asks_it(self, home: Path) -> None:
        from google.auth.compute_engine import _metadata
        from google.auth.transport.requests import Request

        step = answered({"access_token": "t", "expires_in": 300, "token_type": "Bearer"}, **FLAVOR)
        async with FakeProvider(default=step) as server:
            environ = {"GCE_METADATA_HOST": f"127.0.0.1:{server.port}"}
            obtained = await source_of("vertexai", home, environ).obtain()

            def theirs() -> None:
                root = f"{server.url}/computeMetadata/v1/"
                _metadata.get(
                    Request(),
                    "instance/service-accounts/default/token",
                    root=root,
                    params={"scopes": google.SCOPE},
                )

            await anyio.to_thread.run_sync(theirs)
            ours, oracle = server.requests
        assert obtained.life_s == 300
        assert ours.headers["metadata-flavor"] == oracle.headers["metadata-flavor"] == "Google"
        assert (ours.method, urlsplit(ours.target).path) == (oracle.method, urlsplit(oracle.target).path)
        assert parse_qsl(urlsplit(ours.target).query) == parse_qsl(urlsplit(oracle.target).query)

    async def test_must_say_that_it_is_one(self, home: Path) -> None:
        async with FakeProvider(default=token()) as server:
            with pytest.raises(LoginRequired, match="no machine of Google Cloud"):
                await source_of("vertexai", home, {"GCE_METADATA_HOST": f"127.0.0.1:{server.port}"}).obtain()

    async def test_may_have_no_account(self, home: Path) -> None:
        async with FakeProvider(default=answer(404, **FLAVOR)) as server:
            with pytest.raises(SecretMissing, match="has no service account"):
                await source_of("vertexai", home, {"GCE_METADATA_HOST": f"127.0.0.1:{server.port}"}).obtain()

    async def test_may_be_busy(self, home: Path) -> None:
        async with FakeProvider(default=answer(503, **FLAVOR)) as server:
            with pytest.raises(ProviderUnavailable, match="the metadata server gives no token"):
                await source_of("vertexai", home, {"GCE_METADATA_HOST": f"127.0.0.1:{server.port}"}).obtain()

    async def test_that_somebody_named_may_be_down(self, home: Path) -> None:
        async with refusing_port() as port:
            with pytest.raises(ProviderUnavailable, match="gives no token: no connection"):
                await source_of("vertexai", home, {"GCE_METADATA_HOST": f"127.0.0.1:{port}"}).obtain()

    async def test_is_never_asked_over_the_network(self, home: Path) -> None:
        with pytest.raises(ProviderUnavailable, match=r"refused to send to http://example\.com"):
            await source_of("vertexai", home, {"GCE_METADATA_HOST": "example.com"}).obtain()


class TestGoogleAuth:
    """Through the package google-auth, in a program of its own."""

    @pytest.fixture
    def account(self) -> dict[str, str]:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "client_email": "robot@p.iam.gserviceaccount.com",
            "private_key": pem.decode(),
            "private_key_id": "k1",
        }

    async def test_signs_for_a_service_account(self, home: Path, account: dict[str, str]) -> None:
        async with FakeProvider(default=token("canary-token")) as server:
            path = write(home / "robot.json", account | {"token_uri": f"{server.url}/token"})
            obtained = await source_of("vertexai", home, adc_file=path).obtain()
            form = dict(parse_qsl(server.requests[0].body.decode()))
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        assert form["assertion"].count(".") == 2
        assert obtained.secrets["access_token"].get_secret_value() == "canary-token"
        assert 3500 < obtained.life_s < 3600

    async def test_exchanges_a_token_of_another_identity_provider(self, home: Path) -> None:
        async with FakeProvider() as server:
            server.will(
                answered(
                    {
                        "access_token": "canary-sts",
                        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
                        "token_type": "Bearer",
                        "expires_in": 3600,
                    }
                )
            )
            subject = write(home / "subject", "canary-subject-token")
            path = write(
                home / "federated.json",
                {
                    "type": "external_account",
                    "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/b",
                    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                    "token_url": f"{server.url}/v1/token",
                    "credential_source": {"file": subject},
                },
            )
            obtained = await source_of("vertexai", home, adc_file=path).obtain()
            form = dict(parse_qsl(server.requests[0].body.decode()))
        assert form["subject_token"] == "canary-subject-token"
        assert obtained.secrets["access_token"].get_secret_value() == "canary-sts"

    async def test_acts_for_a_service_account_as_the_sdk_by_itself_does(self, home: Path) -> None:
        until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

        async def step(call: Call) -> None:
            own = call.request.target == "/v1/token"
            said = {"accessToken": "canary-impersonated", "expireTime": until}
            await (token("canary-own") if own else answered(said))(call)

        async with FakeProvider(default=step) as server:
            account = "projects/-/serviceAccounts/robot@p.iam.gserviceaccount.com"
            found = {
                "type": "external_account",
                "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/b",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": f"{server.url}/v1/token",
                "service_account_impersonation_url": f"{server.url}/v1/{account}:generateAccessToken",
                "credential_source": {"file": write(home / "subject", "canary-subject-token")},
            }
            path = write(home / "impersonating.json", found)
            obtained = await source_of("vertexai", home, adc_file=path).obtain()
            ours = list(server.requests)
            server.requests.clear()
            scopes = ["https://www.googleapis.com/auth/cloud-platform"]
            theirs = identity_pool.Credentials.from_info(found, scopes=scopes)
            await anyio.to_thread.run_sync(theirs.refresh, Request())
            sdks = list(server.requests)
        assert [(one.target, one.body) for one in ours] == [(one.target, one.body) for one in sdks]
        assert ours[1].json["scope"] == scopes
        assert ours[1].headers["authorization"] == sdks[1].headers["authorization"] == "Bearer canary-own"
        assert obtained.secrets["access_token"].get_secret_value() == theirs.token == "canary-impersonated"
        assert 3500 < obtained.life_s <= 3600

    async def test_tells_a_refusal_without_what_the_server_said(
        self, home: Path, account: dict[str, str]
    ) -> None:
        step = answered({"error": "invalid_grant", "error_description": "canary"}, 400)
        async with FakeProvider(default=step) as server:
            path = write(home / "robot.json", account | {"token_uri": f"{server.url}/token"})
            with pytest.raises(LoginRequired, match="does not take these credentials") as caught:
                await source_of("vertexai", home, adc_file=path).obtain()
        assert "canary" not in caught.value.message and caught.value.hint == f"check {path}"

    async def test_tells_a_file_that_it_cannot_use(self, home: Path) -> None:
        path = write(home / "robot.json", {"type": "service_account", "private_key": "canary"})
        with pytest.raises(SecretMissing, match="its file of credentials cannot be used") as caught:
            await source_of("vertexai", home, adc_file=path).obtain()
        assert "canary" not in caught.value.message

    async def test_that_is_missing_is_named(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kit, "_is_installed", lambda package: package != "google.auth")
        path = write(home / "robot.json", {"type": "service_account"})
        with pytest.raises(SecretMissing, match="a package that is not installed") as caught:
            await source_of("vertexai", home, adc_file=path).obtain()
        assert caught.value.hint.endswith("-m pip install '.[vertexai]'")
