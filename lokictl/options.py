"""The options of ``ask``: the one table behind both parsers (``fast`` and click's).

A row: key of the parsed value, names, kind, metavar, help. Kinds: ``flag`` (no value), ``text``,
``whole`` (an integer), ``number`` (a float), ``many`` (text, may be repeated).
"""

from __future__ import annotations

ASK = (
    ("model", ("-m", "--model"), "text", "MODEL", "Ask this model; else $LOKICTL_MODEL, else the default."),
    ("system", ("--system",), "text", "TEXT", "System prompt."),
    ("files", ("-f", "--file"), "many", "PATH|URL", "Add a text (quoted with its name) or an image."),
    ("temperature", ("-t", "--temperature"), "number", "T", "Sampling temperature."),
    ("top_p", ("--top-p",), "number", "P", "Nucleus sampling."),
    ("max_tokens", ("--max-tokens",), "whole", "N", "Longest answer, in tokens."),
    ("reasoning", ("--reasoning",), "text", "off|low|medium|high|N", "Its effort, or its budget in tokens."),
    ("schema", ("--schema",), "text", "FILE|JSON|FIELDS", "The answer must be JSON of it."),
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


def empty() -> dict[str, object]:
    """The value of each option when it is not given."""
    return {key: (False if kind == "flag" else () if kind == "many" else None) for key, _, kind, _, _ in ASK}
