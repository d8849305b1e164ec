"""What systemd knows of lokid's unit."""

from __future__ import annotations

import subprocess

UNIT = "lokid.service"
SOCKET = "lokid.socket"

WITHIN_S = 5.0
"""A service manager that takes longer is stuck, and then nothing is known."""


def properties(*names: str, unit: str = UNIT) -> dict[str, str] | None:
    """Name -> value of systemd's own ``names`` (systemctl(1), show), None without an answer."""
    try:
        answer = subprocess.run(  # noqa: S603 (fixed words)
            ["systemctl", "--user", "show", f"--property={','.join(names)}", unit],  # noqa: S607 (as any command)
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return dict(line.split("=", 1) for line in answer.stdout.splitlines() if "=" in line)
