"""A command line that makes no sense is answered with what would: which option, what it takes, an example."""

from __future__ import annotations

import pytest

from lokictl import takes
from lokictl.cli import run_click
from lokictl.grammar import candidates
from lokictl.nearest import mistyped
from tests.fakes.rpc_daemon import Refused
from tests.fakes.terminal import lokictl


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ask --timeout soon hi", "--timeout must be a number of seconds above 0, as in --timeout 30"),
        ("ask -t warm hi", "--temperature must be a number from 0 up, as in --temperature 0.7"),
        ("ask --top-p", "--top-p needs a value: a number from 0 to 1, as in --top-p 0.9"),
        ("ask --schema", "--schema needs a value: --schema FILE|JSON|FIELDS"),
        ("ask --raw=1 hi", "--raw takes no value"),
        ("ask --reasonin low", "there is no option --reasonin, did you mean --reasoning?"),
        ("models --type chta", "--type must be chat, embedding or reranker, as in --type reranker"),
        ("init tcsh", "SHELL must be bash, zsh or fish, as in lokictl init fish"),
        ("cancel x", "ID must be a number that lokictl ps shows, as in lokictl cancel 7"),
        ("cancel", "ID is missing: a number that lokictl ps shows, as in lokictl cancel 7"),
        ("secret set", "NAME is missing: lokictl secret set NAME"),
        ("status a b", "nothing more was expected after lokictl status, and there is: a b"),
        ("--nope", "there is no option --nope"),
    ],
)
def test_it_says_what_would_make_sense(capfd, line, said):
    assert run_click(line.split()) == 2
    shown = capfd.readouterr()
    assert shown.err.startswith(f"lokictl: {said}\nhint: lokictl")
    assert shown.err.endswith("--help\n") and shown.out == ""


@pytest.mark.parametrize("line", ["unlock", "secret passphrase", "secret get NAME", "secret list"])
def test_what_may_be_a_secret_is_not_repeated(capfd, line):
    assert run_click([*line.split(), "hunter2\nhunter2"]) == 2
    said = capfd.readouterr().err
    assert f"nothing more was expected after lokictl {line.removesuffix(' NAME')}; a secret is never" in said
    assert "hunter2" not in said


def test_a_value_that_only_lokid_finds_wrong_is_one_of_an_option(daemon):
    def refuse(*_):
        raise Refused("invalid_params", "top_p: must be at most 1")

    daemon(chat=refuse)
    done = lokictl("ask", "--top-p", "7", "hi")
    assert done.returncode == 2
    assert done.stderr == b"lokictl: --top-p must be a number from 0 to 1, as in --top-p 0.9\n"
    assert takes.in_options("timeout_s: is odd").startswith("--timeout must be ")
    assert takes.in_options("messages: is empty") == "messages: is empty"


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("opnai", "openai"),  # one left out
        ("openaii", "openai"),  # one too many
        ("openao", "openai"),  # another one
        ("poenai", "openai"),  # two changed places
        ("OPENAi", "openai"),
        ("anthorpik", "anthropic"),  # two slips, and long
        ("opneao", None),  # two, and short
        ("localhost", None),
        ("note", None),
        ("re", None),
        ("", None),
    ],
)
def test_a_slip_of_the_finger_is_a_name_and_another_word_is_none(word, meant):
    assert mistyped(word, ["anthropic", "local", "openai", "r"]) == meant


def test_of_two_names_the_nearer_one_is_meant_and_without_names_none():
    assert mistyped("openai-wrk", ["openai-work2", "openai-work"]) == "openai-work"
    assert mistyped("openai", []) is None


@pytest.mark.parametrize(
    ("before", "current", "names"),
    [
        (["help"], "se", ["secret", "setup"]),
        (["help", "secret"], "im", ["import-env"]),
        (["help", "ask"], "", []),
        (["help", "nothing"], "", []),
        (["help"], "--h", ["--help"]),
    ],
)
def test_help_is_completed_with_commands(before, current, names):
    assert sorted(name for name, _ in candidates(before, current)) == names
