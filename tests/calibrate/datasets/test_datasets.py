"""Data sets: rows by hand, each filter and each reason on its own, missing days, bad files, and the feeds of a real run."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.calibrate.datasets import build as ds
from simcore.calibrate.datasets import report as rep
from simcore.calibrate.datasets.files import FILLS, TICKS
from simcore.calibrate.datasets.intervals import DROPS, FEATURES, TARGETS, Limits, percentile_95
from simcore.calibrate.datasets.rows import FILTERS, longest_in_order
from simcore.config.load import load_config
from simcore.engine import replay
from simcore.errors import MmsimError
from simcore.journal.store import read_stream
from simcore.records import PLACE
from simcore.report.feeds import write_feeds
from simcore.tape.read import Tape
from simcore.units import NS_PER_DAY, NS_PER_MS, NS_PER_S

L2 = Path(__file__).parents[3] / "datasets" / "synbtc-perp-20240101-l2.parquet"

DAY = 19_900  # 2024-06-26
BASE = DAY * NS_PER_DAY


def fill(at_s, **changes):
    """Return a fill `at_s` seconds into the day."""
    ts = BASE + round(at_s * NS_PER_S)
    row = {
        "ts": ts, "exch_ts": ts - NS_PER_MS, "venue": "V", "symbol": "X/Y", "order_id": int(at_s * 10), "side": "buy", "price": 100.0, "qty": 1.0,
        "liquidity": "maker", "queue_pos_est": 2.0, "quote_price": 100.0, "mid_at_quote": 100.5, "mid_now": 100.0, "spread_at_quote_bps": 3.0,
        "latency_ms": 20.0, "slip_bps": 0.5, "gross_bps": 2.0, "adverse_bps": 1.0, "fees_bps": 0.25, "inventory_bps": 0.0, "net_bps": 0.75,
    }  # fmt: skip
    return row | changes


def tick(at_s, **changes):
    """Return a traced tick `at_s` seconds into the day."""
    row = {
        "ts": BASE + round(at_s * NS_PER_S), "venue": "V", "symbol": "X/Y", "tick": round(at_s * 10), "tick_total_ms": 10.0, "cache_hit": True,
        "cache_age_ms": 5.0, "used_stale": False, "wait_ms": 0.0, "deadline_miss": False, "guard_level": "none", "spread_bps": 1.5,
        "inventory_pct": 4.0, "skew_bps": 0.0, "requests": 2, "orders": 1,
    }  # fmt: skip
    return row | changes


def ticks_of(first_s, last_s, step_s=10.0, **changes):
    return [tick(at, **changes) for at in np.arange(first_s, last_s, step_s)]


def write(folder, kind, rows, day="2024-06-26", symbol="X-Y"):
    """Write rows as a feed file."""
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    arrays = {}
    for name, values in columns.items():
        array = pa.array(values, pa.int64()) if name in ("ts", "exch_ts") else pa.array(values)
        arrays[name] = array.cast(pa.timestamp("ns", "UTC")) if name in ("ts", "exch_ts") else array
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}-{symbol}-{day}.parquet"
    pq.write_table(pa.table(arrays), path)
    return path


def refused(code, call):
    with pytest.raises(MmsimError) as caught:
        call()
    assert caught.value.code == code, caught.value
    return str(caught.value)


def test_a_row_is_worked_out_by_hand(tmp_path):
    """Two fills and thirty ticks of one interval: every column."""
    write(tmp_path, FILLS, [
        fill(10), fill(20, qty=3.0, mid_now=200.0, price=200.0, net_bps=-1.0, slip_bps=math.nan, liquidity="taker", latency_ms=40.0, gross_bps=1.0),
    ])  # fmt: skip
    ticks = ticks_of(0, 300)
    for i in range(3):
        ticks[i] |= {"cache_hit": False, "used_stale": True, "cache_age_ms": 35.0, "guard_level": "soft", "tick_total_ms": 50.0}
    ticks[3] |= {"guard_level": "hard", "deadline_miss": True, "orders": 11}
    write(tmp_path, TICKS, ticks)
    found = ds.build_dataset(tmp_path)
    assert found.rows == 1
    row = ds.records(found)[0]
    weights = np.array([100.0, 600.0])
    assert row["ts"] == BASE
    assert row["symbol"] == "X/Y"
    assert row["net_bps"] == pytest.approx((0.75 * 100 - 600) / 700)
    assert row["gross_bps"] == pytest.approx(float((np.array([2.0, 1.0]) * weights).sum() / 700))
    assert row["net_1s_bps"] == pytest.approx(row["gross_bps"] - 1.0 - 0.25)
    assert row["slippage_bps"] == 0.5
    assert (row["fills"], row["taker_fills"], row["taker_share"], row["volume"]) == (2, 1, 0.5, 4.0)
    assert (row["ticks"], row["orders"], row["fill_rate"]) == (30, 40, 2 / 40)
    assert row["tick_p95_ms"] == 50.0
    assert row["latency_p95_ms"] == 40.0
    assert row["cache_hit_ratio"] == pytest.approx(0.9)
    assert row["stale_rate"] == pytest.approx(0.1)
    assert row["cache_age_mean_ms"] == pytest.approx(8.0)
    assert row["deadline_miss_rate"] == pytest.approx(1 / 30)
    assert (row["guard_soft_share"], row["guard_hard_share"]) == pytest.approx((0.1, 1 / 30))
    assert (row["spread_mean_bps"], row["inventory_mean_pct"]) == (1.5, 4.0)
    assert set(row) == set(ds.COLUMNS)


def test_percentiles_are_by_nearest_rank():
    """Of 20 values the 19th, of 1 the only one."""
    assert percentile_95(np.arange(20.0)[::-1]) == 18.0
    assert percentile_95(np.array([7.0])) == 7.0


BAD_FILLS = {
    "wrong_day": fill(-5),
    "not_finite": fill(30, price=math.nan),
    "bad_value": fill(31, side="both"),
    "out_of_order": fill(1),
    "duplicate": fill(50),
    "crossed_book": fill(51, spread_at_quote_bps=-0.1),
    "outlier": fill(52, mid_now=80.0),
}
BAD_TICKS = {
    "wrong_day": tick(86_400),
    "not_finite": tick(90, tick_total_ms=math.inf),
    "bad_value": tick(91, guard_level="mad"),
    "out_of_order": tick(0.5),
    "duplicate": tick(110),
    "outlier": tick(112, tick_total_ms=61_000.0),
}


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_refuses_and_counts_its_row_only(tmp_path, name):
    """One bad row among good ones: it is gone, counted under its name, and the row of the interval is as without it."""
    good, ticks = [fill(at) for at in (10, 20, 50)], ticks_of(0, 300)
    write(tmp_path / "good", FILLS, good)
    write(tmp_path / "good", TICKS, ticks)
    write(tmp_path / "bad", FILLS, [*good, BAD_FILLS[name]])
    late = [*ticks[:12], *([BAD_TICKS[name]] if name in BAD_TICKS else []), *ticks[12:]]
    write(tmp_path / "bad", TICKS, late)
    clean, found = ds.build_dataset(tmp_path / "good"), ds.build_dataset(tmp_path / "bad")
    expected = {kind: dict.fromkeys(FILTERS, 0) for kind in (FILLS, TICKS)}
    assert clean.refused == expected
    expected[FILLS][name] = 1
    expected[TICKS][name] = int(name in BAD_TICKS)
    assert found.refused == expected
    assert ds.records(found) == ds.records(clean)


def test_one_time_that_is_far_too_late_costs_one_row(tmp_path):
    """A first row from the evening: the rest of the day is not out of order because of it. So with a first row of another symbol."""
    for name, first in (("late", fill(80_000)), ("other", fill(5, symbol="Z"))):
        write(tmp_path / name, FILLS, [first, *(fill(at) for at in (10, 20, 50))])
        write(tmp_path / name, TICKS, ticks_of(0, 300))
        found = ds.build_dataset(tmp_path / name)
        assert sum(found.refused[FILLS].values()) == 1
        assert ds.records(found)[0]["fills"] == 3


@given(st.lists(st.integers(0, 12), max_size=12))
def test_the_longest_rows_in_order_are_kept(times):
    """As many as the longest of all non-decreasing choices has, and these are in order."""
    kept = longest_in_order(np.array(times, np.int64))
    chosen = [ts for ts, keep in zip(times, kept, strict=True) if keep]
    assert chosen == sorted(chosen)
    best = [1] * len(times)
    for i in range(len(times)):
        best[i] = max([best[j] + 1 for j in range(i) if times[j] <= times[i]], default=1)
    assert len(chosen) == max(best, default=0)


@pytest.mark.parametrize(
    "change",
    [
        {"qty": 0.0}, {"price": -1.0}, {"liquidity": ""}, {"latency_ms": -1.0}, {"symbol": "Z"}, {"exch_ts": BASE + 400 * NS_PER_S},
        {"net_bps": 6000.0}, {"slip_bps": -6000.0}, {"latency_ms": 60_001.0}, {"inventory_bps": math.inf},
    ],
)  # fmt: skip
def test_more_bad_fills_are_refused(tmp_path, change):
    """Each is refused once, by one filter."""
    write(tmp_path, FILLS, [fill(10), fill(60, **change)])
    write(tmp_path, TICKS, ticks_of(0, 300))
    assert sum(ds.build_dataset(tmp_path).refused[FILLS].values()) == 1


def test_missing_figures_are_no_fault(tmp_path):
    """NaN stands for what does not exist: no answer yet, an empty side. It is left out of means, and null in JSON."""
    write(tmp_path, FILLS, [fill(10), fill(20, latency_ms=math.nan, mid_at_quote=math.nan, spread_at_quote_bps=math.nan, net_bps=math.nan)])
    write(tmp_path, TICKS, ticks_of(0, 300))
    found = ds.build_dataset(tmp_path)
    assert sum(found.refused[FILLS].values()) == 0
    assert ds.records(found)[0]["net_bps"] == 0.75
    alone = [fill(10, latency_ms=math.nan)]
    write(tmp_path, FILLS, alone)
    found = ds.build_dataset(tmp_path)
    assert ds.records(found)[0]["latency_p95_ms"] is None
    assert ds.table_of(found)["latency_p95_ms"].null_count == 1


REASONS = {
    "few_ticks": (ticks_of(300, 600, 40.0), [fill(310)]),
    "feed_gap": ([*ticks_of(300, 400, 5.0), *ticks_of(470, 600, 5.0)], [fill(310)]),
    "deadline_misses": ([*ticks_of(300, 320, deadline_miss=True), *ticks_of(320, 600)], [fill(310)]),
    "no_fills": (ticks_of(300, 600), []),
    "not_finite": (ticks_of(300, 600, orders=0), [fill(310)]),
}


@pytest.mark.parametrize("reason", DROPS)
def test_each_reason_drops_its_interval_and_no_other(tmp_path, reason):
    """A good interval before, the bad one, a good one after."""
    ticks, fills = REASONS[reason]
    write(tmp_path, FILLS, [fill(10), *fills, fill(610)])
    write(tmp_path, TICKS, [*ticks_of(0, 300), *ticks, *ticks_of(600, 900)])
    found = ds.build_dataset(tmp_path)
    assert found.dropped == {**dict.fromkeys(DROPS, 0), reason: 1}
    assert [(row["ts"] - BASE) // NS_PER_S for row in ds.records(found)] == [0, 600]


def test_limits_are_the_users(tmp_path):
    """With 7 ticks enough and a gap of 100 s allowed, the interval stays."""
    write(tmp_path, FILLS, [fill(10)])
    write(tmp_path, TICKS, ticks_of(0, 300, 45.0))
    assert "few_ticks 1" in refused("CAL-009", lambda: ds.build_dataset(tmp_path))
    assert ds.build_dataset(tmp_path, limits=Limits(7, 100.0, 0.05)).rows == 1


@pytest.mark.parametrize(("gap_s", "kept"), [(60, 1), (61, 0)])
def test_a_gap_may_be_as_long_as_the_limit(tmp_path, gap_s, kept):
    """60 s without a tick are allowed, 61 s are not."""
    write(tmp_path, FILLS, [fill(10), fill(310)])
    write(tmp_path, TICKS, [*ticks_of(0, 101, 5.0), *ticks_of(100 + gap_s, 300, 5.0), *ticks_of(300, 600)])
    assert ds.build_dataset(tmp_path).dropped["feed_gap"] == 1 - kept


def test_a_locked_book_is_a_crossed_one(tmp_path):
    """A spread of 0 is refused, the least above it is not."""
    write(tmp_path, FILLS, [fill(10, spread_at_quote_bps=0.0), fill(20, spread_at_quote_bps=1e-9)])
    write(tmp_path, TICKS, ticks_of(0, 300))
    assert ds.build_dataset(tmp_path).refused[FILLS]["crossed_book"] == 1


def test_the_day_of_to_is_not_in_the_range(tmp_path):
    """From the 26th to the 27th is one day, although there is a feed of the 27th."""
    for days in (0, 1):
        rows = [[row | {"ts": row["ts"] + days * NS_PER_DAY} for row in each] for each in ([fill(10, exch_ts=BASE)], ticks_of(0, 300))]
        for kind, each in zip((FILLS, TICKS), rows, strict=True):
            write(tmp_path, kind, each, day=f"2024-06-{26 + days}")
    assert ds.build_dataset(tmp_path).rows == 2
    assert ds.build_dataset(tmp_path, from_ts=BASE, to_ts=BASE + NS_PER_DAY).rows == 1
    assert ds.build_dataset(tmp_path, from_ts=BASE + NS_PER_DAY).rows == 1


def test_an_interval_that_a_run_covers_in_part_is_a_gap(tmp_path):
    """Ticks from 100 s on: the first interval lacks its begin."""
    write(tmp_path, FILLS, [fill(110), fill(310)])
    write(tmp_path, TICKS, ticks_of(100, 600))
    found = ds.build_dataset(tmp_path)
    assert found.dropped["feed_gap"] == 1
    assert found.rows == 1


def test_missing_days_are_listed_and_get_no_rows(tmp_path):
    """Of four days asked for one has both feeds, one has ticks only, two have none."""
    write(tmp_path, FILLS, [fill(10)])
    write(tmp_path, TICKS, ticks_of(0, 300))
    later = [row | {"ts": row["ts"] + 2 * NS_PER_DAY} for row in ticks_of(0, 300)]
    write(tmp_path, TICKS, later, day="2024-06-28")
    found = ds.build_dataset(tmp_path, from_ts=BASE - NS_PER_DAY, to_ts=BASE + 3 * NS_PER_DAY)
    assert found.missing == (
        ("X-Y", "2024-06-25", "fills and ticks"), ("X-Y", "2024-06-27", "fills and ticks"), ("X-Y", "2024-06-28", "fills"),
    )  # fmt: skip
    assert found.dropped["no_fills"] == 1
    assert [row["ts"] for row in ds.records(found)] == [BASE]
    assert ds.build_dataset(tmp_path, to_ts=BASE + NS_PER_DAY).missing == ()
    assert len(rep.summary(found)["missing_days"]) == 3


def test_a_day_given_twice_counts_once_and_two_runs_of_a_day_are_said(tmp_path):
    """A copy of the files adds duplicates only; another run's fills add up, with a warning."""
    for name in ("a", "b"):
        write(tmp_path / name, FILLS, [fill(10), fill(20)])
        write(tmp_path / name, TICKS, ticks_of(0, 300))
    alone, both = ds.build_dataset(tmp_path / "a"), ds.build_dataset([tmp_path / "a", tmp_path / "b"])
    assert ds.records(alone) == ds.records(both)
    assert both.refused[FILLS]["duplicate"] == 2
    assert both.refused[TICKS]["duplicate"] == 30
    assert both.overlaps == (("X-Y", "2024-06-26", "fills"), ("X-Y", "2024-06-26", "ticks"))
    assert any("overlap" in text for text in rep.warnings(both))
    again = ds.build_dataset([tmp_path / "a", tmp_path, tmp_path / "a" / "fills-X-Y-2024-06-26.parquet"])
    assert ds.records(again) == ds.records(alone)
    assert len(again.files) == 4


