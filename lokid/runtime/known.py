"""The models of a client, completed by the catalogue, and the name that was meant by another one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from lokid.providers import catalogue
from lokid.providers.base import Provider
from lokid.providers.settings import ClientSettings, ModelSettings
from lokid.rpc.methods import ModelType

COMPARED = 256
"""Names: to compare one takes up to 10 µs, and everybody waits for that."""

LONGEST = 200
"""Characters of a name. A caller's may be as long as a frame: to compare 20 MiB takes seconds."""


class Models(Sequence[ModelSettings]):
    """Exactly the configured ones, or the catalogue's. What the catalogue knows of a name is looked up when
    somebody asks for the model: for ten thousand that takes up to 0.3 s, and a question needs one of them.
    Two threads may do that at the same time: they find the same."""

    __slots__ = ("_at", "_known", "_more", "_provider", "_said", "_vendor")

    def __init__(self, settings: ClientSettings, provider: Provider) -> None:
        self._provider = provider.name
        self._vendor = catalogue.vendor(settings)
        self._known: list[ModelSettings | None]
        if settings.models is None:
            self._said = catalogue.models(provider.name, self._vendor)
            self._known = list(self._said)
        else:
            self._said = settings.models
            self._known = [None] * len(self._said)
        self._at = {model.name: index for index, model in enumerate(self._said)}
        self._more: dict[str, list[int]] = {}
        """Of the names that are there more than once, with another type."""
        if len(self._at) < len(self._said):
            for index, model in enumerate(self._said):
                self._more.setdefault(model.name, []).append(index)

    def __len__(self) -> int:
        return len(self._said)

    @overload
    def __getitem__(self, index: int) -> ModelSettings: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ModelSettings, ...]: ...
    def __getitem__(self, index: int | slice) -> ModelSettings | tuple[ModelSettings, ...]:
        if isinstance(index, slice):
            return tuple(self[at] for at in range(*index.indices(len(self))))
        known = self._known[index]
        if known is None:
            known = catalogue.complete(self._provider, self._said[index], self._vendor)
            self._known[index] = known
        return known

    def __iter__(self) -> Iterator[ModelSettings]:
        return map(self.__getitem__, range(len(self)))

    def named(self, name: str) -> list[ModelSettings]:
        if name not in self._at:
            return []
        return [self[index] for index in self._more.get(name, (self._at[name],))]

    def first(self, type: ModelType) -> ModelSettings | None:  # noqa: A002 - the key's name
        return next((model for model in self if model.type == type), None)

    def names(self, type: ModelType | None = None) -> list[str]:  # noqa: A002 - the key's name
        """Those of ``type``, as far as that was looked up: for a message, not for an answer."""
        if type is None:
            return list(self._at)
        both = zip(self._known, self._said, strict=True)
        return [model.name for model in (known or said for known, said in both) if model.type == type]

    def plain_names(self) -> Iterator[str]:
        """One for each model, in their order, and nothing is looked up."""
        return (model.name for model in self._said)

    def without_patches(self) -> Models:
        """The same models, but for their patches, which may hold keys."""
        bare = object.__new__(Models)
        bare._provider, bare._vendor, bare._at = self._provider, self._vendor, self._at
        bare._more = self._more
        bare._said = unpatched(self._said)
        bare._known = [None if one is None else unpatched((one,))[0] for one in self._known]
        return bare

    def parts(self) -> list[object]:
        """What they hold in memory."""
        return [*self._said, *self._known]

    def complete(self) -> None:
        """Looks all up that were not asked for yet; who lists them all does not wait then."""
        for _ in self:
            pass


def unpatched(models: Iterable[ModelSettings]) -> tuple[ModelSettings, ...]:
    return tuple(one if one.patch is None else one.model_copy(update={"patch": None}) for one in models)


def nearest(name: str, known: Sequence[str]) -> str:
    """``; did you mean 'x'?`` or nothing."""
    if len(name) > LONGEST:
        return ""
    close = difflib.get_close_matches(name, known if len(known) <= COMPARED else _like(name, known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def quoted(name: str) -> str:
    """A caller's name in an error, kept short."""
    return repr(name[:LONGEST])


def _like(name: str, known: Sequence[str]) -> Sequence[str]:
    """Those of many that begin or end as ``name`` does: of one slip of the finger, one half knows nothing."""
    lines = "\n".join(known)
    found: list[str] = []
    for share in (0.5, 0.34, 0.75):
        length = max(1, int(len(name) * share))
        begin, end = re.escape(name[:length]), re.escape(name[-length:])
        found = re.findall(f"^(?:{begin}.*|.*{end})$", lines, re.MULTILINE) or found
        if 0 < len(found) <= COMPARED:
            break
    return found[:COMPARED]
