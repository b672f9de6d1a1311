"""Bybit's order of events, its markets and its trades, each on a small source made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, CLEAR, DEPTH, EXCH_BIT, KIND_MASK, LOCAL_BIT, SNAPSHOT, TRADE
from simcore.tape.convert import bybit
from simcore.tape.convert.assemble import assemble, resolve
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.read import Tape
from tests.blackbox.command import assert_refused, mmsim_here

T0 = 1_767_225_600_000
Levels = list[list[str]]


def message(kind: str, cts: int, ts: int, u: int, bids: Levels, asks: Levels, symbol: str = "BTCUSDT", depth: int = 500) -> str:
    data = {"s": symbol, "b": bids, "a": asks, "u": u, "seq": u * 10}
    return json.dumps({"topic": f"orderbook.{depth}.{symbol}", "type": kind, "ts": T0 + ts, "data": data, "cts": T0 + cts})


def source(tmp_path: Path, lines: list[str], trades: str | list[str] = "", options: ConvertOptions | None = None) -> Source:
    (tmp_path / "a.data").write_text("\n".join(lines) + "\n")
    paths = [tmp_path / "a.data"]
    for i, text in enumerate([trades] if isinstance(trades, str) else trades):
        if text:
            paths.append(tmp_path / f"trades{i}.csv")
            paths[-1].write_text(text)
    return bybit.read(paths, options or ConvertOptions())


def csv(*rows: str) -> str:
    return "\n".join(["timestamp,symbol,side,size,price", *rows]) + "\n"


def seen(source: Source, bit: int) -> list[tuple[int, int, float, float]]:
    """What a view sees in its order: kind, ask bit, price, quantity."""
    rows = assemble(source, ConvertOptions(tick_size="0.1", lot_size="1", kind="linear"), "bybit").rows
    times = rows.exch_ts if bit == EXCH_BIT else rows.local_ts
    mine = np.flatnonzero(rows.ev & bit)
    assert (np.diff(times[mine]) >= 0).all()
    return [(int(rows.ev[i]) & KIND_MASK, int(rows.ev[i]) & ASK_BIT, rows.price_ticks[i] / 10, float(rows.qty_lots[i])) for i in mine]


BOOK = [
    message("snapshot", 98, 100, 500, [["100.0", "10"]], [["100.1", "10"]]),
    message("delta", 198, 200, 501, [["100.0", "5"]], []),
    message("delta", 298, 300, 502, [["100.0", "4"]], []),
]


@pytest.mark.parametrize("digits", ["1980", "1984", "1989999"])
@pytest.mark.parametrize("bit", [EXCH_BIT, LOCAL_BIT])
def test_case_08_a_trade_precedes_the_book_change_of_its_millisecond(tmp_path: Path, digits: str, bit: int) -> None:
    """The book's clock is cut to ms, so a trade stamped 0.4 ms later than the change that it caused is not later."""
    found = seen(source(tmp_path, BOOK, csv(f"{T0 // 1000}.{digits},BTCUSDT,Sell,5,100.0")), bit)
    assert [row[0] for row in found] == [CLEAR, SNAPSHOT, SNAPSHOT, TRADE, DEPTH, DEPTH]
    assert found[3] == (TRADE, ASK_BIT, 100.0, 5.0)


def test_a_trade_precedes_its_book_change_for_the_venue_though_it_arrives_later(tmp_path: Path) -> None:
    """The median of ts - cts is 2 ms, of that one change 1 ms: the Node hears of the change first, the Venue knows better."""
    lines = [BOOK[0], message("delta", 198, 199, 501, [["100.0", "5"]], []), BOOK[2]]
    found = source(tmp_path, lines, csv(f"{T0 // 1000}.1984,BTCUSDT,Sell,5,100.0"))
    assert [row[0] for row in seen(found, EXCH_BIT)] == [CLEAR, SNAPSHOT, SNAPSHOT, TRADE, DEPTH, DEPTH]
    assert [row[0] for row in seen(found, LOCAL_BIT)] == [CLEAR, SNAPSHOT, SNAPSHOT, DEPTH, TRADE, DEPTH]
    assert found.counts["rows_written_twice"] == 1


