"""The configuration: text in, one immutable ``Config`` or every problem with its place out.

``problem``    where something is wrong, and what; never the value, values are secrets here
``nodes``      YAML text -> tree of nodes with places; duplicate keys, traps of YAML 1.1, bounds
``scalars``    what a text means that is not quoted
``syntax``     what is no YAML, in plain words
``bulk``       long lists of models, without places
``schema``     ``Config``, and the keys of the top level; a client's keys come from its provider's file
``secrets``    ``{{NAME}}`` in parsed scalars
``vault``      the text inside the vault
``loki``       a configuration and tokens of Loki and aichat; ``loki_vault``: Loki's vault
``overrides``  environment variables that beat the file
``explain``    pydantic's errors -> problems in plain words, with a did-you-mean
``parse``      all of the above in order
``plan``       what a reload keeps, opens and closes
``redact``     the effective configuration without any secret

A new key of one provider type is a field of its settings class and nothing here. A new key of the top
level is a field of ``schema.TopLevel`` and of ``Config``.
"""

from lokid.config.overrides import variables
from lokid.config.parse import parse, vault_settings
from lokid.config.plan import Plan, plan
from lokid.config.problem import Problem
from lokid.config.redact import show
from lokid.config.schema import Config, ExtraSocket, Limits, Vault
from lokid.config.secrets import secret_names

__all__ = [
    "Config",
    "ExtraSocket",
    "Limits",
    "Plan",
    "Problem",
    "Vault",
    "parse",
    "plan",
    "secret_names",
    "show",
    "variables",
    "vault_settings",
]
