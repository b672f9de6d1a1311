"""Read a configuration from YAML, `--set` and keyword arguments; write it back; say precisely what is refused."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pydantic
import yaml

from simcore.config.migrate import migrate
from simcore.config.model import LATENCY_KINDS, Config, Section, config_keys, item_of, key_of, section_of
from simcore.errors import ConfigError

_UNITS_MS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1000.0}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ns|us|µs|ms|s)", re.ASCII)
_FREE = ("strategy.params",)  # keys below these are the strategy's


def load_config(
    path: Path | str | None = None, sets: Sequence[str] = (), overrides: Mapping[str, Any] | None = None
) -> Config:
    """Return the configuration: defaults, then the YAML file, then `key=value` texts, then overrides.

    overrides may nest or use dotted keys. Raises ConfigError: CONF-001 (file), CONF-002 (unknown key),
    CONF-003 (refused value), CONF-004 (YAML), CONF-005 (`--set` without a key or a value).
    """
    tree: dict[str, Any] = {}
    if path is not None:
        tree, _ = migrate(read_yaml(Path(path)), str(path))
        _anchor(tree, Path(path).parent)
    later: dict[str, Any] = {}
    for text in sets:
        key, value = parse_set(text)
        _put(later, key, value, f"--set {text}")
    for key, value in _dotted(overrides or {}):
        _put(later, key, value, key)
    _anchor(later, Path())
    _merge(tree, later)
    return build_config(tree, str(path) if path is not None else "")


def build_config(tree: Mapping[str, Any], where: str = "") -> Config:
    """Return the typed form of a nested mapping; CONF-002 or CONF-003 names the first key refused."""
    at = f"{where}: " if where else ""
    _refuse_unknown(tree, at)
    try:
        return Config.model_validate(tree)
    except pydantic.ValidationError as exc:
        causes = [_cause(error) for error in exc.errors(include_url=False)]
        raise ConfigError("CONF-003", at + "; ".join(causes)) from exc


def dump_config(config: Config) -> str:
    """Return canonical YAML: every key, in the order of the model; loading it gives an equal configuration."""
    tree = config.model_dump(mode="python", by_alias=True)
    return str(yaml.dump(_plain(tree), Dumper=_DUMPER, sort_keys=False, default_flow_style=False, allow_unicode=True, width=1000))


def config_hash(config: Config) -> str:
    """Return the hex SHA-256 of the canonical YAML."""
    return hashlib.sha256(dump_config(config).encode()).hexdigest()


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds; an empty file is an empty mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError("CONF-001", f"{path}: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError("CONF-001", f"{path}: not UTF-8 text (byte {exc.start})") from exc
    tree = _parse_yaml(text, str(path))
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError("CONF-004", f"{path}: line 1: found {_shown(tree)}, expected a mapping of keys")
    return tree


def parse_set(text: str) -> tuple[str, Any]:
    """Return (key, value) of a `--set key=value` text; the value is YAML."""
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not all(part.strip() for part in key.split(".")):
        raise ConfigError("CONF-005", f"--set {text}: expected key=value")
    return key, _parse_yaml(value, f"--set {key}", "CONF-005")


def parse_latency(text: str) -> dict[str, Any]:
    """Return the configuration keys that a `--latency` text stands for. CONF-003 if it is none.

    One form for all four kinds, or kind=form separated by commas; forms: `10ms`, `lognormal:10ms:0.4`,
    `feed:1.0` (`feed:1.0:2ms` adds 2 ms), `recorded:FILE`.
    """
    keys: dict[str, Any] = {}
    named = re.match(rf"\s*({'|'.join(LATENCY_KINDS)})\s*=", text)
    first_word = re.match(r"\s*(\w+)\s*=", text)
    if named is None and first_word is not None:
        raise ConfigError("CONF-003", f"--latency {text}: unknown kind {first_word[1]!r}{_nearest(first_word[1], LATENCY_KINDS)}")
    parts = re.split(r",(?=\s*\w+\s*=)", text) if named else [text]
    for part in parts:
        kind, equals, form = part.partition("=") if named else ("", "", part)
        kind = kind.strip()
        if named and (not equals or kind not in LATENCY_KINDS):
            raise ConfigError("CONF-003", f"--latency {text}: unknown kind {kind!r}{_nearest(kind, LATENCY_KINDS)}")
        for name in [kind] if named else LATENCY_KINDS:
            for field, value in _latency_form(form.strip(), text).items():
                keys[f"latency.{name}.{field}"] = value
    return keys


def _latency_form(form: str, text: str) -> dict[str, Any]:
    model, _, rest = form.partition(":")
    plain: dict[str, Any] = {"file": None, "column": None}
    if model == "recorded" and rest:
        return {"model": "recorded", "file": rest, "column": None}
    numbers = rest.split(":") if rest else []
    if model == "lognormal" and len(numbers) == 2:
        return {"model": model, "ms": _duration(numbers[0], text), "sigma": _number(numbers[1], text), **plain}
    if model == "feed" and 1 <= len(numbers) <= 2:
        added = _duration(numbers[1], text) if len(numbers) == 2 else 0.0
        return {"model": model, "scale": _number(numbers[0], text), "ms": added, **plain}
    if not rest and _DURATION.fullmatch(model):
        return {"model": "constant", "ms": _duration(model, text), **plain}
    raise ConfigError("CONF-003", f"--latency {text}: {form!r}; {_LATENCY_EXPECTED}")


_LATENCY_EXPECTED = "expected 10ms, lognormal:10ms:0.4, feed:1.0 or recorded:FILE (units ns, us, ms, s)"


def _duration(text: str, whole: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ConfigError("CONF-003", f"--latency {whole}: {text!r}; {_LATENCY_EXPECTED}")
    return round(float(match[1]) * _UNITS_MS[match[2]], 6)


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError("CONF-003", f"--latency {whole}: {text!r} is not a number; {_LATENCY_EXPECTED}") from None


# --- YAML --------------------------------------------------------------------------------------------


_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # libyaml, ten times faster, where PyYAML was built with it


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


def _parse_yaml(text: str, where: str, code: str = "CONF-004") -> Any:
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


# --- trees of keys -------------------------------------------------------------------------------------


def _dotted(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _dotted(value, f"{prefix}{key}.")
        elif isinstance(value, Section):
            yield from _dotted(value.model_dump(by_alias=True), f"{prefix}{key}.")
        elif not (isinstance(value, Mapping) and prefix + key != "strategy.params"):
            yield prefix + key, value


def _put(tree: dict[str, Any], key: str, value: Any, shown: str) -> None:
    free = next((f for f in _FREE if key.startswith(f + ".")), None)
    *parents, last = [*free.split("."), key[len(free) + 1 :]] if free else key.split(".")
    for parent in parents:
        inner = tree.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise ConfigError("CONF-003", f"{shown}: {parent} is {_shown(inner)} already, not a mapping of keys")
        tree = inner
    if isinstance(value, dict) and isinstance(tree.get(last), dict):
        _merge(tree[last], value)
    else:
        tree[last] = value


def _merge(tree: dict[str, Any], later: Mapping[str, Any], path: str = "") -> None:
    for key, value in later.items():
        at = f"{path}{key}"
        if at in _FREE and isinstance(tree.get(key), dict) and isinstance(value, dict):
            tree[key] = {**dict(_dotted(tree[key])), **dict(_dotted(value))}
        elif isinstance(value, dict) and isinstance(tree.get(key), dict):
            _merge(tree[key], value, f"{at}.")
        else:
            tree[key] = value


def _anchor(tree: dict[str, Any], folder: Path) -> None:
    """Make the paths of a tree absolute, so that the run folder's configuration works from anywhere."""
    strategy, venue, latency = (tree.get(name) for name in ("strategy", "venue", "latency"))
    places = [(strategy, "name"), (venue, "queue_model")]
    if isinstance(latency, dict):
        places += [(latency.get(kind), "file") for kind in LATENCY_KINDS]
    for section, key in places:
        value = section.get(key) if isinstance(section, dict) else None
        if isinstance(section, dict) and isinstance(value, str) and (key == "file" or value.endswith(".py")):
            section[key] = str((folder / Path(value).expanduser()).absolute())


