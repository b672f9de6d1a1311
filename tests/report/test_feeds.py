"""Calibration feeds: what each column holds, one file a day, whole or not at all."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from simcore import parquet
from simcore.errors import MmsimError
from simcore.journal import note as notes
from simcore.journal.store import read_stream, to_table
from simcore.records import ACKED, AMEND, BID, PLACE, TAKER
from simcore.report import feeds, summary
from simcore.report.folder import open_run
from tests.blackbox.command import assert_refused, mmsim_here
from tests.report.conftest import Maker
from tests.sealing import reseal

FILL_COLUMNS = {
    "ts", "symbol", "side", "price", "qty", "liquidity", "queue_pos_est", "quote_price", "mid_at_quote", "mid_now",
    "spread_at_quote_bps", "latency_ms", "slip_bps",
}  # fmt: skip
TICK_COLUMNS = {"ts", "symbol", "a_ms", "b_ms", "c_ms", "orders_ms", "tick_total_ms", "cache_hit", "cache_age_ms", "used_stale", "deadline_miss"}


def busy(make: Maker) -> Path:
    """Return a run whose requests know the book, with one amend that is still on its way at its order's fill."""
    run = make(traces=60, fill_count=80)
    requests, fills = read_stream(run, "requests"), read_stream(run, "fills")
    requests["bid_ticks"], requests["ask_ticks"] = 616_990 + requests["seq"], 617_000 + requests["seq"]
    extra = requests[(requests["kind"] == PLACE) & (requests["order_id"] == fills["order_id"][0])].copy()
    extra["kind"], extra["ts"], extra["price_ticks"] = AMEND, fills["exch_ts"][0] - 1, extra["price_ticks"] + 7
    pq.write_table(to_table(np.concatenate([requests, extra])), run / "journal" / "requests.parquet")
    return reseal(run)


def test_the_feed_of_fills(make: Maker) -> None:
    """Each row against the journal, found by plain loops."""
    run = busy(make)
    written = feeds.write_feeds(run)
    frame = pd.read_parquet(written.fills[0])
    assert set(frame) >= FILL_COLUMNS
    fills, requests, reports = (read_stream(run, name) for name in ("fills", "requests", "reports"))
    assert len(frame) == written.fill_rows == len(fills) == 80
    assert fills["liquidity"][0] != TAKER
    for row, fill in zip(frame.itertuples(), fills, strict=True):
        own = [r for r in requests if r["order_id"] == fill["order_id"] and r["kind"] == PLACE]
        sent = own[-1]
        acks = [int(r["ts"]) for r in reports if r["kind"] == ACKED and r["order_id"] == fill["order_id"]]
        sign = 1 if fill["side"] == BID else -1
        mid_at_quote = (sent["bid_ticks"] + sent["ask_ticks"]) / 2
        assert row.ts.value == fill["ts"]
        assert (row.symbol, row.side) == ("BTCUSDT", "buy" if sign > 0 else "sell")
        assert row.liquidity == ("taker" if fill["liquidity"] == TAKER else "maker")
        assert row.price == pytest.approx(fill["price_ticks"] * 0.1)
        assert row.qty == pytest.approx(fill["qty_lots"] * 0.001)
        assert row.queue_pos_est == pytest.approx(fill["ahead_entry_lots"] * 0.001)
        assert row.quote_price == pytest.approx(sent["price_ticks"] * 0.1)
        assert row.mid_at_quote == pytest.approx(mid_at_quote * 0.1)
        assert row.mid_now == pytest.approx((fill["bid_ticks"] + fill["ask_ticks"]) * 0.05)
        assert row.spread_at_quote_bps == pytest.approx(1e4 * 10 / mid_at_quote)
        assert row.latency_ms == pytest.approx((acks[0] - int(sent["ts"])) / 1e6)
        mid = (fill["bid_ticks"] + fill["ask_ticks"]) / 2
        assert row.slip_bps == pytest.approx(1e4 * sign * (fill["price_ticks"] - sent["price_ticks"]) / mid)
    assert (frame["slip_bps"][frame["liquidity"] == "taker"] < 0).all()


def test_the_feeds_hold_the_edge_of_each_fill(make: Maker) -> None:
    """Their sums, weighted by value at the mid, are the run's."""
    run = busy(make)
    frame = pd.read_parquet(feeds.write_feeds(run).fills[0])
    weight = frame["mid_now"] * frame["qty"]
    for name in ("gross", "fees", "adverse", "inventory"):
        assert (frame[f"{name}_bps"] * weight).sum() / 1e4 == pytest.approx(summary(run)[f"edge_{name}"], rel=1e-6, abs=1e-7)
    assert {"adverse_bps_100ms", "adverse_bps_1s", "adverse_bps_5s", "adverse_bps_30s", "net_bps"} <= set(frame)


