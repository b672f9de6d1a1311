"""Profiles of real exchanges: data files that give rules and fees of the venue, each value with its source and date."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from simcore.config.build import build_config
from simcore.config.trees import Tree, tree_of
from simcore.config.yaml_text import read_yaml
from simcore.errors import ConfigError
from simcore.units import KIND_NAMES

FOLDER = Path(__file__).parent / "venues"
UNCONFIRMED = "unconfirmed"
SECTIONS = ("venue", "fees")  # a profile states keys of these
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_PARTS = {"title", "kind", "values", "facts"}


@dataclass(frozen=True)
class Stated:
    """A value, the address of the document that states it (or UNCONFIRMED), its day, and a remark."""

    value: Any
    source: str
    date: str
    note: str = ""


@dataclass(frozen=True)
class Profile:
    """An exchange's rules.

    kind    of its contracts: linear, inverse or spot.
    values  configuration key -> what is stated.
    facts   what the configuration has no key for, or the tape says: words -> what is stated.
    """

    name: str
    title: str
    kind: str
    values: dict[str, Stated]
    facts: dict[str, Stated]

    def tree(self) -> Tree:
        """Return the configuration keys as a tree."""
        return tree_of({key: stated.value for key, stated in self.values.items()})


def profile_for(venue: str, kind: str) -> str | None:
    """Return the name of the profile of a tape's venue and kind of contract (linear, inverse, spot), or None."""
    names = [name for name in profile_names() if name == venue or name.startswith(f"{venue}_")]
    return next((name for name in names if profile(name).kind == kind), None)


def profile_names() -> list[str]:
    """Return the names of all profiles, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@cache
def profile(name: str) -> Profile:
    """Return a profile. CONF-008: there is none of this name; CONF-009: its file is damaged."""
    names = profile_names()
    if name not in names:
        word = name.lower().replace("-", "_")
        near = [each for each in names if word and each.startswith(word)] or difflib.get_close_matches(word, names, 1, 0.5)
        raise ConfigError("CONF-008", f"venue {name}" + (f"; did you mean {' or '.join(near)}?" if near else f"; known: {', '.join(names)}"))
    return read_profile(FOLDER / f"{name}.yaml")


def read_profile(path: Path) -> Profile:
    """Read and check a profile's file. CONF-009 says what is wrong with it."""
    tree = read_yaml(path)
    if {*tree} != _PARTS or not all(isinstance(tree[part], dict) for part in ("values", "facts")):
        raise ConfigError("CONF-009", f"{path}: found {', '.join(sorted(tree))}; expected {', '.join(sorted(_PARTS))}")
    if tree["kind"] not in KIND_NAMES or not isinstance(tree["title"], str):
        raise ConfigError("CONF-009", f"{path}: kind is {tree['kind']!r}; expected one of {', '.join(KIND_NAMES)}, and a title")
    values, facts = ({name: _stated(name, each, path) for name, each in tree[part].items()} for part in ("values", "facts"))
    strangers = [key for key in values if key.partition(".")[0] not in SECTIONS or key == "venue.name"]
    if strangers:
        raise ConfigError("CONF-009", f"{path}: {strangers[0]}; expected keys of {' and '.join(SECTIONS)}")
    made = Profile(path.stem, tree["title"], tree["kind"], values, facts)
    try:
        build_config(made.tree())
    except ConfigError as exc:
        raise ConfigError("CONF-009", f"{path}: {exc.cause}") from exc
    return made


def _stated(name: str, entry: Any, path: Path) -> Stated:
    if not isinstance(entry, Mapping) or not {"value", "source", "date"} <= {*entry} <= {"value", "source", "date", "note"}:
        raise ConfigError("CONF-009", f"{path}: {name}: expected value, source and date, and a note if need be")
    source, date, note = (str(entry.get(part, "")) for part in ("source", "date", "note"))
    if not source.startswith("https://") and not (source == UNCONFIRMED and note):
        raise ConfigError("CONF-009", f"{path}: {name}: source is {source!r}; expected an https address, or {UNCONFIRMED} with a note")
    if not _DATE.fullmatch(date):
        raise ConfigError("CONF-009", f"{path}: {name}: date is {date!r}; expected year-month-day")
    return Stated(entry["value"], source, date, note)
