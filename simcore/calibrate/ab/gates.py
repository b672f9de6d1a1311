"""The four safety gates of an A/B test, watched window by window as they would have been live, and the rollback that follows.

At the end of each time window in which B trades somewhere, B's figures of that window are held against A's. A gate that is broken in each of so many
windows in a row that they last `sustain_s` rolls B back: from the next window on its units trade with A, to the end of the test. A window in
which a gate cannot be judged (too few fills or ticks) ends its row; so does a pause in which B does not trade, if it is longer than `sustain_s`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from simcore.calibrate.ab.cells import ArmCells, BoolArray, Cells
from simcore.calibrate.ab.settings import AbSettings, GateSettings
from simcore.calibrate.ab.stats import column
from simcore.records import FloatArray, IntArray
from simcore.units import NS_PER_S

SLIPPAGE, TAKER_SHARE, TICK_P95, DEADLINE_MISSES = "slippage", "taker_share", "tick_p95", "deadline_misses"
GATES = (SLIPPAGE, TAKER_SHARE, TICK_P95, DEADLINE_MISSES)
GATE_UNITS = {SLIPPAGE: "bps", TAKER_SHARE: "share", TICK_P95: "ms", DEADLINE_MISSES: "share"}
ALL_SYMBOLS = "all"
_BPS = 10_000.0


class Reading(NamedTuple):
    """A gate in one window. a, b: the figures, None where they cannot be judged. limit: what b may reach. row: broken windows so far."""

    gate: str
    window: int
    a: float | None
    b: float | None
    limit: float | None
    broken: bool | None
    row: int


@dataclass(frozen=True)
class Rollback:
    """When and why B was rolled back. ts: ns; window: the first that trades with A again. readings: those that led to it."""

    ts: int
    window: int
    gate: str
    readings: tuple[Reading, ...]


@dataclass(frozen=True)
class Watch:
    """What the gates of one symbol, or of all, saw until the rollback or the end."""

    name: str
    readings: tuple[Reading, ...]
    rollback: Rollback | None

    def broken(self, gate: str) -> int:
        """Return in how many windows a gate was broken."""
        return sum(1 for each in self.readings if each.gate == gate and each.broken)

    def judged(self, gate: str) -> int:
        """Return in how many windows a gate could be judged."""
        return sum(1 for each in self.readings if each.gate == gate and each.broken is not None)

    def longest(self, gate: str) -> int:
        """Return the most windows in a row in which a gate was broken."""
        return max((each.row for each in self.readings if each.gate == gate), default=0)


def windows_to_break(settings: AbSettings) -> int:
    """Return how many broken windows in a row roll B back; at least 1."""
    return max(-(-round(settings.gates.sustain_s * NS_PER_S) // settings.window_ns), 1)


def watch_all(cells: Cells, arms: BoolArray, settings: AbSettings) -> list[Watch]:
    """Return the watch over all symbols, or one a symbol, as the settings say. arms: mask [n] of the cells that go to B."""
    if settings.gates.scope == "all":
        return [watch(cells, arms, np.ones(len(arms), bool), ALL_SYMBOLS, settings)]
    names = {unit.key: unit.name for unit in cells.units}
    return [watch(cells, arms, cells.of_symbol(key), names[key], settings) for key in sorted(names)]


def rolled_back(cells: Cells, arms: BoolArray, watches: Sequence[Watch]) -> BoolArray:
    """Return where B is live after the rollbacks, a mask [n]."""
    live = arms.copy()
    for each in watches:
        if each.rollback is not None:
            mine = [each.name in (ALL_SYMBOLS, unit.name) for unit in cells.units]
            live &= ~(np.array(mine, bool)[cells.unit] & (cells.window >= each.rollback.window))
    return live


def watch(cells: Cells, arms: BoolArray, watched: BoolArray, name: str, settings: AbSettings) -> Watch:
    """Watch the gates over some of the cells until they roll B back, or to the end."""
    needed = windows_to_break(settings)
    rows = dict.fromkeys(GATES, 0)
    readings: list[Reading] = []
    last = None
    for window, now in _read_all(cells, arms, watched, settings.gates):
        if last is not None and window - last - 1 > needed:
            rows = dict.fromkeys(GATES, 0)
        last = window
        for gate in GATES:
            a, b, limit = now[gate]
            broken = None if b is None or limit is None else b > limit
            rows[gate] = rows[gate] + 1 if broken else 0
            readings.append(Reading(gate, window, a, b, limit, broken, rows[gate]))
        tripped = [gate for gate in GATES if rows[gate] >= needed]
        if tripped:
            led = tuple([each for each in readings if each.gate == tripped[0]][-needed:])
            return Watch(name, tuple(readings), Rollback((window + 1) * cells.window_ns, window + 1, tripped[0], led))
    return Watch(name, tuple(readings), None)


_Figures = tuple[float | None, float | None, float | None]  # A's, B's, the limit of B's
_FILL_GATES = {SLIPPAGE: ("slipped", "priced", _BPS), TAKER_SHARE: ("taker_fills", "fills", 1.0)}


def _read_all(cells: Cells, arms: BoolArray, watched: BoolArray, gates: GateSettings) -> Iterator[tuple[int, dict[str, _Figures]]]:
    """Yield the figures of each gate in each window in which B trades, in time order."""
    allowed = {SLIPPAGE: gates.slippage_bps, TAKER_SHARE: gates.taker_share}
    names = sorted({name for top, low, _ in _FILL_GATES.values() for name in (top, low)})
    columns = {(arm, name): column(cells, arm, name) for arm in ("a", "b") for name in names}
    order = np.flatnonzero(watched)[np.argsort(cells.window[watched], kind="stable")]
    numbers, starts = np.unique(cells.window[order], return_index=True)
    for window, here in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
        use_b = here[arms[here]]
        if not len(use_b):
            continue
        use_a = use_b if gates.compare == "paired" else here[~arms[here]]
        now = {name: _fill_gate(columns, use_a, use_b, _FILL_GATES[name], limit, gates.min_fills) for name, limit in allowed.items()}
        yield window, {**now, **_tick_gates(_ticks(cells.a, use_a), _ticks(cells.b, use_b), gates)}


def _fill_gate(
    columns: Mapping[tuple[str, str], FloatArray], use_a: IntArray, use_b: IntArray, ratio: tuple[str, str, float],
    allowed: float | None, min_fills: int,
) -> _Figures:  # fmt: skip
    if allowed is None:
        return None, None, None
    top, low, scale = ratio
    found: list[float | None] = []
    for arm, use in (("a", use_a), ("b", use_b)):
        below = float(columns[arm, low][use].sum())
        enough = float(columns[arm, "fills"][use].sum()) >= min_fills and below > 0.0
        found.append(scale * float(columns[arm, top][use].sum()) / below if enough else None)
    a, b = found
    return a, b, None if a is None else a + allowed


def _tick_gates(a: FloatArray, b: FloatArray, gates: GateSettings) -> dict[str, _Figures]:
    p95: _Figures = (None, None, None)
    misses: _Figures = (None, None, None)
    if min(len(a), len(b)) >= gates.min_ticks and gates.tick_p95 is not None:
        base = nearest_rank(a, 95)
        p95 = (base, nearest_rank(b, 95), base * (1.0 + gates.tick_p95))
    if len(b) >= gates.min_ticks and gates.deadline_misses is not None:
        shares = [float(np.count_nonzero(each > gates.deadline_ms)) / len(each) if len(each) else None for each in (a, b)]
        misses = (shares[0], shares[1], gates.deadline_misses)
    return {TICK_P95: p95, DEADLINE_MISSES: misses}


def nearest_rank(times: FloatArray, percent: int) -> float:
    """Return a percentile of times [n > 0]: the ceil(percent n / 100)-th smallest, as simcore.report.stages has it."""
    return float(np.sort(times)[-(-percent * len(times) // 100) - 1])


def _ticks(arm: ArmCells, use: IntArray) -> FloatArray:
    """Return the tick times of some cells."""
    parts: list[Any] = [arm.ticks_ms[arm.tick_at[i] : arm.tick_at[i + 1]] for i in use.tolist()]
    return np.concatenate(parts) if parts else np.zeros(0)
