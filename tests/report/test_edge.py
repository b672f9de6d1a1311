"""The edge adds up to the unit, its signs are those of the docs, and markouts are what the market did."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from simcore.journal.store import read_stream, to_table
from simcore.records import ASK, BID, IOC, MARKET, MARKOUT_NS, STOP_MARKET, TAKER
from simcore.report import RunResult, sums
from simcore.report.edge import HORIZON_NAMES, edge_halves, fill_bps, fill_edge
from simcore.report.folder import RunFolder, open_run
from simcore.report.markouts import markout_curve, mids
from simcore.report.statistics import summary
from tests.report.conftest import Maker
from tests.sealing import reseal

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


def halves(run: RunFolder) -> dict[str, int | None]:
    return edge_halves(run, fill_edge(run))


@pytest.mark.parametrize("fields", CASES.values(), ids=CASES)
def test_the_edge_adds_up_to_the_unit(make: Maker, fields: dict[str, Any]) -> None:
    """gross - adverse - fees - funding + inventory = net, in integers, for every kind of instrument."""
    terms = halves(open_run(make(**fields)))
    assert None not in terms.values()
    parts = terms["gross"] - terms["adverse"] - terms["fees"] - terms["funding"] + terms["inventory"]  # type: ignore[operator]
    assert parts == terms["net"]
    assert terms["quoted"] - terms["slippage"] == terms["gross"]  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["linear", "inverse"])
def test_each_term_in_bps_is_of_the_turnover(make: Maker, kind: str) -> None:
    figures = summary(make(kind=kind))
    for name in ("quoted", "slippage", "gross", "adverse", "fees", "funding", "inventory", "net"):
        assert figures[f"edge_{name}_bps"] == pytest.approx(10_000 * figures[f"edge_{name}"] / figures["turnover"]), name


@pytest.mark.parametrize("fields", CASES.values(), ids=CASES)
def test_the_fills_add_up_to_the_run(make: Maker, fields: dict[str, Any]) -> None:
    """Each fill's parts make its net, and all fills' nets less funding make the run's, to the unit."""
    run = open_run(make(**fields))
    fills, terms = fill_edge(run), halves(run)
    assert fills.inventory is not None
    assert fills.net is not None
    columns = zip(fills.quoted, fills.slippage, fills.gross, fills.adverse, fills.fees, fills.inventory, fills.net, strict=True)
    count = 0
    for quoted, slippage, gross, adverse, fees, inventory, net in columns:
        assert quoted - slippage == gross
        assert gross - adverse - fees + inventory == net
        count += 1
    assert count == len(run.fills)
    assert sums.total(fills.net) - terms["funding"] == terms["net"]  # type: ignore[operator]


@pytest.mark.parametrize("fields", CASES.values(), ids=CASES)
def test_the_last_fill_bears_no_more_than_roundings(make: Maker, fields: dict[str, Any]) -> None:
    """Its inventory is s q (M - m1) like that of the others, but for half a unit (inverse: half a unit a fill)."""
    run = open_run(make(**fields))
    inventory = fill_edge(run).inventory
    assert inventory is not None
    if not len(run.fills):
        return
    one_second = MARKOUT_NS.index(1_000_000_000)
    after = {int(r["fill_seq"]): int(r["bid_ticks"] + r["ask_ticks"]) for r in run.markouts if r["horizon"] == one_second}
    for i, fill in enumerate(run.fills):
        sign, lots = (1 if fill["side"] == BID else -1), int(fill["qty_lots"])
        before = int(fill["bid_ticks"] + fill["ask_ticks"]) if fill["ask_ticks"] else 0
        later = (after.get(int(fill["seq"]), before) if before else 0) or 2 * int(fill["price_ticks"])
        exact = 2 * sign * (value(run, lots, run.last_mid or 0) - value(run, lots, later))
        room = 2 if i + 1 < len(run.fills) else len(run.fills) + 2
        assert abs(int(inventory[i]) - exact) <= room


