"""The configuration of a run from all that has a say: profile, file, environment, `--set`, options; and who said what."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simcore.config.build import build_config, config_hash, dump_config
from simcore.config.environment import variables
from simcore.config.latency_text import parse_latency
from simcore.config.migrate import migrate
from simcore.config.model import Config
from simcore.config.symbols import plain_tree
from simcore.config.trees import Tree, anchor, dotted, merge, nested, path_of, tree_of
from simcore.config.values import time_reading
from simcore.config.venue import profile
from simcore.config.yaml_text import parse_yaml, read_yaml
from simcore.door.arguments import CALLABLE, KEYS, PATH, TEXT, each, optional, public
from simcore.errors import ConfigError

__all__ = ["Resolved", "build_config", "config_hash", "dump_config", "load_config", "parse_latency", "resolve_config"]

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Resolved:
    """A configuration, and where each of its values came from: dotted key -> words such as `file run.yaml`."""

    config: Config
    origins: dict[str, str]


@dataclass(frozen=True)
class _Layer:
    """Keys from one place, and what to call it."""

    tree: Tree
    origin: str


@public(path=optional(PATH), sets=each(TEXT), overrides=optional(KEYS), environ=optional(KEYS), warn=optional(CALLABLE))
def load_config(
    path: Path | str | None = None,
    sets: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    warn: Warn | None = None,
) -> Config:
    """Return the configuration: defaults, venue profile, YAML file, environment, `key=value` texts, overrides.

    overrides may nest or use dotted keys. environ: none of its variables counts unless it is given. warn: is told
    what was migrated; by default Python's warnings are. Raises ConfigError: CONF-001 (file), CONF-002 (unknown key),
    CONF-003 (refused value), CONF-004 (YAML), CONF-005 (`--set` without a key or a value), CONF-006 (version),
    CONF-007 (variable), CONF-008 (profile).
    """
    return resolve_config(path, sets, overrides, environ, warn).config


def resolve_config(
    path: Path | str | None = None,
    sets: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    warn: Warn | None = None,
) -> Resolved:
    """Return the configuration as `load_config` does, with the origin of each value."""
    layers = [_of_this_version(layer, warn or _warn) for layer in _layers(path, sets, overrides or {}, environ or {})]
    tree: Tree = {}
    for layer in layers:
        merge(tree, layer.tree)
    layers = [*_profiles(tree), *layers]
    tree = {}
    for layer in layers:
        merge(tree, layer.tree)
    config = build_config(tree, str(path) if path is not None else "")
    for key in ("from", "to"):
        if reading := time_reading((tree.get("run") or {}).get(key)):
            (warn or _warn)(f"run.{key}: {reading}")
    return Resolved(config, _origins(config, layers))


def keys_of(config: Config) -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of every value of a configuration; lists, and mappings that are empty, are values."""
    for key, value in plain_tree(config).items():
        yield from _keys_of(value, (key,))


def _keys_of(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _keys_of(inner, (*path, key))
    else:
        yield ".".join(path), value


def parse_set(text: str) -> Tree:
    """Return the tree of a `--set key=value` text; the value is YAML.

    A dotted key that begins with no section, of a number, is the strategy's parameter, as in grid files and `params=`: spread.base_bps.
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not all(part.strip() for part in key.split(".")):
        raise ConfigError("CONF-005", f"--set {text}: expected key=value")
    found = parse_yaml(value, f"--set {key}", "CONF-005")
    if isinstance(found, (int, float)) and "." in key and key.partition(".")[0] not in Config.model_fields:
        key = f"strategy.params.{key}"
    return nested(path_of(key), found)


def _layers(
    path: Path | str | None, sets: Sequence[str], overrides: Mapping[str, Any], environ: Mapping[str, str]
) -> Iterator[_Layer]:
    """Yield what is stated, weakest first, with absolute paths."""
    if path is not None:
        tree = read_yaml(Path(path))
        anchor(tree, Path(path).parent)
        yield _Layer({"version": 1, **tree}, f"file {path}")
    stated = [_Layer(tree, f"environment {name}") for name, tree in variables(environ)]
    stated += [_Layer(parse_set(text), f"--set {text}") for text in sets]
    for layer in [*stated, _Layer(tree_of(overrides), "option")]:
        anchor(layer.tree, Path())
        yield layer


def _of_this_version(layer: _Layer, warn: Warn) -> _Layer:
    """Return a layer in the layout of this version; only a layer that states another one is touched."""
    if "version" not in layer.tree:
        return layer
    where = layer.origin.removeprefix("file ")
    tree, changes = migrate(layer.tree, where)
    if changes:
        keys = "1 change" if len(changes) == 1 else f"{len(changes)} changes"
        warn(
            f"{where}: layout of version {layer.tree['version']}, brought to version {tree['version']} with {keys}: "
            f"{'; '.join(changes)}; `mmsim config migrate` writes it anew"
        )
    return _Layer(tree, layer.origin)


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=4)


def _profiles(tree: Tree) -> Iterator[_Layer]:
    """Yield the profiles that a tree names: of all symbols, then of single ones."""
    own = tree.get("instruments")
    symbols = own.items() if isinstance(own, dict) else ()
    for path, part in [((), tree), *((("instruments", symbol), part) for symbol, part in symbols)]:
        venue = part.get("venue") if isinstance(part, dict) else None
        name = venue.get("name") if isinstance(venue, dict) else None
        if isinstance(name, str):
            values = profile(name).tree()
            yield _Layer(nested([*path], values) if path else values, f"profile {name}")


def _origins(config: Config, layers: Sequence[_Layer]) -> dict[str, str]:
    said = {key: layer.origin for layer in layers for key, _ in dotted(layer.tree)}
    return {key: said.get(key, "default") for key, _ in keys_of(config)}
