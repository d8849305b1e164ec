"""``lokictl``: the fast path of ``ask`` when the command line allows it, click otherwise."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn


def main() -> "NoReturn":
    """Runs the command line and leaves. No traceback ever reaches the user's terminal."""
    try:
        _import_before_ctrl_c()
        _occupy_standard_descriptors()
        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130  # failure.INTERRUPTED, perhaps not imported yet
    _leave(status)


_AGAIN_S = 0.01
"""An import takes some of these at most."""


def _import_before_ctrl_c() -> None:
    """Ctrl-C waits until what is imported is there. In an import it may come where Python shows a traceback
    and goes on (``_get_module_lock.<locals>.cb``), and then nothing would end."""
    import _signal  # type: ignore[import-not-found]  # the built-in one: ``signal`` imports enum

    def interrupted(_number: int, frame: "FrameType | None") -> None:
        while frame is not None:
            if frame.f_code.co_filename.startswith("<frozen importlib"):
                _signal.setitimer(_signal.ITIMER_REAL, _AGAIN_S)
                return
            frame = frame.f_back
        raise KeyboardInterrupt

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:  # else it is ignored, for `&`
        _signal.signal(_signal.SIGALRM, interrupted)
        _signal.signal(_signal.SIGINT, interrupted)


def run(arguments: "list[str]") -> int:
    """The exit status of one command line; errors are on stderr."""
    from lokictl.failure import CLOSED_PIPE, INTERRUPTED, ClosedPipe, Failure

    try:
        return _run(arguments)
    except Failure as failure:
        from lokictl.render import complain

        complain(failure.message, failure.hint)
        return failure.exit_status
    except KeyboardInterrupt:
        return INTERRUPTED
    except ClosedPipe:
        return CLOSED_PIPE
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            return CLOSED_PIPE
        from lokictl.render import complain

        complain(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        return 1
    except Exception as error:  # the text of a foreign exception may quote a prompt or a key
        from lokictl.nonsense import explained
        from lokictl.render import complain

        message, hint, status = explained(f"{type(error).__name__} at {_place(error)}")
        complain(message, hint)
        return status


def _place(error: BaseException) -> str:
    """``file:line``, innermost."""
    traceback, place = error.__traceback__, "nowhere"
    while traceback is not None:
        place = f"{os.path.basename(traceback.tb_frame.f_code.co_filename)}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


def _occupy_standard_descriptors() -> None:
    """A closed one would be the number of the next socket: an answer meant for stdout went to the daemon
    then. Opened the wrong way round, reading and writing fail on them as they do on closed ones."""
    for fd, mode in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest free number, and that is this one


def _run(arguments: "list[str]") -> int:
    match arguments:
        case ["ask", *rest]:
            from lokictl.options import parse

            if (parsed := parse(rest)) is not None:
                from lokictl.asking import ask

                return ask(*parsed)
        case ["--version"]:
            import lokid
            from lokictl.render import write

            write(1, f"lokictl {lokid.__version__}\n")
            return 0
        case ["__complete", *rest]:
            from lokictl.completion import complete

            return complete(rest)
        case ["init", "bash" | "zsh" | "fish" as shell]:
            from lokictl.render import write
            from lokictl.shell import script

            write(1, script(shell))
            return 0
    from lokictl.cli import run_click

    return run_click(arguments)


def _leave(status: int) -> "NoReturn":
    """Without the interpreter's tear-down, which takes longer than the question's own work."""
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 (contextlib costs 3 ms)
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed, or never open
            pass
    os._exit(status)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # that came before main's own handling
        os._exit(130)
