"""``lokictl ask`` in pipes: what goes to stdout and stderr, and the exit status."""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest

from lokid.rpc.codes import EXIT_STATUS
from tests.fakes.rpc_daemon import Gone, Refused, result, say
from tests.fakes.terminal import COMMAND, environment, lokictl


def test_answer_is_all_there_is_on_stdout(daemon):
    daemon(chat=say("Hel", "lo"))
    done = lokictl("ask", "say", "hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"Hello\n", b"")


def called(text, *names):
    calls = [{"type": "tool_call", "id": "1", "name": name, "arguments": {}} for name in names]
    message = {"role": "assistant", "content": [{"type": "text", "text": text}, *calls]}
    return lambda _call, _params: result(text, finish_reason="tool_calls", message=message)


@pytest.mark.parametrize("text", ["", "\n\n"])
@pytest.mark.parametrize("option", [[], ["-c"], ["-u"]])
def test_tool_calls_alone_are_told_and_are_no_success(daemon, option, text):
    daemon(chat=called(text, "weather", "clock", "weather"))
    done = lokictl("ask", *option, "x")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"tool calls only (weather, clock)" in done.stderr and b"lokictl ask --json" in done.stderr
    assert (b"usage:" in done.stderr) == (option == ["-u"])


@pytest.mark.parametrize("text", ["", "Look:"])
def test_pictures_are_told_where_they_are_not_printed(daemon, text):
    def drawn(call, params):
        result = called(text)(call, params) | {"finish_reason": "stop"}
        picture = {"type": "image", "media_type": "image/png", "data": "AAAA"}
        return result | {"message": {"role": "assistant", "content": [picture]}}

    daemon(chat=drawn)
    done = lokictl("ask", "-S", "x")
    assert (done.returncode, done.stdout) == ((0, b"Look:\n") if text else (1, b""))
    assert b"pictures" in done.stderr and b"lokictl ask --json" in done.stderr


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("stop", b"the answer has no text"),
        ("length", b"the answer stops at the limit of tokens (--max-tokens)"),
    ],
)
@pytest.mark.parametrize("text", ["", " \n\n"])
def test_an_answer_without_a_word_is_told_and_may_be_meant(daemon, text, reason, told):
    daemon(chat=lambda _call, _params: result(text, finish_reason=reason))
    done = lokictl("ask", "x")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, b"", b"lokictl: " + told + b"\n")


def test_a_name_of_a_tool_that_has_no_end_is_cut_off(daemon):
    daemon(chat=called("", "n" * 100_000))
    assert len(lokictl("ask", "x").stderr) < 500


def test_tool_calls_besides_words_are_told_and_where_they_are_printed_are_not(daemon):
    daemon(chat=called("Let me see.", *(f"t{number}" for number in range(7))))
    done = lokictl("ask", "x")
    assert (done.returncode, done.stdout) == (0, b"Let me see.\n")
    assert b"also calls tools (t0, t1, t2, t3, t4 and 2 more)" in done.stderr
    for option in ("--json", "--jsonl"):
        printed = lokictl("ask", option, "x")
        assert (printed.returncode, printed.stderr) == (0, b"") and b'"t6"' in printed.stdout


@pytest.mark.parametrize("pieces", [("a", "b"), ("a\n", "\nb\n", "\n"), ("ab\r\n",), ("a", "b", "\n\n\n")])
def test_answer_ends_with_exactly_one_newline(daemon, pieces):
    daemon(chat=say(*pieces))
    out = lokictl("ask", "x").stdout
    assert out == "".join(pieces).rstrip("\r\n").encode() + b"\n"


