"""The region of a ``bedrock`` client that says none: that of its profile in the shared configuration of AWS,
as ``aws configure`` writes it. https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace

from lokid.config import Config
from lokid.providers.bedrock import BedrockSettings
from lokid.runtime.regular import opened

_REGION = re.compile(r"[a-z0-9-]+")
"""As ``BedrockSettings.region``: anything else goes into no address."""

MAX_FILE = 1024 * 1024


def files(config: Config, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Those that matter to ``config``: none, if all of its clients say their region. The later one wins."""
    if not any(isinstance(client, BedrockSettings) and client.region is None for client in config.clients):
        return ()
    home = environ.get("HOME", "/")

    def path(variable: str, usual: str) -> str:
        named = environ.get(variable) or os.path.join(home, ".aws", usual)
        return os.path.join(home, named[2:]) if named.startswith("~/") else named

    return path("AWS_CONFIG_FILE", "config"), path("AWS_SHARED_CREDENTIALS_FILE", "credentials")


def fill(config: Config, paths: tuple[str, ...], environ: Mapping[str, str]) -> Config:
    """``config`` with what ``paths`` say. Blocks."""
    regions = _regions(paths)
    usual = environ.get("AWS_DEFAULT_PROFILE") or environ.get("AWS_PROFILE") or "default"  # botocore's order
    missing = dict(config.missing)
    clients = []
    for client in config.clients:
        if isinstance(client, BedrockSettings) and client.region is None:
            region = regions.get(client.profile or usual, "")
            if _REGION.fullmatch(region):
                client = client.model_copy(update={"region": region})
                left = tuple(one for one in missing.pop(client.name, ()) if not one.startswith("region "))
                missing |= {client.name: left} if left else {}
        clients.append(client)
    return replace(config, clients=tuple(clients), missing=missing)


def _regions(paths: tuple[str, ...]) -> dict[str, str]:
    """Profile -> region. A file that is not there or cannot be understood says nothing."""
    import configparser  # 0.7 MiB that only a client of bedrock without a region needs

    found: dict[str, str] = {}
    for path in paths:
        parser = configparser.RawConfigParser(default_section="", strict=False)
        try:
            with opened(path) as (file, _):
                parser.read_string(file.read(MAX_FILE).decode())
        except (OSError, ValueError, configparser.Error):  # ValueError: not UTF-8, or NotRegular
            continue
        for section in parser.sections():
            name = section.removeprefix("profile ").strip().strip("\"'")
            if region := parser.get(section, "region", fallback=""):
                found[name] = region.strip()
    return found
