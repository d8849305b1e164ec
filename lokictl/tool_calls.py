"""What to say of an answer that calls tools, of which ``ask`` runs none, or that has pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lokictl import render
from lokictl.failure import Failure

MOST = 5
"""Names in one line."""

LONGEST = 64
"""Characters of a name, as in docs/rpc.md. A model may write others."""

_SHOW = "`lokictl ask --json` prints them with their arguments"


def tell(result: Mapping[str, Any]) -> None:
    """One line for an answer with words. Raises ``Failure`` for one without: a script that went on would go
    on with nothing."""
    called = _listed(_names(result))
    if result["text"].strip():
        render.note(f"lokictl: the model also calls tools ({called}), and lokictl runs none: {_SHOW}")
        return
    raise Failure(
        "provider_error", f"the model answered with tool calls only ({called}), and lokictl runs none", _SHOW
    )


def tell_images(result: Mapping[str, Any]) -> None:
    """The same for pictures."""
    show = "`lokictl ask --json` prints them, in base64"
    if result["text"].strip():
        render.note(f"lokictl: the answer also has pictures, which are not shown: {show}")
        return
    raise Failure("provider_error", "the model answered with nothing but pictures", show)


def _names(result: Mapping[str, Any]) -> list[str]:
    """Of the tools, each once, in the order of the calls."""
    content = result["message"]["content"]
    calls = [part for part in content if isinstance(part, dict) and part["type"] == "tool_call"]
    return list(dict.fromkeys(str(call["name"])[:LONGEST] for call in calls))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST
    return ", ".join(names[:MOST]) + (f" and {more} more" if more > 0 else "")
