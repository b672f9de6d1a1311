"""A tree of keys becomes a configuration, and a configuration becomes text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pydantic

from simcore.config.model import Config
from simcore.config.refusals import cause_of, refuse_unknown
from simcore.config.symbols import plain_tree, with_checked_symbols
from simcore.config.yaml_text import dump_yaml
from simcore.errors import ConfigError


def build_config(tree: Mapping[str, Any], where: str = "") -> Config:
    """Return the typed form of a nested mapping; CONF-002 or CONF-003 names the first key refused."""
    at = f"{where}: " if where else ""
    refuse_unknown(tree, at)
    try:
        made = Config.model_validate(tree)
    except pydantic.ValidationError as exc:
        causes = [cause_of(error) for error in exc.errors(include_url=False)]
        raise ConfigError("CONF-003", at + "; ".join(causes)) from exc
    return with_checked_symbols(made, at) if made.instruments else made


def dump_config(config: Config) -> str:
    """Return canonical YAML: every key, in the order of the model; loading it gives an equal configuration."""
    return dump_yaml(plain_tree(config))


def config_hash(config: Config) -> str:
    """Return the hex SHA-256 of the canonical YAML."""
    return hashlib.sha256(dump_config(config).encode()).hexdigest()
