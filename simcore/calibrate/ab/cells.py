"""What both arms did in each time window of each unit, as sums that may be added: the table behind all of an A/B test.

A cell is a window of a unit. Windows are numbered since 1970 and begin at multiples of their length, so they are the same for all symbols.
Fills and their markouts count where the exchange filled, orders where they were sent, ticks where they ran; profit and drawdown follow the
samples of the ledger. Over the cells of a unit the sums are those of docs/reports.md for that run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from simcore import jit
from simcore.calibrate.ab.lanes import LaneFolder
from simcore.calibrate.ab.units import Unit
from simcore.records import PLACE, TAKER, FloatArray, IntArray, Record
from simcore.report import sums
from simcore.report.edge import edge_halves, fill_edge
from simcore.report.exposure import drawdown_units
from simcore.report.markouts import ONE_SECOND, markout_mids, mids
from simcore.report.stages import TICK_TOTAL, times_ms
from simcore.units import NS_PER_MS

BoolArray = npt.NDArray[np.bool_]
# Of each arm and cell. In cash: pnl, turnover, slipped of priced, moved of marked, drawdown (the largest fall of equity inside the window).
MONEY_FIELDS = ("pnl", "turnover", "slipped", "priced", "moved", "marked", "drawdown")
COUNT_FIELDS = ("orders", "orders_filled", "fills", "taker_fills")
FIELDS = (*MONEY_FIELDS, *COUNT_FIELDS)


@dataclass(frozen=True)
class ArmCells:
    """One arm: sums by field, each float64 [n]; position at the end of each cell; times of traced ticks.

    ticks_ms  float64 [ticks], those of cell i between tick_at[i] and tick_at[i + 1], smallest first.
    """

    values: Mapping[str, FloatArray]
    position: FloatArray
    ticks_ms: FloatArray
    tick_at: IntArray


@dataclass(frozen=True)
class UnitFigures:
    """One arm's run of a whole unit: figures of docs/reports.md that are not sums of cells. Money in cash, position in size."""

    max_drawdown: float
    position: float


@dataclass(frozen=True)
class Cells:
    """All cells, unit by unit, windows in order. window, unit : int64 [n]. a, b: the arms.

    money     float64 [n]: what money is multiplied by before symbols are added up (`money_factors`).
    handover  float64 [n]: what it would cost, in cash, to bring B's position at the end of each cell to A's; NaN where no one knows.
    """

    units: tuple[Unit, ...]
    window_ns: int
    window: IntArray
    unit: IntArray
    a: ArmCells
    b: ArmCells
    money: FloatArray
    cash: tuple[str, ...]
    figures: tuple[tuple[UnitFigures, UnitFigures], ...]
    handover: FloatArray

    def of_symbol(self, key: str) -> BoolArray:
        """Return a mask [n] of the cells of a symbol."""
        chosen = np.array([unit.key == key for unit in self.units], bool)
        return chosen[self.unit]


@dataclass(frozen=True)
class PairedUnit:
    """The cells of one unit. first_window: number of the first window."""

    unit: Unit
    first_window: int
    a: ArmCells
    b: ArmCells
    figures: tuple[UnitFigures, UnitFigures]
    cash: str
    handover: FloatArray


def pair(unit: Unit, a: LaneFolder, b: LaneFolder, window_ns: int, measured: bool) -> PairedUnit:
    """Return the cells of a unit. measured: ticks with the time of their stages, not only the simulated waits."""
    first = a.start_ts // window_ns
    count = max(a.end_ts - 1, a.start_ts) // window_ns - first + 1
    arms = [_arm(run, first, count, window_ns, measured) for run in (a, b)]
    handover = _handover(unit, a, b, first, count, window_ns)
    return PairedUnit(unit, first, arms[0], arms[1], (_figures(a), _figures(b)), a.money.cash, handover)


def join(pairs: Sequence[PairedUnit], window_ns: int) -> Cells:
    """Return the cells of all units."""
    counts = [len(each.a.position) for each in pairs]
    window = np.concatenate([np.arange(each.first_window, each.first_window + n) for each, n in zip(pairs, counts, strict=True)])
    unit = np.repeat(np.arange(len(pairs)), counts)
    a, b = _joined([each.a for each in pairs]), _joined([each.b for each in pairs])
    cash = tuple(each.cash for each in pairs)
    money = money_factors(cash, unit, a.values["turnover"] + b.values["turnover"])
    handover = np.concatenate([each.handover for each in pairs])
    return Cells(
        tuple(each.unit for each in pairs), window_ns, window, unit, a, b, money, cash, tuple(each.figures for each in pairs), handover
    )  # fmt: skip


def money_factors(cash: Sequence[str], unit: IntArray, turnover: FloatArray) -> FloatArray:
    """Return what the money of each cell [n] is multiplied by before cells are added up: 1 with one currency.

    Money of different currencies cannot be added; each is then measured in its own mean turnover a cell (of both arms).
    """
    factors = np.ones(len(unit))
    names = sorted({*cash})
    for name in names if len(names) > 1 else ():
        rows = np.array([one == name for one in cash], bool)[unit]
        mean = float(turnover[rows].sum()) / max(int(np.count_nonzero(rows)), 1)
        factors[rows] = 1.0 / mean if mean > 0.0 else 0.0
    return factors


