"""Grid files: which configuration keys are tried with which values.

    spread.vol_weight: [0.3, 0.6, 0.9]
    spread.base_bps: {from: 0.5, to: 2.0, steps: 16}

A key is one of the configuration (docs/config.md), or a parameter of the strategy by its own name. Values of ranges are
worked out in decimal arithmetic and rounded to twelve digits, so that they are the same on every machine.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from simcore.config.model import Config, config_keys
from simcore.config.refusals import shown
from simcore.config.trees import anchor, nested, path_of
from simcore.config.yaml_text import read_yaml
from simcore.errors import CalibrateError, ConfigError

Value = float | int | bool | str | None
Point = tuple[Value, ...]  # one value an axis

PARAMS = "strategy.params."
STEPS_MAX = 10_000
_RANGE = ("from", "to", "steps", "step", "log")
_DIGITS = 12
_REFUSED = {  # key, or the sections that begin so -> why
    "version": "it is the version of the layout",
    "run.": "it changes what is measured, not how it is traded",
    "portfolio.": "a calibration plays one symbol at a time",
    "instruments": "a calibration plays one symbol at a time",
    "links": "a calibration plays one symbol at a time",
    "targets.": "targets change nothing in a run",
    "node.trace_every": "traces change nothing in a run",
    "venue.name": "a profile sets many keys at once: calibrate once for each --set venue.name=…",
    "venue.rate_limits": "it holds a list",
    "fees.tiers": "it holds a list",
    "strategy.params": "name one of its parameters",
}
_ALLOWED = ("run.seed",)


@dataclass(frozen=True)
class Axis:
    """One key of a grid.

    name    as the grid file has it; key: its full name in the configuration.
    values  what is tried, in order; none for a range without steps, of which `low` and `high` are the ends.
    log     whether equal ratios, not differences, are equally likely or equally far apart.
    """

    name: str
    key: str
    values: tuple[Value, ...]
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    def at(self, share: float) -> Value:
        """Return the value at a share in (0, 1) of the axis: of a list one of its values, each as likely."""
        if self.values:
            return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        return _between(Decimal(repr(self.low)), Decimal(repr(self.high)), Decimal(repr(share)), self.log)


@dataclass(frozen=True)
class Grid:
    """The axes of a grid file, in its order."""

    axes: tuple[Axis, ...]

    @property
    def size(self) -> int | None:
        """How many points the grid has; None if an axis is a range without steps."""
        if any(not axis.values for axis in self.axes):
            return None
        return math.prod(len(axis.values) for axis in self.axes)

    def points(self) -> Iterator[Point]:
        """Yield every point, the last axis fastest."""
        for index in range(self.size or 0):
            place, point = index, []
            for axis in reversed(self.axes):
                place, own = divmod(place, len(axis.values))
                point.append(axis.values[own])
            yield tuple(reversed(point))

    def text(self) -> str:
        """Return what the grid is, in one way of writing it: part of a calibration's identity."""
        return repr([(axis.key, axis.values, axis.low, axis.high, axis.log) for axis in self.axes])


def read_grid(path: Path, param_names: Sequence[str]) -> Grid:
    """Return the grid of a file. param_names: the parameters of the strategy.

    CAL-010: the file, a list or a range is not usable.  CAL-011: unknown key.  CAL-012: a key that may not be tried.
    """
    try:
        tree = read_yaml(path)
    except ConfigError as exc:
        raise CalibrateError("CAL-010", exc.cause) from exc
    return make_grid(tree, param_names, path.parent, f"{path}: ")


def make_grid(tree: Mapping[str, Any], param_names: Sequence[str], folder: Path | None = None, at: str = "") -> Grid:
    """Return the grid of a mapping, nested or with dotted keys; paths in it are relative to `folder`; at: words before causes."""
    axes: list[Axis] = []
    for name, content in _entries(tree):
        key = _full_key(name, param_names, at)
        twin = next((axis for axis in axes if axis.key == key), None)
        if twin is not None:
            raise CalibrateError("CAL-010", f"{at}{name} and {twin.name} are the same key")
        axis = _range(name, key, content, at) if isinstance(content, Mapping) else _list(name, key, content, at)
        axes.append(Axis(axis.name, axis.key, tuple(_anchored(key, value, folder) for value in axis.values), axis.low, axis.high, axis.log))
    if not axes:
        raise CalibrateError("CAL-010", f"{at}the grid is empty; expected keys with lists or ranges of values")
    return Grid(tuple(axes))