BACK = [
    message("snapshot", 98, 100, 500, [["100.0", "10"]], [["100.1", "10"]]),
    message("delta", 198, 250, 501, [["100.0", "7"]], []),
    message("delta", 190, 240, 502, [["100.0", "3"]], []),
    message("delta", 398, 400, 503, [], [["100.1", "9"]]),
]


@pytest.mark.parametrize("trades", ["", csv(f"{T0 // 1000}.3900,BTCUSDT,Sell,1,100.0"), csv(f"{T0 // 1000}.1950,BTCUSDT,Sell,1,100.0")])
@pytest.mark.parametrize("bit", [EXCH_BIT, LOCAL_BIT])
def test_case_19_update_ids_outrank_both_clocks_with_and_without_trades(tmp_path: Path, trades: str, bit: int) -> None:
    """502 comes after 501 though cts and ts both go back: the bid is 3 in the end."""
    found = source(tmp_path, BACK, trades)
    assert [row[3] for row in seen(found, bit) if row[0] == DEPTH] == [7.0, 3.0, 9.0]
    assert (found.counts["exchange_times_raised"], found.counts["local_times_raised"]) == (1, 1)
    assert sum("went back" in text for text in found.warnings) == 2


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 60), st.integers(1, 9)), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 4_500), st.integers(0, 9), st.booleans()), max_size=12),
)
def test_a_trade_file_never_changes_the_book(tmp_path: Path, changes: list[tuple[int, int, int]], prints: list[tuple[int, int, bool]]) -> None:
    """Whatever the clocks say, both views see the same book rows in the same order, and every print that has a quantity once."""
    lines = [BOOK[0], *(message("delta", at, at + lag, 501 + i, [["100.0", str(qty)]], []) for i, (at, lag, qty) in enumerate(changes))]
    rows = [f"{T0 // 1000}.{at:04d},BTCUSDT,{'Buy' if buys else 'Sell'},{qty},100.{int(buys)}" for at, qty, buys in prints]
    alone, with_trades = source(tmp_path, lines), source(tmp_path, lines, csv(*rows))
    for bit in (EXCH_BIT, LOCAL_BIT):
        book = [row for row in seen(with_trades, bit) if row[0] != TRADE]
        assert book == seen(alone, bit)
        traded = sorted(row[3] for row in seen(with_trades, bit) if row[0] == TRADE)
        assert traded == sorted(float(qty) for _, qty, _ in prints if qty)
    assert with_trades.counts.get("trades_without_quantity", 0) == sum(qty == 0 for _, qty, _ in prints)


def test_late_and_repeated_messages_are_told_apart(tmp_path: Path) -> None:
    """An update id that was seen is repeated; one that was left out and comes later is late: both are dropped and counted."""
    late = message("delta", 299, 301, 501, [["100.0", "1"]], [])
    lines = [BOOK[0], BOOK[0], BOOK[2], BOOK[2], late, late]
    counts = source(tmp_path, lines).counts
    assert counts == {"snapshots": 1, "repeated_snapshots_dropped": 1, "book_gaps": 1, "repeated_deltas_dropped": 2, "late_deltas_dropped": 1}


WIDE = "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional"


def test_trades_of_overlapping_files_count_once(tmp_path: Path) -> None:
    """By id where there are ids; without, equal rows of one file are different trades, those of another file the same again."""
    one = csv(f"{T0 // 1000}.15,BTCUSDT,Sell,5,100.0", f"{T0 // 1000}.15,BTCUSDT,Sell,5,100.0", f"{T0 // 1000}.16,BTCUSDT,Buy,1,100.1")
    two = csv(f"{T0 // 1000}.15,BTCUSDT,Sell,5,100.0", f"{T0 // 1000}.17,BTCUSDT,Buy,2,100.1")
    found = source(tmp_path, BOOK, [one, two])
    assert found.rows.qty[(found.rows.ev & KIND_MASK) == TRADE].tolist() == [5.0, 5.0, 1.0, 2.0]
    assert found.counts["trades_repeated"] == 1
    assert any("1 trades were in the files twice" in text for text in found.warnings)
    row = f"{T0 // 1000}.15,BTCUSDT,Sell,5,100.0,ZeroMinusTick,{{}},5e10,5,500"
    found = source(tmp_path, BOOK, "\n".join([WIDE, row.format("a"), row.format("b"), row.format("a")]) + "\n")
    assert int(((found.rows.ev & KIND_MASK) == TRADE).sum()) == 2
    assert found.counts["trades_repeated"] == 1