def _joined(arms: Sequence[ArmCells]) -> ArmCells:
    values = {name: np.concatenate([arm.values[name] for arm in arms]) for name in FIELDS}
    lengths = np.concatenate([np.diff(arm.tick_at) for arm in arms])
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return ArmCells(values, np.concatenate([arm.position for arm in arms]), np.concatenate([arm.ticks_ms for arm in arms]), starts)


def _figures(run: LaneFolder) -> UnitFigures:
    below = drawdown_units(run)
    worst = run.money.amount(int(below.max())) if len(below) else 0.0
    return UnitFigures(worst, run.money.quantity(int(run.counts["position_lots"])))


def _arm(run: LaneFolder, first: int, count: int, window_ns: int, measured: bool) -> ArmCells:
    def place(times: IntArray) -> IntArray:
        return np.clip(times // window_ns - first, 0, count - 1)

    def add(where: IntArray, weights: Any = None) -> FloatArray:
        return np.bincount(where, None if weights is None else sums.floats(weights), count).astype(np.float64)

    edges, unit = fill_edge(run), float(run.money.unit)
    at, fills = place(run.fills["exch_ts"]), run.fills
    priced = edges.priced
    marked = (mids(run) != 0) & (markout_mids(run)[ONE_SECOND] != 0)
    sent, filled = _orders(run)
    equity, position, falls = _ledger(run, place, count)
    net = edge_halves(run, edges)["net"]
    if net is not None:  # what the samples have not seen yet is the last window's
        equity[-1] = net / 2
    values = {
        "pnl": np.diff(equity, prepend=0.0) * unit,
        "turnover": add(at, run.notionals) * unit,
        "slipped": add(at[priced], edges.slippage[priced]) * (unit / 2),
        "priced": add(at[priced], run.notionals[priced]) * unit,
        "moved": add(at[marked], edges.adverse[marked]) * (unit / 2),
        "marked": add(at[marked], run.notionals[marked]) * unit,
        "drawdown": falls * unit,
        "orders": add(place(sent)),
        "orders_filled": add(place(filled)),
        "fills": add(at),
        "taker_fills": add(at[fills["liquidity"] == TAKER]),
    }
    ticks_at, ticks_ms = _ticks(run, place, measured)
    order = np.lexsort((ticks_ms, ticks_at))
    starts = np.searchsorted(ticks_at[order], np.arange(count + 1)).astype(np.int64)
    return ArmCells(values, position * run.money.quantity(1), ticks_ms[order], starts)


def _handover(unit: Unit, a: LaneFolder, b: LaneFolder, first: int, count: int, window_ns: int) -> FloatArray:
    """Return what it costs to trade from B's position to A's at the last sample of each window: to the other side's best, and A's taker fee."""
    found = np.full(count, np.nan)
    ends = [np.searchsorted(np.clip(run.samples["ts"] // window_ns - first, 0, count - 1), np.arange(count), side="right") - 1 for run in (a, b)]
    known = np.flatnonzero((ends[0] >= 0) & (ends[1] >= 0))
    ours, theirs = a.samples[ends[0][known]], b.samples[ends[1][known]]
    lots = theirs["position_lots"] - ours["position_lots"]
    bid, ask = ours["bid_ticks"], ours["ask_ticks"]
    at_mid = sums.floats(a.money.half_value(bid + ask, np.abs(lots))) / 2
    at_best = sums.floats(a.money.half_value(2 * np.where(lots > 0, bid, ask), np.abs(lots))) / 2
    rate = unit.a.fees.taker_bps
    fee = float(unit.tape.instrument.taker_rate) if rate is None else float(rate) / 10_000
    found[known] = (np.abs(at_mid - at_best) + fee * at_best) * float(a.money.unit)
    return found


def _orders(run: LaneFolder) -> tuple[IntArray, IntArray]:
    """Return when each order was sent, and when each of those was that has a fill; a liquidation counts at its first fill."""
    requests = run.streams["requests"]
    placed: Record = requests[requests["kind"] == PLACE]
    filled = placed["ts"][np.isin(placed["order_id"], run.fills["order_id"])]
    forced = run.fills["exch_ts"][run.fills["order_id"] == 0][:1]
    return placed["ts"], np.concatenate([filled, forced])


def _ledger(run: LaneFolder, place: Any, count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return, of each window, equity (cash units) and position (lots) at its last sample, and the largest fall of equity inside it."""
    samples = run.samples
    at, equity = place(samples["ts"]), sums.floats(samples["equity_units"])
    lasts = np.searchsorted(at, np.arange(count), side="right")
    ends = np.concatenate([[0.0], equity])[lasts]
    position = np.concatenate([[0.0], sums.floats(samples["position_lots"])])[lasts]
    falls = np.zeros(count)
    for k in range(count):
        begun = int(lasts[k - 1]) if k else 0
        path = np.concatenate([[ends[k - 1] if k else 0.0], equity[begun : int(lasts[k])]])
        falls[k] = float((np.maximum.accumulate(path) - path).max())
    return ends, position, falls


def _ticks(run: LaneFolder, place: Any, measured: bool) -> tuple[IntArray, FloatArray]:
    """Return the window and the time in ms of each traced tick."""
    traces = run.streams["traces"]
    if measured and len(traces):
        times = times_ms(traces, run.stages, jit.cycles_per_ns())[TICK_TOTAL]
    else:
        times = traces["wait_ns"] / NS_PER_MS
    return place(traces["ts"]), times.astype(np.float64)
