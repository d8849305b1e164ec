"""``lokid``, ``python -m lokid``."""

import os
import sys

from lokid import daemon


def main() -> None:
    status = daemon.main()
    # Everything is closed. Leave without the interpreter's own tear-down, which waits for every thread,
    # and one may hang in a name look-up.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
