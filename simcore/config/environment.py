"""Configuration from environment variables: `MMSIM__VENUE__QUEUE_N=2` is `venue.queue_n: 2`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from simcore.config.refusals import refuse_unknown
from simcore.config.trees import Tree, nested, path_of
from simcore.config.yaml_text import parse_yaml
from simcore.errors import ConfigError

PREFIX = "MMSIM__"


def variables(environ: Mapping[str, str]) -> Iterator[tuple[str, Tree]]:
    """Yield (name, tree) of each variable that holds a key, by name.

    Two underscores stand for a dot; letters may be capitals, those of a symbol below INSTRUMENTS stay as they are. The
    value is YAML. Errors: CONF-007 for a name without a key or a value that is no YAML, CONF-002 for an unknown key.
    """
    for name in sorted(environ):
        if name.startswith(PREFIX):
            path = _path(name)
            tree = nested(path, parse_yaml(environ[name], name, "CONF-007"))
            refuse_unknown(tree, f"{name}: ")
            yield name, tree


def _path(name: str) -> list[str]:
    """Return the key that a variable names."""
    parts = name.removeprefix(PREFIX).split("__")
    if not all(re.search(r"[^_\s]", part) for part in parts):
        raise ConfigError("CONF-007", f"{name}: expected {PREFIX}SECTION__KEY")
    lower = [part.lower() for part in parts]
    if lower[0] == "instruments" and len(parts) > 1:
        return [lower[0], parts[1], *path_of(".".join(lower[2:]))] if parts[2:] else [lower[0], parts[1]]
    return path_of(".".join(lower))
