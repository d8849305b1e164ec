"""Credentials of AWS: the same ones that botocore finds in the same surroundings."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anyio.to_thread
import botocore.session
import psutil
import pytest

from lokid.errors import LoginRequired, LokidError, ProviderUnavailable, SecretMissing
from lokid.runtime.identities import kit
from lokid.runtime.identities.source import NO_END_S
from tests.fakes.clouds import answered, source_of
from tests.fakes.processes import gone
from tests.fakes.provider import FakeProvider, answer, refusing_port
from tests.fakes.server import until

pytestmark = pytest.mark.anyio

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKENV",
    "AWS_SECRET_ACCESS_KEY": "canary-env",
    "AWS_SESSION_TOKEN": "canary-token",
}
BEARER = {"AWS_BEARER_TOKEN_BEDROCK": "canary-bearer"}
NO_IMDS = {"AWS_EC2_METADATA_DISABLED": "true"}


def soon() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def configure(home: Path) -> None:
    """``default`` and ``work`` with keys, ``tool`` with a program, ``signed-in`` with SSO."""
    folder = home / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id=AKDEFAULT\naws_secret_access_key=canary-default\n"
        "[work]\naws_access_key_id=AKWORK\naws_secret_access_key=canary-work\n"
        "[half]\naws_access_key_id=AKHALF\n"
    )
    answer = {
        "Version": 1, "AccessKeyId": "AKTOOL", "SecretAccessKey": "canary-tool", "SessionToken": "s",
        "Expiration": soon(),
    }  # fmt: skip
    (home / "answer.json").write_text(json.dumps(answer))
    (folder / "config").write_text(
        f"[profile tool]\ncredential_process = /bin/cat {home}/answer.json\n"
        "[profile broken]\ncredential_process = /bin/false\n"
        "[profile signed-in]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = R\n"
        "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://example.com/start\n"
        "sso_registration_scopes = sso:account:access\n"
    )


def signed_in(home: Path, until: str) -> None:
    cache = home / ".aws/sso/cache"
    cache.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha1(b"s", usedforsecurity=False).hexdigest()
    token = {"startUrl": "https://example.com/start", "region": "us-east-1", "accessToken": "canary-sso"}
    (cache / f"{name}.json").write_text(json.dumps(token | {"expiresAt": until}))


FOUND: dict[str, dict[str, str]] = {}


def botocore_finds(home: Path, environ: Mapping[str, str], profile: str | None) -> dict[str, str]:
    """In a process with only this environment, as a user would run it."""
    program = (
        "import botocore.session, json, sys\n"
        "keys = botocore.session.Session(profile=json.loads(sys.argv[1])).get_credentials()"
        ".get_frozen_credentials()\n"
        "print(json.dumps([keys.access_key, keys.secret_key, keys.token]))\n"
    )
    import subprocess

    done = subprocess.run(
        [sys.executable, "-P", "-c", program, json.dumps(profile)],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        check=True,
    )
    found = zip(("access_key_id", "secret_access_key", "session_token"), json.loads(done.stdout), strict=True)
    return {key: value for key, value in found if value}


def shown(obtained: Any) -> dict[str, str]:
    return {key: value.get_secret_value() for key, value in obtained.secrets.items()}


class TestOrder:
    @pytest.mark.parametrize(
        ("environ", "profile", "key"),
        [
            ({}, None, "AKDEFAULT"),
            (KEYS, None, "AKENV"),
            (KEYS, "work", "AKWORK"),  # a profile that is named counts more than the environment
            ({"AWS_PROFILE": "work"}, None, "AKWORK"),
            (KEYS | {"AWS_PROFILE": "work"}, None, "AKENV"),
            ({}, "tool", "AKTOOL"),
            ({"AWS_PROFILE": "tool"}, None, "AKTOOL"),
            ({"AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}, "tool", "AKTOOL"),
        ],
    )
    async def test_is_botocores(
        self, home: Path, environ: dict[str, str], profile: str | None, key: str
    ) -> None:
        configure(home)
        environ = environ | NO_IMDS
        keys = {} if profile is None else {"profile": profile}
        ours = shown(await source_of("bedrock", home, environ, **keys).obtain())
        asked = json.dumps([environ, profile])
        if asked not in FOUND:  # starts a second of imports; both event loops ask the same
            FOUND[asked] = await anyio.to_thread.run_sync(botocore_finds, home, environ, profile)
        theirs = FOUND[asked]
        assert ours == theirs
        assert ours["access_key_id"] == key

    async def test_has_the_api_key_of_bedrock_before_access_keys(self, home: Path) -> None:
        obtained = await source_of("bedrock", home, KEYS | BEARER).obtain()
        assert shown(obtained) == {"access_token": "canary-bearer"}
        assert obtained.life_s == NO_END_S

    async def test_has_a_named_profile_before_that_api_key(self, home: Path) -> None:
        configure(home)
        ours = shown(await source_of("bedrock", home, BEARER | NO_IMDS, profile="work").obtain())
        assert ours["access_key_id"] == "AKWORK"

    async def test_does_not_go_on_after_half_a_pair(self, home: Path) -> None:
        configure(home)
        with pytest.raises(SecretMissing, match="AWS_SECRET_ACCESS_KEY is not"):
            await source_of("bedrock", home, {"AWS_ACCESS_KEY_ID": "AK"}).obtain()
        with pytest.raises(SecretMissing, match="half of a pair"):
            await source_of("bedrock", home, NO_IMDS, profile="half").obtain()

    async def test_needs_no_sdk_for_what_the_environment_holds(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kit, "_is_installed", lambda package: False)
        assert shown(await source_of("bedrock", home, KEYS).obtain())["session_token"] == "canary-token"
        with pytest.raises(SecretMissing, match="not installed") as caught:
            await source_of("bedrock", home).obtain()
        assert caught.value.hint.endswith("-m pip install '.[bedrock]'")


class TestSources:
    async def test_of_a_container_are_asked_with_its_token(self, home: Path) -> None:
        step = answered(
            {
                "AccessKeyId": "AKECS",
                "SecretAccessKey": "canary-ecs",
                "Token": "canary-t",
                "Expiration": soon(),
            }
        )
        async with FakeProvider(default=step) as server:
            environ = {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/creds",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "canary-authorization",
            }
            obtained = await source_of("bedrock", home, environ).obtain()
            assert server.requests[0].headers["authorization"] == "canary-authorization"
        assert shown(obtained)["access_key_id"] == "AKECS"
        assert 3500 < obtained.life_s <= 3600
        assert "canary" not in repr(obtained)

    async def test_of_a_virtual_machine_are_asked_by_version_two(self, home: Path) -> None:
        role = {
            "Code": "Success", "AccessKeyId": "AKEC2", "SecretAccessKey": "canary-ec2", "Token": "canary-t",
            "Expiration": soon(),
        }  # fmt: skip
        async with FakeProvider() as server:
            server.will(answer(200, b"session"), answer(200, b"role"), answered(role))
            environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{server.url}/"}
            obtained = await source_of("bedrock", home, environ).obtain()
            assert [one.method for one in server.requests] == ["PUT", "GET", "GET"]
            assert server.requests[1].headers["x-aws-ec2-metadata-token"] == "session"
        assert shown(obtained)["access_key_id"] == "AKEC2"

    async def test_of_a_web_identity_are_exchanged_as_botocore_does(self, home: Path) -> None:
        keys = "".join(
            f"<{name}>{value}</{name}>"
            for name, value in {
                "AccessKeyId": "AKWEB",
                "SecretAccessKey": "canary-web",
                "SessionToken": "canary-t",
                "Expiration": soon(),
            }.items()
        )
        name = "AssumeRoleWithWebIdentity"
        said = (
            f"<{name}Response><{name}Result><Credentials>{keys}</Credentials></{name}Result></{name}Response>"
        )
        (home / "subject").write_text("canary-subject")
        async with FakeProvider(default=answer(200, said.encode(), content_type="text/xml")) as server:
            environ = NO_IMDS | {
                "AWS_WEB_IDENTITY_TOKEN_FILE": str(home / "subject"),
                "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r",
                "AWS_ROLE_SESSION_NAME": "session",
                "AWS_ENDPOINT_URL_STS": server.url,
            }
            obtained = await source_of("bedrock", home, environ).obtain()
            more = {"AWS_DEFAULT_REGION": "eu-central-1"}
            theirs = await anyio.to_thread.run_sync(botocore_finds, home, environ | more, None)
            ours, botocores = (parse_qs(one.body.decode()) for one in server.requests)
        assert ours == botocores
        assert ours["WebIdentityToken"] == ["canary-subject"]
        assert shown(obtained) == theirs
        assert shown(obtained)["access_key_id"] == "AKWEB"
        assert 3500 < obtained.life_s <= 3600
        assert "canary" not in repr(obtained)

    async def test_of_a_sign_in_are_exchanged(self, home: Path) -> None:
        configure(home)
        signed_in(home, soon())
        role = {"accessKeyId": "AKSSO", "secretAccessKey": "canary-role", "sessionToken": "canary-t"}
        until = (datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1000
        async with FakeProvider(
            default=answered({"roleCredentials": role | {"expiration": until}})
        ) as server:
            environ = NO_IMDS | {"AWS_ENDPOINT_URL_SSO": server.url}
            obtained = await source_of("bedrock", home, environ, profile="signed-in").obtain()
            assert server.requests[0].headers["x-amz-sso_bearer_token"] == "canary-sso"
        assert shown(obtained)["access_key_id"] == "AKSSO"
        assert 3500 < obtained.life_s <= 3600

    @pytest.mark.parametrize("until", [None, "2020-01-01T00:00:00Z"])
    async def test_of_no_sign_in_say_how_to(self, home: Path, until: str | None) -> None:
        configure(home)
        if until is not None:
            signed_in(home, until)
        source = source_of("bedrock", home, NO_IMDS, profile="signed-in")
        with pytest.raises(LoginRequired, match="run out, or nobody has signed in") as caught:
            await source.obtain()
        assert caught.value.hint == "aws sso login --profile signed-in, or aws configure --profile signed-in"
        assert str(home / ".aws/sso/cache") in source.files
        signed_in(home, soon())
        assert any(name.endswith(".json") for name in source.files)

    @pytest.mark.parametrize(
        ("profile", "kind", "why"),
        [
            ("gone", SecretMissing, "no such profile"),
            ("broken", ProviderUnavailable, "the source 'custom-process' of the profile failed"),
            (None, SecretMissing, "none of the places"),
        ],
    )
    async def test_that_fail_are_told(
        self, home: Path, profile: str | None, kind: type[LokidError], why: str
    ) -> None:
        if profile is not None:
            configure(home)
        keys = {} if profile is None else {"profile": profile}
        with pytest.raises(kind, match=why):
            await source_of("bedrock", home, NO_IMDS, **keys).obtain()

    async def test_that_are_down_are_told(self, home: Path) -> None:
        async with refusing_port() as port:
            environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{port}/"}
            with pytest.raises(
                ProviderUnavailable, match="the source 'container-role' of the profile failed"
            ):
                await source_of("bedrock", home, environ).obtain()


class TestProgram:
    async def test_is_stopped_when_its_time_is_up(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kit, "WITHIN", 0.5)
        (home / ".aws").mkdir()
        (home / ".aws/config").write_text("[default]\ncredential_process = /bin/sleep 60\n")
        with pytest.raises(ProviderUnavailable, match="did not finish within") as caught:
            await source_of("bedrock", home, NO_IMDS).obtain()
        assert not caught.value.retryable, "three times 40 s"

    async def test_does_not_outlive_a_lokid_that_is_killed(self, home: Path) -> None:
        """Nor does what its SDK has started."""
        (home / ".aws").mkdir()
        (home / "hangs").write_text(
            f"#!/bin/sh\nsleep 300 & echo $! $PPID > {home}/new\nmv {home}/new {home}/pids; wait\n"
        )
        (home / "hangs").chmod(0o700)
        (home / ".aws/config").write_text(f"[default]\ncredential_process = {home}/hangs\n")
        request = json.dumps({"cloud": "aws", "profile": None, "region": None})
        starts = (
            "import subprocess, sys, time\n"
            "asked = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, start_new_session=True)\n"
            "asked.stdin.write(b'{}'); asked.stdin.close(); time.sleep(300)\n"
        )
        environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", **NO_IMDS}
        lokid = await anyio.open_process(
            [sys.executable, "-c", starts, sys.executable, "-P", kit._PROGRAM, request], env=environ
        )
        await until(lambda: (home / "pids").exists(), 20)
        processes = [psutil.Process(int(pid)) for pid in (home / "pids").read_text().split()]
        lokid.kill()
        await lokid.aclose()
        await until(lambda: all(map(gone, processes)))

    async def test_that_breaks_is_told(
        self, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for text, why in (
            ("raise SystemExit(3)", "exit status 3"),
            ("print('{')", "answered something else"),
            ("print([])", "something else"),
        ):
            program = tmp_path / "program.py"
            program.write_text(text)
            monkeypatch.setattr(kit, "_PROGRAM", str(program))
            with pytest.raises(ProviderUnavailable, match=why):
                await source_of("bedrock", home, NO_IMDS).obtain()

    async def test_sees_what_it_needs_of_the_environment_and_the_clients_proxy(
        self, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = tmp_path / "program.py"
        program.write_text(
            "import json, os, sys\n"
            "secrets = {**json.load(sys.stdin), 'HOME': os.environ['HOME'], 'there': ' '.join(os.environ)}\n"
            "print(json.dumps({'secrets': secrets, 'expires_in': None}))\n"
        )
        monkeypatch.setattr(kit, "_PROGRAM", str(program))
        monkeypatch.setenv("AWS_OF_THE_PROCESS", "no")
        environ = {"AWS_REGION": "r", "OPENAI_API_KEY": "canary", "HTTPS_PROXY": "http://ambient.example"}
        extra = {"proxy": "http://127.0.0.1:3128", "ca_file": "/ca.pem"}
        seen = shown(await source_of("bedrock", home, environ, extra=extra).obtain())
        assert seen["AWS_REGION"] == "r" and seen["HOME"] == str(home)
        assert seen["HTTPS_PROXY"] == "http://127.0.0.1:3128" and "169.254.169.254" in seen["NO_PROXY"]
        assert seen["AWS_CA_BUNDLE"] == seen["REQUESTS_CA_BUNDLE"] == "/ca.pem"
        assert not {"OPENAI_API_KEY", "AWS_OF_THE_PROCESS"} & seen.keys()
        # Which other programs can read until it has closed itself.
        assert seen.keys() & set(seen["there"].split()) == {"HOME"}
        assert "HTTPS_PROXY" not in shown(await source_of("bedrock", home, environ).obtain())


def test_credentials_that_are_no_texts_are_none() -> None:
    script = (
        "from lokid.runtime.identities import sdk;"
        "sdk.CLOUDS['mine'] = lambda _: {'secrets': {'access_key_id': None}}; sdk.main()"
    )
    command = [sys.executable, "-c", script, '{"cloud": "mine"}']
    done = subprocess.run(command, input="{}", capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "error": "its source gave credentials that are no texts",
        "kind": "unavailable",
    }


def test_the_sdk_sees_what_the_program_is_told() -> None:
    code = (
        "import os; from lokid.runtime.identities import sdk;"
        "sdk.CLOUDS['mine'] = lambda _: {'seen': os.environ['AWS_CANARY']}; sdk.main()"
    )
    command = [sys.executable, "-c", code, '{"cloud": "mine"}']
    assert json.loads(subprocess.check_output(command, input=b'{"AWS_CANARY": "x"}')) == {"seen": "x"}


def test_a_package_that_is_there_is_found_without_importing_it() -> None:
    assert kit._is_installed("botocore") and not kit._is_installed("no_such.package")
    assert not kit._is_installed("botocore.no_such_module")
    assert botocore.session is not None
