"""One answer as it is shown: what goes to stdout while it comes, and what is said of it on stderr.

``ask`` imports this while the daemon works on the question.
"""

import os

import lokid
from lokictl import render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from lokictl.spinner import Spinner

CUT = {
    "length": "the answer stops at the limit of tokens",
    "content_filter": "the provider's filter cut the answer",
    "refusal": "the model refused to answer",
    "context_overflow": "the answer stops because the model's context is full",
    "pause": "the provider paused the answer",
}
"""Finish reason -> what to tell about an answer that is not all there could be."""


class Answer:
    """Writes the text of an answer as it comes: only the answer, and one newline at its end.

    Newlines at the end of what has come are held back until more text follows. On a terminal the text
    is cleaned; in a pipe it is left alone.
    """

    def __init__(self, fd: int, *, terminal: bool) -> None:
        self._fd = fd
        self._terminal = terminal
        self._held = ""
        self.started = False

    def feed(self, text: str) -> None:
        text = self._held + text
        # A CR may be half of a CR LF whose other half comes with the next piece.
        body = text.rstrip("\r\n")
        self._held = text[len(body) :]
        if body:
            self._write(body)

    def end(self) -> None:
        self._held = ""
        self._write("\n")

    def prepare(self) -> bool:
        """Called while the answer has not come yet; whether there was something to do."""
        return False

    def _write(self, text: str) -> None:
        self.started = True
        render.write(self._fd, render.clean(text) if self._terminal else text)


class Reply:
    """Shows one answer. stdout gets the answer and nothing else; the rest goes to stderr."""

    def __init__(self, values: "Mapping[str, Any]") -> None:
        self._values = values
        self._live = not any(values[key] for key in ("code", "json", "jsonl", "dry_run"))
        self._out_terminal = render.is_terminal(1)
        self._err_terminal = render.is_terminal(2)
        self._answer = self._raw_or_rendered()
        moving = self._err_terminal and os.environ.get("TERM") != "dumb"
        self._spinner = _spinner() if moving else None
        self._reasoning = False

    def _raw_or_rendered(self) -> Answer:
        """Rendered on a terminal, if the package for it is there; else, and in a pipe, as it comes."""
        values = self._values
        wished = self._out_terminal and os.environ.get("TERM") != "dumb" and values["schema"] is None
        if not (values["render"] or wished) or values["raw"] or not self._live:
            return Answer(1, terminal=self._out_terminal)
        from lokictl.layout import Markdown

        return Markdown(1, terminal=self._out_terminal, required=values["render"])

    def wait(self) -> "float | None":
        if self._answer.prepare():
            return 0.001  # that took its time: what came meanwhile is read first
        return self._spinner.wait() if self._spinner else None

    def hello(self, hello: "Mapping[str, Any]") -> None:
        if self._err_terminal and (warning := version_skew(hello)):
            self._still()
            render.note(warning)
        if self._err_terminal and hello.get("config_broken"):
            self._still()
            render.note(
                "lokictl: the configuration's file is broken, and an older one is in force: lokictl status"
            )

    def events(self, events: "Sequence[Mapping[str, Any]]") -> None:
        """All events of one read: their text leaves in one write."""
        if self._values["jsonl"]:
            self._still()
            self._print("".join(_json(event) + "\n" for event in events))
            return
        text = ""
        for event in events:
            match event.get("type"):
                case "text":
                    text += event["text"]
                case "reasoning":
                    self._think(event["text"])
                case "retry" if self._err_terminal:
                    self._still()
                    pause = f"{event.get('after_s', 0):.1f} s"
                    render.note(f"lokictl: {event.get('reason')}; trying again in {pause}")
        if text and self._live:
            self._still()
            self._stop_thinking()
            self._answer.feed(text)

    def result(self, result: "Mapping[str, Any]") -> None:
        """Raises ``Failure`` for an answer in which there is nothing to print."""
        values = self._values
        left_out: str | None = None
        self._still()
        self._stop_thinking()
        if values["jsonl"]:
            self._print(_json({"type": "result", **result}) + "\n")
        elif values["json"] or values["dry_run"]:
            self._print(_json(result, indent=2) + "\n")
        else:
            text = result["text"]
            left_out = _left_out(result)
            if values["code"]:
                self._answer.feed(first_code_block(text))
            elif not self._answer.started:  # the daemon had no stream to pass on
                self._answer.feed(text)
            if text.strip() or left_out not in ("calls", "images"):
                self._answer.end()
        if cut := CUT.get(reason := result.get("finish_reason", "")):
            option = " (--max-tokens)" if reason == "length" and "max_tokens" in values else ""
            render.note(f"lokictl: {cut}{option}")
        elif left_out == "everything":
            render.note("lokictl: the answer has no text")
        if values["dry_run"]:
            for sign in _placeholders(result):
                render.note(f"lokictl: {sign}")
        elif values["usage"]:
            render.note(usage_line(result))
        if left_out in ("calls", "images"):
            from lokictl import tool_calls  # few have tools

            (tool_calls.tell if left_out == "calls" else tool_calls.tell_images)(result)

    def broken(self) -> None:
        """The answer ends with an error: what came of it stays, on a line of its own."""
        self._still()
        self._stop_thinking()
        if self._answer.started:
            self._answer.end()

    def interrupted(self) -> None:
        self._still()
        if self._out_terminal and self._answer.started:
            self._answer.end()

    def _print(self, text: str) -> None:
        render.write(1, render.clean(text) if self._out_terminal else text)

    def _still(self) -> None:
        if self._spinner:
            self._spinner.clear()

    def _think(self, text: str) -> None:
        """Reasoning is for eyes: it shows dimmed on a terminal that has nothing of the answer yet."""
        if not (self._err_terminal and self._out_terminal and self._live) or self._answer.started or not text:
            return
        self._still()
        self._reasoning = True
        dimmed = render.paint(render.clean(text), "dim", on=render.colour(2, os.environ))
        render.write(2, dimmed)

    def _stop_thinking(self) -> None:
        if self._reasoning:
            self._reasoning = False
            render.write(2, "\n\n")