def test_trades_of_another_symbol_are_counted(tmp_path: Path) -> None:
    text = csv(f"{T0 // 1000}.15,ETHUSDT,Sell,5,100.0", f"{T0 // 1000}.15,BTCUSDT,Sell,1,100.0")
    found = source(tmp_path, BOOK, text, ConvertOptions(symbol="BTCUSDT"))
    assert found.counts["trades_of_other_symbols"] == 1


@pytest.mark.parametrize("scale", ["s", "ms", "us", "ns"])
def test_trade_times_are_read_in_the_unit_that_their_size_tells(tmp_path: Path, scale: str) -> None:
    text = {"s": f"{T0 // 1000}.15", "ms": f"{T0 + 150}", "us": f"{T0 + 150}000", "ns": f"{T0 + 150}000000"}[scale]
    found = source(tmp_path, BOOK, csv(f"{text},BTCUSDT,Sell,5,100.0")).rows
    assert found.exch_ts[(found.ev & KIND_MASK) == TRADE].tolist() == [(T0 + 150) * 1_000_000]


def test_a_trade_file_whose_name_says_no_symbol_is_of_the_book(tmp_path: Path) -> None:
    text = f"timestamp,side,size,price\n{T0 // 1000}.15,Sell,5,100.0\n"
    found = source(tmp_path, BOOK, text)
    assert found.symbol == "BTCUSDT"
    assert any("no symbol there: taken as BTCUSDT" in text for text in found.warnings)
    monthly = tmp_path / "BTCUSDT-2026-01.csv"
    monthly.write_text(text)
    assert bybit.read([monthly], ConvertOptions()).symbol == "BTCUSDT"


# --- which market -----------------------------------------------------------------------------------------


def wide(symbol: str, size: str, home: str, foreign: str, price: str = "100000.0") -> str:
    return f"{WIDE}\n{T0 // 1000}.15,{symbol},Sell,{size},{price},ZeroMinusTick,a,1e8,{home},{foreign}\n"


def snapshot(symbol: str, qty: str = "50000", depth: int = 500, price: str = "100000.0") -> list[str]:
    return [message("snapshot", 98, 100, 500, [[price, qty]], [["100000.5", qty]], symbol, depth)]


SPOT = f"id,timestamp,price,volume,side\n1,{T0 + 150},100000.0,0.5,sell\n"


@pytest.mark.parametrize(
    ("lines", "trades", "kind", "venue", "inferred"),
    [
        (snapshot("BTCUSD"), "", "inverse", "bybit_inverse", ("kind", "contract_size")),
        (snapshot("BTCUSDH26"), "", "inverse", "bybit_inverse", ("kind", "contract_size")),
        (snapshot("BTCUSD"), wide("BTCUSD", "100", "0.001", "100"), "inverse", "bybit_inverse", ("kind", "contract_size")),
        (snapshot("BTCUSDT", "0.5"), wide("BTCUSDT", "0.5", "0.5", "50000"), "linear", "bybit", ()),
        (snapshot("BTCPERP", "0.5"), "", "linear", "bybit", ("kind",)),
        (snapshot("BTC-27MAR26", "0.5"), "", "linear", "bybit", ("kind",)),
        (snapshot("BTCUSDT", "0.5", 200), SPOT, "spot", "bybit_spot", ("kind",)),
        (snapshot("BTCUSDT", "0.5", 200), "", "linear", "bybit", ()),
    ],
)
def test_case_14_the_market_is_decided_from_all_evidence(
    tmp_path: Path, lines: list[str], trades: str, kind: str, venue: str, inferred: tuple[str, ...]
) -> None:
    """What was assumed is listed; the catalogue's own instruments need no assumption."""
    found = source(tmp_path, lines, trades)
    assert (found.kind, found.venue) == (kind, venue)
    instrument, assumed = resolve(found, ConvertOptions(tick_size="0.1", lot_size="0.1"), "bybit", [])
    assert (instrument.kind, instrument.contract_size, instrument.venue) == (kind, "1", venue)
    assert tuple(name for name in assumed if name in inferred or name == "kind") == inferred