def test_the_feed_of_ticks_is_daily(make: Maker) -> None:
    """60 traces an hour apart make three days; each row is in the file of its day."""
    written = feeds.write_feeds(busy(make))
    assert [path.name for path in written.ticks] == [f"ticks-fake-btcusdt-2024-08-{day:02d}.parquet" for day in (8, 9, 10)]
    frames = [pd.read_parquet(path) for path in written.ticks]
    assert [len(frame) for frame in frames] == [24, 24, 12]
    for day, frame in zip((8, 9, 10), frames, strict=True):
        assert set(frame) >= TICK_COLUMNS
        assert set(frame["ts"].dt.day) == {day}
    whole = pd.concat(frames, ignore_index=True)
    assert whole["deadline_miss"].sum() == (whole["tick_total_ms"] > 200).sum() == 1
    assert whole["cache_age_ms"].tolist() == [float(i) for i in range(60)]
    assert whole["cache_hit"].tolist() == [i % 3 != 0 for i in range(60)]
    assert whole["used_stale"].tolist() == [i % 7 == 0 for i in range(60)]
    assert whole["b_ms"].tolist() == pytest.approx([0.001 * (i + 1) for i in range(60)])


def test_a_market_order_without_a_book_has_no_quoted_price(make: Maker) -> None:
    """What is not known is empty, not zero: mid at quote, spread, quoted price, slippage, latency."""
    run = make(fill_count=20)
    for name in ("requests", "reports"):
        pq.write_table(to_table(read_stream(run, name)[:0]), run / "journal" / f"{name}.parquet")
    reseal(run)
    columns = feeds.fill_columns(open_run(run))
    takers = columns["liquidity"] == "taker"
    assert takers.any()
    for name in ("mid_at_quote", "spread_at_quote_bps", "latency_ms"):
        assert all(math.isnan(value) for value in columns[name])
    for name in ("quote_price", "slip_bps"):
        assert all(math.isnan(value) == taker for value, taker in zip(columns[name], takers, strict=True))


def test_a_run_without_fills_or_traces_has_no_feeds(make: Maker) -> None:
    run = make(fill_count=0)
    assert feeds.write_feeds(run) == feeds.Feeds((), (), 0, 0)
    assert not (run / "feeds").exists()


def test_a_stopped_writer_leaves_nothing(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt while the third file is written."""
    run = busy(make)
    real, calls = parquet.write_table, []

    def interrupted(table: object, where: Path, **options: object) -> None:
        calls.append(where)
        if len(calls) == 3:
            Path(where).write_bytes(b"PAR1 half")
            raise KeyboardInterrupt
        real(table, where, **options)

    monkeypatch.setattr(parquet, "write_table", interrupted)
    with pytest.raises(KeyboardInterrupt):
        feeds.write_feeds(run)
    assert list((run / "feeds").iterdir()) == []


def test_an_unwritable_folder_is_refused(make: Maker, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MmsimError) as caught:
        feeds.write_feeds(busy(make), tmp_path / "file" / "feeds")
    assert caught.value.code == "JRNL-005"


def renamed(run: Path, **instrument: str) -> Path:
    """Give a run another instrument's name."""
    note = json.loads((run / "run.json").read_text())
    notes.write(run, {**note, "instrument": {**note["instrument"], **instrument}})
    return run


def test_case_32_one_symbol_at_two_venues_has_two_files(make: Maker, tmp_path: Path) -> None:
    """Every row that is reported is in the files; so for symbols that differ by case or by what no file name holds."""
    names = [("binance_usdm", "BTCUSDT"), ("bybit", "BTCUSDT"), ("bybit", "btcusdt"), ("okx", "BTC/USDT"), ("okx", "BTC-USDT"), ("synth", "A"), ("SYNTH", "A")]
    runs = [renamed(make(f"part{i}", fill_count=20 + i), venue=venue, symbol=symbol) for i, (venue, symbol) in enumerate(names)]
    symbols = [{"key": str(i), "name": str(i), "folder": run.name, "leader": None} for i, run in enumerate(runs)]
    note = {"kind": "portfolio", "status": "done", "fingerprint": "", "tapes": [], "digest": "", "symbols": symbols}
    notes.write(tmp_path, {**note, "files": {}})
    written = feeds.write_feeds(tmp_path, tmp_path / "out")
    frames = [pd.read_parquet(path) for path in written.fills]
    assert written.fill_rows == sum(map(len, frames)) == sum(20 + i for i in range(len(names)))
    assert sorted({(row.venue, row.symbol) for frame in frames for row in frame.itertuples()}) == sorted(names)
    assert len({path.name.lower() for path in written.fills}) == len(written.fills) == len(names)


def test_feeds_of_another_run_are_not_overwritten(make: Maker, tmp_path: Path) -> None:
    """The same again is the same; another run's of that day are refused, and nothing of theirs is written, unless the user says so."""
    first, other = make("first", fill_count=20), make("other", fill_count=30, traces=3)
    out = tmp_path / "out"
    held = {path: path.read_bytes() for path in feeds.write_feeds(first, out).fills}
    assert {path: path.read_bytes() for path in feeds.write_feeds(first, out).fills} == held
    assert_refused(mmsim_here("feeds", other, "--out", out), "CONV-016", "another run")
    assert {path: path.read_bytes() for path in out.iterdir()} == held
    assert mmsim_here("feeds", other, "--out", out, "--replace").returncode == 0
    assert feeds.write_feeds(other, out).fill_rows == 30


def test_the_command(make: Maker, tmp_path: Path) -> None:
    """`mmsim feeds RUN --out DIR` names what it wrote."""
    done = mmsim_here("feeds", busy(make), "--out", tmp_path / "feeds", "--json")
    assert done.returncode == 0
    assert len(list((tmp_path / "feeds").iterdir())) == 4
    assert '"fill_rows": 80' in done.stdout
    assert mmsim_here("feeds", tmp_path / "nothing").returncode == 2
