"""Trees of keys: put together from dotted keys, merged, flattened, their paths made absolute.

A key is a path of names. `strategy.params` is free below: its names may hold dots. So may symbols below `instruments`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from simcore.config.model import LATENCY_KINDS, OVERRIDES, Section
from simcore.door.files import expanded
from simcore.errors import ConfigError

Tree = dict[str, Any]
_OF_SYMBOL = re.compile(rf"instruments\.(.+?)\.({'|'.join(OVERRIDES)})(?:\.(.+))?", re.DOTALL)


def path_of(key: str) -> list[str]:
    """Return the names of a dotted key."""
    of_symbol = _OF_SYMBOL.fullmatch(key)
    if of_symbol is not None:
        symbol, section, rest = of_symbol.groups()
        return ["instruments", symbol, *path_of(f"{section}.{rest}" if rest else section)]
    if key.startswith("strategy.params."):
        return ["strategy", "params", key.removeprefix("strategy.params.")]
    return key.split(".")


def tree_of(keys: Mapping[str, Any], path: tuple[str, ...] = ()) -> Tree:
    """Return the tree of a mapping whose keys may be dotted and whose values may be mappings or sections."""
    tree: Tree = {}
    for key, value in keys.items():
        if not isinstance(key, str):
            raise ConfigError("CONF-002", f"{'.'.join((*path, repr(key)[:60]))}: expected a key of text")
        parts = [key] if is_free(path) or path == ("instruments",) else path_of(".".join((*path, key)))[len(path) :]
        if isinstance(value, Section):
            value = value.model_dump(by_alias=True)
        if isinstance(value, Mapping):
            value = tree_of(value, (*path, *parts))
        merge(tree, nested(parts, value), path)
    return tree


def nested(path: list[str], value: Any) -> Tree:
    """Return {a: {b: value}} of the path [a, b]."""
    for name in reversed(path):
        value = {name: value}
    assert isinstance(value, dict), "a path has a name"
    return value


def is_free(path: tuple[str, ...]) -> bool:
    """Return whether a path is that of parameters, whose names are the strategy's."""
    own = path[2:] if path[:1] == ("instruments",) else path
    return own[:2] == ("strategy", "params")


def merge(tree: Tree, later: Mapping[str, Any], path: tuple[str, ...] = ()) -> None:
    """Put a later tree over a tree; where both hold a mapping, key by key."""
    for key, value in later.items():
        here = (*path, key)
        before = tree.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            if is_free(here):
                tree[key] = {**dict(dotted(before)), **dict(dotted(value))}
            else:
                merge(before, value, here)
        else:
            tree[key] = copied(value)


def copied(value: Any) -> Any:
    """Return a tree without what it shares with another one."""
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


def dotted(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of every value that is no mapping, in order."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from dotted(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def picked(tree: Mapping[str, Any], wanted: Mapping[str, Any], path: tuple[str, ...] = ()) -> Tree:
    """Return of a tree what stands in `wanted`, too: the values of the tree, the keys of `wanted`."""
    made: Tree = {}
    for key, value in wanted.items():
        here = (*path, key)
        if is_free(here):
            made[key] = {name: tree[key][name] for name in sorted(dict(dotted(value)))}
        elif isinstance(value, Mapping):
            made[key] = picked(tree[key], value, here)
        else:
            made[key] = tree[key]
    return made


def anchor(tree: Tree, folder: Path) -> None:
    """Make the paths of a tree absolute, so that the run folder's configuration works from anywhere."""
    own = tree.get("instruments")
    for each in own.values() if isinstance(own, dict) else ():
        if isinstance(each, dict):
            anchor(each, folder)
    strategy, venue, latency = (tree.get(name) for name in ("strategy", "venue", "latency"))
    places = [(strategy, "name"), (venue, "queue_model")]
    if isinstance(latency, dict):
        places += [(latency.get(kind), "file") for kind in LATENCY_KINDS]
    for section, key in places:
        value = section.get(key) if isinstance(section, dict) else None
        if isinstance(section, dict) and isinstance(value, str) and (key == "file" or value.endswith(".py")):
            section[key] = str((folder / expanded(value)).absolute())