def test_one_symbol_at_two_venues_stays_apart(tmp_path):
    """Rows of each venue, which they name."""
    for venue in ("b", "a"):
        write(tmp_path, FILLS, [fill(10, venue=venue), fill(310, venue=venue)], symbol=f"{venue}-x")
        write(tmp_path, TICKS, ticks_of(0, 600, venue=venue), symbol=f"{venue}-x")
    rows = ds.records(ds.build_dataset(tmp_path))
    assert [(row["venue"], row["symbol"], (row["ts"] - BASE) // NS_PER_S) for row in rows] == [
        ("a", "X/Y", 0), ("a", "X/Y", 300), ("b", "X/Y", 0), ("b", "X/Y", 300),
    ]  # fmt: skip


def test_days_are_given_as_times_are_elsewhere(tmp_path):
    """ISO 8601, or a count whose size tells its unit."""
    write(tmp_path, FILLS, [fill(10)])
    write(tmp_path, TICKS, ticks_of(0, 300))
    assert ds.build_dataset(tmp_path, from_ts=BASE // NS_PER_S).rows == ds.build_dataset(tmp_path, from_ts="2024-06-26").rows == 1
    refused("CONF-003", lambda: ds.build_dataset(tmp_path, from_ts=20240626))


def test_symbols_stay_apart(tmp_path):
    """Two symbols of one day: rows of each, in order of symbol and time."""
    for symbol in ("B", "A"):
        write(tmp_path, FILLS, [fill(10, symbol=symbol), fill(310, symbol=symbol)], symbol=symbol)
        write(tmp_path, TICKS, ticks_of(0, 600, symbol=symbol), symbol=symbol)
    rows = ds.records(ds.build_dataset(tmp_path))
    assert [(row["symbol"], (row["ts"] - BASE) // NS_PER_S) for row in rows] == [("A", 0), ("A", 300), ("B", 0), ("B", 300)]


def test_intervals_of_other_lengths(tmp_path):
    """60 s: five rows where 300 s has one; what does not divide a day is refused."""
    write(tmp_path, FILLS, [fill(at) for at in range(5, 300, 10)])
    write(tmp_path, TICKS, ticks_of(0, 300, 5.0))
    assert ds.build_dataset(tmp_path, interval_s=60).rows == 5
    for interval_s in (0, -300, 7, 7000, 90_000):
        refused("CAL-008", lambda interval_s=interval_s: ds.build_dataset(tmp_path, interval_s=interval_s))


def test_what_is_no_feed_is_refused(tmp_path):
    """No folder, no feeds in it, none in the range, another name, no Parquet, a column short or of another type."""
    refused("CAL-006", lambda: ds.build_dataset(tmp_path / "nowhere"))
    refused("CAL-006", lambda: ds.build_dataset(tmp_path))
    good = write(tmp_path / "good", FILLS, [fill(10)])
    assert "2024-07" in refused("CAL-006", lambda: ds.build_dataset(tmp_path / "good", from_ts=BASE + 30 * NS_PER_DAY, to_ts=BASE + 31 * NS_PER_DAY))
    told = refused("CAL-006", lambda: ds.build_dataset(tmp_path / "good", from_ts=BASE + 30 * NS_PER_DAY))
    assert told.endswith(f"none is of a day from {ds.day_text(BASE // NS_PER_DAY + 30)}: they are of {ds.day_text(BASE // NS_PER_DAY)} to {ds.day_text(BASE // NS_PER_DAY)}")
    other = tmp_path / "fills-X-2024-13-01.parquet"
    other.write_bytes(good.read_bytes())
    refused("CAL-007", lambda: ds.build_dataset(other))
    torn = tmp_path / "torn" / good.name
    torn.parent.mkdir()
    torn.write_bytes(good.read_bytes()[:-20])
    assert str(torn) in refused("CAL-007", lambda: ds.build_dataset(torn))
    short = tmp_path / "short" / good.name
    write(short.parent, FILLS, [{name: value for name, value in fill(10).items() if name != "net_bps"}])
    assert "net_bps" in refused("CAL-007", lambda: ds.build_dataset(short))
    write(tmp_path / "text", FILLS, [fill(10, price="a lot")])
    assert "price" in refused("CAL-007", lambda: ds.build_dataset(tmp_path / "text"))
    write(tmp_path / "null", FILLS, [fill(10, order_id=None), fill(20)])
    assert "order_id" in refused("CAL-007", lambda: ds.build_dataset(tmp_path / "null"))


def test_ranges_and_limits_are_checked(tmp_path):
    """CAL-008: backwards, within a day, or limits without sense."""
    write(tmp_path, FILLS, [fill(10)])
    refused("CAL-008", lambda: ds.build_dataset(tmp_path, from_ts=BASE, to_ts=BASE))
    refused("CAL-008", lambda: ds.build_dataset(tmp_path, from_ts=BASE + 1))
    for limits in (Limits(ticks_min=0), Limits(gap_s_max=0.0), Limits(gap_s_max=math.nan), Limits(misses_max=1.5)):
        refused("CAL-008", lambda limits=limits: ds.build_dataset(tmp_path, limits=limits))


def test_files_agree_and_are_the_same_each_time(tmp_path):
    """Parquet and JSON hold the same rows; a second folder has the same bytes; a folder in use is refused."""
    write(tmp_path / "feeds", FILLS, [fill(at, net_bps=at / 100) for at in range(5, 900, 10)])
    write(tmp_path / "feeds", TICKS, ticks_of(0, 900))
    found = ds.build_dataset(tmp_path / "feeds")
    first, second = (ds.write_dataset(ds.build_dataset(tmp_path / "feeds"), tmp_path / name) for name in ("one", "two"))
    names = sorted(str(path.relative_to(first)) for path in first.rglob("*") if path.is_file())
    assert names == ["dataset.json", "dataset.parquet", "plots/targets.png", "report.html", "report.md", "summary.json"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    frame = pd.read_parquet(first / "dataset.parquet")
    rows = json.loads((first / "dataset.json").read_text())
    assert rows == ds.records(found)
    assert frame["net_bps"].tolist() == [row["net_bps"] for row in rows]
    assert frame["ts"].astype("int64").tolist() == [row["ts"] for row in rows]
    told = json.loads((first / "summary.json").read_text())
    assert told["rows"] == 3
    assert told["distributions"]["net_bps"]["mean"] == pytest.approx(frame["net_bps"].mean())
    assert told["distributions"]["net_bps"]["deviation"] == pytest.approx(frame["net_bps"].std())
    assert set(told["distributions"]) >= {*TARGETS, *FEATURES}
    assert any("too few" in text for text in told["warnings"])
    refused("CAL-004", lambda: ds.write_dataset(found, first))


def test_a_data_set_warns_of_what_it_lost(tmp_path):
    """More than 1 % refused rows, and more than half of the intervals dropped."""
    write(tmp_path, FILLS, [fill(10), fill(11, qty=-1.0)])
    write(tmp_path, TICKS, ticks_of(0, 900))
    said = rep.warnings(ds.build_dataset(tmp_path))
    assert any("1 of 2 fills were refused" in text for text in said)
    assert any("2 of 3 intervals were dropped, more than half" in text for text in said)


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    """JRNL-005 with the file."""
    write(tmp_path / "feeds", FILLS, [fill(10)])
    write(tmp_path / "feeds", TICKS, ticks_of(0, 300))

    def full(path, text):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(ds, "write_text", full)
    assert "dataset.json" in refused("JRNL-005", lambda: ds.write_dataset(ds.build_dataset(tmp_path / "feeds"), tmp_path / "out"))


def test_the_feeds_of_a_run_make_a_data_set(tmp_path):
    """What a replay leaves is read without a refusal; fills, orders and edge of the intervals are those of the run."""
    config = load_config(None, [], {"strategy.name": "demo_maker", "node.trace_every": 10, "run.to": Tape.open(L2).start_ts + 7200 * NS_PER_S})
    run = replay(L2, config, tmp_path / "run")
    feeds = write_feeds(run)
    found = ds.build_dataset(run)
    assert {name: sum(each.values()) for name, each in found.refused.items()} == {FILLS: 0, TICKS: 0}
    assert found.read == {FILLS: feeds.fill_rows, TICKS: feeds.tick_rows}
    assert found.rows + sum(found.dropped.values()) == 25  # the last tick is 5 ms into the 25th
    assert found.columns["fills"].sum() == feeds.fill_rows - _fills_outside(found, feeds)
    orders = pd.read_parquet(feeds.ticks[0])["orders"]
    placed = read_stream(run, "requests")
    last_ts = pd.read_parquet(feeds.ticks[0])["ts"].astype("int64").max()
    assert orders.sum() == ((placed["kind"] == PLACE) & (placed["ts"] <= last_ts)).sum() > 0
    frame = pd.read_parquet(feeds.fills[0])
    weight = frame["mid_now"] * frame["qty"]
    kept = frame["ts"].astype("int64") // (300 * NS_PER_S) * (300 * NS_PER_S)
    for i, begin in enumerate(found.columns["ts"]):
        inside = kept == begin
        expected = (frame["net_bps"] * weight)[inside].sum() / weight[inside].sum()
        assert found.columns["net_bps"][i] == pytest.approx(expected)


def _fills_outside(found, feeds):
    """Return how many fills are of intervals that were dropped."""
    begins = pd.read_parquet(feeds.fills[0])["ts"].astype("int64") // (300 * NS_PER_S) * (300 * NS_PER_S)
    return int((~begins.isin(found.columns["ts"])).sum())
