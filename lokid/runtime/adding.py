"""How a client that somebody named and that is not configured is added: the hint of that error."""

from __future__ import annotations

from urllib.parse import urlsplit

from lokid.providers.vendors import VENDORS

_TYPES = {
    "openai": "OPENAI_API_KEY",
    "claude": "ANTHROPIC_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "cohere": "COHERE_API_KEY",
}
"""Types that need a key and nothing else, and are there without a configuration once the vault has it."""

_ALIASES = {"anthropic": "claude", "google": "gemini"}

_THERE = "lokictl clients lists those that there are"


def hint(name: str, *, from_file: bool) -> str:
    """``from_file``: there is a configuration, into which ``lokictl setup`` merges nothing."""
    known = _ALIASES.get(name.casefold(), name.casefold())
    if (key := _TYPES.get(known)) and not from_file:
        return f"lokictl secret set {key} adds {known}; {_THERE}"
    if (entry := _entry(known)) is None:
        return f"{_THERE}; {'lokictl config edit' if from_file else 'lokictl setup'} adds one"
    before = f"to add {known}: lokictl config edit, and under clients:"
    if _is_here(known):
        return f"{before} `{entry}`; {_THERE}"
    return f"{before} `{entry}`, then lokictl secret set {_key(known)}; {_THERE}"


def _entry(name: str) -> str | None:
    """Its line under ``clients:``. None: it is no vendor, or needs more than a key."""
    if name in _TYPES:
        return f'- {{type: {name}, api_key: "{{{{{_key(name)}}}}}"}}'
    if name not in VENDORS or VENDORS[name].api_base is None:
        return None
    rest = "models: [{name: MODEL}]" if _is_here(name) else f'api_key: "{{{{{_key(name)}}}}}"'
    return f"- {{type: openai-compatible, name: {name}, {rest}}}"


def _key(name: str) -> str:
    return _TYPES.get(name) or f"{name.upper()}_API_KEY"


def _is_here(name: str) -> bool:
    """A server on this machine, which wants no key."""
    return name in VENDORS and urlsplit(VENDORS[name].api_base or "").hostname == "127.0.0.1"
