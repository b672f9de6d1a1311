"""What is wrong with a tree of keys, in sentences that name the key, what was found and what is expected."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from simcore.config.model import OVERRIDES, Config, Section, config_keys, item_of, key_of, section_of
from simcore.errors import ConfigError


def refuse_unknown(tree: Mapping[str, Any], at: str, section: type[Section] = Config, path: str = "") -> None:
    """Raise CONF-002 for the first key of a tree that the section does not have; at: words before the key."""
    fields = {key_of(name, field): field for name, field in section.model_fields.items()}
    for key, value in tree.items():
        if key not in fields:
            raise ConfigError("CONF-002", f"{at}{path}{key}{_suggestion(str(key), path, list(fields))}")
        if section is Config and key == "instruments" and isinstance(value, Mapping):
            for symbol, own in value.items():
                _refuse_unknown_of_symbol(own, at, f"instruments.{symbol}.")
        inner = section_of(fields[key])
        if inner is not None and isinstance(value, Mapping):
            refuse_unknown(value, at, inner, f"{path}{key}.")
        item = item_of(fields[key])
        if item is not None and isinstance(value, (list, tuple)):
            for index, each in enumerate(value):
                if isinstance(each, Mapping):
                    refuse_unknown(each, at, item, f"{path}{key}.{index}.")


def _refuse_unknown_of_symbol(tree: Any, at: str, path: str) -> None:
    """As above, of what a symbol has of its own: sections of OVERRIDES."""
    for name, value in tree.items() if isinstance(tree, Mapping) else ():
        if name not in OVERRIDES:
            raise ConfigError("CONF-002", f"{at}{path}{name}{nearest(str(name), OVERRIDES)}")
        inner = section_of(Config.model_fields[name])
        if not isinstance(value, Mapping) or inner is None:
            continue
        refuse_unknown(value, at, inner, f"{path}{name}.")


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


def nearest(word: str, known: Sequence[str]) -> str:
    """Return words for the known name that is nearest, or for all of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"


_EXPECTED = {
    "bool_type": "true or false", "int_type": "an integer", "int_from_float": "an integer", "float_type": "a number",
    "string_type": "text", "finite_number": "a finite number", "missing": "a value", "tuple_type": "a list",
    "model_type": "a mapping of keys", "model_attributes_type": "a mapping of keys", "dict_type": "a mapping of keys",
    "string_too_short": "text that is not empty", "string_pattern_mismatch": "a name of small letters, digits and _",
}  # fmt: skip


def cause_of(error: Any) -> str:
    """Say in one sentence which key was refused, what it was, and what is expected."""
    path = ".".join(str(part) for part in error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    found = "" if isinstance(error["input"], (Mapping, Section)) else f" is {shown(error['input'])}"
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
    if kind == "too_long":
        return f"{path}{found}: expected at most {context['max_length']} items"
    if kind == "literal_error":
        near = difflib.get_close_matches(str(error["input"]), re.findall(r"'([^']*)'", context["expected"]), n=1, cutoff=0.5)
        return f"{path}{found}: expected {context['expected']}" + (f"; did you mean {near[0]}?" if near else "")
    return f"{path}{found}: expected {_EXPECTED.get(kind, error['msg'])}"


def shown(value: Any) -> str:
    """Return a value for a sentence, cut where it is long."""
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
