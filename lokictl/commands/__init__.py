"""One file per command: its click command is ``command``, its name a line in ``lokictl.cli.COMMANDS``."""