def _entries(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, list or range) of a tree."""
    for name, content in tree.items():
        if isinstance(content, Mapping) and content and not {"from", "to", "steps", "step"} & set(content):
            yield from _entries(content, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", content


def _full_key(name: str, param_names: Sequence[str], at: str) -> str:
    """Return the full configuration key that a name means."""
    known = [key for key, _ in config_keys()]
    if name in known:
        if name not in _ALLOWED:
            for start, why in _REFUSED.items():
                if name == start or (start.endswith(".") and name.startswith(start)):
                    raise CalibrateError("CAL-012", f"{at}{name}: {why}")
        return name
    short = name.removeprefix(PARAMS)
    if short in param_names:
        return PARAMS + short
    every = [*param_names, *known]
    last = [key for key in every if key.rsplit(".", 1)[-1] == name.rsplit(".", 1)[-1]]
    near = difflib.get_close_matches(short, every, n=1, cutoff=0.5) or last[:3]
    raise CalibrateError("CAL-011", f"{at}{name}" + (f"; did you mean {' or '.join(near)}?" if near else f"; known parameters: {', '.join(param_names)}"))


def _list(name: str, key: str, content: Any, at: str) -> Axis:
    values = content if isinstance(content, list) else [content]
    if not values:
        raise CalibrateError("CAL-010", f"{at}{name}: the list is empty")
    seen: list[tuple[bool, Value]] = []
    for value in values:
        if isinstance(value, (list, Mapping)):
            raise CalibrateError("CAL-010", f"{at}{name}: found {shown(value)}, expected a number, text, true, false or null")
        if isinstance(value, float) and not math.isfinite(value):
            raise CalibrateError("CAL-010", f"{at}{name}: {value} is not finite")
        mark = (isinstance(value, str), value)
        if mark in seen:
            raise CalibrateError("CAL-010", f"{at}{name}: {shown(value)} stands twice")
        seen.append(mark)
    return Axis(name, key, tuple(values))


def _range(name: str, key: str, content: Mapping[str, Any], at: str) -> Axis:
    where = f"{at}{name}"
    unknown = [word for word in content if word not in _RANGE]
    if unknown or "from" not in content or "to" not in content:
        found = f"found {', '.join(content) or 'nothing'}"
        raise CalibrateError("CAL-010", f"{where}: {found}; expected a list, or {{from, to, steps}}, {{from, to, step}} or {{from, to, log: true}}")
    low, high = (_number(content[word], f"{where}: {word}") for word in ("from", "to"))
    log = content.get("log", False)
    if not isinstance(log, bool):
        raise CalibrateError("CAL-010", f"{where}: log is {shown(log)}; expected true or false")
    if low >= high:
        raise CalibrateError("CAL-010", f"{where}: from {content['from']} to {content['to']}; expected from below to")
    if log and low <= 0:
        raise CalibrateError("CAL-010", f"{where}: from {content['from']}; a range of ratios begins above 0")
    values = _stepped(content, low, high, log, where)
    return Axis(name, key, tuple(values), float(low), float(high), log)


def _stepped(content: Mapping[str, Any], low: Decimal, high: Decimal, log: bool, where: str) -> list[Value]:
    """Return the values of a range with `steps` or `step`; of others none."""
    whole = all(isinstance(content.get(word, 0), int) for word in ("from", "to", "step"))
    if "steps" in content and "step" in content:
        raise CalibrateError("CAL-010", f"{where}: steps and step; expected one of them")
    if "steps" in content:
        steps = content["steps"]
        if isinstance(steps, bool) or not isinstance(steps, int) or not 2 <= steps <= STEPS_MAX:
            raise CalibrateError("CAL-010", f"{where}: steps is {shown(steps)}; expected an integer from 2 to {STEPS_MAX}")
        return [_as_whole(_between(low, high, Decimal(i) / (steps - 1), log), whole) for i in range(steps)]
    if "step" in content:
        step = _number(content["step"], f"{where}: step")
        if log or step <= 0 or (high - low) / step >= STEPS_MAX:
            raise CalibrateError("CAL-010", f"{where}: step {content['step']}; expected above 0, at most {STEPS_MAX} values, and no log")
        return [_as_whole(float(low + i * step), whole) for i in range(int((high - low) / step) + 1)]
    return []


def _number(value: Any, where: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise CalibrateError("CAL-010", f"{where} is {shown(value)}; expected a finite number")
    return Decimal(repr(value))


def _between(low: Decimal, high: Decimal, share: Decimal, log: bool) -> float:
    """Return the value at a share in [0, 1] between two ends, by differences or by ratios."""
    if share in (0, 1):
        return float(high if share else low)
    value = (low.ln() + (high.ln() - low.ln()) * share).exp() if log else low + (high - low) * share
    return float(f"{value:.{_DIGITS}g}")


def _as_whole(value: float, whole: bool) -> Value:
    """Return an int where a range of whole numbers has one: keys that count take no 2.0."""
    return int(value) if whole and value.is_integer() else value


def _anchored(key: str, value: Value, folder: Path | None) -> Value:
    """Return a value whose path, if it is one, is absolute."""
    if folder is None or not isinstance(value, str):
        return value
    tree = nested(path_of(key), value)
    anchor(tree, folder)
    for name in path_of(key):
        tree = tree[name]
    return str(tree)


def default_values(grid: Grid, config: Config, tree: Mapping[str, Any], param_defaults: Mapping[str, float]) -> Point:
    """Return the values that a configuration, whose keys `tree` holds, has on the axes of a grid."""
    return tuple(value_of(axis.key, config, tree, param_defaults) for axis in grid.axes)


def value_of(key: str, config: Config, tree: Mapping[str, Any], param_defaults: Mapping[str, float]) -> Value:
    """Return the value of one key; of a parameter that is not set the strategy's default."""
    if key.startswith(PARAMS):
        name = key.removeprefix(PARAMS)
        return config.strategy.params.get(name, param_defaults.get(name))
    found: Any = tree
    for part in path_of(key):
        found = found[part]
    value: Value = found
    return value