def _refuse_unknown(tree: Mapping[str, Any], at: str, section: type[Section] = Config, path: str = "") -> None:
    fields = {key_of(name, field): field for name, field in section.model_fields.items()}
    for key, value in tree.items():
        if key not in fields:
            raise ConfigError("CONF-002", f"{at}{path}{key}{_suggestion(str(key), path, list(fields))}")
        inner = section_of(fields[key])
        if inner is not None and isinstance(value, Mapping):
            _refuse_unknown(value, at, inner, f"{path}{key}.")
        item = item_of(fields[key])
        if item is not None and isinstance(value, (list, tuple)):
            for index, each in enumerate(value):
                if isinstance(each, Mapping):
                    _refuse_unknown(each, at, item, f"{path}{key}.{index}.")


def _suggestion(key: str, path: str, siblings: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, siblings, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {path}{near[0]}?"
    every = [name for name, _ in config_keys()]
    same = [name for name in every if name.rsplit(".", 1)[-1] == key]
    near = same[:3] or difflib.get_close_matches(path + key, every, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return f"; known here: {', '.join(siblings)}"


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"


_EXPECTED = {
    "bool_type": "true or false", "int_type": "an integer", "int_from_float": "an integer", "float_type": "a number",
    "string_type": "text", "finite_number": "a finite number", "missing": "a value", "tuple_type": "a list",
    "model_type": "a mapping of keys", "model_attributes_type": "a mapping of keys", "dict_type": "a mapping of keys",
    "string_too_short": "text that is not empty",
}  # fmt: skip


def _cause(error: Any) -> str:
    """Say in one sentence which key was refused, what it was, and what is expected."""
    path = ".".join(str(part) for part in error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    found = "" if isinstance(error["input"], (Mapping, Section)) else f" is {_shown(error['input'])}"
    if kind == "missing":
        return f"{path} is missing"
    if kind == "extra_forbidden":
        return f"{path} is not a known key"
    if kind == "value_error":
        return f"{path}{found}: {context['error']}" if found else f"{path}: {context['error']}"
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        sign, limit = {
            "greater_than": (">", "gt"), "greater_than_equal": (">=", "ge"), "less_than": ("<", "lt"), "less_than_equal": ("<=", "le"),
        }[kind]  # fmt: skip
        return f"{path}{found}: expected a number {sign} {context[limit]}"
    if kind == "literal_error":
        near = difflib.get_close_matches(str(error["input"]), re.findall(r"'([^']*)'", context["expected"]), n=1, cutoff=0.5)
        return f"{path}{found}: expected {context['expected']}" + (f"; did you mean {near[0]}?" if near else "")
    return f"{path}{found}: expected {_EXPECTED.get(kind, error['msg'])}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