def test_piped_answer_is_left_alone_even_if_it_steers_terminals(daemon):
    text = "\x1b]52;c;ZXZpbA==\x07\u202e\x85\t\r\nÄ"
    daemon(chat=say(text))
    assert lokictl("ask", "x").stdout == text.encode() + b"\n"


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_answer_is_utf8_whatever_the_locale(daemon, locale):
    daemon(chat=say("Grüße ", "✓ 漢"))
    env = {"LC_ALL": locale, "LANG": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = lokictl("ask", "ö", env=env)
    assert (done.returncode, done.stdout) == (0, "Grüße ✓ 漢\n".encode())
    assert lokictl("clients", env=env).returncode == 2


def test_words_are_joined_and_standard_input_follows_after_a_blank_line(daemon):
    fake = daemon(chat=say("ok"))
    lokictl("ask", "summarise", "this", stdin=b"+ a\n- b\n")
    assert fake.params() == {
        "model": "",
        "stream": True,
        "priority": "batch",
        "prompt": "summarise this\n\n+ a\n- b\n",
    }


@pytest.mark.parametrize("arguments", [["-"], []])
def test_standard_input_alone_is_the_prompt(daemon, arguments):
    fake = daemon(chat=say("ok"))
    lokictl("ask", *arguments, stdin=b"hello")
    assert fake.params()["prompt"] == "hello"


def test_a_loop_over_lines_keeps_them_with_n(daemon):
    fake = daemon(chat=say("ok"))
    loop = 'while read -r line; do "$@" "$line"; done'
    for option, asked in (("-n", ["a", "b", "c"]), ("-un", ["a", "b", "c"]), ("-u", ["a\n\nb\nc\n"])):
        fake.calls.clear()
        command = ["bash", "-c", loop, "bash", *COMMAND, "ask", option]
        subprocess.run(command, input=b"a\nb\nc\n", capture_output=True, env=environment(), check=True)
        assert [params["prompt"] for name, params in fake.calls if name == "chat"] == asked
    assert lokictl("ask", "-n", "-").returncode == 2


@pytest.mark.parametrize("stdin", [b"", b" \n"])
def test_nothing_to_ask_is_a_mistake_of_the_caller(daemon, stdin):
    fake = daemon(chat=say("ok"))
    done = lokictl("ask", stdin=stdin)
    assert done.returncode == 2
    assert done.stderr.startswith(b"lokictl: nothing to ask") and b"\nhint: " in done.stderr
    assert fake.calls == []


def test_options_become_parameters(daemon):
    fake = daemon(chat=say("ok"))
    lokictl(
        *("ask", "-m", "a:b", "--system", "be brief", "-t", "0.5", "--top-p=0.9", "--max-tokens", "7"),
        *("--reasoning", "high", "--schema", '{"type": "object"}', "-S", "--timeout", "3", "hi"),
    )
    assert fake.params() == {
        "model": "a:b",
        "prompt": "hi",
        "system": "be brief",
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "reasoning": "high",
        "response_schema": {"type": "object"},
        "stream": False,
        "priority": "batch",
        "timeout_s": 3.0,
    }


def test_a_number_is_a_budget_of_reasoning(daemon):
    fake = daemon(chat=say("ok"))
    lokictl("ask", "--reasoning", "2048", "hi")
    assert fake.params()["reasoning"] == 2048


def test_first_word_is_the_model_if_its_client_exists(daemon):
    fake = daemon(chat=say("ok"))
    lokictl("ask", "openai:gpt-5", "hi")
    assert (fake.params()["model"], fake.params()["prompt"]) == ("openai:gpt-5", "hi")
    assert [name for name, _ in fake.calls] == ["hello", "chat"], "the usual case costs no look-up"


@pytest.mark.parametrize("first", ["Note: say hi", "Note:", ":x", "what", "wörter:x"])
def test_words_that_do_not_look_like_a_model_are_the_prompt(daemon, first):
    fake = daemon(chat=say("ok"))
    lokictl("ask", first, "please")
    assert (fake.params()["model"], fake.params()["prompt"]) == ("", f"{first} please")


def only_fake(call, params):
    if params["model"].partition(":")[0] not in ("", "fake"):
        raise Refused("unknown_model", "there is no client nobody", hint="lokictl clients")
    if params["model"] == "fake:typo":
        raise Refused("unknown_model", "fake has no model typo; did you mean tepo?")
    return say("ok")(call, params)


CLIENTS = [{"name": "fake", "type": "openai", "state": "ready"}]


def test_a_word_with_a_colon_is_part_of_the_prompt_when_no_such_client_exists(daemon):
    fake = daemon(chat=only_fake, clients__list=lambda *_: CLIENTS)
    done = lokictl("ask", "http://example.org", "what is it?")
    assert (done.returncode, done.stdout) == (0, b"ok\n")
    assert (fake.params()["model"], fake.params()["prompt"]) == ("", "http://example.org what is it?")
    assert b'no client is named "http"' in done.stderr


def test_an_unknown_model_of_a_known_client_is_an_error(daemon):
    daemon(chat=only_fake, clients__list=lambda *_: CLIENTS)
    done = lokictl("ask", "fake:typo", "hi")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"did you mean tepo?" in done.stderr


def test_an_unknown_client_named_by_option_is_an_error(daemon):
    daemon(chat=only_fake, clients__list=lambda *_: CLIENTS)
    done = lokictl("ask", "-m", "nobody:x", "hi")
    assert (done.returncode, done.stderr) == (
        2,
        b"lokictl: there is no client nobody\nhint: lokictl clients\n",
    )


def test_a_lone_model_asks_nothing_and_a_lone_word_is_asked(daemon):
    fake = daemon(chat=only_fake, clients__list=lambda *_: CLIENTS)
    assert lokictl("ask", "fake:model").returncode == 2
    assert lokictl("ask", "note:this").returncode == 0
    assert fake.params()["prompt"] == "note:this"


def test_model_of_the_environment_is_the_default(daemon):
    fake = daemon(chat=say("ok"))
    lokictl("ask", "hi", env={"LOKICTL_MODEL": "env:model"})
    assert fake.params()["model"] == "env:model"
    lokictl("ask", "-m", "given:model", "hi", env={"LOKICTL_MODEL": "env:model"})
    assert fake.params()["model"] == "given:model"


@pytest.mark.parametrize("code", sorted(set(EXIT_STATUS) - {"daemon_unavailable"}))
def test_every_error_code_has_its_exit_status_one_line_and_a_hint(daemon, code):
    def refuse(call, params):
        raise Refused(code, "it did not work", hint="do this")

    daemon(chat=refuse)
    done = lokictl("ask", "hi")
    assert done.returncode == EXIT_STATUS[code]
    assert (done.stdout, done.stderr) == (b"", b"lokictl: it did not work\nhint: do this\n")


def test_error_says_when_to_try_again(daemon):
    def refuse(call, params):
        raise Refused("rate_limited", "too fast", retry_after_s=12.0)

    daemon(chat=refuse)
    assert lokictl("ask", "hi").stderr == b"lokictl: too fast\nhint: try again in 12 s\n"


def test_error_says_at_which_client_it_was(daemon):
    def refuse(call, params):
        raise Refused("overloaded", "it is overloaded", client="work")

    daemon(chat=refuse)
    assert lokictl("ask", "hi").stderr == b"lokictl: work: it is overloaded\n"


def test_error_messages_cannot_steer_a_terminal(daemon):
    def refuse(call, params):
        raise Refused("bad_request", "title \x1b]0;evil\x07 \u202e")

    daemon(chat=refuse)
    assert b"\x1b" not in lokictl("ask", "hi").stderr


def test_cut_answer_stays_and_is_an_error(daemon):
    def cut(call, params):
        call.accepted()
        call.text("half an ans")
        raise Refused("incomplete_response", "the stream ended early")

    daemon(chat=cut)
    done = lokictl("ask", "hi")
    assert (done.returncode, done.stdout) == (1, b"half an ans\n")
    assert done.stderr == b"lokictl: the stream ended early\n"


def test_retry_notices_and_reasoning_do_not_show_in_pipes(daemon):
    def chat(call, params):
        call.event(type="retry", attempt=2, after_s=0.1, reason="overloaded")
        call.event(type="reasoning", text="hmm")
        return say("ok")(call, params)

    daemon(chat=chat)
    done = lokictl("ask", "hi")
    assert (done.stdout, done.stderr) == (b"ok\n", b"")


def test_answer_without_events_is_printed_too(daemon):
    daemon(chat=lambda call, params: result("whole"))
    assert lokictl("ask", "-S", "hi").stdout == b"whole\n"
    assert lokictl("ask", "hi").stdout == b"whole\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Sure:\n```python\nprint(1)\n\nprint(2)\n```\nand\n```\nno\n```\n", "print(1)\n\nprint(2)\n"),
        ("````md\n```\ninner\n```\n````\n", "```\ninner\n```\n"),
        ("~~~\nx\n~~~", "x\n"),
        ("```sh\nls -l", "ls -l\n"),
        ("ls -l", "ls -l\n"),
    ],
)
def test_code_prints_the_first_block_only(daemon, text, code):
    daemon(chat=say(text))
    assert lokictl("ask", "-c", "hi").stdout.decode() == code


