"""Text in, ``Config`` or every problem out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import SecretStr, TypeAdapter, ValidationError

from lokid.config import nodes, overrides, secrets
from lokid.config.explain import did_you_mean, explain, locate
from lokid.config.problem import Path, Problem, dotted
from lokid.config.schema import FOREIGN_KEYS, OWN_KEYS, Config, TopLevel, Vault
from lokid.config.values import Values
from lokid.providers.base import Provider
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ClientSettings, ModelSettings

MEND = "lokictl secret set {name}"
"""What gives a secret that nothing gives."""

_TYPES_OF_OTHERS = {
    # type elsewhere (aichat, other programs) -> ours, where likeness of the words does not lead there
    "anthropic": "claude",
    "google": "gemini",
    "azure": "azure-openai",
    "aws": "bedrock",
    "vertexai-claude": "vertexai",
    "cloudflare": "openai-compatible",
    "ernie": "openai-compatible",
    "llama.cpp": "openai-compatible",
    "moonshot": "openai-compatible",
    "ollama": "openai-compatible",
    "qianwen": "openai-compatible",
    "rag-dedicated": "openai-compatible",
}


def parse(
    text: str,
    path: str,
    *,
    lookup: Mapping[str, str],
    environ: Mapping[str, str],
    providers: Mapping[str, Provider] = PROVIDERS,
    mend: str = MEND,
    tree: nodes.Tree | None = None,
) -> Config | tuple[Problem, ...]:
    """The configuration that ``text`` is, or all that is wrong with it, in the order of the file.

    ``path`` names the file in messages. ``lookup`` has the values of ``{{NAME}}`` (``secret_names`` says
    which are needed), and under the name of their variable those of keys that nothing else gives;
    ``environ`` has the variables that beat the file. ``mend``: what gives a secret ``{name}``. What only
    keeps one client from working (a name that ``lookup`` lacks, a key that nothing gives) is not a problem
    but an entry in ``Config.missing``. ``tree``: what ``nodes.read`` made of ``text``, where that is known;
    without places will do.
    """
    parser = _Parser(path, lookup, environ, providers, mend)
    root, found = tree or nodes.read(text, path, places=False)
    config = parser.config(root) if root is not None else None
    if config is not None and (found or parser.problems):  # now the place of everything is wanted
        parser = _Parser(path, lookup, environ, providers, mend)
        root, found = nodes.read(text, path)
        config = parser.config(root) if root is not None else None
    if config is None:
        return found
    problems = [*found, *parser.problems]
    # What a trap of YAML made of a value often breaks its schema too: the first reason is the cause.
    causes = {(one.path, one.line, one.column, one.key): one for one in reversed(problems)}
    # In the order of the file, and the environment's after them.
    return tuple(causes[place] for place in sorted(causes, key=lambda at: (at[0] != path, *at[1:]))) or config


class _Parser:
    def __init__(
        self,
        path: str,
        lookup: Mapping[str, str],
        environ: Mapping[str, str],
        providers: Mapping[str, Provider],
        mend: str,
    ) -> None:
        self.problems: list[Problem] = []
        self._path = path
        self._lookup = lookup
        self._environ = environ
        self._providers = providers
        self._mend = mend
        self._warnings: list[Problem] = []
        self._missing: dict[str, tuple[str, ...]] = {}
        self._interpolated: dict[str, Mapping[Path, tuple[str, ...]]] = {}
        self._overridden: dict[str, tuple[str, ...]] = {}
        self._names: dict[str, str] = {}  # of all clients, also bad ones: prefix of their variables -> name

    def config(self, root: nodes.Node) -> Config:
        """What could be made of ``root``; it counts only if there are no problems."""
        if not isinstance(root, nodes.Mapping):
            self._problem(root, (), "must be a mapping with `clients:` at its top")
            return Config(self._path)
        self._unknown_keys(root)
        top = self._top_level(root)
        clients = self._clients(root)
        names = list(self._names.values())
        patches, problems, warnings = overrides.patches(names, self._environ)
        self.problems += problems
        self._warnings += warnings
        self._default_model(root, top, names)
        self._extra_socket(root, top, names)
        return Config(
            path=self._path,
            model=top.model,
            clients=tuple(clients),
            missing=self._missing,
            patch_overrides=patches,
            vault=top.vault,
            limits=top.limits,
            budget=top.budget,
            extra_socket=top.extra_socket,
            interpolated=self._interpolated,
            overridden=self._overridden,
            warnings=tuple(self._warnings),
        )

    def _problem(self, node: nodes.Node | nodes.Entry, at: Path, message: str) -> None:
        self.problems.append(Problem(self._path, node.line, node.column, dotted(at), message))

    def _warning(self, node: nodes.Node | nodes.Entry, at: Path, message: str) -> None:
        self._warnings.append(Problem(self._path, node.line, node.column, dotted(at), message))

    def _unknown_keys(self, root: nodes.Mapping) -> None:
        for key, entry in root.entries.items():
            if key in FOREIGN_KEYS:
                self._warning(entry, (key,), "is not used by lokid")
            elif key not in OWN_KEYS:
                known = did_you_mean(key, OWN_KEYS) or f"; known are {', '.join(sorted(OWN_KEYS))}"
                self._problem(entry, (key,), f"unknown key{known}")

    def _top_level(self, root: nodes.Mapping) -> TopLevel:
        reader = Values(self._path, (), self._lookup)
        data = {
            key: reader.plain(entry.node, (key,))
            for key, entry in root.entries.items()
            if key in TopLevel.model_fields
        }
        self.problems += reader.problems
        for at, names in reader.missing.items():
            node, _ = locate(root, at)
            self._problem(
                node, at, f"nothing gives {', '.join(dotted((name,)) for name in names)}: {_ABSENT}"
            )
        try:
            return TopLevel.model_validate(_said(data))
        except ValidationError as error:
            self.problems += explain(error, root, TopLevel, path=self._path)
            return TopLevel()

    def _default_model(self, root: nodes.Mapping, top: TopLevel, names: list[str]) -> None:
        if top.model is None:
            return
        client = top.model.partition(":")[0]
        if client not in names:
            said = f"no client of this file has that name{did_you_mean(client, names)}"
            self._warning(root.entries["model"].node, ("model",), said)

    def _extra_socket(self, root: nodes.Mapping, top: TopLevel, names: list[str]) -> None:
        """A pattern that no client of the file can match opens nothing, which is seldom what was meant."""
        for index, pattern in enumerate(top.extra_socket.models if top.extra_socket else ()):
            client = pattern.partition(":")[0]
            if "*" not in client and client not in names:
                at = ("extra_socket", "models", index)
                said = f"no client of this file has that name{did_you_mean(client, names)}"
                self._warning(locate(root, at)[0], at, said)

    def _clients(self, root: nodes.Mapping) -> list[ClientSettings]:
        entry = root.entries.get("clients")
        if entry is None or (isinstance(entry.node, nodes.Scalar) and entry.node.value is None):
            said = "is required: the list of clients; to configure none write `clients: []`"
            self._problem(entry or root, ("clients",), said)
            return []
        if not isinstance(entry.node, nodes.Sequence):
            self._problem(entry.node, ("clients",), f"must be a list, and is {nodes.kind(entry.node)}")
            return []
        clients = [self._client(node, ("clients", index)) for index, node in enumerate(entry.node.items)]
        return [client for client in clients if client is not None]

    def _client(self, node: nodes.Node, at: Path) -> ClientSettings | None:
        if not isinstance(node, nodes.Mapping):
            self._problem(node, at, f"must be a mapping with `type:`, and is {nodes.kind(node)}")
            return None
        provider = self._provider(node, at)
        if provider is None:
            return None
        reader = Values(self._path, at, self._lookup)
        data = _client_shape(reader.plain(node))
        self.problems += reader.problems
        name = data.setdefault("name", provider.name)
        given: dict[str, str] = {}
        agreed = overrides.agreed(provider.settings, self._environ)
        agreed = {key: variable for key, variable in agreed.items() if key not in data}
        data |= {key: self._environ[variable] for key, variable in agreed.items()}
        kept: dict[Path, tuple[str, ...]] = {}
        if isinstance(name, str):
            given = overrides.values(provider.settings, name, self._environ)
            self._own_name(name, node, at)
            kept = self._kept(provider, name, data)
        data |= {str(way[0]): self._lookup[names[0]] for way, names in kept.items()} | given
        missing = {way: names for way, names in reader.missing.items() if way[0] not in given}
        variables = agreed | {key: overrides.variable(data["name"], key) for key in given}
        client = self._validate(provider, data, node, at, missing, variables)
        if client is not None:
            self._models(client, node, at)
            filled = reader.filled | kept
            self._overridden |= {variables[way[0]]: filled[way] for way in filled if way[0] in given}
            self._interpolated[client.name] = {way: filled[way] for way in filled if way[0] not in given}
            for key in (*provider.secrets, *provider.optional_secrets):
                entry = node.entries.get(key)
                if entry and secrets.is_variable_of_shell(entry.node) and key not in given:
                    self._warning(entry.node, (*at, key), _OF_SHELL)
            self._note_missing(provider, client, missing)
        return client

    def _kept(self, provider: Provider, client: str, given: Iterable[str]) -> dict[Path, tuple[str, ...]]:
        """Secret keys that are not ``given``, but a secret under the name of their variable is."""
        keys = [key for key in (*provider.secrets, *provider.optional_secrets) if key not in given]
        names = {key: overrides.variable(client, key) for key in keys}
        return {(key,): (name,) for key, name in names.items() if self._lookup.get(name)}

    def _own_name(self, name: str, node: nodes.Mapping, at: Path) -> None:
        prefix = overrides.prefix(name)
        other = self._names.get(prefix)
        if other is None:
            self._names[prefix] = name
            return
        place, _ = locate(node, ("name",))
        if other == name:
            said = "a second client of that name (by default the type); give one of them another `name`"
        else:
            said = f"another client reads the same environment variables ({prefix}_...); rename one of them"
        self._problem(place, (*at, "name"), said)

    def _provider(self, node: nodes.Mapping, at: Path) -> Provider | None:
        entry = node.entries.get("type")
        types = f"the types are {', '.join(self._providers)}"
        if entry is None:
            self._problem(node, (*at, "type"), f"is required; {types}")
            return None
        said = entry.node.value if isinstance(entry.node, nodes.Scalar) else None
        if isinstance(said, str) and said in self._providers:
            return self._providers[said]
        word = str(said)
        ours = _TYPES_OF_OTHERS.get(word.lower())
        meant = f"; did you mean `{ours}`?" if ours else did_you_mean(word, self._providers)
        self._problem(entry.node, (*at, "type"), f"unknown type{meant or f'; {types}'}")
        return None

    def _validate(
        self,
        provider: Provider,
        data: dict[str, Any],
        node: nodes.Mapping,
        at: Path,
        missing: Mapping[Path, tuple[str, ...]],
        variables: Mapping[str, str],
    ) -> ClientSettings | None:
        try:
            return provider.settings.model_validate(_with_models(data))
        except ValidationError:
            pass  # its places may be those of a part
        try:
            return provider.settings.model_validate(data)
        except ValidationError as error:
            wrong = {locate(node, detail["loc"])[1] for detail in error.errors(include_input=False)}
        # A value that still says {{NAME}} may not look like an address or a number. The client is not
        # used without it, so the rest is checked as if the key were not there.
        for way in sorted(wrong & missing.keys(), key=repr, reverse=True):
            _remove(data, way)
        try:
            return provider.settings.model_validate(data)
        except ValidationError as error:
            self.problems += explain(
                error,
                node,
                provider.settings,
                path=self._path,
                base=at,
                elsewhere=self._keys_of_others(provider),
                variables=variables,
            )
            return None

    def _keys_of_others(self, provider: Provider) -> dict[str, str]:
        """Keys that only other types have -> a hint that says which."""
        owners: dict[str, list[str]] = {}
        for other in self._providers.values():
            for key in other.settings.model_fields.keys() - provider.settings.model_fields.keys():
                owners.setdefault(key, []).append(other.name)
        return {key: f"; it is a key of {' and '.join(names)} clients" for key, names in owners.items()}

    def _models(self, client: ClientSettings, node: nodes.Mapping, at: Path) -> None:
        seen: set[tuple[str, str]] = set()
        for index, model in enumerate(client.models or ()):
            if (model.name, model.type) in seen:
                place, _ = locate(node, ("models", index, "name"))
                self._problem(
                    place, (*at, "models", index, "name"), f"a second {model.type} model of that name"
                )
            seen.add((model.name, model.type))

    def _note_missing(
        self, provider: Provider, client: ClientSettings, missing: Mapping[Path, tuple[str, ...]]
    ) -> None:
        absent = [f"{name} ({self._mend.format(name=name)})" for names in missing.values() for name in names]
        interpolated = {way[0] for way in missing}
        needed = [key for key in provider.secrets if key not in provider.optional_secrets]
        if client.auth == "oauth":  # tokens take the place of every key
            needed = []
        lacking = [key for key in needed if _empty(getattr(client, key))]
        for key in dict.fromkeys((*lacking, *client.lacking())):
            if key not in interpolated:
                variable = overrides.variable(client.name, key)
                how = f"set it in the configuration, or as {variable} in the environment"
                if key in (*provider.secrets, *provider.optional_secrets):
                    how = self._mend.format(name=variable)
                absent.append(f"{key} ({how})")
        if absent:
            self._missing[client.name] = tuple(dict.fromkeys(absent))


_OF_SHELL = 'is sent as it stands, since $NAME is for shells; from the vault or the environment: "{{NAME}}"'
_ABSENT = "not in the daemon's environment or .env"


def vault_settings(text: str, path: str, environ: Mapping[str, str], tree: nodes.Tree | None = None) -> Vault:
    """``vault:`` of the configuration ``text``, which says where the secrets are that the rest of it
    needs. The defaults for a text with problems; ``parse`` says which. ``tree``: as for ``parse``."""
    root, _ = (tree or nodes.read(text, path)) if "vault" in text else (None, ())
    if not isinstance(root, nodes.Mapping) or not (entry := root.entries.get("vault")):
        return Vault()
    data = Values(path, (), environ).plain(entry.node)
    try:
        return Vault.model_validate(_said(data))
    except ValidationError:
        return Vault()


STEP = 100
"""Models that are checked in one go: 1 ms, in which no other thread gets its turn."""


@cache  # made when a list is long: that takes as long as the start may
def _models() -> TypeAdapter[tuple[ModelSettings, ...]]:
    return TypeAdapter(tuple[ModelSettings, ...])


def _with_models(data: dict[str, Any]) -> dict[str, Any]:
    """``data`` with its models checked already. Raises ValidationError."""
    models = data.get("models")
    if not isinstance(models, list) or len(models) <= STEP:
        return data
    checked: list[ModelSettings] = []
    for at in range(0, len(models), STEP):
        checked += _models().validate_python(models[at : at + STEP])
    return {**data, "models": checked}


def _empty(secret: object) -> bool:
    return secret is None or (isinstance(secret, SecretStr) and not secret.get_secret_value())


def _said(value: Any) -> Any:
    """``value`` without the keys that say nothing: null means the default everywhere but in patches,
    where it removes something."""
    if not isinstance(value, dict):
        return value
    if None not in value.values() and dict not in map(type, value.values()):
        return value  # as nearly every model
    return {
        key: inner if key == "patch" else _said(inner) for key, inner in value.items() if inner is not None
    }


def _client_shape(data: dict[str, Any]) -> dict[str, Any]:
    """One entry as the settings classes take it: no empty values, every model a mapping."""
    said = {key: value for key, value in _said(data).items() if value != ""}
    if isinstance(models := said.get("models"), list):
        said["models"] = [{"name": one} if isinstance(one, str) else _said(one) for one in models]
    return said


def _remove(data: Any, way: Path) -> None:
    """Take the key at ``way`` out of nested dicts and lists; the end of ``way`` is a key."""
    for part in way[:-1]:
        data = data[part]
    del data[way[-1]]
