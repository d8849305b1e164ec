"""An error as the user of the command line sees it: one sentence, a hint, an exit status."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, and the status of ``cancelled`` in docs/rpc.md."""

CLOSED_PIPE = 141
"""Exit status when the reader of stdout has gone: 128 + SIGPIPE, as of any C program."""


class Failure(Exception):
    """``code``: an error code of docs/rpc.md. ``message``: what happened and why. ``hint``: what mends it.
    ``facts``: the error of the response, if it is one."""

    def __init__(
        self, code: str, message: str, hint: "str | None" = None, facts: "Mapping[str, Any] | None" = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.facts = facts or {}

    @property
    def exit_status(self) -> int:
        from lokid.rpc.codes import EXIT_STATUS  # only errors pay for it

        return EXIT_STATUS.get(self.code, 1)

    @classmethod
    def from_error(cls, error: "Mapping[str, Any] | str") -> "Failure":
        """From the error of a response: a map after ``hello``, a string from whoever knows no better."""
        if isinstance(error, str):
            code, _, message = error.partition(": ")
            return cls(code, message or error)
        message = str(error.get("message", "")) or str(error.get("code"))
        if (client := error.get("client")) and not _names(message, str(client)):
            message = f"{client}: {message}"  # whoever has several wants to know at which it was
        hint = error.get("hint")
        if hint is not None and str(hint) in message:
            hint = None  # of errors that a row of a table shows, the message says all
        elif hint is None and error.get("retry_after_s") is not None:
            hint = f"try again in {error['retry_after_s']:.0f} s"
        return cls(str(error.get("code", "provider_error")), message, hint, error)


def _names(message: str, client: str) -> bool:
    """In quotes: a short name is in many a word, and "openai" in the address that OpenAI's errors name."""
    return message.startswith(f"{client}:") or f"'{client}'" in message or f"'{client}:" in message


class ClosedPipe(Exception):
    """Nobody reads our stdout any more: end quietly."""


def usage(message: str, hint: "str | None" = None) -> Failure:
    """A command line that makes no sense: exit status 2."""
    return Failure("invalid_params", message, hint)


class NotRunning(Failure):
    """Nobody listens on the socket, and no daemon was to be started."""


class Ending(NotRunning):
    """One that was told to end, and still has requests: it takes no new ones."""

    def __init__(self) -> None:
        from lokictl import ending

        super().__init__("daemon_unavailable", ending.SAID, "lokictl daemon start waits for that")
