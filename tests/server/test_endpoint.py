"""Who gets the socket, and what is refused before there is one."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from lokid.server.endpoint import MAX_PATH, Endpoint, EndpointBusy, EndpointError, open_endpoint


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "run" / "lokid" / "rpc.sock")


@pytest.fixture
def endpoint(path: str) -> Iterator[Endpoint]:
    endpoint = open_endpoint(path)
    yield endpoint
    endpoint.close()


def listening(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen()
    return sock


def mode(path: str) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_directory_socket_and_lock_are_for_their_owner_alone_whatever_the_umask(path: str) -> None:
    previous = os.umask(0)
    try:
        endpoint = open_endpoint(path)
    finally:
        os.umask(previous)
    assert mode(os.path.dirname(path)) == 0o700
    assert mode(path) == 0o600
    assert mode(path + ".lock") == 0o600
    assert sorted(os.listdir(os.path.dirname(path))) == ["rpc.sock", "rpc.sock.lock"]
    endpoint.close()


def test_parents_that_are_made_are_private_too(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        open_endpoint(str(tmp_path / "state" / "lokid" / "run" / "rpc.sock")).close()
    finally:
        os.umask(previous)
    assert mode(str(tmp_path / "state" / "lokid")) == 0o700


def test_clients_can_connect_before_anyone_accepts(endpoint: Endpoint) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(endpoint.path)


def test_the_second_is_told_that_the_first_runs_and_changes_nothing(endpoint: Endpoint) -> None:
    before = os.lstat(endpoint.path)
    with pytest.raises(EndpointBusy, match="another lokid runs already"):
        open_endpoint(endpoint.path)
    assert os.lstat(endpoint.path) == before


def test_a_stale_socket_is_replaced(path: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700)
    listening(path).close()  # nobody listens, the file stays: what kill -9 leaves behind
    assert os.path.exists(path)
    endpoint = open_endpoint(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    endpoint.close()


def test_a_live_socket_is_never_stolen_even_without_a_lock(path: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700)
    with listening(path) as alive:
        before = os.lstat(path)
        with pytest.raises(EndpointBusy, match="somebody listens on"):
            open_endpoint(path)
        assert os.lstat(path) == before
        alive.accept()[0].close()


def test_a_live_socket_with_a_full_backlog_is_alive(path: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700)
    with socket.socket(socket.AF_UNIX) as alive, socket.socket(socket.AF_UNIX) as waiting:
        alive.bind(path)
        alive.listen(0)
        waiting.connect(path)
        with pytest.raises(EndpointBusy):
            open_endpoint(path)


@pytest.mark.parametrize("inside", ["file", "symlink"])
def test_what_is_not_a_socket_is_left_alone(path: str, tmp_path: Path, inside: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700)
    precious = tmp_path / "precious"
    precious.write_text("x")
    os.link(precious, path) if inside == "file" else os.symlink(precious, path)
    with pytest.raises(EndpointError, match="is not a socket"):
        open_endpoint(path)
    assert precious.read_text() == "x"


def test_a_failed_start_lets_the_lock_go(path: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700)
    Path(path).write_text("x")
    with pytest.raises(EndpointError):
        open_endpoint(path)
    os.unlink(path)
    open_endpoint(path).close()


def test_a_symbolic_link_as_directory_is_refused(path: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    os.makedirs(os.path.dirname(os.path.dirname(path)), exist_ok=True)
    os.symlink(elsewhere, os.path.dirname(path))
    with pytest.raises(EndpointError, match="is a symbolic link"):
        open_endpoint(path)
    assert list(elsewhere.iterdir()) == []


def test_a_file_as_directory_is_refused(path: str) -> None:
    Path(os.path.dirname(path)).write_text("x")
    with pytest.raises(EndpointError, match="is not a directory"):
        open_endpoint(path)


@pytest.mark.parametrize("wrong", [0o755, 0o710, 0o701, 0o777])
def test_a_directory_that_others_may_enter_is_refused(path: str, wrong: int) -> None:
    os.makedirs(os.path.dirname(path))
    os.chmod(os.path.dirname(path), wrong)
    with pytest.raises(EndpointError, match=f"mode {wrong:04o}.*chmod 700"):
        open_endpoint(path)


def test_a_directory_that_holds_more_than_ours_is_not_to_be_closed(tmp_path: Path) -> None:
    """As root LOKID_SOCK=/tmp/x.sock must not lead to `chmod 700 /tmp`."""
    (tmp_path / "of-others").write_text("x")
    tmp_path.chmod(0o1777)
    with pytest.raises(EndpointError, match="in a directory of its own") as caught:
        open_endpoint(str(tmp_path / "x.sock"))
    assert "chmod" not in str(caught.value)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(EndpointError, match=r"cannot make the directory .* XDG_RUNTIME_DIR"):
        open_endpoint(str(tmp_path / "file" / "lokid" / "rpc.sock"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a directory that belongs to somebody else")
def test_a_directory_of_somebody_else_is_refused(path: str) -> None:
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o700)
    os.chown(directory, 12345, 12345)
    with pytest.raises(EndpointError, match="belongs to uid 12345"):
        open_endpoint(path)


def test_a_planted_link_as_lock_is_not_followed(path: str, tmp_path: Path) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700)
    os.symlink(tmp_path / "victim", path + ".lock")
    with pytest.raises(EndpointError, match=r"cannot open the lock .*symbolic link; .* LOKID_SOCK"):
        open_endpoint(path)
    assert not (tmp_path / "victim").exists()


def test_a_lock_that_cannot_be_opened_is_named(path: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700)
    os.mkdir(path + ".lock")  # fails for root too, which may write anywhere
    with pytest.raises(EndpointError, match="cannot open the lock"):
        open_endpoint(path)


def test_a_path_too_long_for_unix_says_so(tmp_path: Path) -> None:
    long = str(tmp_path / ("x" * MAX_PATH))
    with pytest.raises(EndpointError, match=rf"too long for Unix .*at most {MAX_PATH}.*LOKID_SOCK"):
        open_endpoint(long)


def test_nobody_may_not_serve(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    with pytest.raises(EndpointError, match="does not run as nobody"):
        open_endpoint(path)


def test_closing_removes_our_socket_and_frees_the_lock(path: str) -> None:
    open_endpoint(path).close()
    assert not os.path.exists(path)
    lock = os.open(path + ".lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)


def test_closing_leaves_a_socket_that_replaced_ours(path: str) -> None:
    endpoint = open_endpoint(path)
    os.unlink(path)
    with listening(path):
        assert not endpoint.is_reachable()
        endpoint.close()
        assert os.path.exists(path)


def test_a_removed_socket_can_be_bound_again(endpoint: Endpoint) -> None:
    os.unlink(endpoint.path)
    assert not endpoint.is_reachable()
    old = endpoint.sock
    endpoint.bind_again()
    old.close()
    assert endpoint.is_reachable()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(endpoint.path)


def test_descriptors_are_not_inherited_by_children(endpoint: Endpoint) -> None:
    assert not os.get_inheritable(endpoint.lock)
    assert not os.get_inheritable(endpoint.sock.fileno())


# --- what systemd hands over


@pytest.fixture
def activated(path: str) -> Iterator[socket.socket]:
    os.makedirs(os.path.dirname(path), mode=0o700)
    with listening(path) as sock:
        yield sock


def test_an_inherited_socket_is_used_under_the_same_lock_and_stays_at_the_end(
    activated: socket.socket, path: str
) -> None:
    endpoint = open_endpoint("/ignored/rpc.sock", [(os.dup(activated.fileno()), "rpc")])
    assert (endpoint.path, endpoint.inherited, endpoint.is_reachable()) == (path, True, True)
    with pytest.raises(EndpointBusy):
        open_endpoint(path, [(os.dup(activated.fileno()), "rpc")])
    endpoint.close()
    assert os.path.exists(path)


def test_one_inherited_socket_may_have_any_name(activated: socket.socket) -> None:
    open_endpoint("", [(os.dup(activated.fileno()), "unknown")]).close()


def test_of_several_inherited_sockets_ours_is_found_by_its_name(activated: socket.socket, path: str) -> None:
    other = os.open(os.devnull, os.O_RDONLY)
    endpoint = open_endpoint("", [(other, "web"), (os.dup(activated.fileno()), "rpc")])
    assert endpoint.path == path
    endpoint.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(other)


def test_several_inherited_sockets_without_our_name_are_refused(activated: socket.socket) -> None:
    both = [(os.dup(activated.fileno()), "a"), (os.dup(activated.fileno()), "b")]
    with pytest.raises(EndpointError, match=r"handed over 2 sockets.*FileDescriptorName=rpc"):
        open_endpoint("", both)
    for fd, _ in both:
        os.close(fd)


@pytest.mark.parametrize("kind", ["tcp", "datagram", "not listening"])
def test_an_inherited_socket_of_another_kind_is_refused(kind: str) -> None:
    family = socket.AF_INET if kind == "tcp" else socket.AF_UNIX
    sock = socket.socket(family, socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM)
    with pytest.raises(EndpointError, match="not a listening Unix stream socket"):
        open_endpoint("", [(sock.detach(), "rpc")])


def test_an_inherited_file_is_refused() -> None:
    fd = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(EndpointError, match="is not a socket"):
        open_endpoint("", [(fd, "rpc")])
    os.close(fd)


def test_an_abstract_socket_is_refused() -> None:
    sock = listening("\0lokid-test-" + str(os.getpid()))
    with pytest.raises(EndpointError, match="has no path"):
        open_endpoint("", [(sock.detach(), "rpc")])


def test_the_directory_of_an_inherited_socket_is_checked_too(activated: socket.socket, path: str) -> None:
    os.chmod(os.path.dirname(path), 0o755)
    with pytest.raises(EndpointError, match="chmod 700"):
        open_endpoint("", [(os.dup(activated.fileno()), "rpc")])