def test_usage_is_one_line_on_stderr(daemon):
    daemon(chat=say("ok"))
    done = lokictl("ask", "-u", "hi")
    assert done.stdout == b"ok\n"
    assert done.stderr == (
        b"usage: 3 in (1 cached), 2 out, $0.00012, 0.01 s to the first token, 0.02 s, fake:model\n"
    )


def test_an_answer_that_was_cut_short_by_a_limit_says_so(daemon):
    daemon(chat=lambda call, params: result("half", finish_reason="length"))
    done = lokictl("ask", "hi")
    assert (done.returncode, done.stdout) == (0, b"half\n")
    assert b"limit of tokens" in done.stderr


def test_json_is_the_whole_result_with_bytes_as_base64(daemon):
    daemon(chat=lambda call, params: result("ü", response_id=b"\x00\xff"))
    done = json.loads(lokictl("ask", "--json", "hi").stdout)
    assert done == result("ü", response_id="AP8=")


def test_jsonl_is_every_event_then_the_result(daemon):
    daemon(chat=say("a", "b"))
    lines = [json.loads(line) for line in lokictl("ask", "--jsonl", "hi").stdout.splitlines()]
    assert lines == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
        {"type": "result", **result("ab")},
    ]


def test_a_model_alone_is_no_question(daemon):
    fake = daemon(clients__list=lambda *_: [{"name": "c"}])
    done = lokictl("ask", "c:m")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"lokictl: nothing to ask c:m: give a prompt, ")
    assert "chat" not in {method for method, _ in fake.calls}


