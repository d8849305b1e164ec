"""Draws the layers from the imports themselves, for docs/architecture.md (``tools.pages`` puts it there).

Nodes are what lies directly in ``lokid``, and ``lokictl`` as one. An arrow means "imports". An arrow is
left out where a longer way says the same, or the picture would be a ball of wool; the table below it
has all of them.
"""

from __future__ import annotations

import grimp

# Shown as one colour: code without I/O, clock, environment or randomness.
PURE = {"config", "providers", "dialects", "protocols", "rpc", "chat", "errors"}


def layer(module: str) -> str | None:
    """``lokid.rpc.messages`` -> ``rpc``; ``lokictl.x`` -> ``lokictl``; ``lokid`` itself has no layer."""
    package, *rest = module.split(".")
    if package == "lokictl":
        return "lokictl"
    return rest[0] if rest else None


def imports() -> dict[str, set[str]]:
    """Layer -> the layers that it imports directly."""
    graph = grimp.build_graph("lokid", "lokictl", cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        here = layer(module)
        if here is None:
            continue
        below = found.setdefault(here, set())
        for imported in graph.find_modules_directly_imported_by(module):
            there = layer(imported)
            if there is not None and there != here:
                below.add(there)
    return found


def _reachable(edges: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for below in edges[waiting.pop()] - seen:
            seen.add(below)
            waiting.append(below)
    return seen


def reduced(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """Without the arrows that a longer way implies."""
    return {
        here: {
            there
            for there in below
            if not any(there in _reachable(edges, other) for other in below - {there})
        }
        for here, below in edges.items()
    }


def picture() -> str:
    """A Mermaid graph and a table."""
    edges = imports()
    lines = ["```mermaid", "flowchart TD"]
    lines += [f"    {name}" for name in sorted(edges)]
    lines += [f"    {here} --> {there}" for here in sorted(edges) for there in sorted(reduced(edges)[here])]
    lines += [
        "    classDef pure fill:#e6f4ea,stroke:#137333,color:#000",
        f"    class {','.join(sorted(PURE & edges.keys()))} pure",
        "```",
        "",
        "| | imports |",
        "| --- | --- |",
    ]
    lines += [f"| {name} | {', '.join(sorted(edges[name])) or '-'} |" for name in sorted(edges)]
    return "\n".join(lines) + "\n"