def test_bps_of_a_fill_are_those_of_the_definition(make: Maker) -> None:
    """gross_bps = s (mid at fill - price) / mid, adverse_bps = s (mid - mid(h)) / mid, in floats fill by fill."""
    run = open_run(make(one_sided_book=True))
    named = fill_bps(run, fill_edge(run))
    known = 0
    for i, fill in enumerate(run.fills):
        if not fill["ask_ticks"]:
            assert named["gross_bps"][i] == 0.0
            assert math.isnan(named["adverse_bps_1s"][i])
            continue
        sign, mid = (1 if fill["side"] == BID else -1), (fill["bid_ticks"] + fill["ask_ticks"]) / 2
        assert named["gross_bps"][i] == pytest.approx(1e4 * sign * (mid - fill["price_ticks"]) / mid, rel=1e-9)
        assert named["fees_bps"][i] == pytest.approx(
            1e4 * fill["fee_units"] / (fill["qty_lots"] * mid * run.money.value_scale), rel=1e-9
        )
        for horizon, label in enumerate(HORIZON_NAMES):
            after = run.markouts[(run.markouts["fill_seq"] == fill["seq"]) & (run.markouts["horizon"] == horizon)]
            if not len(after):
                assert math.isnan(named[f"adverse_bps_{label}"][i])
                continue
            later = int(after["bid_ticks"][0] + after["ask_ticks"][0]) / 2
            assert named[f"adverse_bps_{label}"][i] == pytest.approx(1e4 * sign * (mid - later) / mid, rel=1e-9, abs=1e-9)
            known += 1
        parts = named["gross_bps"][i] - named["adverse_bps"][i] - named["fees_bps"][i] + named["inventory_bps"][i]
        assert named["net_bps"][i] == pytest.approx(parts, abs=1e-9)
    assert known > 50
    assert HORIZON_NAMES == ("100ms", "1s", "5s", "30s")


def test_a_market_order_slips_from_the_best_price_that_the_node_saw(make: Maker) -> None:
    """The opposite best price of the request; a stop's is its trigger; without one the fill does not count."""
    path = make(fill_count=80)
    requests = read_stream(path, "requests")
    takers = requests["tif"] == IOC
    assert takers.sum() > 9
    for tif, better in ((MARKET, 5), (STOP_MARKET, 3)):
        requests["tif"][takers] = tif
        opposite = np.where(requests["side"] == BID, 1, -1) * -better + _fill_price(path, requests)
        requests["ask_ticks"] = requests["bid_ticks"] = requests["trigger_ticks"] = 0
        if tif == MARKET:
            requests["ask_ticks"][takers & (requests["side"] == BID)] = opposite[takers & (requests["side"] == BID)]
            requests["bid_ticks"][takers & (requests["side"] == ASK)] = opposite[takers & (requests["side"] == ASK)]
        else:
            requests["trigger_ticks"][takers] = opposite[takers]
        pq.write_table(to_table(requests), path / "journal" / "requests.parquet")
        run = open_run(reseal(path))
        cost = int((run.fills["qty_lots"][run.fills["liquidity"] == TAKER] * better).sum()) * run.money.value_scale
        assert halves(run)["slippage"] == 2 * cost
        assert summary(path)["slippage_bps"] == pytest.approx(1e4 * cost / int(run.counts["turnover_units"]))
    requests["trigger_ticks"] = 0
    pq.write_table(to_table(requests), path / "journal" / "requests.parquet")
    assert halves(open_run(reseal(path)))["slippage"] == 0
    assert summary(path)["slippage_bps"] == 0.0


def _fill_price(path: Path, requests: Any) -> Any:
    prices = {int(fill["order_id"]): int(fill["price_ticks"]) for fill in read_stream(path, "fills")}
    return np.array([prices.get(int(order), 0) for order in requests["order_id"]])


def test_edge_of_each_fill_as_a_frame(make: Maker) -> None:
    """One row a fill, money and bps, whose sums are the summary's figures."""
    result = RunResult(make())
    frame, figures = result.edge, result.summary
    assert len(frame) == figures["fills"]
    for name in ("gross", "slippage", "adverse", "fees", "inventory"):
        assert frame[name].sum() == pytest.approx(figures[f"edge_{name}"], abs=1e-9)
    assert frame["net"].sum() - figures["edge_funding"] == pytest.approx(figures["pnl"], abs=1e-9)
    assert {"gross_bps", "net_bps", "adverse_bps_30s", "exch_ts", "side", "liquidity"} <= set(frame)


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
    found = halves(run)["inventory"]
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
    terms = halves(run)
    assert terms["gross"] == int(fill["ask_ticks"] - fill["bid_ticks"]) * lots * scale
    assert terms["adverse"] == (before - after[1]) * lots * scale
    assert terms["fees"] == 0


def test_net_is_the_last_sampled_equity(make: Maker) -> None:
    """The equity curve of the ledger and the PnL from the fills end at the same figure."""
    for kind in ("linear", "inverse"):
        run = open_run(make(kind, kind=kind, funding_units=777))
        last = int(run.samples["equity_units"][-1])
        assert int(run.samples["position_lots"][-1]) == int(run.counts["position_lots"])
        assert halves(run)["net"] == 2 * last


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
