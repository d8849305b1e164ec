"""The options of ``ask``: the one table behind both parsers, and the one that needs no click, whose import
costs four times the start of Python.

A row: key of the parsed value, names, kind, metavar, help. Kinds: ``flag`` (no value), ``text``,
``whole`` (an integer), ``number`` (a float), ``many`` (text, may be repeated).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Options = dict[str, tuple[str, str]]
    Values = dict[str, object]

ASK = (
    ("model", ("-m", "--model"), "text", "MODEL", "Ask this model; else $LOKICTL_MODEL, else the default."),
    ("system", ("--system",), "text", "TEXT", "System prompt."),
    ("files", ("-f", "--file"), "many", "PATH|URL", "Add a text (quoted with its name) or an image."),
    ("temperature", ("-t", "--temperature"), "number", "T", "Sampling temperature."),
    ("top_p", ("--top-p",), "number", "P", "Nucleus sampling."),
    ("max_tokens", ("--max-tokens",), "whole", "N", "Longest answer, in tokens."),
    ("reasoning", ("--reasoning",), "text", "off|low|medium|high|N", "Its effort, or its budget in tokens."),
    ("schema", ("--schema",), "text", "FILE|JSON|FIELDS", "The answer must be JSON of it (else status 1)."),
    ("no_stdin", ("-n", "--no-stdin"), "flag", "", "Do not read standard input, as in a loop that does."),
    ("no_stream", ("-S", "--no-stream"), "flag", "", "Print the answer when it is complete."),
    ("code", ("-c", "--code"), "flag", "", "Print only the first code block."),
    ("usage", ("-u", "--usage"), "flag", "", "One line about tokens, cost and time on stderr."),
    ("raw", ("--raw",), "flag", "", "Print the answer as it comes, also on a terminal."),
    ("render", ("--render",), "flag", "", "Lay Markdown out for a terminal, also in a pipe."),
    ("json", ("--json",), "flag", "", "Print the whole result as JSON."),
    ("jsonl", ("--jsonl",), "flag", "", "Print every event, then the result, as lines of JSON."),
    ("timeout", ("--timeout",), "number", "SECONDS", "Give up after this time (exit status 124)."),
    ("dry_run", ("--dry-run",), "flag", "", "Print the HTTP request that would be sent; send nothing."),
)  # fmt: skip


def empty() -> "dict[str, object]":
    """The value of each option when it is not given."""
    return {key: (False if kind == "flag" else () if kind == "many" else None) for key, _, kind, _, _ in ASK}


_CONVERT: "dict[str, Callable[[str], object]]" = {"text": str, "many": str, "whole": int, "number": float}


def parse(arguments: "list[str]") -> "tuple[dict[str, object], list[str]] | None":
    """What follows ``ask``: the options' values by key, and the words.

    None for everything that is not fully understood (an unknown option, a value that is no number,
    ``--help``): click then parses the same line and says what is wrong. A test holds that both read every
    line alike.
    """
    options = {name: (key, kind) for key, names, kind, _, _ in ASK for name in names}
    values = empty()
    words: list[str] = []
    rest = iter(arguments)
    try:
        for argument in rest:
            if argument == "--":
                words += rest
            elif argument == "-" or not argument.startswith("-"):
                words.append(argument)
            elif argument.startswith("--"):
                name, equals, value = argument.partition("=")
                key, kind = options[name]
                if kind == "flag" and equals:
                    return None
                _set(values, key, kind, value if equals else None, rest)
            else:
                _short(argument, options, values, rest)
    except (KeyError, ValueError, StopIteration):
        return None
    return values, words


def _short(argument: str, options: "Options", values: "Values", rest: "Iterator[str]") -> None:
    """``-c``, ``-cu``, ``-m model``, ``-mmodel``, ``-cm model``."""
    for at in range(1, len(argument)):
        key, kind = options["-" + argument[at]]
        if kind != "flag":
            _set(values, key, kind, argument[at + 1 :] or None, rest)
            return
        values[key] = True


def _set(values: "Values", key: str, kind: str, value: "str | None", rest: "Iterator[str]") -> None:
    if kind == "flag":
        values[key] = True
        return
    converted = _CONVERT[kind](next(rest) if value is None else value)
    if kind == "many":
        before = values[key]
        assert isinstance(before, tuple)
        values[key] = (*before, converted)
    else:
        values[key] = converted
