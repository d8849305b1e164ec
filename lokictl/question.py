"""The question of ``ask``: from the words, the options and standard input to the parameters of ``chat``."""

import os

from lokictl.failure import usage
from lokictl.render import is_terminal, note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_EXAMPLES = 'lokictl ask "What is a monad?"   or   git diff | lokictl ask "summarise"'

_SENT_AS_THEY_ARE = ("system", "temperature", "top_p", "max_tokens")


USUAL = 64 * 1024 * 1024
"""Bytes of one question: a message has no more, unless the configuration says so (``limits.max_frame_mib``).
Counted while it is read, so that what has no end does not fill the memory."""


def looks_like_model(word: str) -> bool:
    """``client:model``, as in ``openai:gpt-5``. Whether that client exists only the daemon knows."""
    client, colon, model = word.partition(":")
    name = client.replace(".", "").replace("_", "").replace("-", "")
    return bool(colon and model) and name.isascii() and name.isalnum() and len(word.split()) == 1


def standard_input(most: "int | None" = None) -> bytes:
    """All of it, or nothing when there is none to read. Raises ``Failure`` (exit status 2) when lokid does
    not take as much. ``most``: bytes after which to stop, for who judges the length."""
    pieces, size, limit = [], 0, USUAL
    try:
        while (most is None or size < most) and (piece := os.read(0, 1 << 20)):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                from lokictl.room import room

                limit = room(size, USUAL, "standard input")
    except OSError as error:
        import errno

        if error.errno not in (errno.EBADF, errno.EIO):  # closed; a terminal that is not ours to read
            raise usage(f"cannot read standard input: {error.strerror}") from None
    return b"".join(pieces)


def _say_empty() -> None:
    """To somebody who watches: ``git diff | lokictl ask "Write a commit message"`` without a change asks for
    one all the same, and costs."""
    import stat

    if is_terminal(2) and stat.S_ISFIFO(os.fstat(0).st_mode):
        note("nothing came through the pipe: only the words are asked")


class Question:
    """What is asked, apart from the model.

    ``words`` are those of the command line. ``candidate`` is the first of them if it may be a model;
    ``prompt`` can take it for one, or for a word of the question.
    """

    def __init__(self, values: "Mapping[str, Any]", words: "Sequence[str]") -> None:
        self._values = values
        self._words = list(words)
        self.candidate = words[0] if words and not values["model"] and looks_like_model(words[0]) else None
        rest = self._words[1:] if self.candidate else self._words
        self._size, self._most = 0, USUAL
        self._piped = ""
        self._images: list[dict[str, object]] = []
        self._texts: list[str] = []
        if rest == ["-"]:
            if values["no_stdin"]:
                raise usage("- is standard input, and -n reads none of it")
            self._words.pop()
            self._take(standard_input())
        elif not (values["no_stdin"] or is_terminal(0)):
            data = standard_input()
            if not data and words:
                _say_empty()
            self._take(data)
        for source in values["files"]:
            self._attach(source)

    @property
    def is_empty(self) -> bool:
        """Nothing is asked, unless the candidate is part of the question."""
        return not self.prompt(model_named=True).strip() and not self._images

    def prompt(self, *, model_named: bool) -> str:
        """Words, texts of ``-f`` and standard input, with a blank line between them."""
        words = self._words[1:] if model_named and self.candidate else self._words
        return "\n\n".join(part for part in (" ".join(words), *self._texts, self._piped) if part)

    def params(self, model: str, *, model_named: bool) -> "dict[str, Any]":
        """The parameters of ``chat`` (``lokid.rpc.methods.ChatParams``)."""
        values = self._values
        params: dict[str, Any] = {"model": model, "stream": not values["no_stream"]}
        if not is_terminal(1):
            params["priority"] = "batch"  # where one has to wait, people go first
        prompt = self.prompt(model_named=model_named)
        if self._images:
            text = [{"type": "text", "text": prompt}] if prompt else []
            params["messages"] = [{"role": "user", "content": [*text, *self._images]}]
        else:
            params["prompt"] = prompt
        for key in _SENT_AS_THEY_ARE:
            if values[key] is not None:
                params[key] = values[key]
        if values["timeout"] is not None:
            params["timeout_s"] = values["timeout"]
        if values["reasoning"] is not None:
            reasoning = values["reasoning"]
            params["reasoning"] = int(reasoning) if reasoning.isdecimal() else reasoning
        if values["schema"] is not None:
            from lokictl.attach import schema

            params["response_schema"] = schema(values["schema"])
        if values["dry_run"]:
            params["dry_run"] = True
        return params

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self._most:
            from lokictl.room import room

            self._most = room(self._size, USUAL, "the question with its files")

    def _take(self, data: bytes) -> None:
        self._count(len(data))
        try:
            self._piped = data.decode()
        except UnicodeDecodeError:
            from lokictl.attach import media_type, not_text

            if kind := media_type(data):
                self._images.append({"type": "image", "media_type": kind, "data": data})
            elif b"\0" in data or data.startswith(b"%PDF-"):
                raise not_text("standard input", data) from None
            else:  # a diff of files in another encoding, say
                self._piped = data.decode("utf-8", "replace")

    def _attach(self, source: str) -> None:
        from lokictl.attach import load, quoted

        kind, content = load(source)
        if isinstance(content, str):
            self._count(len(content.encode()))
            self._texts.append(quoted(source, content))
        else:
            self._count(len(content))
            self._images.append({"type": "image", "media_type": kind, "data": content})


def nothing_asked(model: "str | None" = None) -> Exception:
    what = f"nothing to ask {model}" if model else "nothing to ask"
    return usage(f"{what}: give a prompt, a file (-f) or standard input", _EXAMPLES)