def test_a_market_that_stays_open_is_told(tmp_path: Path) -> None:
    assert any("may be linear or spot" in text for text in source(tmp_path, snapshot("BTCUSDT", "0.5", 200)).warnings)


@pytest.mark.parametrize(
    ("lines", "trades"),
    [
        (snapshot("BTCUSD", "0.5"), ""),
        (snapshot("BTCUSDT", "100"), wide("BTCUSDT", "100", "0.001", "100")),
        (snapshot("BTCUSDT", "0.5"), SPOT),
        (snapshot("BTCUSD"), wide("BTCUSD", "0.5", "0.5", "50000")),
    ],
)
def test_a_source_that_contradicts_itself_is_refused_unless_the_user_decides(tmp_path: Path, lines: list[str], trades: str) -> None:
    with pytest.raises(ConvertError, match="CONV-010"):
        source(tmp_path, lines, trades)
    found = source(tmp_path, lines, trades, ConvertOptions(kind="inverse"))
    assert found.kind == "inverse"
    assert any("--kind inverse was taken, though" in text for text in found.warnings)


def test_a_folder_named_after_a_market_says_which(tmp_path: Path) -> None:
    (tmp_path / "spot").mkdir()
    assert source(tmp_path / "spot", snapshot("BTCUSDT", "0.5", 200)).venue == "bybit_spot"
    with pytest.raises(ConvertError, match="CONV-010"):
        source(tmp_path / "spot", snapshot("BTCUSDT", "0.5", 500))


def test_an_inverse_contract_costs_fees_of_its_dollars(tmp_path: Path) -> None:
    """100 contracts at 100,000 USD are 0.001 BTC, whatever the flags leave unsaid."""
    (tmp_path / "a.data").write_text(snapshot("BTCUSD")[0] + "\n")
    (tmp_path / "t.csv").write_text(wide("BTCUSD", "100", "0.001", "100"))
    done = mmsim_here("tape", "convert", str(tmp_path / "a.data"), str(tmp_path / "t.csv"), "--format", "bybit", "--out", str(tmp_path / "t.parquet"), "--json")
    assert done.returncode == 0, done.stderr
    instrument = Tape.open(tmp_path / "t.parquet").instrument
    assert (instrument.kind, instrument.contract_size, instrument.lot_size, instrument.base, instrument.quote) == ("inverse", "1", "100", "BTC", "USD")
    assert set(json.loads(done.stdout)["inferred"]) >= {"kind", "contract_size"}


# --- order of files ---------------------------------------------------------------------------------------


def files(tmp_path: Path, *parts: list[str]) -> list[Any]:
    paths = [tmp_path / f"{i}.data" for i in range(len(parts))]
    for path, lines in zip(paths, parts, strict=True):
        path.write_text("\n".join(lines) + "\n")
    return paths


def test_book_files_out_of_time_order_are_refused(tmp_path: Path) -> None:
    first, second = files(tmp_path, BOOK, [message("snapshot", 900, 905, 1, [["100.0", "1"]], [])])
    assert bybit.read([first, second], ConvertOptions()).counts["snapshots"] == 2
    assert_refused(mmsim_here("tape", "convert", str(second), str(first), "--format", "bybit", "--out", str(tmp_path / "o")), "CONV-011", "begins at")
    assert_refused(mmsim_here("tape", "convert", str(first), str(first), "--format", "bybit", "--out", str(tmp_path / "o")), "CONV-011", "begins at")


def test_a_file_whose_update_ids_go_on_may_begin_before_the_last_one_ended(tmp_path: Path) -> None:
    parts = files(tmp_path, BOOK, [message("delta", 290, 299, 503, [["100.0", "1"]], [])])
    assert bybit.read(parts, ConvertOptions()).rows.qty.tolist()[-1] == 1.0


@pytest.mark.parametrize("trades", [csv(), csv(f"{T0 // 1000}.15,ETHUSDT,Sell,5,100.0")])
def test_trade_files_without_a_trade_of_the_symbol_are_none(tmp_path: Path, trades: str) -> None:
    found = source(tmp_path, BOOK, trades, ConvertOptions(symbol="BTCUSDT"))
    assert not ((found.rows.ev & KIND_MASK) == TRADE).any()
    assert any("no trade file was given" in text for text in found.warnings)