def test_dry_run_prints_the_request(daemon):
    request = {"method": "POST", "url": "http://x/", "headers": {}, "body": {"a": 1}, "origins": {}}
    fake = daemon(chat=lambda call, params: request)
    done = lokictl("ask", "--dry-run", "hi")
    assert json.loads(done.stdout) == request and b"\n  " in done.stdout
    assert fake.params()["dry_run"] is True
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("url", "signs"),
    [
        ("https://x/", ["<secret> is the key, which lokid does not show"]),
        (
            "http://127.0.0.1:{port}/v1",
            [
                "{port} is a free port, chosen when lokid starts this server, with the first question",
                "<secret> is a key that lokid makes up for that server",
            ],
        ),
    ],
)
def test_what_stands_in_a_dry_run_for_something_else_is_told(daemon, url, signs):
    request = {"method": "POST", "url": url, "headers": {"authorization": "Bearer <secret>"}, "body": {}}
    daemon(chat=lambda call, params: request)
    done = lokictl("ask", "--dry-run", "hi")
    assert json.loads(done.stdout) == request
    assert done.stderr.decode() == "".join(f"lokictl: {sign}\n" for sign in signs)


def test_unknown_option_is_a_mistake_of_the_caller():
    done = lokictl("ask", "--tempreature", "1", "hi")
    assert done.returncode == 2
    assert done.stderr.startswith(b"lokictl: ") and b"--temperature" in done.stderr
    assert b"hint: lokictl ask --help" in done.stderr


def test_no_daemon_and_no_autostart_is_status_69():
    done = lokictl("ask", "hi")
    assert (done.returncode, done.stdout) == (69, b"")
    assert done.stderr.startswith(b"lokictl: lokid is not running")


def test_a_forwarded_socket_without_its_connection_is_not_mended_by_a_daemon_here(tmp_path):
    here = lokictl("ask", "hi", env={"LOKID_SOCK": "", "XDG_RUNTIME_DIR": str(tmp_path)})
    assert here.stderr.endswith(b"hint: lokictl daemon start\n")
    afar = lokictl("ask", "hi", env={"LOKID_SOCK": str(tmp_path / "forwarded.sock")})
    assert b"hint: connect again, if that is forwarded" in afar.stderr


def test_closed_pipe_ends_quietly_and_cancels_at_the_provider(daemon):
    def endless(call, params):
        call.accepted()
        while not call.cancelled.wait(0.005):
            call.text("line\n" * 50)
        raise Gone

    fake = daemon(chat=endless)
    asking = subprocess.Popen(
        [*COMMAND, "ask", "hi"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    head = subprocess.run(["head", "-1"], stdin=asking.stdout, capture_output=True)
    asking.stdout.close()
    assert head.stdout == b"line\n"
    assert asking.wait(10) == 141
    with asking.stderr:
        assert asking.stderr.read() == b""
    assert fake.running[0].cancelled.wait(5)


def test_a_full_disk_is_an_error_and_no_traceback(daemon):
    daemon(chat=say("text"))
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "ask", "hi"],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
        )
    assert (done.returncode, done.stderr) == (1, b"lokictl: No space left on device: standard output\n")


def test_closed_standard_input_is_no_prompt(daemon):
    daemon(chat=say("ok"))
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "ask", "hi"], capture_output=True, env=environment()
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"ok\n", b"")


def test_large_prompts_and_answers_pass(daemon):
    fake = daemon(chat=lambda call, params: say(params["prompt"][:300_000])(call, params))
    text = "ä" * 1_000_000
    done = lokictl("ask", stdin=text.encode())
    assert fake.params()["prompt"] == text
    assert done.stdout.decode() == text[:300_000] + "\n"


