"""``python -m lokid.runtime.secrets.whereabouts``: where the configuration says that the vault and its
identity are, as ``{"vault_file", "identity_file"}``. For lokictl while no daemon runs: it reads no
configuration itself.
"""

from __future__ import annotations

import json
import os
import sys

from lokid.config import vault_settings
from lokid.runtime.loading import Paths, read
from lokid.runtime.secrets import sources as secrets
from lokid.runtime.secrets.identity import Place


def main() -> int:
    """Files that cannot be read say nothing; ``lokictl config check`` tells about them."""
    paths = Paths.of(os.environ)
    text, env_text = (read(path, [], []) or "" for path in (paths.config, paths.env_file))
    variables, _ = secrets.dotenv(env_text, paths.env_file)
    settings = vault_settings(text, paths.config, {**variables, **os.environ})
    place = Place.of(settings, os.environ, os.path.dirname(paths.config))
    kept = place.wrapped if os.path.exists(place.wrapped) else place.plain
    sys.stdout.write(json.dumps({"vault_file": place.file, "identity_file": kept}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
