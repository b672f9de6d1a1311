"""Trades: each once, from one stream for the whole source, and nothing lost or invented that is not in a count."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from simcore.records import EXCH_BIT, KIND_MASK, LOCAL_BIT, TRADE
from simcore.tape.convert import ConvertOptions, convert
from simcore.tape.read import Tape
from tests.tape.convert.binance_lines import START, START_ROWS, T0, code_of, line, made, snapshot, trade

PRICES = {140: 101, 141: 102, 142: 103, 143: 101, 144: 102, 145: 103, 146: 101, 147: 102, 148: 103}


def agg(local: float, ts: int, number: int, price: int, qty: Any, is_sale: bool = False, **rest: Any) -> str:
    data = {"e": "aggTrade", "E": T0 + ts, "s": "ABCUSDT", "a": number, "p": str(price), "q": str(qty), "f": number, "l": number, "T": T0 + ts, "m": is_sale}
    return line(local, {**data, **rest}, "abcusdt@aggTrade")


def test_aggregated_trades_whose_ids_come_out_of_order_are_all_kept(tmp_path: Path) -> None:
    """Case 06. Nine ids at one time, each once, not in order: nine trades, 18 units, none repeated, none missing."""
    order = (140, 145, 147, 143, 142, 141, 148, 144, 146)
    report, rows = made(tmp_path, [*START, *(agg(200 + k / 100, 195, number, PRICES[number], 2) for k, number in enumerate(order))])
    node = [row for row in rows if "trade" in row and not row.startswith("E ")]
    assert [int(row.removeprefix("L ").split()[2]) for row in node] == [PRICES[number] for number in order]
    venue = [row for row in rows if "trade" in row and not row.startswith("L ")]
    assert [int(row.removeprefix("E ").split()[2]) for row in venue] == [PRICES[number] for number in sorted(order)]
    assert report.counts == {"snapshots": 1}


def test_trades_without_a_quantity_are_counted_and_dropped(tmp_path: Path) -> None:
    """Case 13."""
    report, rows = made(tmp_path, [*START, agg(6, 4, 200, 101, "1.000"), agg(7, 5, 201, 99, "0.000"), agg(8, 6, 202, 101, "1.000")])
    assert rows == [*START_ROWS, "trade bid 101 1 @4/6", "trade bid 101 1 @6/8"]
    assert report.counts == {"snapshots": 1, "trades_without_quantity": 1}
    assert "1 trades without a quantity were left out" in report.warnings


def test_only_market_trades_are_kept_and_the_others_are_not_missing(tmp_path: Path) -> None:
    lines = [*START, trade(6, 4, 1, 99, 1, True), trade(7, 5, 2, 99, 1, True, X="INSURANCE_FUND"), trade(8, 6, 3, 99, 0, True, X="NA"), trade(9, 7, 4, 99, 1, True)]
    report, rows = made(tmp_path, lines)
    assert sum("trade" in row for row in rows) == 2
    assert report.counts == {"snapshots": 1, "trades_not_market_INSURANCE_FUND": 1, "trades_not_market_NA": 1}
    assert any(warning.startswith("2 trades that were not made in the market") for warning in report.warnings)


def test_single_trades_win_over_aggregates_and_repeats_are_dropped(tmp_path: Path) -> None:
    both = agg(6, 4, 9, 99, 1, True)
    one = trade(6, 4, 1, 99, 1, True)
    report, rows = made(tmp_path, [*START, one, both, one, trade(9, 8, 5, 99, 1, True)])
    assert sum("trade" in row for row in rows) == 2
    assert report.counts == {"snapshots": 1, "ignored_aggTrade": 1, "trades_repeated": 1, "trades_missing": 3}
    said = "the source holds each trade in two streams: trade (2 trades, quantity 2) was taken for all of it, aggTrade (1 trades, quantity 1) was left out"
    assert said in report.warnings
    assert "1 trades were recorded again (same id) and left out" in report.warnings
    assert any("3 trade ids between 1 and 5 are missing" in warning for warning in report.warnings)
    (tmp_path / "t.parquet").unlink()
    _, rows = made(tmp_path, [*START, both])
    assert rows[4:] == ["trade ask 99 1 @4/6"]


def test_a_trade_stream_that_broke_off_does_not_hide_the_aggregates(tmp_path: Path) -> None:
    """One trade, then aggregates of an hour: the stream with more quantity is taken, and said."""
    report, rows = made(tmp_path, [*START, trade(6, 4, 1, 99, 1, True), *(agg(6 + k, 4 + k, 10 + k, 99, 2, True) for k in range(9))])
    assert sum(" 2 @" in row and "trade" in row for row in rows) == 9
    assert report.counts["ignored_trade"] == 1
    assert any("aggTrade (9 trades, quantity 18) was taken for all of it, trade (1 trades, quantity 1) was left out" in w for w in report.warnings)


def test_an_id_with_other_content_is_said(tmp_path: Path) -> None:
    report, rows = made(tmp_path, [*START, trade(6, 4, 1, 99, 1, True), trade(7, 4, 1, 99, 2, True)])
    assert sum("trade" in row for row in rows) == 1
    assert report.counts["trades_with_a_known_id_that_differ"] == 1
    assert any("differ from it; the first was kept (line 3)" in warning for warning in report.warnings)


def test_a_trade_that_does_not_say_its_side_has_none(tmp_path: Path) -> None:
    text = trade(6, 4, 1, 99, 1, True).replace('"m": true, ', "")
    assert '"m"' not in text
    report, rows = made(tmp_path, [*START, text])
    assert rows[4:] == ["trade 99 1 @4/6"]
    assert report.counts["trades_without_side"] == 1
    assert any("1 trades do not say who the aggressor was" in warning for warning in report.warnings)


def test_a_side_that_is_no_truth_value_is_refused(tmp_path: Path) -> None:
    """bool("false") is true: a text is not taken for one."""
    assert code_of(tmp_path, [*START, trade(6, 4, 1, 99, 1, True).replace('"m": true', '"m": "false"')])[0] == "CONV-003"


def test_trades_before_the_first_snapshot_are_said_with_their_number(tmp_path: Path) -> None:
    report, _ = made(tmp_path, [trade(1, 0, 1, 99, 1, True), snapshot(5, 3, 100, [(99, 5)], [(101, 6)])])
    assert report.counts["trades_before_snapshot"] == 1
    assert any("into the source; 1 trades before it were left out" in warning for warning in report.warnings)


# --- nothing lost, nothing invented -----------------------------------------------------------------

TRADES = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 5), st.integers(0, 40), st.sampled_from(("MARKET", "MARKET", "MARKET", "NA", "INSURANCE_FUND"))),
    min_size=1, max_size=40,
)  # fmt: skip


def rows_of(tape: Tape, bit: int) -> Any:
    rows = tape.head(tape.rows)
    seen = ((rows.ev & bit) != 0) & ((rows.ev & KIND_MASK) == TRADE)
    return rows.qty_lots[seen]


@given(drawn=TRADES, with_agg=st.booleans())
def test_the_quantity_of_all_trades_is_in_the_rows_or_in_a_count(tmp_path_factory: Any, drawn: list[tuple[int, int, int, str]], with_agg: bool) -> None:
    """Σ quantity of the first of each id that was made in the market is on the tape, in both views; each line is a row or counted."""
    folder = tmp_path_factory.mktemp("t")
    lines = [snapshot(0, 0, 100, [(99, 5)], [(101, 6)])]
    first: dict[int, int] = {}
    for k, (number, ts, qty, how) in enumerate(drawn):
        text = f"{Decimal(qty) / 8}"
        lines.append(trade(1 + k, 1 + ts, number, 99, 0, True, X=how, q=text))
        if how == "MARKET" and qty:
            first.setdefault(number, qty)
        if with_agg and how == "MARKET":
            lines.append(agg(1.5 + k, 1 + ts, 100 + k, 99, text, is_sale=True))
    (folder / "raw").write_text("\n".join(lines) + "\n")
    report = convert([folder / "raw"], "binance", folder / "t.parquet", ConvertOptions(tick_size="1", lot_size="0.125"))
    tape = Tape.open(folder / "t.parquet")
    counts = report.counts
    dropped = sum(count for name, count in counts.items() if name.startswith(("trades_repeated", "trades_with", "trades_not", "ignored_")))
    for bit in (EXCH_BIT, LOCAL_BIT):
        assert len(rows_of(tape, bit)) + dropped == len(lines) - 1
        if "ignored_trade" not in counts:
            assert rows_of(tape, bit).sum() == sum(first.values())


LEVELS = st.lists(st.tuples(st.integers(90, 110), st.integers(0, 9)), max_size=4)


@given(messages=st.lists(st.tuples(LEVELS, LEVELS, st.integers(-2, 6), st.booleans()), min_size=1, max_size=25), data=st.data())
def test_every_level_of_depth_is_a_row_or_counted(tmp_path_factory: Any, messages: list[Any], data: st.DataObject) -> None:
    """Depth with gaps, repeats and ids that go back: levels in = DEPTH rows of a view + superseded + levels of dropped messages."""
    folder = tmp_path_factory.mktemp("t")
    lines, last, level_count, sizes = [snapshot(0, 0, 100, [(99, 5)], [(101, 6)])], 100, 0, {}
    for k, (bids, asks, step, is_ticker) in enumerate(messages):
        u = max(last + step, 1)
        if is_ticker:
            quote = {"e": "bookTicker", "u": u, "s": "ABCUSDT", "b": "99", "B": "1", "a": "101", "A": "1", "T": T0 + k, "E": T0 + k}
            lines.append(line(k + 1, quote))
            continue
        levels = {"b": [[str(p), str(q)] for p, q in bids], "a": [[str(p), str(q)] for p, q in asks]}
        lines.append(line(k + 1, {"e": "depthUpdate", "E": T0 + k, "T": T0 + k, "s": "ABCUSDT", "U": u, "u": u, "pu": last, **levels}))
        level_count += len(bids) + len(asks)
        sizes[len(lines)] = len(bids) + len(asks)
        last = max(last, u)
    (folder / "raw").write_text("\n".join(lines) + "\n")
    report = convert([folder / "raw"], "binance", folder / "t.parquet", ConvertOptions(tick_size="1", lot_size="1"))
    tape = Tape.open(folder / "t.parquet")
    rows = tape.head(tape.rows)
    counts = report.counts
    newest, dropped = 100, 0
    for at, text in enumerate(lines[1:], 2):
        if at in sizes:
            u = int(text.split('"u": ')[1].split(",")[0])
            if u <= newest:
                dropped += sizes[at]
            newest = max(newest, u)
    for bit, view in ((EXCH_BIT, "venue"), (LOCAL_BIT, "node")):
        depth_rows = int((((rows.ev & bit) != 0) & ((rows.ev & KIND_MASK) == 0)).sum())
        assert depth_rows + counts.get(f"depth_rows_superseded_for_{view}", 0) + dropped == level_count