def test_a_daemon_that_keeps_silent_does_not_hold_ctrl_c(daemon):
    def silent(call, params):
        call.cancelled.wait(20)
        raise Gone

    fake = daemon(chat=silent)
    asking = subprocess.Popen([*COMMAND, "ask", "hi"], stdin=subprocess.DEVNULL, env=environment())
    call = fake.wait_for_call()
    begun_at = time.monotonic()
    asking.send_signal(2)
    assert asking.wait(10) == 130
    assert time.monotonic() - begun_at < 15  # not the 20 s of the answer
    assert call.cancelled.wait(5)


def test_arguments_that_are_not_utf8_are_sent_with_replacements(daemon):
    fake = daemon(chat=say("ok"))
    done = subprocess.run(
        [*map(os.fsencode, COMMAND), b"ask", b"a\xff"], stdin=subprocess.DEVNULL, env=environment()
    )
    assert done.returncode == 0
    assert fake.params()["prompt"] == "a?"


@pytest.mark.parametrize(
    ("data", "told"), [(b"%PDF-1.7\n\xe2\xe3", b"is a PDF"), (b"\x7fELF\0\xff", b"neither text in UTF-8")]
)
def test_what_is_no_text_on_standard_input_is_not_sent(daemon, data, told):
    fake = daemon(chat=say("ok"))
    done = subprocess.run([*COMMAND, "ask", "what?"], input=data, capture_output=True, env=environment())
    assert done.returncode == 2
    assert told in done.stderr
    assert [name for name, _ in fake.calls if name == "chat"] == []
    latin = subprocess.run(
        [*COMMAND, "ask", "what?"], input=b"gr\xfcn", capture_output=True, env=environment()
    )
    assert latin.returncode == 0
    assert fake.params()["prompt"] == "what?\n\ngr\ufffdn"


def closing(redirections, *arguments):
    """One command line of a shell that closes some of the standard descriptors."""
    import shlex

    line = " ".join(map(shlex.quote, [*COMMAND, *arguments]))
    return subprocess.run(
        ["sh", "-c", f"{line} </dev/null {redirections}"], capture_output=True, env=environment(), timeout=30
    )


def test_an_answer_for_a_closed_stdout_does_not_go_to_the_daemon(daemon):
    fake = daemon(chat=say("an answer"))
    done = closing(">&-", "ask", "x")
    assert (done.returncode, done.stderr) == (1, b"lokictl: Bad file descriptor: standard output\n")
    fake.close()
    assert fake.strangers == 0


def test_a_closed_stderr_is_no_reason_to_fail(daemon):
    daemon(chat=say("an answer"))
    done = closing("<&- 2>&-", "ask", "-u", "x")
    assert (done.returncode, done.stdout) == (0, b"an answer\n")


def test_a_bug_is_two_lines_and_quotes_nothing():
    code = """
import sys
from lokictl import __main__, options
def broken(arguments): raise ValueError("a prompt")
options.parse = broken
sys.argv = ["lokictl", "ask", "x"]
__main__.main()
"""
    done = subprocess.run([COMMAND[0], "-c", code], capture_output=True, env=environment(), timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith(b"lokictl: this is a bug in lokictl: ValueError at ")
    assert b"a prompt" not in done.stderr and done.stderr.count(b"\n") == 2


def test_a_number_of_any_size_is_for_the_daemon_to_judge(daemon):
    fake = daemon(chat=say("ok"))
    assert lokictl("ask", "--max-tokens", "9" * 30, "x").returncode == 0
    assert fake.params()["max_tokens"] == float("9" * 30)


def test_a_script_that_says_who_it_is_is_shown_by_that_name(daemon):
    fake = daemon(chat=say("ok"))
    for said in ("nightly", "/home/me/bin/nightly"):
        lokictl("ask", "x", env={"LOKICTL_PROGRAM": said})
    lokictl("ask", "x", env={"LOKICTL_PROGRAM": ""})
    names = [params["client"].partition("/")[0] for method, params in fake.calls if method == "hello"]
    assert names == ["nightly", "nightly", "lokictl"]


def test_the_same_advice_is_given_once(daemon):
    def refuse(*_):
        raise Refused("secret_missing", "it lacks K (lokictl secret set K)", hint="lokictl secret set K")

    daemon(chat=refuse)
    assert lokictl("ask", "x").stderr == b"lokictl: it lacks K (lokictl secret set K)\n"


def test_a_schema_without_bottom_is_a_mistake_of_the_caller():
    done = lokictl("ask", "--schema", '{"a":' * 9000 + "1" + "}" * 9000, "x")
    assert (done.returncode, done.stderr) == (2, b"lokictl: the schema is nested too deep\n")
