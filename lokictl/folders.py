"""Directories of the user's own."""

import os


def make(directory: str) -> None:
    """With what is missing above it, all closed to others whatever the umask is (``os.makedirs`` sees to the
    last one only). Raises OSError."""
    above = os.path.dirname(directory)
    if above and not os.path.lexists(above):
        make(above)
    try:
        os.mkdir(directory, 0o700)
    except OSError:  # of one that is there NFS may say that it is forbidden, or its disk read-only
        if not os.path.isdir(directory):
            raise
