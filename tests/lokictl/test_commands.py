"""The other commands in pipes: what they ask the daemon, what they print, and their exit status."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import lokid
from lokictl import ending, link
from lokictl.cli import COMMANDS
from lokictl.commands import daemon as daemon_command
from lokictl.commands.status import _vault
from lokictl.failure import Failure
from tests.fakes.rpc_daemon import Refused
from tests.fakes.terminal import lokictl

MODELS = [
    {
        "client": "openai",
        "name": "gpt-5",
        "type": "chat",
        "max_input_tokens": 400000,
        "max_output_tokens": 128000,
        "input_price": 1.25,
        "output_price": 10.0,
        "supports_vision": True,
        "supports_function_calling": True,
    },
    {"client": "local", "name": "evil\x1b[2J\n", "type": "embedding"},
]
CLIENTS = [
    {"name": "openai", "type": "openai", "auth": "api_key", "state": "ready"},
    {
        "name": "c",
        "type": "claude",
        "auth": "api_key",
        "state": "needs_secret",
        "reason": "set C_API_KEY",
        "today": {"requests": 3, "cost_usd": 0.01},
    },
    {"name": "g", "type": "gemini", "auth": "oauth", "state": "needs_login"},
]
REQUESTS = [
    {
        "id": 7,
        "method": "chat",
        "state": "waiting",
        "model": "openai:gpt-5",
        "program": "nvim",
        "pid": 42,
        "started_at": 0.0,
        "elapsed_s": 63.0,
    }
]
PROBLEM = {
    "path": "/c.yaml",
    "line": 3,
    "column": 5,
    "key": "clients[0].typ",
    "message": "did you mean type?",
}


def status_of(problems):
    return {
        "daemon": {
            "version": lokid.__version__,
            "pid": 1,
            "protocol": 1,
            "started_at": time.time() - 100,
            "socket": "/run/s",
            "root": True,
        },
        "config": {
            "path": "/c.yaml",
            "loaded_at": time.time() - 50,
            "generation": 2,
            "model": "openai:gpt-5",
            "problems": problems,
        },
        "clients": CLIENTS,
        "requests": REQUESTS,
    }


def rows(done):
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.decode().splitlines()]


def test_models_in_a_pipe_are_tab_separated_and_clean(daemon):
    fake = daemon(models__list=lambda *_: MODELS)
    assert rows(lokictl("models")) == [
        ["openai:gpt-5", "chat", "400000", "128000", "1.25", "10", "images tools"],
        ["local:evil\ufffd[2J", "embedding", "", "", "", "", ""],
    ]
    assert fake.params("models.list") == {}


def test_models_can_be_narrowed_and_refreshed(daemon):
    fake = daemon(models__list=lambda *_: MODELS)
    done = lokictl("models", "openai", "--type", "chat", "--refresh", "--json")
    assert json.loads(done.stdout) == MODELS
    assert fake.params("models.list") == {"client": "openai", "type": "chat", "refresh": True}


def test_models_of_all_clients_are_refreshed_and_who_failed_is_named(daemon):
    failed = {"name": "c", "models_error": "the key was refused"}
    daemon(models__list=lambda *_: MODELS, clients__list=lambda *_: [{"name": "openai"}, failed])
    done = lokictl("models", "--refresh")
    assert len(rows(done)) == 2
    assert done.stderr.decode() == "c was not asked anew: the key was refused\n"


def test_clients_show_their_state_and_what_mends_it(daemon):
    daemon(clients__list=lambda *_: CLIENTS)
    assert rows(lokictl("clients"))[1] == [
        *("c", "claude", "api_key", "needs_secret", "3", "0.01", "set C_API_KEY")
    ]
    assert json.loads(lokictl("clients", "--json").stdout) == CLIENTS


@pytest.mark.parametrize(
    ("state", "auth", "reason", "shown"),
    [
        (
            "needs_secret",
            "key",
            "client 'x' is switched off: it lacks K (lokictl secret set K)",
            "is switched off: it lacks K (lokictl secret set K)",
        ),
        (
            "needs_login",
            "oauth",
            "client 'x' has `auth: oauth` and nobody signed in",
            "has `auth: oauth` and nobody signed in: lokictl auth login x",
        ),
        ("needs_login", "identity", "the sign-in has run out: az login", "the sign-in has run out: az login"),
        ("ready", "key", None, ""),
    ],
)
def test_a_client_that_is_not_ready_says_the_step_that_mends_it(daemon, state, auth, reason, shown):
    row = {"name": "x", "type": "openai", "auth": auth, "state": state, "reason": reason}
    daemon(clients__list=lambda *_: [row], status=lambda *_: status_of([]) | {"clients": [row]})
    assert lokictl("clients").stdout.decode().rstrip("\n").split("\t")[-1] == shown
    assert f"x\topenai\t{state}\t{shown}\n" in lokictl("status").stdout.decode()


def test_help_is_a_command_too():
    assert lokictl("help").stdout == lokictl("--help").stdout
    assert lokictl("help", "daemon", "stop").stdout == lokictl("daemon", "stop", "--help").stdout
    assert lokictl("help", "aks").returncode == 2


def test_status_is_one_screen_and_0_when_all_is_well(daemon):
    daemon(status=lambda *_: status_of([]))
    done = lokictl("status")
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert f"lokid {lokid.__version__}, pid 1, up 1m4" in text
    assert "config /c.yaml, loaded 50s ago, generation 2, default model openai:gpt-5" in text
    assert "c\tclaude\tneeds_secret\tset C_API_KEY" in text
    assert "g\tgemini\tneeds_login\tlokictl auth login g" in text
    assert "7\tchat\topenai:gpt-5\tnvim\t42\twaiting\t1m03s" in text
    assert "runs as root" in text


def test_status_shows_what_is_wrong_with_the_configuration_and_ends_with_78(daemon):
    daemon(status=lambda *_: status_of([PROBLEM]))
    done = lokictl("status")
    assert done.returncode == 78
    assert b"\n/c.yaml:3:5: clients[0].typ: did you mean type?\n" in done.stdout
    assert lokictl("status", "--json").returncode == 78


def test_status_without_a_daemon_says_so_and_starts_none():
    done = lokictl("status", env={"LOKICTL_AUTOSTART": "1"})
    assert (done.returncode, done.stdout) == (69, b"")
    assert done.stderr.startswith(b"lokictl: lokid is not running")
    done = lokictl("status", "--json", env={"LOKICTL_AUTOSTART": "1"})
    assert (done.returncode, json.loads(done.stdout)["daemon"]) == (69, None)


def test_ps_lists_and_cancel_ends(daemon):
    fake = daemon(requests__list=lambda *_: REQUESTS, requests__cancel=lambda *_: {"cancelled": 7})
    assert rows(lokictl("ps")) == [["7", "chat", "openai:gpt-5", "nvim", "42", "waiting", "1m03s"]]
    assert json.loads(lokictl("ps", "--json").stdout) == REQUESTS
    assert lokictl("cancel", "7").returncode == 0
    assert fake.params("requests.cancel") == {"id": 7}


def test_ps_says_when_nobody_named_a_model(daemon):
    daemon(requests__list=lambda *_: [{**REQUESTS[0], "model": ""}])
    assert rows(lokictl("ps"))[0][2] == "(default)"


def test_cancel_of_nothing_is_a_mistake_of_the_caller(daemon):
    def none(call, params):
        raise Refused("invalid_params", "no request 9 runs now")

    daemon(requests__cancel=none)
    assert lokictl("cancel", "9").returncode == 2
    assert lokictl("cancel", "nine").returncode == 2


def test_info_is_key_and_value_without_a_daemon(home):
    done = lokictl("info")
    facts = dict(line.split("  ", 1) for line in done.stdout.decode().splitlines())
    run = os.environ["XDG_RUNTIME_DIR"]
    assert facts == {
        "version": lokid.__version__,
        "config_file": f"{home}/.config/lokid/config.yaml",
        "env_file": f"{home}/.config/lokid/.env",
        "vault_file": f"{home}/.local/share/lokid/vault.age",
        "identity_file": f"{home}/.local/share/lokid/identity.txt",
        "state_dir": f"{home}/.local/state/lokid",
        "socket": f"{run}/lokid/rpc.sock",
        "log": f"{home}/.local/state/lokid/lokid.log",
        "python": sys.executable,
        "daemon": "not running",
    }


def test_info_reads_the_configuration_for_the_vault_while_no_daemon_runs(home):
    folder = home / ".config" / "lokid"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("vault: {file: v.age, identity: '{{WHERE}}/id'}\nclients: []\n")
    (folder / ".env").write_text("WHERE=/mnt/key\n")
    facts = json.loads(lokictl("info", "--json").stdout)
    assert (facts["vault_file"], facts["identity_file"]) == (f"{folder}/v.age", "/mnt/key/id")


def test_info_tells_of_the_running_daemon(daemon):
    vault = {"locked": True, "state": "locked", "file": "/v", "identity": "/i", "identity_kind": "file"}
    daemon(
        version="0.0.9",
        requests__list=lambda *_: [],
        secrets__status=lambda *_: vault,
        status=lambda *_: status_of([]) | {"vault": vault},
    )
    facts = json.loads(lokictl("info", "--json").stdout)
    assert (facts["daemon"], facts["daemon_version"]) == ("running", "0.0.9")
    assert facts["daemon_pid"] == str(os.getpid())
    assert (facts["vault_file"], facts["identity_file"]) == ("/v", "/i")
    assert facts["daemon_locked"] == "yes: lokictl unlock"
    assert lokictl("ps").stderr == b"lokid is locked: lokictl unlock\n"


@pytest.mark.parametrize(
    ("vault", "line"),
    [
        ({"state": "open", "secrets": 1}, "vault /v, 1 secret, its identity is the file /i\n"),
        ({"state": "locked", "locked": True}, "lokid is locked: lokictl unlock\n"),
        ({"state": "refused", "reason": "/v is damaged"}, "/v is damaged\n"),
        ({"state": "locked", "reason": "the vault is locked"}, "the vault is locked: lokictl unlock\n"),
        (
            {"state": "open", "secrets": 2, "identity_kind": "keyring"},
            ", 2 secrets, its identity is in the /i\n",
        ),
    ],
)
def test_status_has_a_line_for_the_vault(vault, line):
    told = {
        "locked": False,
        "file": "/v",
        "identity": "/i",
        "identity_kind": "file",
        "secrets": None,
        **vault,
    }
    assert line in _vault(told, on=False)


def test_no_home_is_said_in_one_line():
    done = lokictl("info", env={"HOME": ""})
    assert done.returncode == 78
    assert done.stderr.startswith(b"lokictl: HOME is not set")


def test_config_path_needs_no_daemon(home):
    assert lokictl("config", "path").stdout.decode() == f"{home}/.config/lokid/config.yaml\n"
    assert lokictl("config", "path", env={"LOKID_CONFIG": "/x.yaml"}).stdout == b"/x.yaml\n"


def test_config_check_prints_places_and_ends_with_78(daemon, tmp_path):
    problems = [PROBLEM]
    fake = daemon(config__check=lambda *_: problems)
    done = lokictl("config", "check")
    assert (done.returncode, done.stdout) == (78, b"/c.yaml:3:5: clients[0].typ: did you mean type?\n")
    assert fake.params("config.check") == {}
    problems.clear()
    done = lokictl("config", "check", "some.yaml")
    assert (done.returncode, done.stdout) == (0, b"")
    assert fake.params("config.check") == {"path": os.path.abspath("some.yaml")}


def test_a_file_to_check_goes_along_for_a_daemon_that_does_not_see_it(daemon, tmp_path):
    fake = daemon(config__check=lambda *_: [])

    def sent(path: Path) -> object:
        assert lokictl("config", "check", str(path)).returncode == 0
        params = fake.params("config.check")
        assert params.pop("path") == str(path)
        return params

    mine = tmp_path / "mine.yaml"
    mine.write_bytes(b"model: \xff")
    assert sent(mine) == {"data": b"model: \xff"}
    mine.write_bytes(bytes(1_000_001))  # more than may be let through
    assert sent(mine) == {}
    mine.unlink()
    os.mkfifo(mine)
    assert sent(mine) == {}


def test_a_daemon_with_another_configuration_than_the_shell_is_told(daemon, home, tmp_path):
    """The file that this shell names is checked, and not the one that it does not."""
    mine = str(tmp_path / "work.yaml")
    fake = daemon(config__check=lambda *_: [PROBLEM], requests__list=lambda *_: [])
    done = lokictl("config", "check", env={"LOKID_CONFIG": mine})
    assert (done.returncode, fake.params("config.check")) == (78, {"path": mine})
    its = f"{home}/.config/lokid/config.yaml"
    said = f"lokictl: lokid uses another configuration, {its}; for {mine}: lokictl daemon restart\n"
    assert done.stderr.decode() == said
    odd = f"{home}/caf\udce9.yaml"  # bytes that are no UTF-8, and do not travel
    fake.answers["status"] = lambda *_: {"config": {"path": odd.replace("\udce9", "?")}}
    assert lokictl("config", "check", env={"LOKID_CONFIG": odd}).stderr == b""
    fake.answers["status"] = lambda *_: {"daemon": {}, "config": {"path": its}}
    shown = lokictl("info", env={"LOKID_CONFIG": mine}).stdout.decode().splitlines()
    assert [line.split()[1] for line in shown if "config_file" in line] == [mine, its]
    assert "daemon_config_file" not in lokictl("info").stdout.decode()


def test_config_show_is_json(daemon):
    daemon(config__show=lambda *_: {"clients": [{"name": "a", "api_key": "**********"}]})
    assert json.loads(lokictl("config", "show").stdout)["clients"][0]["name"] == "a"


def test_config_reload_tells_what_changed(daemon):
    plan = {"generation": 3, "kept": ["a"], "opened": ["b", "c"], "closed": []}
    daemon(config__reload=lambda *_: plan)
    assert lokictl("config", "reload").stdout == b"generation 3: kept a; opened b, c\n"


def test_embed_prints_a_line_of_json_for_each_text(daemon):
    raw = [struct.pack("<2f", 0.5, -1), struct.pack("<2f", 0.25, 2)]
    answer = {"embeddings": raw, "usage": None, "cost_usd": None, "model": "e:m"}
    fake = daemon(embed=lambda *_: answer, models__list=lambda *_: MODELS[:1])
    done = lokictl("embed", "--type", "query", "--dimensions", "2", "one", "two")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [[0.5, -1.0], [0.25, 2.0]]
    assert fake.params("models.list") == {"type": "embedding"}
    assert fake.params("embed") == {
        "texts": ["one", "two"],
        "model": "openai:gpt-5",
        "encoding": "f32",
        "input_type": "query",
        "dimensions": 2,
    }


def test_embed_takes_lines_and_gives_raw_floats(daemon):
    raw = struct.pack("<2f", 1, 2)
    fake = daemon(
        embed=lambda *_: {"embeddings": [raw, raw], "usage": None, "cost_usd": None, "model": "e:m"}
    )
    done = lokictl("embed", "-m", "e:m", "--f32", stdin="one\u2028more\r\ntwo \n\n".encode())
    assert done.stdout == raw + raw
    assert fake.params("embed") == {"texts": ["one\u2028more", "two "], "model": "e:m", "encoding": "f32"}


def test_embed_leaves_no_line_without_a_vector_in_silence(daemon):
    daemon()
    done = lokictl("embed", "-m", "e:m", stdin=b"one\n \r\ntwo\n")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"line 2 of standard input is empty" in done.stderr


def test_rerank_counts_the_lines_of_the_file(daemon):
    answer = {"results": [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}], "model": "r:m"}
    fake = daemon(rerank=lambda *_: answer)
    text = b"\nhammer\n \napple\n\n"
    assert rows(lokictl("rerank", "-m", "r:m", "fruit", stdin=text)) == [
        ["3", "0.9000", "apple"],
        ["1", "0.1000", "hammer"],
    ]
    assert fake.params("rerank")["documents"] == ["hammer", "apple"]
    found = json.loads(lokictl("rerank", "-m", "r:m", "--json", "fruit", stdin=text).stdout)
    assert [row["index"] for row in found["results"]] == [3, 1]


def test_rerank_prints_index_score_and_text(daemon):
    answer = {
        "results": [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}],
        "usage": None,
        "model": "r:m",
    }
    fake = daemon(rerank=lambda *_: answer, models__list=lambda *_: [])
    assert rows(lokictl("rerank", "-m", "r:m", "-n", "2", "fruit", stdin=b"hammer\napple\n")) == [
        ["1", "0.9000", "apple"],
        ["0", "0.1000", "hammer"],
    ]
    assert fake.params("rerank") == {
        "model": "r:m",
        "query": "fruit",
        "documents": ["hammer", "apple"],
        "top_n": 2,
    }
    assert json.loads(lokictl("rerank", "-m", "r:m", "--json", "q", "a", "b").stdout) == answer
    done = lokictl("rerank", "q", "a")
    assert (done.returncode, done.stderr[:42]) == (2, b"lokictl: no reranker model is configured\nh")


@pytest.mark.parametrize("arguments", [["embed"], ["rerank", "query"]])
def test_nothing_to_work_on_is_a_mistake_of_the_caller(arguments):
    assert lokictl(*arguments).returncode == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_help_leads_with_examples_and_table_and_command_agree(command):
    done = lokictl(command, "--help")
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert text.index("Examples:") < text.index("Usage:") < text.index("Options:")
    assert f"lokictl {command}" in text.partition("Usage:")[0]


def test_bare_lokictl_and_groups_show_help():
    for arguments in ([], ["--help"], ["config"], ["daemon"]):
        done = lokictl(*arguments)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.index(b"Examples:") < done.stdout.index(b"Commands:")


def test_version_is_one_line():
    assert lokictl("--version").stdout.decode() == f"lokictl {lokid.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "near"), [(["sttaus"], b'"status"'), (["config", "chekc"], b'"check"'), (["zzz"], None)]
)
def test_a_typo_in_a_command_is_answered_with_the_nearest(arguments, near):
    done = lokictl(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(b"lokictl: there is no command")
    assert (near or b"hint") in done.stderr


def test_daemon_stop_ends_it_and_waits(daemon):
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)", "lokid"])
    fake = daemon(requests__list=lambda *_: [])
    fake.pid = victim.pid
    # The fake is a thread of the tests: the process that is to end is another one.
    reaper = threading.Thread(target=victim.wait)
    reaper.start()
    done = lokictl("daemon", "stop")
    reaper.join(10)
    assert (done.returncode, done.stdout) == (0, b"stopped\n")
    assert victim.returncode == -signal.SIGTERM


def test_daemon_stop_without_one_is_fine():
    assert lokictl("daemon", "stop").stdout == b"lokid is not running\n"


HANGING = """
import os, signal, socket, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print(flush=True)
time.sleep(60)
"""


def test_daemon_stop_ends_one_that_hangs(monkeypatch, capfd):
    path = link.path_of_socket()
    os.makedirs(os.path.dirname(path))
    monkeypatch.setattr(link, "SILENT_S", 0.2)
    monkeypatch.setattr(daemon_command, "HANGING_S", 0.2)
    command = [sys.executable, "-c", HANGING, path, "lokid"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as hanging:
        hanging.stdout.readline()
        assert daemon_command.stop.callback() == 0
        assert hanging.wait(10) == -signal.SIGKILL
    assert capfd.readouterr().out == "stopped\n"


GREETS = """
import msgpack, socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print(flush=True)
connection, _ = listener.accept()
connection.recv(65536)
connection.sendall(msgpack.packb([1, 0, None, {"server": "lokid", "version": "0"}]))
time.sleep(60)
"""


@pytest.mark.parametrize("program", [HANGING, GREETS], ids=["before hello", "behind it"])
def test_who_gives_up_after_a_time_does_so_too_where_lokid_is_stopped(monkeypatch, program):
    path = link.path_of_socket()
    os.makedirs(os.path.dirname(path))
    monkeypatch.setattr(link, "GRACE_S", 0.1)
    with subprocess.Popen([sys.executable, "-c", program, path, "lokid"], stdout=subprocess.PIPE) as stopped:
        stopped.stdout.readline()
        with pytest.raises(Failure, match=r"has not answered within 0\.1 s") as caught:
            link.call("chat", {"prompt": "x", "timeout_s": 0.1})
        stopped.kill()
    assert caught.value.code == "timeout"


def test_a_queue_that_is_full_is_waited_for_as_long_as_there_is_time(monkeypatch):
    """Of a daemon that hangs: whoever gave up stays in it."""
    path = link.path_of_socket()
    os.makedirs(os.path.dirname(path))
    monkeypatch.setattr(link, "SILENT_S", 0.3)
    monkeypatch.setattr(ending, "pid", lambda _: 4321)
    waiting = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        with contextlib.suppress(BlockingIOError):
            while True:
                waiting.append(socket.socket(socket.AF_UNIX))
                waiting[-1].setblocking(False)
                waiting[-1].connect(path)
        with pytest.raises(Failure, match=r"not answered within 0\.2 s") as late:
            link.connect(path, 0.2)
        with pytest.raises(link.Hangs) as hangs:
            link.connect(path)
        assert (late.value.exit_status, hangs.value.pid) == (124, 4321)
        with ThreadPoolExecutor(1) as pool:
            comes = pool.submit(link.connect, path, 20)
            while not comes.done():
                listener.accept()[0].close()
                time.sleep(0.02)
            comes.result().close()
    for each in waiting:
        each.close()


def test_what_systemd_listens_for_is_never_killed(monkeypatch):
    monkeypatch.setattr(ending, "is_lokid", lambda pid: False)
    monkeypatch.setattr(link, "SILENT_S", 0.2)
    asked = []
    monkeypatch.setattr(
        daemon_command, "_through_systemd", lambda *words, running: asked.append((words, running.answers))
    )
    path = link.path_of_socket()
    os.makedirs(os.path.dirname(path))
    with socket.socket(socket.AF_UNIX) as listener:  # this process, as systemd would be
        listener.bind(path)
        listener.listen()
        assert daemon_command.stop.callback() == 0
    assert asked == [(("stop", "lokid.service"), False)]
