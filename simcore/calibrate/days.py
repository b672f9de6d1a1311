"""The days of a calibration: tapes of one instrument, each played by itself from a flat position."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from simcore import engine
from simcore.config.model import Config
from simcore.errors import CalibrateError, ConfigError
from simcore.lanes import curve_ends
from simcore.records import IntArray
from simcore.tape.read import Tape
from simcore.units import NS_PER_S

# Lengths of the intervals of equity curves, s: the longest that gives the shortest day enough of them.
INTERVALS_S = (60.0, 10.0, 1.0)
INTERVALS_MIN = 100
HOUR_NS = 3600 * NS_PER_S


@dataclass(frozen=True)
class Day:
    """A tape, or a part of one: [from_ts, to_ts] in ns, None where the tape's own edge (or the configuration's) holds."""

    label: str
    paths: tuple[Path, ...]
    content_hash: str
    rows: int
    start_ts: int
    end_ts: int
    from_ts: int | None = None
    to_ts: int | None = None

    def tape(self) -> Tape:
        """Open the tape. Raises TapeError; CAL-020 if it is not the one that it was."""
        tape = Tape.open(self.paths)
        if tape.content_hash != self.content_hash:
            raise CalibrateError("CAL-020", f"{self.paths[0]}: the tape changed during the calibration")
        return tape

    def windowed(self, config: Config) -> Config:
        """Return a configuration for this part of the tape."""
        if self.from_ts is None:
            return config
        return config.model_copy(update={"run": config.run.model_copy(update={"from_ts": self.from_ts, "to_ts": self.to_ts})})

    def intervals(self, step_ns: int) -> int:
        """Return how many intervals the equity curve has."""
        return max(-(-(self.end_ts - self.start_ts) // step_ns), 1)


def open_days(sources: Sequence[Path | str], config: Config, hours: int = 0) -> tuple[Tape, list[Day]]:
    """Open a tape a source (a folder is one tape), in time order; return the first, and the days.

    hours: cut each day into periods of so many whole hours of the clock; 0: not.
    CAL-017: another instrument, or the same content twice.  CAL-018: no row is left of a day.  Raises TapeError, too.
    """
    if not sources:
        raise CalibrateError("CAL-017", "there is no day")
    tapes = [(Tape.open(source), source) for source in sources]
    tapes.sort(key=lambda each: (each[0].start_ts, each[0].content_hash))
    first = tapes[0][0]
    seen: dict[str, Path | str] = {}
    days: list[Day] = []
    for tape, source in tapes:
        if tape.instrument != first.instrument or tape.level != first.level:
            raise CalibrateError("CAL-017", f"{source} is {_what(tape)}, {tapes[0][1]} is {_what(first)} (or their sizes or fees differ)")
        if tape.content_hash in seen:
            raise CalibrateError("CAL-017", f"{source} holds the same rows as {seen[tape.content_hash]}")
        seen[tape.content_hash] = source
        days += _periods(_day(tape, source, config), hours)
    return first, _labelled(days)


def _what(tape: Tape) -> str:
    return f"{tape.level} of {tape.instrument.venue} {tape.instrument.symbol}"


def _day(tape: Tape, source: Path | str, config: Config) -> Day:
    try:
        start_ts, end_ts = engine.window(tape, config)
    except ConfigError as exc:
        raise CalibrateError("CAL-018", f"{source}: {exc.cause}") from exc
    paths = tuple(file.path.absolute() for file in tape.files)
    return Day(Path(source).stem, paths, tape.content_hash, tape.rows * config.run.repeat, start_ts, end_ts)


def _periods(day: Day, hours: int) -> list[Day]:
    """Return the parts of a day, cut at whole multiples of the hours since midnight UTC; one that is not whole is left out."""
    if not hours:
        return [day]
    length = hours * HOUR_NS
    midnight = day.start_ts - day.start_ts % (24 * HOUR_NS)
    edges = range(midnight, day.end_ts + length, length)
    found: list[Day] = []
    for start, end in itertools.pairwise(edges):
        if start >= day.start_ts - NS_PER_S and end <= day.end_ts + NS_PER_S:  # a day may begin and end with a quiet second
            first, last = max(start, day.start_ts), min(end, day.end_ts)
            hour = (start - midnight) // HOUR_NS
            found.append(Day(f"{day.label}+{hour}h", day.paths, day.content_hash, day.rows, first, last, first, last))
    if not found:
        raise CalibrateError("CAL-018", f"{day.paths[0]}: it holds no whole period of {hours} h")
    return found


def _labelled(days: list[Day]) -> list[Day]:
    """Give days of the same name a number."""
    labels = [day.label for day in days]
    return [
        day if labels.count(day.label) == 1 else replace(day, label=f"{day.label}-{labels[:place].count(day.label) + 1}")
        for place, day in enumerate(days)
    ]


def overlapping(days: Sequence[Day]) -> tuple[Day, Day] | None:
    """Return the first two days of which one begins before the other has ended, if there are any; days are in time order."""
    return next(((one, two) for one, two in itertools.pairwise(days) if two.start_ts < one.end_ts), None)


def interval_ns(days: Sequence[Day], config: Config, chosen_s: float | None) -> int:
    """Return the length of the intervals of equity curves, ns; chosen_s: the user's.

    CAL-018: a day is shorter than two.  CONF-003: the user's is shorter than the time between samples, or no time at all.
    """
    sampled_s = config.node.sample_interval_ms / 1000
    if chosen_s is not None and not sampled_s <= chosen_s < float("inf"):
        raise ConfigError("CONF-003", f"--interval is {chosen_s:g} s; expected at least node.sample_interval_ms, {sampled_s:g} s: a curve has no point between two samples")
    shortest = min(days, key=lambda day: day.end_ts - day.start_ts)
    span_s = (shortest.end_ts - shortest.start_ts) / NS_PER_S
    fitting = (each for each in INTERVALS_S if span_s >= INTERVALS_MIN * each)
    seconds = chosen_s if chosen_s is not None else next(fitting, INTERVALS_S[-1])
    seconds = max(seconds, sampled_s)
    if span_s < 2 * seconds:
        raise CalibrateError("CAL-018", f"{shortest.label}: lasts {span_s:g} s; an equity curve needs two intervals of {seconds:g} s")
    return round(seconds * NS_PER_S)


def interval_ends(day: Day, step_ns: int) -> IntArray:
    """Return the ends of the intervals of a day's equity curves, ns since 1970; the last is the day's end (`LaneRun.curve_ts`)."""
    return curve_ends(day.start_ts, day.end_ts, step_ns)
