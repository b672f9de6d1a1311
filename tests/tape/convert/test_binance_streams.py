"""Streams by name: what is used, what is counted, books of the best levels, lists of messages, and fundings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simcore.records import FUNDING, KIND_MASK
from simcore.tape.convert import ConvertOptions
from simcore.tape.convert.binance_streams import DEPTH, PARTIAL, UNKNOWN, UNUSED, Ignored, parse_stream, use_of_event
from simcore.tape.read import Tape
from tests.tape.convert.binance_lines import (
    MS,
    START,
    START_ROWS,
    T0,
    code_of,
    depth,
    line,
    made,
    snapshot,
    ticker,
    trade,
)

HOUR = 3_600_000


def partial(local: float, ts: int, u: int, bids: list[int], asks: list[int], stream: str | None = "abcusdt@depth5@100ms") -> str:
    levels = {"b": [[str(p), "2"] for p in bids], "a": [[str(p), "2"] for p in asks]}
    ids = {"U": u - 3, "u": u, "pu": u - 7}
    return line(local, {"e": "depthUpdate", "E": T0 + ts, "T": T0 + ts, "s": "ABCUSDT", **ids, **levels}, stream)


def falling(best: int, count: int = 5) -> tuple[list[int], list[int]]:
    return [best - k for k in range(count)], [best + 2 + k for k in range(count)]


def final_book(folder: Path, view: str = "L") -> tuple[list[int], list[int]]:
    """Return bid and ask prices of the last book of a view, best first."""
    book: tuple[set[int], set[int]] = (set(), set())
    tape = Tape.open(folder / "t.parquet")
    for _, _, ev, price, qty, _ in zip(*[c.tolist() or [0] * tape.rows for c in tape.head(tape.rows)], strict=True):
        if not ev & (128 if view == "L" else 64):
            continue
        kind, side = ev & KIND_MASK, (ev >> 4) & 1
        if kind == 4 and ev & 32:
            book[0].clear()
            book[1].clear()
        elif kind in (0, 1, 3):
            (book[side].add if qty else book[side].discard)(price)
    return sorted(book[0], reverse=True), sorted(book[1])


def test_each_message_of_partial_depth_is_the_whole_book(tmp_path: Path) -> None:
    """Case 03. The market falls by 10 in ten messages; the book is the last five levels a side, never crossed."""
    lines = [partial(5 + k, k, 500 + 7 * k, *falling(1000 - k)) for k in range(11)]
    report, rows = made(tmp_path, lines)
    assert final_book(tmp_path) == falling(990)
    assert final_book(tmp_path, "E") == falling(990)
    assert rows[:3] == ["clear 0 0 @0/5", "snapshot bid 1000 2 @0/5", "snapshot bid 999 2 @0/5"]
    assert len(rows) == 11 * 11
    assert report.counts == {"partial_books": 11}
    assert any("best 5 levels only" in warning for warning in report.warnings)


def test_partial_depth_without_a_stream_name_is_told_by_its_shape(tmp_path: Path) -> None:
    lines = [partial(5 + k, k, 500 + 7 * k, *falling(1000 - k), stream=None) for k in range(11)]
    report, _ = made(tmp_path, lines)
    assert final_book(tmp_path) == falling(990)
    assert any(warning.startswith("inferred: each of the 11 depth messages is the book's best 5 levels") for warning in report.warnings)


@pytest.mark.parametrize(("old", "new", "stream"), [('"2"', '"0"', None), ('"1002"', '"1009"', None), ("", "", "abcusdt@depth@100ms")])
def test_depth_that_does_not_look_so_or_is_named_stays_changes(tmp_path: Path, old: str, new: str, stream: str | None) -> None:
    """One quantity of 0, one level out of order, or a stream that says depth: these are changes."""
    lines = [partial(5 + k, k, 500 + 7 * k, *falling(1000), stream=stream) for k in range(4)]
    report, rows = made(tmp_path, [lines[0].replace(old, new, 1), *lines[1:]])
    assert "partial_books" not in report.counts
    assert sum(row.startswith("depth") for row in rows) == 40


def test_partial_depth_next_to_changes_is_left_out_and_the_deepest_wins(tmp_path: Path) -> None:
    book = [partial(12, 10, 110, *falling(97, 5)), partial(13, 11, 111, *falling(97, 10), stream="abcusdt@depth10")]
    report, rows = made(tmp_path, [*START, *book, depth(14, 12, 101, 112, 100, [(99, 1)])])
    assert rows == [*START_ROWS, "depth bid 99 1 @12/14"]
    assert (report.counts["ignored_depth5"], report.counts["ignored_depth10"]) == (1, 1)
    assert any("best 5 levels were left out, since depth was recorded too" in warning for warning in report.warnings)
    (tmp_path / "t.parquet").unlink()
    report, rows = made(tmp_path, book)
    assert (report.counts["ignored_depth5"], report.counts["partial_books"], len(rows)) == (1, 1, 21)


def test_spot_partial_depth_names_its_symbol_in_the_stream_only(tmp_path: Path) -> None:
    def spot(local: float, u: int, best: int) -> str:
        bids, asks = falling(best)
        return line(local, {"lastUpdateId": u, "bids": [[str(p), "1"] for p in bids], "asks": [[str(p), "1"] for p in asks]}, "abcusdt@depth5@100ms")

    tick = {"e": "trade", "E": T0 + 4, "s": "ABCUSDT", "t": 1, "p": "999", "q": "1", "T": T0 + 4, "m": True, "M": True}
    report, rows = made(tmp_path, [spot(5, 10, 1000), line(9, tick, "abcusdt@trade"), spot(15, 12, 990), spot(16, 12, 990), spot(17, 11, 1000)])
    assert (report.instrument.symbol, report.instrument.venue) == ("ABCUSDT", "binance_spot")
    assert final_book(tmp_path) == falling(990)
    assert (report.counts["partial_books"], report.counts["snapshots_not_newer"]) == (4, 2)
    assert "snapshot bid 1000 1 @0/5" in rows


def test_a_ticker_newer_than_a_partial_book_stands_after_it(tmp_path: Path) -> None:
    lines = [partial(5, 0, 100, *falling(1000)), ticker(7, 3, 120, (996, 9), (997, 9)), partial(8, 2, 110, *falling(999)), trade(9, 5, 1, 996, 1, True)]
    made(tmp_path, lines)
    bids, asks = final_book(tmp_path)
    assert (bids[0], asks[0]) == (999, 997)  # this small book keeps better levels; the tape's last row is the ticker's
    tape = Tape.open(tmp_path / "t.parquet")
    kinds = (tape.head(tape.rows).ev & KIND_MASK).tolist()
    assert kinds[-3:] == [3, 3, 2]


# --- names ------------------------------------------------------------------------------------------


def test_a_list_of_messages_is_taken_one_by_one(tmp_path: Path) -> None:
    """Case 21. !markPrice@arr and bare lists: each message counts on its own, the rest converts."""
    mark = {"e": "markPriceUpdate", "E": T0, "s": "ABCUSDT", "p": "100.05", "r": "0.0001", "T": T0 + HOUR}
    lines = [
        *START, line(20, {"result": None, "id": 1}, None), line(21, [mark, {**mark, "s": "QQQUSDT"}], "!markPrice@arr@1s"),
        line(22, [{"e": "24hrMiniTicker", "s": "ABCUSDT"}], "!miniTicker@arr"), line(23, [mark], None), depth(24, 22, 101, 102, 100, [(99, 7)]),
    ]  # fmt: skip
    report, rows = made(tmp_path, lines)
    assert rows == [*START_ROWS, "depth bid 99 7 @22/24"]
    counts = {"funding_announcements": 2, "mark_prices_of_other_symbols": 1, "ignored_miniTicker": 1, "ignored_other": 1}
    assert {name: report.counts[name] for name in counts} == counts


def test_known_streams_are_counted_by_name_and_unknown_ones_with_a_warning(tmp_path: Path) -> None:
    known = {"e": "forceOrder", "E": T0, "o": {"s": "ABCUSDT"}}
    rpi = depth(30, 25, 103, 104, 102, [(99, 1)]).replace('"stream": "s"', '"stream": "abcusdt@rpiDepth@500ms"')
    odd = trade(31, 26, 9, 99, 1, True).replace('"stream": "s"', '"stream": "abcusdt@dream_1s"')
    lines = [*START, line(20, known, "abcusdt@forceOrder"), line(21, known), line(22, {"e": "kline"}, "abcusdt@kline_1m"), rpi, odd, line(33, {"e": "novel"}), line(34, {"a": 1})]
    report, rows = made(tmp_path, lines, ConvertOptions(symbol="ABCUSDT", tick_size="1", lot_size="1"))
    assert rows == START_ROWS
    counts = {"ignored_forceOrder": 2, "ignored_kline": 1, "ignored_rpiDepth": 1, "ignored_dream_1s": 1, "ignored_novel": 1, "ignored_other": 1}
    assert {name: report.counts[name] for name in counts} == counts
    assert [w for w in report.warnings if "does not know" in w] == ["3 messages of kinds that this converter does not know were left out: dream_1s 1, novel 1, other 1"]


def test_names_from_outside_are_bounded() -> None:
    counts: Any = __import__("collections").Counter()
    ignored = Ignored(counts)
    for k in range(60):
        ignored.add(f"n{k}", is_known=False)
    for name in ("[/x]", "x" * 100_000, None, 7, ["a"]):
        ignored.add(name, is_known=False)
    assert counts["ignored_others"] == 15
    assert len(counts) == 51


def test_a_message_of_another_type_than_its_stream_is_refused(tmp_path: Path) -> None:
    code, cause = code_of(tmp_path, [trade(1, 0, 1, 99, 1, True).replace('"stream": "s"', '"stream": "abcusdt@depth@100ms"')])
    assert (code, "abcusdt@depth@100ms holds a message of type trade" in cause) == ("CONV-003", True)


@pytest.mark.parametrize("text", ['{"stream": "abcusdt@trade", "data": 7}', "[7]", '{"stream": "abcusdt@depth5", "data": [1]}', '"x"'])
def test_data_that_is_no_message_is_refused(tmp_path: Path, text: str) -> None:
    assert code_of(tmp_path, [*START, f"{T0 * MS} {text}"])[0] == "CONV-003"


def test_names_of_streams_are_read() -> None:
    name = parse_stream("btcusdt@depth20@100ms")
    assert name is not None
    assert (name.symbol, name.use, name.levels) == ("BTCUSDT", PARTIAL, 20)
    assert [getattr(parse_stream(text), "use", None) for text in ("s", "!contractInfo", "a@depth", "a@depth7", "a@kline_1s")] == [None, UNUSED, DEPTH, UNKNOWN, UNUSED]
    assert (use_of_event("kline"), use_of_event(7)) == (UNUSED, UNKNOWN)


# --- fundings ---------------------------------------------------------------------------------------


def mark(local: float, ts: int, rate: str, due: int, price: str = "100.4", **rest: Any) -> str:
    data = {"e": "markPriceUpdate", "E": T0 + ts, "s": "ABCUSDT", "p": price, "i": "100", "P": "100", "r": rate, "T": T0 + due}
    return line(local, {**data, **rest}, "abcusdt@markPrice@1s")


def test_a_funding_time_that_is_passed_becomes_one_row_of_the_last_rate(tmp_path: Path) -> None:
    lines = [
        *START, mark(20, 15, "0.00010000", 1000), mark(500, 495, "0.00030000", 1000, "99.6"), mark(999, 990, "-0.00020000", 1000, "101.0"),
        trade(1006, 1000, 1, 99, 1, True), mark(1010, 1005, "0.00050000", HOUR), depth(1012, 1006, 101, 102, 100, [(99, 7)]),
    ]  # fmt: skip
    report, rows = made(tmp_path, lines)
    assert rows[4:] == ["E funding 101 -20000 @1000/1006", "trade ask 99 1 @1000/1006", "depth bid 99 7 @1006/1012"]
    assert (report.counts["fundings"], report.counts["funding_announcements"]) == (1, 4)


def test_a_funding_time_that_is_not_passed_is_not_paid(tmp_path: Path) -> None:
    report, rows = made(tmp_path, [*START, mark(20, 15, "0.0001", 1000), trade(900, 895, 1, 99, 1, True)])
    assert not any("funding" in row for row in rows)
    assert "fundings" not in report.counts


def test_a_rate_that_was_last_announced_long_before_is_said(tmp_path: Path) -> None:
    report, rows = made(tmp_path, [*START, mark(20, 15, "0.0001", 120_000), trade(120_010, 120_005, 1, 99, 1, True)])
    assert sum("funding" in row for row in rows) == 1
    assert any("120 s older" in warning for warning in report.warnings)


def test_one_symbol_in_two_mark_price_streams_is_paid_once(tmp_path: Path) -> None:
    one = mark(20, 15, "0.0001", 1000)
    again = one.replace("abcusdt@markPrice@1s", "!markPrice@arr")
    _, rows = made(tmp_path, [*START, one, again, trade(1010, 1005, 1, 99, 1, True)])
    assert sum("funding" in row for row in rows) == 1


def test_delivery_contracts_and_other_symbols_have_no_funding(tmp_path: Path) -> None:
    other = mark(21, 16, "0.0001", 1000).replace('"ABCUSDT"', '"QQQUSDT"')
    report, rows = made(tmp_path, [*START, mark(20, 15, "", 0), other, trade(1010, 1005, 1, 99, 1, True)])
    assert not any("funding" in row for row in rows)
    assert (report.counts["ignored_markPriceUpdate"], report.counts["mark_prices_of_other_symbols"]) == (1, 1)


def test_a_funding_before_the_first_snapshot_is_dropped_and_counted(tmp_path: Path) -> None:
    lines = [mark(2, 1, "0.0001", 1000), trade(4, 2, 0, 99, 1, True), trade(1010, 1005, 1, 99, 1, True), snapshot(2005, 2003, 100, [(99, 5)], [(101, 6)]), trade(2010, 2006, 2, 99, 1, True)]
    report, rows = made(tmp_path, lines)
    assert not any("funding" in row for row in rows)
    assert report.counts["fundings_before_snapshot"] == 1


def test_spot_pays_no_funding(tmp_path: Path) -> None:
    """Mark prices next to a spot book are of the perpetual: counted, not paid."""
    tick = {"e": "trade", "E": T0 + 2000, "s": "ABCUSDT", "t": 1, "p": "99", "q": "1", "T": T0 + 2000, "m": True, "M": True}
    report, rows = made(tmp_path, [line(5, {**tick, "t": 0, "T": T0}, "abcusdt@trade"), mark(20, 15, "0.0001", 1000), line(2005, tick, "abcusdt@trade")])
    assert (report.instrument.venue, report.counts["ignored_markPriceUpdate"]) == ("binance_spot", 1)
    assert not any("funding" in row for row in rows)


def test_a_funding_is_booked_once_in_a_run(tmp_path: Path) -> None:
    """One row for the Venue, none for the Node: it is there exactly once."""
    made(tmp_path, [*START, mark(20, 15, "0.0001", 1000), trade(1010, 1005, 1, 99, 1, True)], ConvertOptions(tick_size="1", lot_size="1"))
    tape = Tape.open(tmp_path / "t.parquet")
    ev = tape.head(tape.rows).ev
    assert [int(code) for code in ev if code & KIND_MASK == FUNDING] == [FUNDING | 32 | 64]
