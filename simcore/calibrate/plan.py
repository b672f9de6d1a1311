"""What a calibration is made of: days, grid, base configuration, what is wanted; and the identity by which it resumes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simcore.calibrate.days import interval_ns, open_days
from simcore.calibrate.grid import Grid, Point, Value, default_values, make_grid, read_grid
from simcore.calibrate.objectives import Wanted, wanted
from simcore.calibrate.splits import Fold, Splits, choosing_days, judging_days, parse_splits
from simcore.config.build import build_config, config_hash
from simcore.config.model import Config
from simcore.config.symbols import plain_tree
from simcore.config.trees import copied, merge, nested, path_of
from simcore.errors import CalibrateError, ConfigError
from simcore.lanes import shared_key
from simcore.link import Linked, link, strategy_path
from simcore.params import lane_params, queue_file
from simcore.portfolio.coordinator import Coordinator
from simcore.portfolio.members import members_of
from simcore.tape.read import Tape
from simcore.version import VERSION

BASE = 0  # number of the trial that plays the base configuration, unchanged


@dataclass(frozen=True)
class Asked:
    """What the user asks for. grid: a file, or a mapping of keys; trials: None for all of a grid, or 100."""

    grid: Path | dict[str, Any]
    days: tuple[Path, ...]
    config: Config
    objective: str = "net_bps"
    constraints: tuple[str, ...] = ()
    search: str = "grid"
    trials: int | None = None
    seed: int = 0
    splits: str | None = None
    interval_s: float | None = None


@dataclass(frozen=True)
class Trial:
    """One parameter set. point: its values on the axes; mark: what the census knows it by; group: equal groups ride one pass."""

    number: int
    point: Point
    config: Config
    mark: str
    group: tuple[object, ...]


class Plan:
    """A calibration that can be played: everything that was asked for is there and fits together.

    Raises MmsimError: CAL-010 to CAL-018, CAL-023, CAL-024, and those of configuration, strategy and tapes.
    """

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.wanted: Wanted = wanted(asked.objective, asked.constraints)
        self.splits: Splits | None = parse_splits(asked.splits)
        self._linked: dict[tuple[str, str], Linked] = {}
        self._sources: dict[tuple[str, str], str] = {}
        self.tape: Tape
        self.tape, self.days = open_days(asked.days, asked.config, self.splits.hours if self.splits else 0)
        self.folds: tuple[Fold, ...] = self.splits.folds(len(self.days)) if self.splits else ()
        self.base = _alone(self.tape, asked.config)
        self.step_ns = interval_ns(self.days, self.base, asked.interval_s)
        self._tree = plain_tree(self.base)
        names = self.linked(self.base).param_names
        self.grid: Grid = read_grid(asked.grid, names) if isinstance(asked.grid, Path) else make_grid(asked.grid, names)

    @property
    def train(self) -> tuple[int, ...]:
        """Numbers of the days that the choice is made on: those of the last fold; without splits all."""
        return choosing_days(self.folds, len(self.days))

    @property
    def test(self) -> tuple[int, ...]:
        """Numbers of the days that judge the choice; none without splits."""
        return judging_days(self.folds)

    def linked(self, config: Config) -> Linked:
        """Return the linked engine of a configuration."""
        key = (config.strategy.name, config.venue.queue_model if config.venue.queue_model.endswith(".py") else "")
        if key not in self._linked:
            self._linked[key] = link(config.strategy.name, queue_file(config.venue.queue_model))
        return self._linked[key]

    def base_trial(self) -> Trial:
        """Return the trial of the base configuration; it is one of the candidates."""
        linked = self.linked(self.base)
        defaults = dict(zip(linked.param_names, linked.param_defaults, strict=False))  # no names: a row of one number
        return self._trial(BASE, default_values(self.grid, self.base, self._tree, defaults), self.base)

    def trial(self, number: int, point: Point) -> Trial:
        """Return the trial of a point. CAL-013: its configuration is refused."""
        tree = copied(self._tree)
        for axis, value in zip(self.grid.axes, point, strict=True):
            merge(tree, nested(path_of(axis.key), value))
        try:
            return self._trial(number, point, build_config(tree))
        except ConfigError as exc:
            raise CalibrateError("CAL-013", f"{self.words(point)}: {exc.code} {exc.cause}") from exc

    def words(self, point: Sequence[Value]) -> str:
        """Return the values of a point for a sentence."""
        return ", ".join(f"{axis.name}={_short(value)}" for axis, value in zip(self.grid.axes, point, strict=True))

    def identity(self) -> dict[str, str]:
        """Return what must be the same for a calibration to go on: words for each part, and its hash."""
        asked = self.asked
        parts = {
            "the tapes": [(day.content_hash, day.from_ts, day.to_ts) for day in self.days],
            "the grid": self.grid.text(),
            "the configuration": config_hash(self.base),
            "the code": (VERSION, self.linked(self.base).code_hash),
            "the objective": (asked.objective, [constraint.text for constraint in self.wanted.constraints]),
            "the search": (asked.search, asked.trials, asked.seed),
            "the splits": asked.splits,
            "the interval": self.step_ns,
        }
        return {name: hashlib.sha256(repr(part).encode()).hexdigest()[:16] for name, part in parts.items()}

    def _trial(self, number: int, point: Point, config: Config) -> Trial:
        linked = self.linked(config)
        lane_params(config, self.tape.instrument, linked, self.tape.level == "l3", [])  # CONF-002, CONF-003
        return Trial(number, point, config, _mark(config, linked, self._source(config)), shared_key(config))

    def _source(self, config: Config) -> str:
        """Return the hash of the user's files behind a configuration: a changed strategy is another one, a newer engine is not."""
        key = config.strategy.name, config.venue.queue_model
        if key not in self._sources:
            model = queue_file(config.venue.queue_model)
            files = [strategy_path(config.strategy.name), *([] if model is None else [model])]
            self._sources[key] = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()
        return self._sources[key]


def _alone(tape: Tape, config: Config) -> Config:
    """Return the configuration of the tape's symbol, as a replay of this tape alone has it. CAL-012: it needs a portfolio."""
    (member,) = members_of([tape], config)
    if Coordinator([member], config).needs_control(member.key):
        raise CalibrateError("CAL-012", "portfolio: allocation, limits and lists act on a symbol while it runs; lanes play without them")
    return member.config


def _mark(config: Config, linked: Linked, source: str) -> str:
    """Return what tells parameter sets apart: a parameter that is not set is its default; source: hash of the user's files."""
    params = {**dict(zip(linked.param_names, linked.param_defaults, strict=False)), **config.strategy.params}
    strategy = config.strategy.model_copy(update={"params": {name: float(value) for name, value in sorted(params.items())}})
    whole = config.model_copy(update={"strategy": strategy})
    return hashlib.sha256(f"{config_hash(whole)} {source}".encode()).hexdigest()[:16]


def _short(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
