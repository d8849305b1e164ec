"""``python -m lokid.runtime.whereabouts``: where the configuration says that the vault and its identity are,
as ``{"vault_file", "identity_file"}``. For lokictl while no daemon runs: it reads no configuration itself.
"""

from __future__ import annotations

import json
import os
import sys

from lokid.config import vault_settings
from lokid.runtime import secrets
from lokid.runtime.identity import Place
from lokid.runtime.loading import Paths

MAX_TEXT = 64 * 1024 * 1024


def main() -> int:
    """Files that cannot be read say nothing; ``lokictl config check`` tells about them."""
    paths = Paths.of(os.environ)
    variables, _ = secrets.dotenv(_text(paths.env_file), paths.env_file)
    settings = vault_settings(_text(paths.config), paths.config, {**variables, **os.environ})
    place = Place.of(settings, os.environ, os.path.dirname(paths.config))
    kept = place.wrapped if os.path.exists(place.wrapped) else place.plain
    sys.stdout.write(json.dumps({"vault_file": place.file, "identity_file": kept}))
    return 0


def _text(path: str) -> str:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return file.read(MAX_TEXT).decode()
    except (OSError, UnicodeDecodeError):
        return ""


if __name__ == "__main__":
    raise SystemExit(main())
