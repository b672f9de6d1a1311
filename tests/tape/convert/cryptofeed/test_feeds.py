"""Small captures of every exchange: exact rows, what is counted, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simcore.errors import ConvertError
from simcore.records import ASK, ASK_BIT, CLEAR, DEPTH, GAP, KIND_MASK, NO_SIDE_BIT, SNAPSHOT, TRADE
from simcore.tape.convert import cryptofeed
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.cryptofeed.bybit import settled
from tests.tape.convert.cryptofeed import captures as made
from tests.tape.convert.plain_book import PlainBook

MS = 1_000_000


def read(folder: Path, name: str, *texts: str, **options: str) -> Source:
    paths = []
    for i, one in enumerate(texts):
        paths.append(folder / f"{name}.ws.1.{i}")
        paths[-1].write_text(one)
    return cryptofeed.read(paths, ConvertOptions(**options))


def kinds(source: Source) -> list[int]:
    return [int(ev) & KIND_MASK for ev in source.rows.ev]


def book_of(source: Source) -> PlainBook:
    book = PlainBook()
    for ev, price, qty in zip(source.rows.ev.tolist(), source.rows.price.tolist(), source.rows.qty.tolist(), strict=True):
        book.apply(ev, price, qty)
    return book


def as_levels(book: made.Book) -> tuple[dict[float, float], dict[float, float]]:
    return {float(p): float(q) for p, q in book[0]}, {float(p): float(q) for p, q in book[1]}


@pytest.mark.parametrize("name", made.MAKERS)
def test_the_book_of_the_rows_is_the_exchange_s(name: str, tmp_path: Path) -> None:
    """Four levels, six changes, at least five trades, on every exchange."""
    source = read(tmp_path, name, made.MAKERS[name]())
    book = made.START
    for change in made.CHANGES:
        book = made.applied(book, *change)
    assert book_of(source).copy() == as_levels(book)
    assert kinds(source).count(TRADE) == 6
    assert kinds(source).count(SNAPSHOT) == 4
    assert kinds(source).count(DEPTH) == 6
    assert GAP not in kinds(source)
    assert source.symbol == made.SYMBOL
    assert source.rows.local_ts.tolist() == sorted(source.rows.local_ts.tolist())
    assert source.rows.exch_ts[0] < source.rows.local_ts[0]


def test_kraken_rows_are_exact(tmp_path: Path) -> None:
    """Local time is the line's, exchange time the level's, to the ns."""
    source = read(tmp_path, "KRAKEN", made.text(*made.kraken().split("\n")[:4]))
    rows = source.rows
    local, exch = (made.T0 * 1000 + 200) * MS, (made.T0 * 1000 + 190) * MS
    assert list(zip(rows.ev.tolist(), rows.price.tolist(), rows.qty.tolist(), strict=True)) == [
        (CLEAR | NO_SIDE_BIT, 0.0, 0.0), (SNAPSHOT, 9.9, 5.0), (SNAPSHOT, 9.8, 7.5), (SNAPSHOT | ASK_BIT, 10.0, 4.0),
        (SNAPSHOT | ASK_BIT, 10.2, 0.5), (DEPTH, 9.9, 4.25),
    ]  # fmt: skip
    assert rows.local_ts.tolist() == [local] * 5 + [local + 100 * MS]
    assert rows.exch_ts.tolist() == [exch] * 5 + [exch + 100 * MS]
    assert rows.line.tolist() == [3] * 5 + [4]
    assert source.counts == {"control_messages": 1, "snapshots": 1, "checksums": 1}
    assert (source.venue, source.kind, source.hints) == ("kraken", "spot", {"contract_size": "1"})


@pytest.mark.parametrize("name", ["KRAKEN", "OKX"])
def test_a_lost_update_shows_in_the_checksums_and_is_a_gap(name: str, tmp_path: Path) -> None:
    """The third change is left out: one gap, and a warning, until a snapshot comes."""
    lines = made.MAKERS[name]().split("\n")
    books = [i for i, line in enumerate(lines) if '"book-10"' in line or '"books", "instId"' in line]
    del lines[books[3]]
    source = read(tmp_path, name, made.text(*lines))
    assert kinds(source).count(GAP) == (1 if name == "KRAKEN" else 2)  # prevSeqId tells once more
    assert source.counts["checksums_wrong"] >= 1
    assert source.counts["checksums"] == (5 if name == "KRAKEN" else 6)
    assert any("checksums of the book differ" in warning for warning in source.warnings)
    assert any("may be wrong to the end" in warning for warning in source.warnings)


def test_kraken_levels_behind_the_depth_are_removed(tmp_path: Path) -> None:
    """A book of depth 10 does not hear of its eleventh level again."""
    book: made.Book = ([[f"{9 - i / 10:.1f}", "1.00"] for i in range(10)], [["10.0", "1.00"]])
    after = made.applied(book, 0, "9.5", "2.00")
    lines = [made.kraken_snapshot(0.1, book), made.kraken_book(0.2, [(0, "9.5", "2.00")], made.kraken_sum(after))]
    source = read(tmp_path, "KRAKEN", made.text(*lines))
    assert source.counts["levels_out_of_depth"] == 1
    assert "checksums_wrong" not in source.counts
    assert len(book_of(source).sides[0]) == 10
    assert 8.1 not in book_of(source).sides[0]


def test_kraken_levels_published_again_do_not_turn_the_clock_back(tmp_path: Path) -> None:
    message = made.got(0.3, [7, {"b": [["9.7", "1.00", f"{made.T0 - 50}.000000", "r"]], "c": str(made.kraken_sum(made.applied(made.START, 0, "9.7", "1.00")))}, "book-10", made.SYMBOL])
    source = read(tmp_path, "KRAKEN", made.text(made.kraken_snapshot(0.2, made.START), message))
    assert source.rows.exch_ts[-1] == source.rows.exch_ts[0]
    assert (source.counts["levels_published_again"], source.counts["exchange_times_raised"]) == (1, 1)


def test_okx_sequence_numbers_tell_a_gap_without_a_checksum(tmp_path: Path) -> None:
    lines = [
        made.okx_book(0.1, "snapshot", made.START, 0, seqId=5, prevSeqId=-1),
        made.okx_book(0.2, "update", ([["9.9", "1"]], []), 0, seqId=7, prevSeqId=5),
        made.okx_book(0.3, "update", ([["9.9", "2"]], []), 0, seqId=9, prevSeqId=8),
    ]
    source = read(tmp_path, "OKX", made.text(*lines))
    assert kinds(source) == [CLEAR, *[SNAPSHOT] * 4, DEPTH, GAP, DEPTH]
    assert (source.counts["gaps"], source.counts["books_without_checksum"]) == (1, 3)


def test_an_okx_contract_of_unknown_value_is_refused(tmp_path: Path) -> None:
    lines = made.okx().replace('"ABC"', '"BTC-USDT-SWAP"')
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, "OKX", lines)
    assert refused.value.code == "CONV-005"
    assert "--contract-size" in refused.value.cause
    source = read(tmp_path, "OKX", lines, contract_size="0.01")
    assert source.kind == "linear"
    listed = {"data": [{"instId": "BTC-USDT-SWAP", "instType": "SWAP", "ctType": "linear", "ctVal": "0.01", "tickSz": "0.1", "lotSz": "1"}]}
    answer = made.answered("https://www.okx.com/api/v5/public/instruments?instType=SWAP", 0.0, listed)
    source = read(tmp_path, "OKX", made.text(answer) + lines)
    assert source.hints == {"tick_size": "0.1", "lot_size": "1", "contract_size": "0.01"}


def test_a_coinbase_snapshot_is_shown_with_the_next_dated_message(tmp_path: Path) -> None:
    """No time is made up: the book is there from the first message that names one, and just before it."""
    lines = [made.coinbase_snapshot(0.1), made.coinbase_match(0.2, 40, "last_match"), made.coinbase_match(0.3, 41), made.coinbase_change(0.4, 1, "10.0", "3.50")]
    source = read(tmp_path, "COINBASE", made.text(*lines))
    start = made.T0 * 1000 * MS
    assert kinds(source) == [TRADE, CLEAR, *[SNAPSHOT] * 4, DEPTH]
    assert source.rows.exch_ts.tolist() == [start + 280 * MS] * 6 + [start + 390 * MS]
    assert source.rows.local_ts.tolist() == [start + 300 * MS] * 6 + [start + 400 * MS]
    assert source.counts == {"snapshots": 1, "trades_before_start": 1}


def test_a_bad_coinbase_snapshot_that_nothing_follows_is_refused_with_its_line(tmp_path: Path) -> None:
    """It is shown late, but read at once."""
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, "COINBASE", made.text(made.coinbase_snapshot(0.1).replace('"9.9"', "null")))
    assert (refused.value.code, "line 1:" in refused.value.cause) == ("CONV-003", True)


def test_coinbase_trades_repeated_after_a_reconnect_are_known_by_their_ids(tmp_path: Path) -> None:
    """41 comes again as the last match; 43 was missed while the connection was down."""
    lines = [
        made.opened("wss://ws-feed.exchange.coinbase.com"), made.coinbase_snapshot(0.1), made.coinbase_match(0.2, 41), made.coinbase_match(0.25, 42),
        made.opened("wss://ws-feed.exchange.coinbase.com", 5), made.coinbase_match(5.1, 42, "last_match"), made.coinbase_snapshot(5.2), made.coinbase_match(5.3, 44),
    ]  # fmt: skip
    source = read(tmp_path, "COINBASE", made.text(*lines))
    assert kinds(source).count(TRADE) == 3
    assert kinds(source).count(GAP) == 1
    assert {name: source.counts[name] for name in ("trades_repeated", "trades_missing", "reconnects", "gaps", "snapshots")} == {
        "trades_repeated": 1, "trades_missing": 1, "reconnects": 1, "gaps": 1, "snapshots": 2,
    }  # fmt: skip
    assert sum("trades" in warning for warning in source.warnings) == 2


def test_bybit_sizes_that_were_32_bit_floats_are_rounded_and_counted(tmp_path: Path) -> None:
    book: made.Book = ([["9.9", "642.60004"], ["9.8", "11999.999"]], [["10.0", "0.4"]])
    source = read(tmp_path, "BYBIT", made.text(made.opened("wss://stream.bybit.com/realtime_public"), made.bybit_snapshot(0.1, 5, book)))
    assert source.rows.qty.tolist() == [0.0, 642.6, 12000.0, 0.4]
    assert source.counts["sizes_rounded"] == 2
    assert any("2 sizes were 32 bit floats" in warning for warning in source.warnings)
    assert source.kind == "linear"


@pytest.mark.parametrize(
    ("sizes", "lot", "rounded"),
    [
        ([642.60004, 0.4], None, [642.6, 0.4]), ([642.60004, 0.4], "0.2", [642.6, 0.4]), ([642.60004, 0.4], "1", [642.60004, 0.4]), ([0.0000005, 3.0], None, [0.0000005, 3.0]),
        ([5.0, 7.0], "1000000000", [5.0, 7.0]), ([5.0], "1e999999999", [5.0]), ([5.0], "0", [5.0]), ([5.0], "x", [5.0]), ([float("inf"), 5.0], None, [float("inf"), 5.0]),
    ],
)  # fmt: skip
def test_sizes_that_fit_no_step_stay_as_they_are(sizes: list[float], lot: str | None, rounded: list[float]) -> None:
    """None is rounded to nothing, and a step that does not fit is refused later, where the instrument is made."""
    assert settled(np.array(sizes), lot).tolist() == rounded


def test_a_bybit_delta_that_does_not_fit_the_book_is_a_gap(tmp_path: Path) -> None:
    lines = [made.bybit_snapshot(0.1, 5), made.bybit_delta(0.2, 6, "delete", 0, "9.5"), made.bybit_delta(0.3, 7, "insert", 0, "9.8", 1.0), made.bybit_delta(0.3, 7, "update", 0, "9.8", 2.0)]
    source = read(tmp_path, "BYBIT", made.text(*lines))
    assert kinds(source) == [CLEAR, *[SNAPSHOT] * 4, GAP, DEPTH, DEPTH]
    assert (source.counts["updates_that_do_not_fit"], source.counts["gaps"], source.counts["updates_not_newer"]) == (2, 1, 1)


def test_bybit_version_5_counts_missing_updates(tmp_path: Path) -> None:
    def book(at: float, kind: str, u: int, bids: list[list[str]], asks: list[list[str]]) -> str:
        ms = made.T0 * 1000 + round(at * 1000) - 10
        return made.got(at, {"topic": "orderbook.50.ABC", "type": kind, "ts": ms + 2, "cts": ms, "data": {"s": "ABC", "b": bids, "a": asks, "u": u, "seq": u}})

    trade = {"T": made.T0 * 1000 + 280, "s": "ABC", "S": "Sell", "v": "0.5", "p": "9.9", "i": "x-1", "BT": False}
    lines = [
        made.opened("wss://stream.bybit.com/v5/public/spot"), book(0.1, "snapshot", 5, *made.START), made.got(0.3, {"topic": "publicTrade.ABC", "type": "snapshot", "data": [trade, trade]}),
        book(0.4, "delta", 6, [["9.9", "4"]], []), book(0.5, "delta", 9, [], [["10.0", "0"]]), book(0.6, "delta", 9, [], [["10.0", "5"]]),
    ]  # fmt: skip
    source = read(tmp_path, "BYBIT", made.text(*lines))
    assert kinds(source) == [CLEAR, *[SNAPSHOT] * 4, TRADE, DEPTH, GAP, DEPTH]
    assert source.rows.ev[5] == TRADE | ASK_BIT
    assert source.rows.qty[7] == 2.0
    assert (source.kind, source.counts["trades_repeated"], source.counts["updates_not_newer"]) == ("spot", 1, 1)


def test_bitstamp_changes_that_are_in_the_snapshot_are_left_out_and_newer_ones_shown_after_it(tmp_path: Path) -> None:
    """The snapshot is of 0.30 s: the change of 0.25 is in it, that of 0.35 came before it and is newer."""
    lines = [
        made.bitstamp_diff(0.4, 0.25, 0, "9.9", "1.00"), made.bitstamp_diff(0.45, 0.35, 0, "9.8", "2.00"), made.bitstamp_trade(0.5, 3),
        made.bitstamp_snapshot(0.6, 0.3), made.bitstamp_diff(0.7, 0.28, 1, "10.0", "9.00"), made.bitstamp_diff(0.8, 0.7, 1, "10.0", "3.00"),
    ]  # fmt: skip
    source = read(tmp_path, "BITSTAMP", made.text(*lines))
    assert kinds(source) == [TRADE, CLEAR, *[SNAPSHOT] * 4, DEPTH, DEPTH]
    assert book_of(source).copy() == ({9.9: 5.0, 9.8: 2.0}, {10.0: 3.0, 10.2: 0.5})
    assert source.counts["levels_before_snapshot"] == 2


def test_a_later_bitstamp_snapshot_does_not_undo_what_is_newer(tmp_path: Path) -> None:
    lines = [made.bitstamp_snapshot(0.1, 0.05), made.bitstamp_diff(0.3, 0.28, 0, "9.9", "1.00"), made.bitstamp_snapshot(0.4, 0.2)]
    source = read(tmp_path, "BITSTAMP", made.text(*lines))
    assert book_of(source).sides[0] == {9.9: 1.0, 9.8: 7.5}
    assert source.counts["levels_shown_again_after_snapshot"] == 1
    assert source.rows.exch_ts.tolist() == sorted(source.rows.exch_ts.tolist())


def test_binance_snapshots_get_the_symbol_of_their_url_and_sizes_of_the_exchange_s_list(tmp_path: Path) -> None:
    listed = {"symbols": [{"symbol": "ABC", "filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.10"}, {"filterType": "LOT_SIZE", "stepSize": "0.01"}]}]}
    other = made.got(0.35, {"stream": "xyz@bookTicker", "data": {"e": "bookTicker", "u": 1, "s": "XYZ", "b": "1", "B": "1", "a": "2", "A": "1", "T": made.T0 * 1000, "E": made.T0 * 1000}})
    source = read(tmp_path, "BINANCE_FUTURES", made.text(made.answered("https://fapi.binance.com/fapi/v1/exchangeInfo", 0.0, listed)), made.binance() + made.text(other), symbol="ABC")
    assert source.hints == {"tick_size": "0.10", "lot_size": "0.01", "contract_size": "1"}
    assert (source.venue, source.kind, source.counts["snapshots"]) == ("binance_usdm", "linear", 1)
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, "BINANCE_FUTURES", made.binance() + made.text(other))
    assert refused.value.code == "CONV-006"


@pytest.mark.parametrize("size", ["abc", "0", "-1", "nan", "1e999999999"])
def test_a_listed_size_that_is_none_is_refused(size: str, tmp_path: Path) -> None:
    listed = {"symbols": [{"symbol": "ABC", "filters": [{"filterType": "PRICE_FILTER", "tickSize": size}]}]}
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, "BINANCE_FUTURES", made.text(made.answered("https://fapi.binance.com/fapi/v1/exchangeInfo", 0.0, listed)), made.binance())
    assert refused.value.code == "CONV-004"
    pairs = made.answered("https://api.kraken.com/0/public/AssetPairs", 0.0, {"result": {"X": {"wsname": "ABC", "pair_decimals": 1, "tick_size": size, "lot_decimals": 8}}})
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, "KRAKEN", made.text(pairs) + made.kraken())
    assert refused.value.code == "CONV-004"


def test_the_exchanges_lists_of_instruments_give_their_sizes(tmp_path: Path) -> None:
    """Each in the exchange's own form."""
    answers = {
        "KRAKEN": ("https://api.kraken.com/0/public/AssetPairs", {"result": {"X": {"wsname": "ABC", "pair_decimals": 1, "lot_decimals": 8}}}),
        "COINBASE": ("https://api.exchange.coinbase.com/products", [{"id": "ABC", "quote_increment": "0.1", "base_increment": "0.00000001"}]),
        "BITSTAMP": ("https://www.bitstamp.net/api/v2/trading-pairs-info/", [{"url_symbol": "abc", "counter_decimals": 1, "base_decimals": 8}]),
        "OKX": ("https://www.okx.com/api/v5/public/instruments?instType=SPOT", {"data": [{"instId": "ABC", "instType": "SPOT", "ctType": "", "ctVal": "", "tickSz": "0.1", "lotSz": "0.00000001"}]}),
        "BYBIT": ("https://api.bybit.com/v2/public/symbols", {"result": [{"name": "ABC", "price_filter": {"tick_size": "0.1"}, "lot_size_filter": {"qty_step": "0.00000001"}}]}),
    }  # fmt: skip
    for name, (url, answer) in answers.items():
        hints = read(tmp_path, name, made.text(made.answered(url, 0.0, answer)) + made.MAKERS[name]()).hints
        assert (float(hints["tick_size"]), float(hints["lot_size"]), hints["contract_size"]) == (0.1, 1e-8, "1"), name
    linear = {"result": {"list": [{"symbol": "ABC", "priceFilter": {"tickSize": "0.1"}, "lotSizeFilter": {"qtyStep": "0.01"}}]}}
    assert read(tmp_path, "BYBIT", made.text(made.answered("https://api.bybit.com/v5/market/instruments-info?category=linear", 0.0, linear)) + made.bybit()).hints["lot_size"] == "0.01"


