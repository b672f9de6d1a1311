"""The summary: its keys, its figures against slow twins, and a reason for each that is missing."""

from __future__ import annotations

import itertools
import json
import math
import statistics as slow
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simcore.records import BID
from simcore.report.folder import open_run
from simcore.report.statistics import HEADLINE, headline, summary, utc_text
from tests.report.conftest import Maker
from tests.report.test_edge import CASES

ISSUE_KEYS = (
    "digest, rows, wall_s, rows_per_s, orders, cancels, fills, maker_fills, taker_fills, partial_fills, volume, turnover, fees, "
    "pnl, net_bps, gross_bps, adverse_bps_1s, max_drawdown, position, run_dir, "
    "slippage_bps, taker_share, fill_ratio"
)


def numbers(value: Any) -> Iterator[float]:
    """Yield every float of a nested value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, float):
        yield value


@pytest.mark.parametrize("fields", CASES.values(), ids=CASES)
def test_nothing_is_nan_and_each_gap_has_a_reason(make: Maker, fields: dict[str, Any]) -> None:
    """Figures are finite or None; None is explained in `missing`, and nothing else is."""
    figures = summary(make(**fields))
    assert all(map(math.isfinite, numbers(figures)))
    json.dumps(figures, allow_nan=False)
    absent = {key for key, value in figures.items() if value is None}
    named = {key for key in figures["missing"] if "[" not in key}
    assert absent == named
    assert all(figures["missing"].values())
    holes = {f"markouts[{r['horizon_s']:g} s].{k}" for r in figures["markouts"] for k, v in r.items() if v is None}
    assert holes == set(figures["missing"]) - named


def test_the_headline_is_that_of_the_command(make: Maker) -> None:
    """`--json` prints these keys in this order."""
    figures = summary(make())
    assert ", ".join(HEADLINE) == ISSUE_KEYS
    assert tuple(headline(figures)) == HEADLINE == tuple(figures)[: len(HEADLINE)]


def test_figures_are_those_of_the_counters(make: Maker) -> None:
    run = make()
    figures, counts = summary(run), json.loads((run / "counts.json").read_text())
    for key in ("orders", "cancels", "amends", "fills", "maker_fills", "taker_fills", "partial_fills", "rows", "late_reports"):
        assert figures[key] == counts[key], key
    assert figures["rows_per_s"] == counts["rows"] / counts["wall_s"]
    assert figures["volume"] == pytest.approx(counts["volume_lots"] * 0.001, rel=1e-15)
    assert figures["turnover"] == pytest.approx(counts["turnover_units"] * 1e-8, rel=1e-15)
    assert figures["fees"] == pytest.approx(counts["fee_units"] * 1e-8, rel=1e-15)
    assert figures["net_bps"] == pytest.approx(1e4 * figures["pnl"] / figures["turnover"], rel=1e-12)
    assert figures["run_dir"] == str(run)


def test_fees_by_liquidity_add_up_and_rebates_are_negative(make: Maker) -> None:
    """A negative maker rate gives negative fees: a rebate."""
    figures = summary(make(maker_rate=-5_000, taker_rate=40_000))
    maker, taker = figures["fees_by_liquidity"]
    assert maker["fees"] < 0 < taker["fees"]
    assert maker["rate_bps"] == pytest.approx(-0.5, abs=1e-6)
    assert taker["rate_bps"] == pytest.approx(4.0, abs=1e-6)
    assert maker["fees"] + taker["fees"] == pytest.approx(figures["fees"], rel=1e-12)
    assert maker["fills"] + taker["fills"] == figures["fills"]


def test_only_rebates_are_income(make: Maker) -> None:
    """With makers only and a rebate, fees are negative and net is above gross less adverse plus inventory."""
    figures = summary(make(takers=False, maker_rate=-20_000))
    assert figures["fees"] < 0
    before_fees = figures["edge_gross"] - figures["edge_adverse"] + figures["edge_inventory"]
    assert figures["pnl"] == pytest.approx(before_fees - figures["fees"])
    assert figures["pnl"] > before_fees


def test_drawdown_counts_from_zero(make: Maker) -> None:
    """The slow twin walks the samples; the start, at equity 0, is a highest too."""
    run = make(seconds=30, fill_count=300, taker_rate=900_000)
    assert int(open_run(run).samples["equity_units"].max()) < 0
    highest = worst = 0
    for equity in open_run(run).samples["equity_units"].tolist():
        highest = max(highest, equity)
        worst = max(worst, highest - equity)
    assert worst > 0
    assert summary(run)["max_drawdown"] == pytest.approx(worst * 1e-8, rel=1e-15)


def test_inventory_is_weighted_by_time(make: Maker) -> None:
    run = make()
    folder, figures = open_run(run), summary(run)
    area = size = position = 0
    now = int(folder.note["start_ts"])
    for fill in folder.fills:
        area += position * (int(fill["exch_ts"]) - now)
        size += abs(position) * (int(fill["exch_ts"]) - now)
        now = int(fill["exch_ts"])
        position += int(fill["qty_lots"]) * (1 if fill["side"] == BID else -1)
    area += position * (int(folder.note["end_ts"]) - now)
    size += abs(position) * (int(folder.note["end_ts"]) - now)
    span = int(folder.note["end_ts"]) - int(folder.note["start_ts"])
    assert figures["inventory_mean"] == pytest.approx(0.001 * area / span, rel=1e-12)
    assert figures["inventory_abs_mean"] == pytest.approx(0.001 * size / span, rel=1e-12)
    assert figures["inventory_min"] <= figures["inventory_mean"] <= figures["inventory_max"]


def test_uptime_and_spread_are_those_of_the_samples(make: Maker) -> None:
    run = make()
    rows, figures = open_run(run).samples, summary(run)
    both = [r for r in rows if r["quote_bid_ticks"] and r["quote_ask_ticks"]]
    assert 0 < len(both) < len(rows)
    assert figures["two_sided_uptime"] == len(both) / len(rows)
    assert figures["quote_uptime"] == sum(bool(r["quote_bid_ticks"] or r["quote_ask_ticks"]) for r in rows) / len(rows)
    assert figures["quoted_spread_ticks"] == slow.mean(int(r["quote_ask_ticks"] - r["quote_bid_ticks"]) for r in both)
    bps = slow.mean(2e4 * (r["quote_ask_ticks"] - r["quote_bid_ticks"]) / (r["bid_ticks"] + r["ask_ticks"]) for r in both)
    assert figures["quoted_spread_bps"] == pytest.approx(bps, rel=1e-4)


def test_sharpe_names_its_interval(make: Maker) -> None:
    """Changes of sampled equity at the ends of whole intervals; the longest grid with more than 30 of them."""
    run = make(seconds=1900, fill_count=300)
    rows, figures = open_run(run).samples, summary(run)
    assert figures["sharpe_interval_s"] == 60
    ends: dict[int, int] = {}
    for row in rows:
        ends[int(row["ts"]) // 60_000_000_000] = int(row["equity_units"])
    kept = [ends[k] for k in sorted(ends)][:-1]  # the last interval is not over
    changes = [b - a for a, b in itertools.pairwise(kept)]
    ratio = slow.mean(changes) / slow.stdev(changes)
    assert figures["sharpe_intervals"] == len(changes)
    assert figures["sharpe_per_interval"] == pytest.approx(ratio, rel=1e-9)
    assert figures["sharpe_annualised"] == pytest.approx(ratio * math.sqrt(365 * 86_400 / 60), rel=1e-9)
    assert figures["sharpe_t"] == pytest.approx(ratio * math.sqrt(len(changes)), rel=1e-9)


def test_slippage_compares_with_the_orders_limit(make: Maker) -> None:
    """Makers fill at their price; the fake's takers fill two ticks better than their limit."""
    run = make()
    folder = open_run(run)
    taken = folder.fills[folder.fills["liquidity"] == 2]
    better = int((taken["qty_lots"] * 2).sum()) * folder.money.value_scale
    assert summary(run)["slippage_bps"] == pytest.approx(-1e4 * better / int(folder.counts["turnover_units"]), rel=1e-3)
    assert summary(make("makers", takers=False))["slippage_bps"] == 0


