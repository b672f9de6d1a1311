"""Binance streams made by hand: each rule of the update ids and of the fuse, the three markets, and bad lines."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.errors import ConvertError
from simcore.records import (
    BEST,
    CLEAR,
    DEPTH,
    GAP,
    KIND_MASK,
    TRADE,
)
from simcore.tape.convert import ConvertOptions, convert
from simcore.tape.read import Tape
from tests.tape.convert.binance_lines import (
    MS,
    START,
    START_ROWS,
    STATED,
    T0,
    code_of,
    depth,
    line,
    made,
    snapshot,
    ticker,
    trade,
)


def test_snapshot_depth_ticker_and_trades_become_rows(tmp_path: Path) -> None:
    lines = [
        *START, depth(12, 10, 101, 110, 100, [(99, 0)], [(102, 7)]), ticker(13, 11, 115, (98, 3), (101, 2)),
        trade(14, 12, 1, 98, 1, True), trade(15, 13, 2, 101, 2, False),
    ]  # fmt: skip
    report, rows = made(tmp_path, lines)
    assert rows == [
        *START_ROWS, "depth bid 99 0 @10/12", "depth ask 102 7 @10/12", "best bid 98 3 @11/13", "best ask 101 2 @11/13",
        "trade ask 98 1 @12/14", "trade bid 101 2 @13/15",
    ]  # fmt: skip
    assert report.instrument.venue == "binance_usdm"
    assert report.instrument.kind == "linear"
    assert report.counts == {"snapshots": 1}


# --- update ids ------------------------------------------------------------------------------------


def test_what_came_before_the_snapshot_is_placed_as_documented(tmp_path: Path) -> None:
    """Older depth is skipped; newer depth and tickers are seen by the Venue in time, by the Node after the snapshot."""
    lines = [
        depth(1, 0, 80, 90, 79, [(99, 1)]), trade(1, 0, 1, 99, 1, True), ticker(2, 1, 95, (99, 1), (101, 1)),
        depth(4, 4, 101, 110, 98, [(97, 3)]), ticker(4, 5, 112, (99, 9), (101, 9)), *START,
        depth(8, 7, 111, 120, 110, [(99, 8)]),
    ]  # fmt: skip
    report, rows = made(tmp_path, lines)
    assert [row for row in rows if not row.startswith("L ")] == [
        *START_ROWS, "E depth bid 97 3 @4/4", "E best bid 99 9 @5/4", "E best ask 101 9 @5/4", "depth bid 99 8 @7/8",
    ]  # fmt: skip
    assert [row for row in rows if row.startswith("L ")] == ["L depth bid 97 3 @4/5", "L best bid 99 9 @5/5", "L best ask 101 9 @5/5"]
    counts = {"depth_before_snapshot": 1, "trades_before_snapshot": 1, "ticker_before_snapshot": 1}
    assert {name: report.counts[name] for name in counts} == counts
    assert any("starts at the first snapshot" in warning for warning in report.warnings)


def test_depth_that_the_snapshot_holds_already_is_skipped(tmp_path: Path) -> None:
    lines = [*START, depth(6, 4, 90, 100, 89, [(99, 1)]), depth(7, 5, 95, 105, 100, [(99, 2)])]
    report, rows = made(tmp_path, lines)
    assert rows == [*START_ROWS, "depth bid 99 2 @5/7"]
    assert report.counts["depth_before_snapshot"] == 1


def test_a_gap_becomes_a_row_and_is_counted(tmp_path: Path) -> None:
    lines = [*START, depth(12, 10, 101, 110, 100, [(99, 1)]), depth(22, 20, 131, 140, 130, [(99, 2)])]
    report, rows = made(tmp_path, lines)
    assert rows[4:] == ["depth bid 99 1 @10/12", "gap 0 0 @20/22", "depth bid 99 2 @20/22"]
    assert report.counts["gaps"] == 1
    assert any("not followed by a snapshot" in warning for warning in report.warnings)


def test_spot_ids_say_how_many_updates_are_missing(tmp_path: Path) -> None:
    def spot(local: float, first: int, last: int) -> str:
        return line(local, {"e": "depthUpdate", "E": T0 + int(local) - 1, "s": "ABCUSDT", "U": first, "u": last, "b": [["99", "1"]], "a": []})

    start = line(5, {"lastUpdateId": 100, "bids": [["99", "5"]], "asks": [["101", "6"]]}, None)
    report, rows = made(tmp_path, [start, spot(6, 98, 104), spot(16, 105, 110), spot(26, 118, 120)])
    assert report.instrument.venue == "binance_spot"
    assert [row.split(" @")[0] for row in rows[3:]] == ["depth bid 99 1", "depth bid 99 1", "gap 0 7", "depth bid 99 1"]
    assert report.counts["updates_missing"] == 7


def test_a_snapshot_after_a_gap_replaces_everything_and_one_in_sync_only_what_it_covers(tmp_path: Path) -> None:
    again = snapshot(30, 29, 150, [(99, 7), (97, 1)], [(101, 6), (103, 1)])
    _, rows = made(tmp_path, [*START, depth(22, 20, 131, 150, 130, [(90, 2)]), again])
    assert rows[6:8] == ["clear 0 0 @29/30", "snapshot bid 99 7 @29/30"]
    _, rows = made(tmp_path, [*START, depth(22, 20, 101, 150, 100, [(90, 2)]), again])
    assert rows[5:8] == ["clear bid 97 1 @29/30", "clear ask 103 1 @29/30", "snapshot bid 99 7 @29/30"]


def test_depth_newer_than_a_late_snapshot_is_shown_to_the_node_once_more(tmp_path: Path) -> None:
    lines = [*START, depth(22, 20, 101, 150, 100, [(99, 1)]), depth(25, 24, 151, 160, 150, [(99, 2)])]
    report, rows = made(tmp_path, [*lines, snapshot(30, 22, 150, [(99, 1)], [(101, 6)])])
    node = [row.removeprefix("L ") for row in rows if not row.startswith("E ")]
    venue = [row for row in rows if not row.startswith("L ")]
    assert node[-1] == "depth bid 99 2 @24/30"
    assert venue[-1].endswith("depth bid 99 2 @24/25")
    assert report.counts["depth_shown_again_after_snapshot"] == 1


def test_repeated_depth_is_dropped(tmp_path: Path) -> None:
    one = depth(12, 10, 101, 110, 100, [(99, 1)])
    report, rows = made(tmp_path, [*START, one, one])
    assert len(rows) == 5
    assert report.counts["depth_not_newer"] == 1


def test_without_a_snapshot_depth_applies_from_the_start(tmp_path: Path) -> None:
    report, rows = made(tmp_path, [depth(2, 1, 101, 110, 100, [(99, 1)], [(101, 1)])])
    assert rows == ["depth bid 99 1 @1/2", "depth ask 101 1 @1/2"]
    assert any("no snapshot" in warning for warning in report.warnings)


# --- the fuse --------------------------------------------------------------------------------------


def test_a_ticker_older_than_the_book_is_stale(tmp_path: Path) -> None:
    """The Node received the depth first; the Venue made the ticker first, and sees it."""
    lines = [*START, depth(12, 10, 101, 120, 100, [(99, 7)]), ticker(13, 9, 110, (99, 6), (101, 6))]
    report, rows = made(tmp_path, lines)
    assert rows[4:] == ["E best bid 99 6 @9/13", "E best ask 101 6 @9/13", "depth bid 99 7 @10/12"]
    assert report.counts["ticker_stale_for_node"] == 1


def test_a_depth_message_does_not_undo_a_newer_ticker(tmp_path: Path) -> None:
    """Rows at or better than the newer best quote are superseded; worse ones are news."""
    older = depth(14, 10, 101, 110, 100, [(100, 1), (99, 1), (98, 1)], [(100, 0), (101, 1), (102, 1)])
    report, rows = made(tmp_path, [*START, ticker(13, 11, 115, (99, 6), (101, 7)), older])
    node = [row.removeprefix("L ").split(" @")[0] for row in rows if not row.startswith("E ")]
    assert node[4:] == ["best bid 99 6", "best ask 101 7", "depth bid 98 1", "depth ask 102 1"]
    assert report.counts["depth_rows_superseded_for_node"] == 4
    venue = [row.removeprefix("E ").split(" @")[0] for row in rows if not row.startswith("L ")]
    assert venue[4:10] == ["depth bid 100 1", "depth bid 99 1", "depth bid 98 1", "depth ask 100 0", "depth ask 101 1", "depth ask 102 1"]
    assert venue[10:] == ["best bid 99 6", "best ask 101 7"]


def test_every_newer_ticker_counts_not_only_the_last(tmp_path: Path) -> None:
    tickers = [ticker(13, 11, 115, (97, 6), (101, 7)), ticker(13.5, 12, 116, (99, 2), (101, 7))]
    older = depth(14, 12, 101, 110, 100, [(98, 1), (97, 1), (96, 1)])
    _, rows = made(tmp_path, [*START, *tickers, older])
    node = [row.removeprefix("L ") for row in rows if not row.startswith("E ")]
    assert [row.split(" @")[0] for row in node if "depth" in row] == ["depth bid 96 1"]


def test_an_empty_side_of_a_ticker_clears_it(tmp_path: Path) -> None:
    _, rows = made(tmp_path, [*START, ticker(13, 11, 115, (99, 6), (0, 0))])
    assert rows[4:] == ["best bid 99 6 @11/13", "clear ask 0 0 @11/13"]


def test_spot_tickers_get_a_time_between_the_depth_messages_around_them(tmp_path: Path) -> None:
    def spot(local: float, ts: int, first: int, last: int) -> str:
        return line(local, {"e": "depthUpdate", "E": T0 + ts, "s": "ABCUSDT", "U": first, "u": last, "b": [["98", "1"]], "a": []})

    quote = {"s": "ABCUSDT", "b": "99", "B": "1", "a": "101", "A": "1"}
    lines = [
        spot(2, 0, 101, 110), line(4, {"u": 111, **quote}), line(103, {"u": 115, **quote}), line(104, {"u": 116, **quote}),
        spot(106, 100, 111, 116), spot(202, 200, 117, 120),
    ]  # fmt: skip
    report, rows = made(tmp_path, sorted(lines, key=lambda text: int(text.split()[0])))
    best = [row.split("@")[1] for row in rows if "best bid" in row]
    assert sorted(best) == ["100/103", "100/104", "2/4"]
    assert report.counts["exchange_times_estimated"] == 3


def test_a_spot_snapshot_that_contains_no_depth_has_the_time_of_its_receipt(tmp_path: Path) -> None:
    """Case 12. Snapshot first, then the stream: local time less the median delay, not the time of a depth message a second later."""
    def spot(local: float, first: int) -> str:
        return line(local, {"e": "depthUpdate", "E": T0 + int(local) - 5, "s": "ABCUSDT", "U": first, "u": first + 2, "b": [["99", "1"]], "a": []})

    start = line(20, {"lastUpdateId": 100, "bids": [["99", "5"]], "asks": [["101", "6"]]}, None)
    report, rows = made(tmp_path, [start, *(spot(1005 + 1000 * k, 101 + 3 * k) for k in range(5))])
    assert report.clock["offset_ns"] == 0
    assert report.clock["feed_latency_ns"] == {"min": 5 * MS, "p1": 5 * MS, "median": 5 * MS, "p99": 5 * MS}
    assert rows[:2] == ["clear 0 0 @15/20", "snapshot bid 99 5 @15/20"]


# --- the exchange's order --------------------------------------------------------------------------


def test_a_trade_precedes_the_book_change_of_its_millisecond_for_the_venue(tmp_path: Path) -> None:
    """The quote that a sale left arrived first; the sale made it, so the Venue sees the sale first. The Node sees what came."""
    _, rows = made(tmp_path, [*START, ticker(12, 10, 115, (99, 2), (101, 6)), trade(13, 10, 1, 99, 3, True)])
    venue = [row.removeprefix("E ").split(" @")[0] for row in rows[4:] if not row.startswith("L ")]
    node = [row.removeprefix("L ").split(" @")[0] for row in rows[4:] if not row.startswith("E ")]
    assert venue == ["trade ask 99 3", "best bid 99 2", "best ask 101 6"]
    assert node == ["best bid 99 2", "best ask 101 6", "trade ask 99 3"]


def test_update_ids_order_messages_of_one_millisecond_for_the_venue(tmp_path: Path) -> None:
    lines = [*START, ticker(12, 10, 115, (99, 2), (101, 6)), depth(13, 10, 101, 110, 100, [(99, 4), (98, 9)])]
    report, rows = made(tmp_path, lines)
    venue = [row.removeprefix("E ").split(" @")[0] for row in rows[4:] if not row.startswith("L ")]
    assert venue == ["depth bid 99 4", "depth bid 98 9", "best bid 99 2", "best ask 101 6"]
    assert "depth_rows_superseded_for_venue" not in report.counts


def test_update_ids_outrank_clocks(tmp_path: Path) -> None:
    """The id that comes later is later, although its time went back by 4 ms: both books end with its quantity."""
    lines = [*START, depth(12, 10, 101, 110, 100, [(99, 3)]), depth(13, 6, 111, 120, 110, [(99, 7)]), trade(20, 19, 1, 98, 1, True)]
    report, rows = made(tmp_path, lines)
    assert rows[4:6] == ["depth bid 99 3 @10/12", "depth bid 99 7 @10/13"]
    assert report.counts["exchange_times_raised"] == 1
    assert any("by up to 4.000 ms (line 3, update id 120)" in warning for warning in report.warnings)


def test_times_far_behind_the_update_ids_are_refused(tmp_path: Path) -> None:
    code, cause = code_of(tmp_path, [*START, depth(12, 70_000, 101, 110, 100, [(99, 3)]), depth(13, 6, 111, 120, 110, [(99, 7)])])
    assert (code, "line 3, update id 120" in cause) == ("CONV-012", True)


# --- files, symbols, bad lines ---------------------------------------------------------------------


def test_several_symbols_need_a_choice(tmp_path: Path) -> None:
    lines = [ticker(1, 0, 1, (99, 1), (101, 1)), ticker(2, 1, 2, (9, 1), (11, 1), "YYYUSDT")]
    code, cause = code_of(tmp_path, lines)
    assert (code, "ABCUSDT, YYYUSDT" in cause) == ("CONV-006", True)
    assert code_of(tmp_path, lines, ConvertOptions(symbol="ZZZ"))[0] == "CONV-006"
    options = ConvertOptions(symbol="YYYUSDT", tick_size="1", lot_size="1")
    report, rows = made(tmp_path, [*START, *lines], options)
    assert rows == ["best bid 9 1 @1/2", "best ask 11 1 @1/2"]
    assert (report.counts["other_symbol"], report.counts["snapshots_without_symbol"]) == (1, 1)


def test_coin_margined_contracts_are_inverse(tmp_path: Path) -> None:
    named = [text.replace("ABCUSDT", "BTCUSD_PERP") for text in [*START, ticker(13, 11, 115, (98, 3), (101, 2))]]
    report, _ = made(tmp_path, named, ConvertOptions())
    assert (report.instrument.kind, report.instrument.contract_size, report.instrument.venue) == ("inverse", "100", "binance_coinm")


def two_files(folder: Path) -> tuple[Path, Path]:
    """A capture in two parts of two seconds each; the second continues the first."""
    ids = [(101 + 10 * k, 110 + 10 * k, 100 + 10 * k) for k in range(8)]
    lines = [depth(1000 * k / 2 + 12, 500 * k + 10, *ids[k], [(99, k + 1)]) for k in range(8)]
    (folder / "part2.txt").write_text("\n".join([*START, *lines[:4]]) + "\n")
    (folder / "part10.txt").write_text("\n".join(lines[4:]) + "\n")
    return folder / "part2.txt", folder / "part10.txt"


def test_files_out_of_time_order_are_refused_and_named(tmp_path: Path) -> None:
    """Case 17. part10 sorts before part2: the depth of the earlier file must not be dropped in silence."""
    early, late = two_files(tmp_path)
    with pytest.raises(ConvertError) as caught:
        convert([late, early], "binance", tmp_path / "t.parquet", STATED)
    assert caught.value.code == "CONV-011"
    assert f"{early} (2024-08-08 23:54:15.005 to 2024-08-08 23:54:16.512) is earlier than {late}" in caught.value.cause
    assert not (tmp_path / "t.parquet").exists()
    report = convert([early, late], "binance", tmp_path / "t.parquet", STATED)
    assert (report.rows, report.counts) == (12, {"snapshots": 1})


def test_files_that_overlap_are_refused_and_named(tmp_path: Path) -> None:
    """Two recorders of the same hours, or a file given twice."""
    early, _ = two_files(tmp_path)
    (tmp_path / "other.txt").write_text(trade(300, 299, 1, 99, 1, True) + "\n" + trade(3000, 2999, 2, 99, 1, True) + "\n")
    for other in (tmp_path / "other.txt", early):
        if other == early:
            (tmp_path / "early again.txt").write_bytes(early.read_bytes())
            other = tmp_path / "early again.txt"
        with pytest.raises(ConvertError) as caught:
            convert([early, other], "binance", tmp_path / "t.parquet", STATED)
        assert caught.value.code == "CONV-011"
        assert other.name in caught.value.cause


def test_files_in_a_row_are_one_source_gzipped_or_not(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress("\n".join(START).encode()) + gzip.compress(b"\n"))
    (tmp_path / "b.txt").write_text(depth(12, 10, 101, 110, 100, [(99, 1)]) + "\n")
    report = convert([tmp_path / "a.gz", tmp_path / "b.txt"], "binance", tmp_path / "t.parquet", STATED)
    assert (report.rows, report.counts) == (5, {"snapshots": 1})


@pytest.mark.parametrize("keep", [1, 30, 60])
def test_a_cut_off_end_is_counted(tmp_path: Path, keep: int) -> None:
    whole = depth(12, 10, 101, 110, 100, [(99, 1)])
    text = "\n".join([*START, whole, whole[:keep]])
    (tmp_path / "a.txt").write_text(text)
    report = convert([tmp_path / "a.txt"], "binance", tmp_path / "t.parquet", STATED)
    assert report.counts["truncated_last_line"] == 1
    assert any("cut off" in warning for warning in report.warnings)


def test_a_cut_off_gzip_is_counted(tmp_path: Path) -> None:
    lines = [*START, *(depth(12 + k, 10 + k, 101 + k, 101 + k, 100 + k, [(99, k + 1)]) for k in range(500))]
    data = gzip.compress("\n".join(lines).encode())
    (tmp_path / "a.gz").write_bytes(data[: len(data) * 3 // 4])
    report = convert([tmp_path / "a.gz"], "binance", tmp_path / "t.parquet", STATED)
    assert report.counts["truncated_gzip"] == 1
    assert 50 < report.rows < 503


@pytest.mark.parametrize(
    "bad",
    [
        "hello", "123", "12x {}", '1723161255000000000 {"e":', "1723161255000000000 {} {}", "1723161255000000000 [1]",
        ticker(1, 0, 1, (99, 1), (101, 1)).replace('"u": 1', '"u": "1"'), ticker(1, 0, 1, (99, 1), (101, 1)).replace('"99"', '"9x"'),
        depth(1, 0, 1, 1, 0, [(99, 1)]).replace('"99.0", ', ""), trade(1, 0, 1, 99, 1, True).replace('"T"', '"t0"'),
        trade(1, 0, 1, 99, 1, True).replace('"ABCUSDT"', "7"), trade(1, 0, 1, 99, 1, True).replace('"q": "1"', '"q": true'),
        trade(1, 0, 1, 99, 1, True).replace('"q": "1"', '"q": "1_0"'), depth(1, 0, 1, 1, 0, [(99, 1)]).replace('"1.0"', '"1_0"'),
        depth(1, 0, 1, 1, 0, [(99, 1)]).replace('"1.0"', "true"), ticker(1, 0, 3, (99, 1), (101, 1)).replace('"99"', '"9_9"'), trade(1, 0, 10**30, 99, 1, True),
    ],
)  # fmt: skip
def test_a_bad_line_is_named(tmp_path: Path, bad: str) -> None:
    code, cause = code_of(tmp_path, [*START, bad, *START])
    assert code == "CONV-003"
    assert "line 2" in cause


@pytest.mark.parametrize("bad", [line(1, {"e": "trade", "T": 5, "s": "ABCUSDT", "t": 1, "p": "1", "q": "1", "m": True}), ticker(1, 0, 3, (99, 1), (101, 1)).replace('"1"', '"NaN"')])
def test_a_bad_value_is_named(tmp_path: Path, bad: str) -> None:
    code, cause = code_of(tmp_path, [*START, bad])
    assert (code, "line 2" in cause) == ("CONV-004", True)


def test_other_messages_are_counted_and_nothing_else_is_refused(tmp_path: Path) -> None:
    lines = ['1723161255000000000 {"result": null, "id": 1}', line(1, {"e": "markPriceUpdate", "s": "ABCUSDT"}), "", *START]
    report, rows = made(tmp_path, lines, ConvertOptions(symbol="ABCUSDT", tick_size="1", lot_size="1"))
    assert (report.counts["ignored_other"], report.counts["ignored_markPriceUpdate"]) == (1, 1)
    assert rows == START_ROWS
    (tmp_path / "t.parquet").unlink()
    assert code_of(tmp_path, lines[:2])[0] == "CONV-002"


STREAM = [
    depth(4, 4, 101, 110, 98, [(97, 3)]), *START, depth(8, 7, 111, 120, 110, [(99, 8)], [(101, 0), (103, 2)]),
    ticker(9, 8, 125, (99, 8), (102, 1)), trade(9.5, 9, 1, 99, 1, True), depth(10, 9, 121, 124, 120, [(98, 1)]),
    ticker(11, 8, 122, (99, 2), (103, 1)), depth(12, 12, 125, 130, 124, [], [(102, 1)]), trade(13, 11, 2, 102, 1, False),
]  # fmt: skip
FUZZ = st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(["swap", "drop", "twice", "cut", "byte", "digit"])), max_size=5)


@given(mutations=FUZZ, packed=st.booleans())
def test_mutated_streams_convert_or_are_refused_by_code(tmp_path_factory: Any, mutations: list[tuple[int, str]], packed: bool) -> None:
    """Whatever happens to the lines: a tape that passes its own checks, or a coded error and no file at all."""
    folder = tmp_path_factory.mktemp("t")
    lines = list(STREAM)
    for number, how in mutations:
        k = number % len(lines)
        text, at = lines[k], number // 7 % max(len(lines[k]), 1)
        if how == "swap":
            lines[k - 1], lines[k] = lines[k], lines[k - 1]
        elif how == "drop" and len(lines) > 1:
            del lines[k]
        elif how == "twice":
            lines.insert(k, text)
        elif how == "cut":
            lines[k] = text[:at]
        elif how == "byte":
            lines[k] = text[:at] + chr(32 + number % 95) + text[at + 1 :]
        elif how == "digit":
            digits = [i for i, letter in enumerate(text) if letter.isdigit()] or [0]
            i = digits[number // 11 % len(digits)]
            lines[k] = text[:i] + str(number % 10) + text[i + 1 :]
    data = "\n".join(lines).encode()
    (folder / "raw").write_bytes(gzip.compress(data) if packed else data)
    code = ""
    try:
        convert([folder / "raw"], "binance", folder / "out" / "t.parquet", STATED)
    except ConvertError as error:
        code = error.code
    if code:
        assert code in {"CONV-002", "CONV-003", "CONV-004", "CONV-005", "CONV-006", "CONV-010", "CONV-012"}
        assert not (folder / "out").exists() or list((folder / "out").iterdir()) == []
    else:
        tape = Tape.open(folder / "out" / "t.parquet")
        tape.verify()
        kinds = {int(ev) & KIND_MASK for ev in tape.head(tape.rows).ev}
        assert kinds <= {DEPTH, 1, TRADE, BEST, CLEAR, GAP}