@pytest.mark.parametrize("name", ["KRAKEN", "OKX", "COINBASE", "BYBIT", "BITSTAMP"])
def test_a_lost_connection_is_a_gap(name: str, tmp_path: Path) -> None:
    lines = made.MAKERS[name]().split("\n")
    source = read(tmp_path, name, made.text(*lines, lines[0].split(" <-> ")[0] + f" <-> {made.T0 + 9}.0"))
    assert kinds(source).count(GAP) == 1
    assert source.counts["reconnects"] == 1
    assert any("connection was lost" in warning for warning in source.warnings)


@pytest.mark.parametrize("name", ["KRAKEN", "OKX", "COINBASE", "BYBIT", "BITSTAMP"])
def test_several_symbols_are_named_and_one_is_chosen(name: str, tmp_path: Path) -> None:
    lines = made.MAKERS[name]()
    other = "\n".join(line.replace("ABC", "XYZ").replace("_abc", "_xyz").replace("/abc", "/xyz") for line in lines.split("\n")[1:])
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, name, lines, other)
    assert refused.value.code == "CONV-006"
    assert "ABC, XYZ" in refused.value.cause
    chosen, alone = read(tmp_path, name, lines, other, symbol="ABC"), read(tmp_path, name, lines)
    assert all((a == b).all() for a, b in zip(chosen.rows, alone.rows, strict=True))
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, name, lines, symbol="QQQ")
    assert refused.value.code == "CONV-006"


