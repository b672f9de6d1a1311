"""YAML in and out: version 1.2 scalars, no key twice, and refusals that name the line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from simcore.config.refusals import shown
from simcore.errors import ConfigError

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # libyaml, ten times faster, where PyYAML was built with it


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds; an empty file is an empty mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError("CONF-001", f"{path}: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError("CONF-001", f"{path}: not UTF-8 text (byte {exc.start})") from exc
    tree = parse_yaml(text, str(path))
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError("CONF-004", f"{path}: line 1: found {shown(tree)}, expected a mapping of keys")
    return tree


def dump_yaml(tree: dict[str, Any]) -> str:
    """Return the YAML of a mapping, in its order, one key a line."""
    return str(yaml.dump(_plain(tree), Dumper=_DUMPER, sort_keys=False, default_flow_style=False, allow_unicode=True, width=1000))


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars (no `yes`, no octal, no dates; 1e-3 is a number), and no key twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r}, expected text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))$|^\.(?:nan|NaN|NAN)$"),
    list("-+.0123456789"),
)


def parse_yaml(text: str, where: str, code: str = "CONF-004") -> Any:
    """Return what a YAML text holds; `code` if it is none."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError(code, f"{where}: {line}{exc.problem or exc.context}") from exc
    except yaml.YAMLError as exc:
        raise ConfigError(code, f"{where}: {' '.join(str(exc).split())}") from exc


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value
