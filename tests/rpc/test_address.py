"""Where everything is (docs/configuration.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from lokid.rpc import address

HOME = {"HOME": "/home/ada"}
XDG = {
    "XDG_CONFIG_HOME": "/c",
    "XDG_DATA_HOME": "/d/",
    "XDG_STATE_HOME": "/s",
    "XDG_RUNTIME_DIR": "/run/user/7",
}
OVERRIDES = {
    "LOKID_CONFIG": "/etc/lokid/mine.yaml",
    "LOKID_ENV_FILE": "/etc/lokid/env",
    "LOKID_STATE_DIR": "/state",
    "LOKID_SOCK": "/tmp/x.sock",
}
RELATIVE = dict.fromkeys(XDG, "below/somewhere")

Path = Callable[[Mapping[str, str]], str]


@pytest.mark.parametrize(
    ("path", "plain", "xdg", "override"),
    [
        (
            address.config_file,
            "/home/ada/.config/lokid/config.yaml",
            "/c/lokid/config.yaml",
            "/etc/lokid/mine.yaml",
        ),
        (address.env_file, "/home/ada/.config/lokid/.env", "/c/lokid/.env", "/etc/lokid/env"),
        (address.vault_file, "/home/ada/.local/share/lokid/vault.age", "/d/lokid/vault.age", None),
        (address.identity_file, "/home/ada/.local/share/lokid/identity.txt", "/d/lokid/identity.txt", None),
        (address.state_dir, "/home/ada/.local/state/lokid", "/s/lokid", "/state"),
        (
            address.log_file,
            "/home/ada/.local/state/lokid/lokid.log",
            "/s/lokid/lokid.log",
            "/state/lokid.log",
        ),
        (
            address.socket_path,
            "/home/ada/.local/state/lokid/run/rpc.sock",
            "/run/user/7/lokid/rpc.sock",
            "/tmp/x.sock",
        ),
    ],
)
def test_every_path_follows_home_then_xdg_then_our_own_variable(
    path: Path, plain: str, xdg: str, override: str | None
) -> None:
    assert path(HOME) == plain
    assert path(HOME | XDG) == path(XDG) == xdg
    assert path(HOME | RELATIVE) == plain, "relative XDG directories are ignored"
    with pytest.raises(address.NoHome, match="HOME is not an absolute path"):
        path({"HOME": "."})
    assert path(HOME | dict.fromkeys(XDG | OVERRIDES, "")) == plain, "empty is unset"
    assert path(HOME | XDG | OVERRIDES) == (override or xdg)


def test_the_env_file_lies_beside_the_configuration_wherever_that_is() -> None:
    assert address.env_file({"LOKID_CONFIG": "/x/y.yaml"}) == "/x/.env"
    assert address.env_file({"LOKID_CONFIG": "/y.yaml"}) == "/.env"
    assert address.env_file({"LOKID_CONFIG": "y.yaml"}) == ".env"


def test_the_state_directory_does_not_move_the_socket() -> None:
    assert (
        address.socket_path(HOME | {"LOKID_STATE_DIR": "/s"}) == "/home/ada/.local/state/lokid/run/rpc.sock"
    )


def test_without_a_home_the_error_says_what_to_set() -> None:
    with pytest.raises(address.NoHome, match="set HOME or XDG_CONFIG_HOME"):
        address.config_file({})
    with pytest.raises(address.NoHome, match="set HOME or XDG_STATE_HOME"):
        address.socket_path({"HOME": "", "XDG_RUNTIME_DIR": "run"})


def test_a_home_of_root_alone_gives_no_double_slash() -> None:
    assert address.config_file({"HOME": "/"}) == "/.config/lokid/config.yaml"
