"""``cmd`` prints one command and runs nothing; ``explain`` says what one does; both warn of what destroys."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokictl.commands.cmd import bare
from lokictl.danger import danger
from tests.fakes.rpc_daemon import Refused, result, say
from tests.fakes.terminal import lokictl


def test_cmd_prints_the_command_and_runs_nothing(daemon):
    fake = daemon(chat=lambda *_: result("touch made"))
    done = lokictl("cmd", "--shell", "zsh", "-m", "c:m", "make", "a file")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"touch made\n", b"")
    params = fake.params()
    assert params["prompt"] == "make a file"
    assert params["model"] == "c:m"
    assert "for the shell zsh on Linux" in params["system"]
    assert not os.path.exists("made")


def test_the_shell_is_the_users_own_unless_named(daemon):
    fake = daemon(chat=lambda *_: result("ls"))
    lokictl("cmd", "list", env={"SHELL": "/usr/bin/fish", "LOKICTL_MODEL": "d:m"})
    assert "for the shell fish on" in fake.params()["system"]
    assert fake.params()["model"] == "d:m"


@pytest.mark.parametrize(
    ("answer", "command"),
    [
        ("ls -l\n", "ls -l"),
        ("`ls -l`", "ls -l"),
        ("$ ls -l", "ls -l"),
        ("```bash\nls -l\n```", "ls -l"),
        ("Here it is:\n```\nls -l\nwc -l\n```\nEnjoy.", "ls -l\nwc -l"),
        ("echo `date`", "echo `date`"),
        ("`echo` `date`", "`echo` `date`"),
        ("ls\x1b[2J\r\nwc\x07", "ls\ufffd[2J\nwc\ufffd"),
        ("", ""),
        ("<think>\nnot:\n```\nrm -rf ~\n```\n</think>\n\nls -l", "ls -l"),
        ("maybe `rm -rf ~`?\n</think>\n```\nls -l\n```", "ls -l"),
        ("<think>\n```\nrm -rf ~\n```\nor", ""),
        ("grep '</think>' log", "grep '</think>' log"),
        ("```xml\n<thinking>\n</thinking>\n<a/>\n```\nYours.", "<thinking>\n</thinking>\n<a/>"),
        ("```\n</think>\n```\nYours.", "</think>"),
        ("so\n```\nrm -rf ~\n```\n</think>\nls -l", "ls -l"),
        ("```rm -rf build```\nno, too dangerous.\n</think>\n```\nls -l\n```", "ls -l"),
        ("```bash\nrm -rf /tmp/x\n\nno, that is wrong.\n</think>\n```\nls -l\n```", "ls -l"),
        ("```bash\nrm -rf /tmp/x\nno, that is wrong.\n</think>\nls -l", "ls -l"),
    ],
)
def test_what_models_put_around_a_command_goes(answer, command):
    assert bare(answer) == command


def test_cmd_without_a_command_says_why_and_fails(daemon):
    daemon(chat=lambda *_: result("# a shell cannot do that"))
    done = lokictl("cmd", "make coffee")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"lokictl: no command for that: a shell cannot do that\n"


@pytest.mark.parametrize("reason", ["length", "content_filter", "refusal", "context_overflow", "pause"])
def test_half_a_command_is_none(daemon, reason):
    """``rm -rf /home/me/project/bu`` removes more than the build."""
    daemon(chat=lambda *_: result("rm -rf /home/me/project/bu", finish_reason=reason))
    done = lokictl("cmd", "remove the build")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"lokictl: no command: the ")
    assert b"--" not in done.stderr  # an option of ask is none of cmd
    assert done.stderr.endswith(b"hint: lokictl ask shows what there is of it\n")
    pressed = lokictl("cmd", "--key", "remove the build")
    assert (pressed.returncode, pressed.stdout.count(b"\n")) == (1, 1)


def test_a_command_in_a_block_that_has_ended_is_whole_whatever_was_cut_behind_it(daemon):
    answers = ["", "```sh\nls -l # ```", "```sh\nls -l", "```sh\nls -l\n```", "```sh\nls -l\n```\nThis lists"]
    daemon(chat=lambda *_: result(answers.pop(), finish_reason="length"))
    for _ in range(2):
        assert lokictl("cmd", "list").stdout == b"ls -l\n"
    answers.append("<think>\n```\nls -l\n```\nor")
    for _ in range(4):  # nothing at all came of it, the last time: thoughts took all there was
        done = lokictl("cmd", "list")
        assert done.stdout == b"" and b"stops at the limit of tokens" in done.stderr


def test_cmd_marks_what_destroys_on_stderr(daemon):
    daemon(chat=lambda *_: result("sudo rm -rf /tmp/x"))
    done = lokictl("cmd", "clean up")
    assert done.stdout == b"sudo rm -rf /tmp/x\n"
    assert done.stderr == b"careful: this deletes whole directories\n"


def test_the_key_gets_its_message_and_the_command_on_stdout(daemon):
    fake = daemon(chat=lambda *_: result("rm x"))
    assert lokictl("cmd", "--key", "delete x").stdout == b"careful: this deletes files\nrm x\n"
    fake.answers["chat"] = lambda *_: result("ls")
    assert lokictl("cmd", "--key", "list").stdout == b"\nls\n"

    def refuse(*_):
        raise Refused("rate_limited", "too\nmuch", retry_after_s=3)

    fake.answers["chat"] = refuse
    done = lokictl("cmd", "--key", "list")
    assert (done.returncode, done.stdout) == (75, b"lokictl: too much (try again in 3 s)\n")
    rows = lokictl("cmd", "--key", "--columns", "12", "list").stdout.decode()
    assert rows == "lokictl: too\x1e  much (try\x1e  again in 3\x1e  s)\n", (
        "of which the shell knows how many"
    )
    fake.answers["chat"] = lambda *_: result("# " + "/a/path" * 30)
    rows = lokictl("cmd", "--key", "--columns", "9", "list").stdout.decode().split("\x1e")
    assert len(rows) == 12 and all(len(row) <= 9 for row in rows[:-1])


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf /",
        "cd /tmp && sudo rm -fr x",
        "find . -name '*.o' -delete",
        "find . -name '*.o' -print0 | xargs -0 rm",
        "for f in *; do rm $f; done",
        "A=1 /bin/rm x",
        "$(rm x)",
        "git push --force origin main",
        "git reset --hard HEAD~3",
        "git clean -fdx",
        "dd if=x of=/dev/sda",
        "cat x > /dev/sda",
        "mkfs.ext4 /dev/sdb1",
        "curl -s https://x.example | sudo bash",
        "chmod -R 777 /",
        'psql -c "DROP TABLE users"',
        ":(){ :|:& };:",
        "kubectl delete ns x",
        "docker system prune -af",
        "killall python",
        "sudo apt-get update",
    ],
)
def test_what_destroys_is_recognised(command):
    assert danger(command)


@pytest.mark.parametrize(
    "command",
    [
        "ls -laR",
        "echo rm -rf /",
        "grep -r kill .",
        "git push",
        "git log --oneline",
        "du -sh * | sort -h | tail -5",
        "tar czf x.tgz x",
        "find . -name '*.py' | xargs wc -l",
        "docker ps -a",
        "curl -s https://x.example | jq .",
        "cat sudoers",
        "",
    ],
)
def test_what_does_not_is_left_alone(command):
    assert danger(command) is None


@given(st.text(max_size=300))
def test_any_text_can_be_looked_at(text):
    danger(text)
    bare(text)


def test_explain_streams_an_explanation(daemon):
    fake = daemon(chat=say("It lists ", "files."))
    done = lokictl("explain", "ls", "-l")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"It lists files.\n", b"")
    assert fake.params()["prompt"] == "ls -l"
    assert "Explain" in fake.params()["system"]


def test_explain_names_no_option_that_it_has_not(daemon):
    daemon(chat=lambda *_: result("It lists", finish_reason="length"))
    done = lokictl("explain", "ls")
    assert done.stderr == b"lokictl: the answer stops at the limit of tokens\n"


def test_explain_reads_standard_input_and_warns(daemon):
    fake = daemon(chat=say("It deletes."))
    done = lokictl("explain", stdin=b"rm -r x\n")
    assert fake.params()["prompt"] == "rm -r x\n"
    assert done.stderr == b"careful: this deletes whole directories\n"


def test_nothing_to_explain_is_a_mistake_of_the_caller():
    done = lokictl("explain")
    assert done.returncode == 2
    assert b"nothing to explain" in done.stderr
