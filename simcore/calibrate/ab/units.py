"""The units of an A/B test: tapes as days of symbols, each with the configurations of both arms (docs/ab.md).

A tape that lies on several UTC dates is cut at midnight; each date is a run of its own, which begins flat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from simcore.config.model import Config, PortfolioConfig
from simcore.errors import AbError
from simcore.portfolio.members import Source, members_of, tape_key
from simcore.report.wording import day_text
from simcore.tape.read import Tape
from simcore.units import NS_PER_DAY, NS_PER_S

# What both arms must have in common: they are held against each other window by window.
_COMMON = (("run", "from_ts", "run.from"), ("run", "to_ts", "run.to"), ("node", "sample_interval_ms", "node.sample_interval_ms"))


@dataclass(frozen=True)
class Unit:
    """A symbol's day. key: venue:SYMBOL. name: how users call it. day: YYYY-MM-DD. a, b: what each arm runs there."""

    key: str
    name: str
    day: str
    tape: Tape
    a: Config
    b: Config


@dataclass(frozen=True)
class Plan:
    """units: in order of days, then symbols. missing: (symbol, day) without a tape. left_out: parts of tapes, in words."""

    units: tuple[Unit, ...]
    missing: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Piece:
    """A part of a tape on one date; start and end in ns."""

    tape: Tape
    day: int
    start_ts: int
    end_ts: int


def plan_units(sources: Sequence[Source], a: Config, b: Config, window_ns: int) -> Plan:
    """Return the units of the tapes; a folder is all tapes in it, and their order does not matter.

    Parts of a date that are shorter than a window are left out where the tape has a longer one. Raises TapeError;
    AB-001: A and B cannot be compared; AB-002: a tape given twice, or overlapping ones; AB-004: nothing to compare.
    """
    _check_pair(a, b)
    tapes = _by_symbol(sources)
    firsts = [each[0] for each in tapes.values()]
    members = {name: members_of(firsts, config) for name, config in (("a", a), ("b", b))}
    pieces: dict[tuple[int, str], list[_Piece]] = {}
    left_out: list[str] = []
    for key, each in tapes.items():
        for piece in (piece for tape in each for piece in _pieces(tape, a, window_ns, left_out)):
            pieces.setdefault((piece.day, key), []).append(piece)
    if not pieces:
        raise AbError("AB-004", f"no part of a tape is between run.from and run.to; {len(firsts)} symbols were given")
    units = []
    for (day, key), parts in sorted(pieces.items()):
        pair = [next(one for one in members[arm] if one.key == key) for arm in ("a", "b")]
        units.append(_unit(key, pair[0].name, day, parts, pair[0].config, pair[1].config))
    names = {unit.key: unit.name for unit in units}
    days = sorted({day for day, _ in pieces})
    missing = tuple((names[key], day_text(day)) for day in days for key in sorted(names) if (day, key) not in pieces)
    return Plan(tuple(units), missing, tuple(left_out))


def _check_pair(a: Config, b: Config) -> None:
    for section, field, key in _COMMON:
        ours, theirs = (getattr(getattr(config, section), field) for config in (a, b))
        if ours != theirs:
            raise AbError("AB-001", f"{key}: A has {ours}, B has {theirs}")
    for arm, config in (("A", a), ("B", b)):
        if config.run.repeat != 1:
            raise AbError("AB-001", f"run.repeat of {arm} is {config.run.repeat}; a test counts each day once")
        if config.links:
            raise AbError("AB-001", f"links of {arm}: symbols of a test are run each by itself")
        if _acts_on_all(config.portfolio):
            raise AbError("AB-001", f"portfolio of {arm}: symbols of a test are run each by itself, without allocation, limits and lists")


def _acts_on_all(portfolio: PortfolioConfig) -> bool:
    return bool(portfolio.allocate or portfolio.max_gross or portfolio.whitelist or portfolio.blacklist)


def _by_symbol(sources: Sequence[Source]) -> dict[str, list[Tape]]:
    """Return the tapes of each symbol in time order, by key in canonical order."""
    seen: dict[str, str] = {}
    found: dict[str, list[Tape]] = {}
    for source in sources:
        for tape in [source] if isinstance(source, Tape) else Tape.open_each(source):
            name = _name(tape)
            if tape.content_hash in seen:
                raise AbError("AB-002", f"{name} is {seen[tape.content_hash]} again")
            seen[tape.content_hash] = name
            found.setdefault(tape_key(tape), []).append(tape)
    if not found:
        raise AbError("AB-004", "no tape was named")
    for each in found.values():
        each.sort(key=lambda tape: (tape.start_ts, tape.end_ts))
        for before, after in pairwise(each):
            if after.start_ts <= before.end_ts:
                raise AbError("AB-002", f"{_name(after)} begins before {_name(before)} ends")
    return dict(sorted(found.items()))


def _name(tape: Tape) -> str:
    return ", ".join(str(file.path) for file in tape.files)


def _pieces(tape: Tape, config: Config, window_ns: int, left_out: list[str]) -> list[_Piece]:
    """Return a tape's parts by date; what is left out is added in words."""
    start, end = tape.start_ts, tape.end_ts
    first = start if config.run.from_ts is None else max(start, config.run.from_ts)
    last = end if config.run.to_ts is None else min(end, config.run.to_ts)
    if first >= last and (first, last) != (start, end):
        left_out.append(f"{Path(_name(tape)).name}: not between run.from and run.to")
        return []
    days = range(first // NS_PER_DAY, max(last - 1, first) // NS_PER_DAY + 1)
    pieces = [_Piece(tape, day, max(first, day * NS_PER_DAY), min(last, (day + 1) * NS_PER_DAY)) for day in days]
    longest = max(piece.end_ts - piece.start_ts for piece in pieces)
    kept = []
    for piece in pieces:
        length = piece.end_ts - piece.start_ts
        if length < min(window_ns, longest):
            left_out.append(f"{Path(_name(tape)).name}: {length / NS_PER_S:.6g} s of {day_text(piece.day)}")
        else:
            kept.append(piece)
    return kept


def _unit(key: str, name: str, day: int, parts: Sequence[_Piece], a: Config, b: Config) -> Unit:
    """Return the unit of the parts of one date; they are played as one tape."""
    tape = parts[0].tape if len(parts) == 1 else Tape.joined([part.tape for part in parts])
    limits: dict[str, Any] = {}
    if parts[0].start_ts > tape.start_ts:
        limits["from_ts"] = parts[0].start_ts
    if parts[-1].end_ts < tape.end_ts:
        limits["to_ts"] = parts[-1].end_ts
    return Unit(key, name, day_text(day), tape, _limited(a, limits), _limited(b, limits))


def _limited(config: Config, limits: Mapping[str, Any]) -> Config:
    plain = {"from_ts": None, "to_ts": None}
    return config.model_copy(update={"run": config.run.model_copy(update={**plain, **limits})})
