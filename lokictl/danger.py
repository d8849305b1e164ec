"""Commands that destroy: a warning for eyes that skim. It knows the usual ones and proves nothing."""

from __future__ import annotations

import os
import re

_MUCH = "deletes whole directories"
_DISK = "overwrites a disk"
_TREE = "changes a whole tree"
_MACHINE = "stops the machine"
_FOR_GOOD = "deletes what cannot be brought back"
_RECURSIVE = r"(^|\s)(-\w*[rR]|--recursive)"

COMMANDS = (
    ("rm", _RECURSIVE, _MUCH),
    ("rm unlink shred srm wipe", "", "deletes files"),
    ("find fd", r"\s-delete\b|-(exec|x)\w*\s+(rm|shred)\b", "deletes what it finds"),
    ("mkfs wipefs fdisk sfdisk parted sgdisk mkswap cryptsetup", "", _DISK),
    ("dd", r"\bof=", "overwrites a file or disk"),
    ("truncate", "", "cuts files"),
    ("rsync", r"--delete", "deletes files"),
    ("chmod chown chgrp", _RECURSIVE, _TREE),
    ("git", r"\bpush\b.*(\s-f\b|\s--force|\s--mirror|\s--delete|\s\+)", "rewrites a remote branch"),
    (
        "git",
        r"\breset\b.*--hard|\bclean\b.*\s-\w*[fdx]|\bcheckout\b.*\s--\s|\brestore\b",
        "throws away changes",
    ),
    ("kill killall pkill", "", "ends processes"),
    ("shutdown reboot halt poweroff", "", _MACHINE),
    ("systemctl", r"\b(poweroff|reboot|halt)\b", _MACHINE),
    ("systemctl", r"\b(isolate|mask|disable|stop)\b", "stops services"),
    ("iptables nft ip6tables", r"(^|\s)-F\b|\bflush\b", "drops the rules of the firewall"),
    ("docker podman", r"\bprune\b|(^|\s)(rm|rmi)\b", "deletes containers or images"),
    ("kubectl", r"\b(delete|drain)\b", "deletes from a cluster"),
    ("terraform tofu", r"\bdestroy\b", "destroys what it manages"),
    ("crontab", r"(^|\s)-r\b", "deletes all cron jobs"),
    ("zfs zpool", r"\bdestroy\b", _FOR_GOOD),
    ("userdel groupdel vgremove lvremove pvremove dropdb", "", _FOR_GOOD),
)
"""Names of commands, a pattern of what follows the name, what that does. The first that fits is told."""

LINES = (
    (r">\s*/dev/(sd|nvme|vd|xvd|hd|mmcblk|disk)", _DISK),
    (r"\b(curl|wget)\b[^;&\n]*\|\s*(sudo\s+)?(ba|z|da|fi)?sh\b", "runs what it downloads"),
    (r"(?i)\b(drop\s+(table|database|schema)|truncate\s+table|delete\s+from)\b", "deletes from a database"),
    (r":\(\)\s*\{", "starts processes without end"),
)
"""Patterns of a whole line."""

_BEFORE = {
    "sudo", "doas", "env", "time", "nohup", "nice", "xargs", "parallel", "exec", "command", "builtin", "!",
    "then", "do", "else",
}  # fmt: skip
"""What may stand before the name of the command that is run."""

_LONGEST = 10_000
"""Characters that are looked at."""


def danger(line: str) -> str | None:
    """What the command ``line`` destroys, as the end of "this ..."; None if nothing was recognised."""
    line = line[:_LONGEST]
    for pattern, what in LINES:
        if re.search(pattern, line):
            return what
    parts = [_command(part) for part in re.split(r"\$\(|[;&|\n(){}`]", line)]
    for names, pattern, what in COMMANDS:
        for name, rest in parts:
            if name.partition(".")[0] in names.split() and re.search(pattern, rest):  # mkfs.ext4
                return what
    return "runs as root" if re.search(r"(^|[;&|(\n]\s*)(sudo|doas|su)\b", line) else None


def _command(part: str) -> tuple[str, str]:
    """The name of the command in a part of a pipeline, and the rest of it."""
    words = part.split()
    while words and (words[0] in _BEFORE or re.match(r"-|\w+=", words[0])):
        del words[0]
    name = os.path.basename(words[0].strip("'\"\\")) if words else ""
    return name, " ".join(words[1:])