def test_two_exchanges_are_refused(tmp_path: Path) -> None:
    (tmp_path / "KRAKEN.ws.1.0").write_text(made.kraken())
    (tmp_path / "OKX.ws.1.0").write_text(made.okx())
    with pytest.raises(ConvertError) as refused:
        cryptofeed.read(sorted(tmp_path.iterdir()), ConvertOptions())
    assert refused.value.code == "CONV-010"
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, "KRAKEN", made.kraken() + made.opened("wss://ws.okx.com/ws/v5/public", 9) + "\n")
    assert refused.value.code == "CONV-010"
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, "KRAKEN", made.kraken(), venue="okx")
    assert refused.value.code == "CONV-010"


def test_the_exchange_is_told_by_the_name_or_by_venue_where_no_url_does(tmp_path: Path) -> None:
    lines = made.text(*made.kraken().split("\n")[1:])
    assert read(tmp_path, "KRAKEN", lines).venue == "kraken"
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, "mine", lines)
    assert refused.value.code == "CONV-005"
    assert read(tmp_path, "mine", lines, venue="kraken").venue == "kraken"


def test_files_are_merged_by_receive_time_whatever_their_order(tmp_path: Path) -> None:
    lines = made.bitstamp().split("\n")
    rest = made.text(*(line for line in lines if " -> " in line))
    stream = made.text(*(line for line in lines if " -> " not in line))
    one, other = read(tmp_path, "BITSTAMP", rest, stream), read(tmp_path, "BITSTAMP", stream, rest)
    assert all((a == b).all() for a, b in zip(one.rows, other.rows, strict=True))