def test_fill_ratio_counts_orders_not_fills(make: Maker) -> None:
    """In the fake each fill has its own order; the rejected orders have none."""
    figures = summary(make(fill_count=60, rejects=3))
    assert figures["fill_ratio"] == 60 / 63
    assert figures["cancel_to_fill"] == figures["cancels"] / 60


def test_rejects_are_counted_by_reason(make: Maker) -> None:
    figures = summary(make(rejects=3))
    assert figures["rejects"] == 3
    assert {(r["reason"], r["count"]) for r in figures["rejects_by_reason"]} == {("rate_limit", 1), ("would_cross", 2)}
    assert summary(make("none", rejects=0))["rejects_by_reason"] == []


def test_fills_by_reason_cover_all_fills(make: Maker) -> None:
    figures = summary(make())
    assert sum(r["fills"] for r in figures["fills_by_reason"]) == figures["fills"]
    assert sum(r["volume_share"] for r in figures["fills_by_reason"]) == pytest.approx(1)


def test_times_between_fills(make: Maker) -> None:
    run = make()
    times = sorted(open_run(run).fills["exch_ts"].tolist())
    gaps = np.diff(np.array(times)) / 1e9
    figures = summary(run)
    assert figures["fill_gap_mean_s"] == pytest.approx(gaps.mean())
    assert figures["fill_gap_median_s"] == pytest.approx(np.median(gaps))


