"""The edge adds up to the unit, its signs are those of the docs, and markouts are what the market did."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from simcore.records import BID, MARKOUT_NS
from simcore.report import sums
from simcore.report.edge import edge_halves, markout_curve, mids
from simcore.report.folder import RunFolder, open_run
from simcore.report.statistics import summary
from tests.report.conftest import Maker

CASES: dict[str, dict[str, Any]] = {
    "linear": {},
    "inverse": {"kind": "inverse", "lots": 500},
    "spot": {"kind": "spot"},
    "huge": {"kind": "huge", "lots": 90_000},
    "no fills": {"fill_count": 0},
    "one fill": {"fill_count": 1},
    "only buys": {"sides": "buy"},
    "only sells": {"sides": "sell", "kind": "inverse"},
    "one-sided book": {"one_sided_book": True},
    "one-sided book, inverse": {"one_sided_book": True, "kind": "inverse"},
    "funding": {"funding_units": 123_457},
    "no samples": {"samples": 0},
    "short": {"seconds": 1, "fill_count": 5},
}


@pytest.mark.parametrize("fields", CASES.values(), ids=CASES)
def test_the_edge_adds_up_to_the_unit(make: Maker, fields: dict[str, Any]) -> None:
    """gross - adverse - fees - funding + inventory = net, in integers, for every kind of instrument."""
    terms = edge_halves(open_run(make(**fields)))
    assert None not in terms.values()
    parts = terms["gross"] - terms["adverse"] - terms["fees"] - terms["funding"] + terms["inventory"]  # type: ignore[operator]
    assert parts == terms["net"]


@pytest.mark.parametrize("kind", ["linear", "inverse", "spot"])
def test_inventory_is_what_the_position_did_after_a_second(make: Maker, kind: str) -> None:
    """Summed fill by fill from the mids in exact fractions, it is the same to a rounding of each fill."""
    run = open_run(make(kind=kind, lots=50))
    one_second = MARKOUT_NS.index(1_000_000_000)
    after = {int(r["fill_seq"]): int(r["bid_ticks"] + r["ask_ticks"]) for r in run.markouts if r["horizon"] == one_second}
    expected = Fraction(0)
    for fill in run.fills:
        sign, lots = (1 if fill["side"] == BID else -1), int(fill["qty_lots"])
        before = int(fill["bid_ticks"] + fill["ask_ticks"])
        expected += sign * (value(run, lots, run.last_mid or 0) - value(run, lots, after.get(int(fill["seq"]), before)))
    found = edge_halves(run)["inventory"]
    assert found is not None
    assert abs(found - 2 * expected) <= len(run.fills) + 2


def value(run: RunFolder, lots: int, bid_plus_ask: int) -> Fraction:
    """Return the exact cash units of a long position at a mid."""
    mid = Fraction(bid_plus_ask, 2)
    scaled = lots * run.money.value_scale
    return -scaled / mid if run.money.direction < 0 else scaled * mid


def test_a_hand_made_trade(make: Maker) -> None:
    """Buy 1 lot at the bid, the mid falls by 4 half-ticks: gross is half a spread, adverse is positive."""
    run = open_run(make(fill_count=1, sides="buy", takers=False, maker_rate=0))
    fill, after = run.fills[0], {int(r["horizon"]): int(r["bid_ticks"] + r["ask_ticks"]) for r in run.markouts}
    scale, lots = run.money.value_scale, int(fill["qty_lots"])
    before = int(fill["bid_ticks"] + fill["ask_ticks"])
    terms = edge_halves(run)
    assert terms["gross"] == int(fill["ask_ticks"] - fill["bid_ticks"]) * lots * scale
    assert terms["adverse"] == (before - after[1]) * lots * scale
    assert terms["fees"] == 0


def test_net_is_the_last_sampled_equity(make: Maker) -> None:
    """The equity curve of the ledger and the PnL from the fills end at the same figure."""
    for kind in ("linear", "inverse"):
        run = open_run(make(kind, kind=kind, funding_units=777))
        last = int(run.samples["equity_units"][-1])
        assert int(run.samples["position_lots"][-1]) == int(run.counts["position_lots"])
        assert edge_halves(run)["net"] == 2 * last


@pytest.mark.parametrize("kind", ["linear", "inverse"])
def test_markouts_are_signed_moves_of_the_mid(make: Maker, kind: str) -> None:
    """Fill by fill in floats, weighted by notional: positive when the mid went against the fill."""
    run = open_run(make(kind=kind, one_sided_book=True))
    for horizon, row in enumerate(markout_curve(run)):
        after = {int(r["fill_seq"]): int(r["bid_ticks"] + r["ask_ticks"]) for r in run.markouts if r["horizon"] == horizon}
        moves, weights = [], []
        for fill in run.fills:
            if fill["ask_ticks"] == 0 or int(fill["seq"]) not in after:
                continue
            sign = 1 if fill["side"] == BID else -1
            before, price, later = (fill["bid_ticks"] + fill["ask_ticks"]) / 2, fill["price_ticks"], after[int(fill["seq"])] / 2
            weight = fill["qty_lots"] * (price if kind == "linear" else 1 / price)
            relative = (before - later) / price if kind == "linear" else price / later - price / before
            moves.append(sign * relative * weight)
            weights.append(weight)
        assert row["fills"] == len(weights)
        assert row["fills"] + row["unmarked"] == len(run.fills)
        assert row["adverse_bps"] == pytest.approx(1e4 * sum(moves) / sum(weights), rel=1e-4, abs=2e-5)


def test_realised_is_gross_less_adverse_over_the_same_fills(make: Maker) -> None:
    run = open_run(make())
    at_price = sums.multiply(run.notionals, 2)
    at_mid = run.money.half_value(mids(run), run.fills["qty_lots"])
    for horizon, row in enumerate(markout_curve(run)):
        marked = np.isin(run.fills["seq"], run.markouts["fill_seq"][run.markouts["horizon"] == horizon])
        gross = sums.dot(run.signs[marked], (at_mid - at_price)[marked]) / sums.total(at_price[marked]) * 1e4
        assert row["realised_bps"] == pytest.approx(gross - row["adverse_bps"], abs=1e-12)


def test_standard_error_is_that_of_a_mean_when_fills_are_far_apart(make: Maker) -> None:
    """With equal weights and one fill an interval, it is s / sqrt(n)."""
    run = open_run(make(seconds=3000, fill_count=12, lots=1, seed=4))
    bins = run.fills["exch_ts"] // 1_000_000_000
    assert len(np.unique(bins)) == len(bins)
    row = markout_curve(run)[1]
    after = {int(r["fill_seq"]): int(r["bid_ticks"] + r["ask_ticks"]) for r in run.markouts if r["horizon"] == 1}
    moves = [
        1e4 * sign * (before - after[int(fill["seq"])]) / 2 / fill["price_ticks"]
        for fill, sign, before in zip(run.fills, run.signs, mids(run), strict=True)
        if int(fill["seq"]) in after
    ]
    mean = sum(moves) / len(moves)
    error = math.sqrt(sum((x - mean) ** 2 for x in moves) / (len(moves) - 1) / len(moves))
    assert row["adverse_se_bps"] == pytest.approx(error, rel=1e-3)


def test_fills_in_one_interval_are_added_before_they_are_squared(make: Maker) -> None:
    """The error of a horizon h groups fills by intervals of length h, at least 1 s: the slow twin does it by a dict."""
    run = open_run(make(fill_count=200))
    for horizon, row in enumerate(markout_curve(run)):
        width = max(MARKOUT_NS[horizon], 1_000_000_000)
        after = {int(r["fill_seq"]): int(r["bid_ticks"] + r["ask_ticks"]) for r in run.markouts if r["horizon"] == horizon}
        moves: dict[int, list[tuple[float, float]]] = {}
        for fill, sign, before in zip(run.fills, run.signs, mids(run), strict=True):
            if int(fill["seq"]) in after:
                move = float(sign * (before - after[int(fill["seq"])]) * fill["qty_lots"]) / 2
                moves.setdefault(int(fill["exch_ts"]) // width, []).append((move, float(fill["qty_lots"] * fill["price_ticks"])))
        weight = sum(w for group in moves.values() for _, w in group)
        mean = sum(x for group in moves.values() for x, _ in group) / weight
        squares = sum(sum(x - mean * w for x, w in group) ** 2 for group in moves.values())
        error = 1e4 * math.sqrt(squares * len(moves) / (len(moves) - 1)) / weight
        assert row["adverse_se_bps"] == pytest.approx(error, rel=1e-9)


def test_fills_of_one_moment_are_one_observation(make: Maker) -> None:
    """Fills in a single interval share its move: there is no standard error, and the reason is given."""
    figures = summary(make(seconds=1, fill_count=9))
    assert figures["markouts"][3]["adverse_se_bps"] is None
    assert "markouts[30 s].adverse_se_bps" in figures["missing"]
