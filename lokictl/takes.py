"""What options take, in words, and an example of each: for a value that is wrong, whoever finds that out."""

from __future__ import annotations

TAKES = {
    "timeout": ("a number of seconds above 0", "30"),
    "temperature": ("a number from 0 up", "0.7"),
    "top_p": ("a number from 0 to 1", "0.9"),
    "max_tokens": ("a whole number from 1 up", "500"),
    "reasoning": ("off, low, medium, high or a number of tokens", "low"),
    "dimensions": ("a whole number from 1 up", "256"),
    "top_n": ("a whole number from 1 up", "3"),
    "request_id": ("a number that lokictl ps shows", "7"),
}
"""Name of a parameter of click -> what it takes, and one that is right. Of a choice click knows both."""

_OF_THE_API = {**{name: name for name in TAKES}, "timeout_s": "timeout"}
"""Parameter of the API, which its errors begin with -> the option that sets it."""


def in_options(message: str) -> str:
    """An error of the API, about the option that the parameter in it came from."""
    name = _OF_THE_API.get(message.partition(": ")[0])
    if name is None:
        return message
    option = "--" + name.replace("_", "-")
    rule, example = TAKES[name]
    return f"{option} must be {rule}, as in {option} {example}"