def test_money_near_the_end_of_int64_is_exact(make: Maker) -> None:
    """Notionals near 1e17 units, in sum beyond 2**63 when multiplied: no figure overflows."""
    run = make(kind="huge", lots=95_000, fill_count=40)
    folder, figures = open_run(run), summary(run)
    assert int(folder.notionals.max()) > 5e16
    assert figures["turnover"] == sum(map(int, folder.notionals.tolist())) / 10**8
    assert figures["edge_gross"] > -figures["turnover"]


def test_a_position_without_any_mid_has_no_value(make: Maker) -> None:
    """No sample and no two-sided book at a fill: PnL is missing, and says why."""
    figures = summary(make(fill_count=1, one_sided_book=True, samples=0))
    assert figures["pnl"] is None
    assert "no mid" in figures["missing"]["pnl"]
    assert any("ends with a position" in text for text in figures["warnings"])


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"note": {"synthetic": True}}, "Synthetic tape"),
        ({"note": {"inferred": ["tick_size", "lot_size"]}}, "lot_size, tick_size"),
        ({"note": {"clock": {"policy": "shift", "offset_ns": 1_270_000_000}}}, "shifted by +1,270.000 ms (policy shift)"),
        ({"note": {"clock": {"policy": "auto", "offset_ns": 0, "synthesised": "exch_ts"}}}, "no exchange clock"),
        ({"note": {"tapes": [{"path": "a", "source": {"counts": {"gaps": 7, "rows": 9}}}]}}, "gaps: 7"),
        ({"note": {"tapes": [{"path": "a", "warnings": ["odd rows"]}]}}, "odd rows"),
        ({"note": {"tapes": [{"path": "a", "source": {"warnings": ["9 rows came twice"]}}]}}, "Tape: 9 rows came twice."),
        ({"note": {"repeat": 3}}, "3 times"),
        ({"rejects": 5}, "refused 5 requests"),
        ({"fill_count": 0}, "No fills"),
        ({"fill_count": 5}, "Only 5 fills"),
        ({"sides": "sell"}, "All fills are sells"),
    ],
)
def test_warnings_say_what_matters(make: Maker, fields: dict[str, Any], says: str) -> None:
    assert any(says in text for text in summary(make(**fields))["warnings"]), summary(make("again", **fields))["warnings"]


def test_a_converters_warning_is_not_said_twice(make: Maker) -> None:
    """Clock shift and inferred fields are in the manifest and in the converter's warnings."""
    said = ["inferred: lot_size 0.001", "local clock shifted by +5.000 ms: …"]
    note = {"inferred": ["lot_size"], "clock": {"policy": "auto", "offset_ns": 5_000_000}, "tapes": [{"source": {"warnings": [*said, "odd"]}}, {"source": {"warnings": ["odd"]}}]}
    texts = summary(make(note=note))["warnings"]
    assert sum("lot_size" in text for text in texts) == 1
    assert sum("shifted" in text for text in texts) == 1
    assert texts.count("Tape: odd.") == 1


def test_a_quiet_run_has_no_warnings_about_its_tape(make: Maker) -> None:
    texts = summary(make())["warnings"]
    assert not any(word in text for text in texts for word in ("Synthetic", "inferred", "clock", "Tape"))


def test_times_are_utc() -> None:
    assert utc_text(1_723_075_200_123_456_789) == "2024-08-08 00:00:00.123 UTC"


def test_summary_takes_a_text_path(make: Maker) -> None:
    run = make()
    assert summary(str(run)) == summary(Path(run))