def _left_out(result: "Mapping[str, Any]") -> "str | None":
    """What of an answer is no text: ``calls``, ``images``, or ``everything`` if there is none."""
    if result.get("finish_reason") == "tool_calls":
        return "calls"
    content = (result.get("message") or {}).get("content")
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and part.get("type") == "image":
            return "images"
    return None if result["text"].strip() else "everything"


def _spinner() -> "Spinner":
    from lokictl.spinner import Spinner  # a pipe needs none

    return Spinner(2)


def version_skew(hello: "Mapping[str, Any]") -> "str | None":
    """A sentence when the daemon that runs is not of our version, as after an update."""
    running = hello.get("version")
    if running == lokid.__version__:
        return None
    return f"lokictl: lokid {running} is running, lokictl is {lokid.__version__}: lokictl daemon restart"


def first_code_block(text: str) -> str:
    """What the first fence holds; all of ``text`` if there is none (models often answer with bare code)."""
    from lokictl import thoughts

    text = thoughts.without(text)
    lines = text.splitlines(keepends=True)
    for start, line in enumerate(lines):
        opening = line.strip()
        mark = opening[:1]
        if opening[:3] not in ("```", "~~~"):
            continue
        length = len(opening) - len(opening.lstrip(mark))
        block = []
        for inner in lines[start + 1 :]:
            closing = inner.strip()
            if len(closing) >= length and not closing.strip(mark):
                break
            block.append(inner)
        return "".join(block)
    return text


def usage_line(result: "Mapping[str, Any]") -> str:
    """``12 in (3 cached), 34 out (5 reasoning), $0.00120, 0.21 s to the first token, 1.30 s, a:b``."""
    facts = []
    if usage := result.get("usage"):
        cached, reasoning = usage.get("cached_input_tokens"), usage.get("reasoning_tokens")
        facts.append(f"{usage['input_tokens']} in" + (f" ({cached} cached)" if cached else ""))
        facts.append(f"{usage['output_tokens']} out" + (f" ({reasoning} reasoning)" if reasoning else ""))
    else:
        facts.append("the provider reported no tokens")
    if result.get("cost_usd") is not None:
        facts.append(f"${result['cost_usd']:.5f}")
    if result.get("first_token_s") is not None:
        facts.append(f"{result['first_token_s']:.2f} s to the first token")
    facts.append(f"{result.get('total_s', 0):.2f} s")
    if (attempts := result.get("attempts", 1)) > 1:
        facts.append(f"{attempts} attempts")
    return f"usage: {', '.join(facts)}, {result.get('model')}"


def _placeholders(request: "Mapping[str, Any]") -> "list[str]":
    """What stands in a dry run for what only the request itself has."""
    signs = []
    if "{port}" in str(request.get("url")):
        signs.append("{port} is a free port, chosen when lokid starts this server, with the first question")
        key = "<secret> is a key that lokid makes up for that server"
    else:
        key = "<secret> is the key, which lokid does not show"
    if "<secret>" in str(request.get("headers")):
        signs.append(key)
    return signs


def _json(value: "Mapping[str, Any]", indent: "int | None" = None) -> str:
    """UTF-8 JSON; bytes (signatures of a provider) as base64."""
    import json

    return json.dumps(value, ensure_ascii=False, indent=indent, default=_base64)


def _base64(value: object) -> str:
    import base64

    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)
