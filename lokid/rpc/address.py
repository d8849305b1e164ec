"""Where everything is, for the daemon and for lokictl alike: one place, so that both agree.

``environ`` is an argument. A variable that is set but empty counts as unset. XDG directories must be
absolute, relative ones are ignored (XDG Base Directory Specification 0.8). The ``LOKID_*`` overrides are
taken as they stand. Paths are put together as text because lokictl loads this file first.
"""

TYPE_CHECKING = False  # typing's own costs 9 ms and collections.abc 2, of a question that takes 13
if TYPE_CHECKING:
    from collections.abc import Mapping


class NoHome(Exception):
    """There is no directory to derive a path from; the message says what to set."""


def config_file(environ: "Mapping[str, str]") -> str:
    """The configuration."""
    return environ.get("LOKID_CONFIG") or f"{_xdg(environ, 'XDG_CONFIG_HOME', '.config')}/lokid/config.yaml"


def env_file(environ: "Mapping[str, str]") -> str:
    """More environment for the daemon: ``.env`` beside the configuration."""
    if path := environ.get("LOKID_ENV_FILE"):
        return path
    directory, slash, _ = config_file(environ).rpartition("/")
    return f"{directory}{slash}.env"


def vault_file(environ: "Mapping[str, str]") -> str:
    """The vault, unless the configuration says ``vault.file``."""
    return f"{_xdg(environ, 'XDG_DATA_HOME', '.local/share')}/lokid/vault.age"


def identity_file(environ: "Mapping[str, str]") -> str:
    """The key of the vault, unless the configuration says ``vault.identity``."""
    return f"{_xdg(environ, 'XDG_DATA_HOME', '.local/share')}/lokid/identity.txt"


def state_dir(environ: "Mapping[str, str]") -> str:
    """Tokens, usage, the log: mode 0700, files 0600."""
    return environ.get("LOKID_STATE_DIR") or f"{_xdg(environ, 'XDG_STATE_HOME', '.local/state')}/lokid"


def log_file(environ: "Mapping[str, str]") -> str:
    """What a daemon writes that lokictl started; under systemd the journal has it."""
    return f"{state_dir(environ)}/lokid.log"


def socket_path(environ: "Mapping[str, str]") -> str:
    """The Unix socket. Its directory is the user's own, mode 0700."""
    if path := environ.get("LOKID_SOCK"):
        return path
    if (runtime := environ.get("XDG_RUNTIME_DIR", "")).startswith("/"):
        return f"{_joinable(runtime)}/lokid/rpc.sock"
    # Not below LOKID_STATE_DIR: a second state directory does not make a second daemon.
    return f"{_xdg(environ, 'XDG_STATE_HOME', '.local/state')}/lokid/run/rpc.sock"


def _xdg(environ: "Mapping[str, str]", variable: str, below_home: str) -> str:
    if (path := environ.get(variable, "")).startswith("/"):
        return _joinable(path)
    # A relative one would take the configuration from the directory where the user happens to be.
    if (home := environ.get("HOME", "")).startswith("/"):
        return f"{_joinable(home)}/{below_home}"
    wrong = "not an absolute path" if home else "not set"
    raise NoHome(f"HOME is {wrong}, so lokid does not know where its files are: set HOME or {variable}")


def _joinable(directory: str) -> str:
    return directory.rstrip("/")
