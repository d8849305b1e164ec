"""The region of a profile, as botocore reads it, in a configuration that says none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lokid.runtime.loading import Loaded, Paths, load

PROGRAM = (
    "import botocore.session, json, sys\n"
    "session = botocore.session.Session(profile=json.loads(sys.argv[1]))\n"
    "print(json.dumps(session.get_config_variable('region')))"
)


def configure(home: Path) -> None:
    folder = home / ".aws"
    folder.mkdir()
    (folder / "config").write_text(
        "[default]\nregion = eu-west-1\n[profile work]\nregion=eu-central-1\ns3 =\n  max_queue_size = 10\n"
        '[profile "my own"]\nregion = us-west-2\n[profile both]\nregion = us-east-1\n[profile none]\n'
        "[sso-session s]\nsso_region = us-east-1\n"
    )
    (folder / "credentials").write_text("[both]\nregion = ap-south-1\n[default]\naws_access_key_id = A\n")


def loaded(home: Path, environ: dict[str, str], **keys: object) -> Loaded:
    path = home / "config.yaml"
    path.write_text(json.dumps({"clients": [{"type": "bedrock", **keys}]}))
    return load(Paths(str(path), str(home / ".env")), {"HOME": str(home), **environ}, tuple)


@pytest.mark.parametrize(
    ("environ", "profile"),
    [
        ({}, None),
        ({}, "work"),
        ({}, "my own"),
        ({}, "both"),
        ({}, "none"),
        ({"AWS_PROFILE": "work"}, None),
        ({"AWS_PROFILE": "work", "AWS_DEFAULT_PROFILE": "both"}, None),
        ({"AWS_CONFIG_FILE": "/dev/null"}, None),
        ({"AWS_DEFAULT_REGION": "ca-central-1"}, "work"),
    ],
)
def test_is_the_one_that_botocore_finds(home: Path, environ: dict[str, str], profile: str | None) -> None:
    configure(home)
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, json.dumps(profile)],
        env={"HOME": str(home), **environ},
        capture_output=True,
        check=True,
    )
    keys = {} if profile is None else {"profile": profile}
    config = loaded(home, environ, **keys).config
    assert config is not None
    region = getattr(config.clients[0], "region", None)
    assert region == json.loads(done.stdout)
    assert bool(config.missing) == (region is None)


def test_of_the_configuration_counts_more_and_no_file_is_followed(home: Path) -> None:
    configure(home)
    found = loaded(home, {}, region="sa-east-1")
    assert found.config is not None
    assert getattr(found.config.clients[0], "region", None) == "sa-east-1"
    assert not any(".aws" in path for path in found.files)


def test_the_files_of_aws_are_followed_when_they_matter(home: Path) -> None:
    configure(home)
    found = loaded(home, {}, profile="work")
    assert str(home / ".aws/config") in found.files
    assert len(found.files) == len(found.marks)
    before = found.texts
    (home / ".aws/config").write_text("[profile work]\nregion = eu-south-2\n")
    assert loaded(home, {}, profile="work").texts != before


@pytest.mark.parametrize(
    "text", ["[profile work\nregion = x", "[profile work]\nregion = a.evil.example/\n", "\xff"]
)
def test_what_is_none_goes_into_no_address(home: Path, text: str) -> None:
    (home / ".aws").mkdir()
    (home / ".aws/config").write_bytes(text.encode("latin-1"))
    found = loaded(home, {}, profile="work")
    assert found.config is not None
    assert found.config.missing["bedrock"][0].startswith("region ")