def test_messages_of_unknown_kinds_are_counted_by_name_with_a_warning(tmp_path: Path) -> None:
    strange = [made.got(0.5, {"event": "firmware[/x]\n"}), made.got(0.5, [1, {}, "auction", made.SYMBOL]), made.got(0.6, [1, {}, "spread", made.SYMBOL])]
    source = read(tmp_path, "KRAKEN", made.kraken() + made.text(*strange))
    assert {name: n for name, n in source.counts.items() if name.startswith(("unknown", "ignored"))} == {
        "unknown_firmware??x??": 1, "unknown_auction": 1, "ignored_spread": 1,
    }  # fmt: skip
    assert any("2 messages of unknown kinds" in warning for warning in source.warnings)


def test_names_of_unknown_messages_do_not_fill_the_memory(tmp_path: Path) -> None:
    source = read(tmp_path, "KRAKEN", made.kraken() + made.text(*(made.got(0.5, {"event": f"e{i}"}) for i in range(200))))
    assert len([name for name in source.counts if name.startswith("unknown_")]) == 51
    assert source.counts["unknown_others"] == 150


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda t: t.replace(" <-> ", " <=> ", 1), "CONV-003"),
        (lambda t: t.replace('"bs"', '"bs', 1), "CONV-003"),
        (lambda t: t.replace('"9.9"', '"9_9"', 1), "CONV-003"),
        (lambda t: t.replace('"9.9"', "true", 1), "CONV-003"),
        (lambda t: t.replace(f"{made.T0 + 0.19:.6f}", "12.5"), "CONV-004"),
        (lambda t: "", "CONV-005"),
        (lambda t: t.split("\n")[0] + "\n", "CONV-002"),
    ],
)
def test_bad_captures_are_refused_with_their_place(change: Callable[[str], str], code: str, tmp_path: Path) -> None:
    name = "capture" if code == "CONV-005" else "KRAKEN"
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, name, change(made.kraken()))
    assert refused.value.code == code
    if code in ("CONV-003", "CONV-004"):
        assert "line " in refused.value.cause
        assert f"{name}.ws.1.0" in refused.value.cause


def test_a_capture_that_was_cut_off_ends_with_its_last_whole_line(tmp_path: Path) -> None:
    text = made.kraken()
    source = read(tmp_path, "KRAKEN", text + '1733011299.1: [7,{"b":[["9.')
    assert source.counts["truncated_last_line"] == 1
    assert len(source.rows.ev) == len(read(tmp_path, "KRAKEN", text).rows.ev)
    assert "the capture was cut off; what came before is complete" in source.warnings


def test_aggressors_are_those_of_the_exchanges(tmp_path: Path) -> None:
    """Coinbase names the resting order's side: a resting sale is a purchase by the aggressor."""
    sides = {name: [int(ev & ASK_BIT != 0) for ev in read(tmp_path, name, make()).rows.ev if ev & KIND_MASK == TRADE] for name, make in made.MAKERS.items()}
    assert sides["COINBASE"][0] == 0  # 41: side sell
    assert sides["KRAKEN"][0] == ASK  # s
    assert sides["OKX"] == [1, 0, 1, 0, 1, 0]
    assert sides["BITSTAMP"] == [0, 1, 0, 1, 0, 1]  # type 0 is a purchase
    assert sides["BYBIT"] == [1, 0, 1, 0, 1, 0]
