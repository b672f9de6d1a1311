"""What one symbol has of its own: partial trees below `instruments`, checked against the models of the whole."""

from __future__ import annotations

from typing import Any

import pydantic

from simcore.config.model import Config
from simcore.config.refusals import cause_of
from simcore.config.trees import Tree, merge, picked
from simcore.errors import ConfigError


def symbol_config(config: Config, symbol: str) -> Config:
    """Return the configuration of one symbol: its own values over the common ones, and no `instruments`.

    With a strategy of its own it has none of the common parameters.
    """
    return _merged(config, symbol, config.instruments.get(symbol, {}), "")


def with_checked_symbols(config: Config, at: str = "") -> Config:
    """Return the configuration with the trees of its symbols in canonical form. CONF-003 names what is refused."""
    own = {symbol: _canonical(config, symbol, tree, at) for symbol, tree in sorted(config.instruments.items())}
    return config.model_copy(update={"instruments": own})


def _canonical(config: Config, symbol: str, tree: Tree, at: str) -> Tree:
    whole = plain_tree(_merged(config, symbol, tree, at))
    if "name" in tree.get("venue", {}):  # what a profile does not say is stored as well: it may say more one day
        tree = {**tree, "venue": whole["venue"], "fees": whole["fees"]}
    return picked({name: whole[name] for name in whole if name in tree}, {name: tree[name] for name in whole if name in tree})


def _merged(config: Config, symbol: str, tree: Tree, at: str) -> Config:
    whole = {name: value for name, value in plain_tree(config).items() if name != "instruments"}
    if "name" in tree.get("strategy", ()):
        whole["strategy"] = {"params": {}}  # those of the whole are another strategy's
    merge(whole, tree)
    try:
        return Config.model_validate(whole)
    except pydantic.ValidationError as exc:
        causes = [f"instruments.{symbol}.{cause_of(error)}" for error in exc.errors(include_url=False)]
        raise ConfigError("CONF-003", at + "; ".join(causes)) from exc


def plain_tree(config: Config) -> dict[str, Any]:
    """Return every key as YAML spells it, with values that YAML holds."""
    return config.model_dump(mode="python", by_alias=True)
