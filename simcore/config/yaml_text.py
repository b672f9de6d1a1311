"""YAML in and out: version 1.2 scalars, no key twice, and refusals that name the line."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml

from simcore.config.refusals import shown
from simcore.door.files import read_text
from simcore.errors import ConfigError

BYTES_MAX = 1 << 20
DEPTH_MAX = 32
VALUES_MAX = 100_000  # aliases written out
DIGITS_MAX = 40
TEXT_MAX = 10_000  # characters of one key or value
_STR = "tag:yaml.org,2002:str"
_HALF = re.compile("[\ud800-\udfff]")
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # libyaml, ten times faster, where PyYAML was built with it


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds; an empty file is an empty mapping."""
    tree = parse_yaml(read_text(path, ConfigError, "CONF-001", BYTES_MAX), str(path))
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError("CONF-004", f"{path}: line 1: found {shown(tree)}, expected a mapping of keys")
    return tree


def dump_yaml(tree: dict[str, Any]) -> str:
    """Return the YAML of a mapping, in its order, one key a line."""
    return str(yaml.dump(_plain(tree), Dumper=_DUMPER, sort_keys=False, default_flow_style=False, allow_unicode=True, width=1000))


class _Beyond(yaml.MarkedYAMLError):
    """A text beyond the limits."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars (no `yes`, no octal, no dates; 1e-3 is a number), no key twice, and nothing without bound.

    Nodes are measured as they are put together, aliases at their full size: a few lines of aliases can mean more
    values than any memory holds.
    """

    depth = 0
    count = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        self.count += 1
        if self.depth > DEPTH_MAX or self.count > VALUES_MAX:
            raise _Beyond(None, None, f"nested more than {DEPTH_MAX} deep, or more than {VALUES_MAX} values", mark)
        self.depth += 1
        node: Any = super().compose_node(parent, index)
        self.depth -= 1
        if not hasattr(node, "size"):
            if isinstance(event, yaml.AliasEvent):
                raise yaml.constructor.ConstructorError(None, None, "found an alias of what it stands in", mark)
            if isinstance(node, yaml.ScalarNode):
                _check_scalar(self, node)
                vars(node).update(size=1, levels=0)
                return node
            if not node.tag.endswith((":map", ":seq")):
                raise yaml.constructor.ConstructorError(None, None, f"found the tag {node.tag[:60]!r}, expected none", mark)
            node.size, node.levels = _measured(node)
        if node.size > VALUES_MAX or self.depth + node.levels > DEPTH_MAX:
            raise _Beyond(None, None, f"more than {VALUES_MAX} values, or {DEPTH_MAX} levels, once aliases are written out", mark)
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"key {shown(key)}, expected text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {shown(key)} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _measured(node: Any) -> tuple[int, int]:
    """Return how many values a list or mapping holds in all, itself included, and how deep they go below it."""
    inner = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
    return 1 + sum(part.size for part in inner), 1 + max((part.levels for part in inner), default=0)


def _check_scalar(loader: Any, node: Any) -> None:
    """Refuse a tag that does not fit the text, and a number that nothing holds."""
    name = node.tag.removeprefix("tag:yaml.org,2002:")
    plain = loader.resolve(yaml.ScalarNode, node.value, (True, False))
    if node.tag not in (plain, _STR) and not (name == "float" and plain.endswith(":int")):
        raise yaml.constructor.ConstructorError(None, None, f"tag !!{name[:60]} does not fit {shown(node.value)}", node.start_mark)
    if len(node.value) > DIGITS_MAX and name in ("int", "float"):
        raise _Beyond(None, None, f"a number of {len(node.value)} characters, expected at most {DIGITS_MAX}", node.start_mark)
    if name == "float" and node.value[-1:].isdigit() and math.isinf(float(node.value)):
        raise _Beyond(None, None, f"{node.value} is beyond the range of numbers", node.start_mark)
    if len(node.value) > TEXT_MAX or _HALF.search(node.value):
        raise _Beyond(None, None, f"a text of more than {TEXT_MAX} characters, or with half a character in it", node.start_mark)


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
    """Return what a YAML text holds; `code` if it is none, CONF-016 if it is beyond the limits of this file."""
    if len(text) > BYTES_MAX:
        raise ConfigError("CONF-016", f"{where}: {len(text)} characters, expected at most {BYTES_MAX}")
    try:
        return yaml.load(text, _Loader)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError("CONF-016" if isinstance(exc, _Beyond) else code, f"{where}: {line}{exc.problem or exc.context}") from exc
    except yaml.YAMLError as exc:
        raise ConfigError(code, f"{where}: {' '.join(str(exc).split())}") from exc


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value
