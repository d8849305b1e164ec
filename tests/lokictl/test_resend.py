"""A request is sent again while that is safe, and never after ``accepted`` (docs/rpc.md)."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import msgpack
import pytest

import lokid
from lokictl import link
from lokictl.failure import Failure
from lokid.rpc import address
from tests.fakes.rpc_daemon import Gone, say
from tests.fakes.terminal import lokictl


def failing(times, then, *, accepted=False, event=False):
    """A ``chat`` whose connection ends the first ``times`` times."""
    count = iter(range(times + 1))

    def chat(call, params):
        if next(count) >= times:
            return then(call, params)
        if accepted:
            call.accepted()
        if event:
            call.text("half")
        raise Gone

    return chat


def sent(fake, method="chat"):
    return [name for name, _ in fake.calls].count(method)


def test_request_is_sent_again_when_the_connection_ends_before_accepted(daemon):
    fake = daemon(chat=failing(2, say("ok")))
    done = lokictl("ask", "hi")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"ok\n", b"")
    assert sent(fake) == 3


def test_request_is_never_sent_again_after_accepted(daemon):
    fake = daemon(chat=failing(1, say("ok"), accepted=True))
    done = lokictl("ask", "hi")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"lokictl: the connection to lokid was lost")
    assert sent(fake) == 1


def test_an_event_counts_as_accepted(daemon):
    fake = daemon(chat=failing(1, say("ok"), event=True))
    done = lokictl("ask", "hi")
    assert (done.returncode, done.stdout) == (1, b"half\n")
    assert sent(fake) == 1


def test_a_daemon_that_is_restarted_by_others_is_waited_for(daemon):
    again = []

    def restarting(call, params):
        first.stop_listening()
        timer = threading.Timer(0.3, lambda: again.append(daemon(chat=say("ok"))))
        timer.start()
        again.append(timer)
        raise Gone

    first = daemon(chat=restarting)
    done = lokictl("ask", "hi")
    again[0].join()
    assert (done.returncode, done.stdout) == (0, b"ok\n")
    assert sent(again[1]) == 1


def test_methods_without_upstream_are_sent_again_too(daemon):
    count = iter(range(9))

    def clients(call, params):
        if next(count) == 0:
            raise Gone
        return []

    fake = daemon(clients__list=clients)
    assert lokictl("clients").returncode == 0
    assert sent(fake, "clients.list") == 2


def test_a_daemon_that_always_hangs_up_is_an_error_in_the_end(daemon, monkeypatch):
    log = Path(address.log_file(os.environ))
    log.parent.mkdir(parents=True)
    log.write_text("2026-01-01T00:00:00 error lokid.life: of another one\n")
    words = ["error lokid.life: it is broken", "info lokid: no error here"]

    def gone(call, params):
        with log.open("a") as file:
            file.writelines(f"2026-01-01T00:00:00 {line}\n" for line in words)
        raise Gone

    fake = daemon(chat=gone)
    monkeypatch.setattr(link, "RESEND_S", 0.2)
    with pytest.raises(Failure, match=r"again and again, for 0 s; its log says: lokid.life: it is broken$"):
        link.call("chat", {"model": "m", "prompt": "hi"})
    assert sent(fake) > 3
    words.pop(0)
    with pytest.raises(Failure, match=r"again and again, for 0 s$"):
        link.call("chat", {"model": "m", "prompt": "hi"})
    log.unlink()
    done = lokictl("ask", "hi")
    assert done.returncode == 69
    assert b"closed the connection again and again, for 5 s\n" in done.stderr


def test_one_that_waited_for_long_before_it_was_left_is_none_of_those(daemon, monkeypatch):
    """It waited for its turn while lokid ended, twice."""
    monkeypatch.setattr(link, "RESEND_S", 0.2)
    left = []

    def leaves(call, params):
        if len(left) == 3:
            return say("ok")(call, params)
        left.append(time.sleep(0.25))
        raise Gone

    daemon(chat=leaves)
    assert link.call("chat", {"model": "m", "prompt": "hi"})["text"] == "ok"
    assert len(left) == 3


def serve_bytes(data):
    """Answers every connection with ``data``, then waits for the other side to leave."""
    path = os.path.join(os.environ["XDG_RUNTIME_DIR"], "lokid", "rpc.sock")
    os.mkdir(os.path.dirname(path), 0o700)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def serve():
        sock, _ = listener.accept()
        with sock, listener:
            sock.recv(65536)
            sock.sendall(data)
            while sock.recv(65536):
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


HELLO = [1, 0, None, {"server": "lokid", "version": lokid.__version__, "pid": 1}]
PIECE = [2, "chat.event", [1, {"type": "text", "text": "half"}]]


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n\r\n\xc1",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        msgpack.packb([1, 0, None, {"server": "other"}]),
        msgpack.packb([0, 0, "hello", [{}]]),  # our own question: a program that repeats what it reads
        msgpack.packb([1, 1, None, "an answer before any greeting"]),
    ],
)
def test_whatever_is_not_lokid_is_named_so(data):
    thread = serve_bytes(data)
    done = lokictl("ask", "hi")
    thread.join()
    assert done.returncode == 69
    assert b"is not lokid" in done.stderr


MANGLED = [
    None,
    7,
    "x",
    None,
    {},
    [],
    [7],
    [1, 1],
    [1, "x", None, None],
    [1, 2, None, {}],
    [1, 1, None, {}, 0],
    [2, 1, []],
]


@pytest.mark.parametrize("message", MANGLED, ids=str)
def test_what_is_no_message_ends_it_after_the_text_that_was_there(message):
    later = [2, "of a later version", [1, 2]]
    thread = serve_bytes(b"".join(map(msgpack.packb, (HELLO, later, PIECE, message))))
    done = lokictl("ask", "hi")
    thread.join()
    assert (done.returncode, done.stdout) == (69, b"half\n")
    assert done.stderr.startswith(b"lokictl: lokid sent what is no message of its protocol\n")
    assert done.stderr.endswith(b"hint: lokictl daemon restart\n")


@pytest.mark.parametrize("message", [[1, 1], [2, "event", [7]], [2, "event", []]], ids=str)
def test_nor_does_it_wait_for_changes_behind_it(message):
    change = [2, "event", [{"topic": "usage"}]]
    thread = serve_bytes(b"".join(map(msgpack.packb, (HELLO, [1, 1, None, {"now": []}], change, message))))
    done = lokictl("events")
    thread.join()
    assert (done.returncode, done.stdout) == (69, b'{"topic": "usage"}\n')
    assert b"no message of its protocol" in done.stderr


@pytest.mark.parametrize("command", ["start", "restart"])
def test_one_that_ends_as_soon_as_it_has_started_is_no_start(daemon, monkeypatch, command):
    """As after an update without a package that is new. It hangs up before it has said why."""
    log = Path(address.log_file(os.environ))

    def write(text):
        with log.open("a") as file:
            file.write(text)

    def gone(call, params):
        threading.Timer(0.3, write, ["lokid: the package x is missing\nTraceback\n"]).start()
        raise Gone

    daemon(requests__list=gone)
    log.parent.mkdir(parents=True)
    write("2026-01-01T00:00:00 error lokid: before\n")
    done = lokictl("daemon", command)
    assert done.returncode == 69
    said = b"lokid ended as soon as it had started; its log says: the package x is missing\n"
    assert said in done.stderr


def test_nor_are_the_words_of_another_lokid_before_its_own(daemon):
    def gone(call, params):
        raise Gone

    daemon(requests__list=gone)
    log = Path(address.log_file(os.environ))
    log.parent.mkdir(parents=True)
    log.write_text("lokid: the package x is missing\n")
    assert b"lokid ended as soon as it had started\n" in lokictl("daemon", "start").stderr
