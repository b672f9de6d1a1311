"""Assembly: one order for two views, exact ticks and lots, clocks by policy, instruments stated, listed or inferred."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, BOTH_BITS, CLEAR, DEPTH, EXCH_BIT, FUNDING, GAP, LOCAL_BIT, NO_SIDE_BIT, TRADE
from simcore.tape.convert import FORMATS, ConvertOptions, convert
from simcore.tape.convert.assemble import assemble, infer_size
from simcore.tape.convert.base import Source, SourceRows
from simcore.tape.convert.views import heaviest_rise, merge_views
from simcore.tape.instruments import currencies, look_up
from simcore.tape.read import Tape
from simcore.units import NS_PER_DAY

T0 = 1_700_000_000_000_000_000
MS = 1_000_000
OPTIONS = ConvertOptions(symbol="AAABBB", venue="test", kind="linear", contract_size="1", tick_size="0.1", lot_size="0.001")


def source(
    exch: list[int], local: list[int], ev: list[int] | None = None, price: list[float] | None = None,
    qty: list[float] | None = None, **rest: Any,
) -> Source:  # fmt: skip
    n = len(exch)
    rows = SourceRows(
        np.array(exch, np.int64), np.array(local, np.int64), np.array(ev or [DEPTH] * n, np.uint8),
        np.array(price or [10.0] * n), np.array(qty or [1.0] * n), np.zeros(0, np.int64), np.arange(1, n + 1),
    )  # fmt: skip
    about: dict[str, Any] = {"level": "l2", "venue": "test", "symbol": "AAABBB", "kind": None, "hints": {}}
    return Source(rows, **(about | {"counts": {}, "warnings": []} | rest))


def code_of(call: Any, *args: Any) -> tuple[str, str]:
    with pytest.raises(ConvertError) as caught:
        call(*args)
    return caught.value.code, caught.value.cause


# --- one order for two views -----------------------------------------------------------------------

MESSAGES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2), st.integers(1, 3), st.sampled_from([64, 128, 192, 192, 192])), max_size=30)


@given(messages=MESSAGES)
def test_both_views_are_complete_sorted_stable_and_whole(messages: list[tuple[int, int, int, int]]) -> None:
    """The Venue's rows are all its rows by exchange time then arrival; the Node's are all its rows by arrival."""
    exch, local, view, line = [], [], [], []
    now = 0
    for k, (at, step, size, bits) in enumerate(messages):
        now += step
        exch += [at] * size
        local += [now] * size
        view += [bits] * size
        line += [k] * size
    arrays = [np.array(column, np.int64) for column in (exch, local)]
    row, bits = merge_views(*arrays, np.array(view, np.uint8), np.array(line, np.int64))
    assert set(bits.tolist()) <= {EXCH_BIT, LOCAL_BIT, BOTH_BITS}
    all_rows = np.arange(len(exch))
    seen = np.array(view, np.int64)
    for bit, order in ((EXCH_BIT, np.argsort(arrays[0], kind="stable")), (LOCAL_BIT, all_rows)):
        want = [int(r) for r in order if seen[r] & bit]
        assert row[(bits & bit) != 0].tolist() == want


def brute_force(ranks: list[int], weights: list[int]) -> int:
    best = [0] * len(ranks)
    for i, rank in enumerate(ranks):
        best[i] = weights[i] + max((best[j] for j in range(i) if ranks[j] <= rank), default=0)
    return max(best, default=0)


@given(pairs=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), min_size=10, max_size=40))
def test_as_few_rows_as_possible_are_doubled(pairs: list[tuple[int, int]]) -> None:
    """The rows written once are a heaviest subsequence in both orders; a quadratic search finds none heavier."""
    ranks, weights = ([x[i] for x in pairs] for i in (0, 1))
    found = heaviest_rise(np.array(ranks, np.int64), np.array(weights, np.int64)).tolist()
    assert found == sorted(set(found))
    assert [ranks[i] for i in found] == sorted(ranks[i] for i in found)
    assert sum(weights[i] for i in found) == brute_force(ranks, weights)


def test_rows_in_one_order_are_written_once() -> None:
    made = assemble(source([T0, T0, T0 + 5], [T0 + 1, T0 + 2, T0 + 9]), OPTIONS, "x")
    assert made.rows.ev.tolist() == [DEPTH | BOTH_BITS] * 3
    assert "rows_written_twice" not in made.clock


def test_a_late_message_is_written_for_each_clock() -> None:
    made = assemble(source([T0 + 5, T0 + 3, T0 + 6], [T0 + 7, T0 + 8, T0 + 9]), OPTIONS, "x")
    assert (made.rows.ev & BOTH_BITS).tolist() in (
        [EXCH_BIT, BOTH_BITS, LOCAL_BIT, BOTH_BITS], [EXCH_BIT, LOCAL_BIT, BOTH_BITS, BOTH_BITS],
        [LOCAL_BIT, BOTH_BITS, EXCH_BIT, BOTH_BITS],
    )  # fmt: skip
    assert made.clock["rows_written_twice"] == 1


# --- ticks and lots --------------------------------------------------------------------------------


@given(ticks=st.lists(st.integers(1, 10**9), min_size=1), lots=st.integers(0, 10**9), tick=st.sampled_from(["0.1", "0.25", "0.00001", "5", "1e-8"]))
def test_every_decimal_on_the_grid_becomes_its_exact_integer(ticks: list[int], lots: int, tick: str) -> None:
    n = len(ticks)
    digits = 8
    price = [float(f"{int(t * round(float(tick) * 10**digits))}e-{digits}") for t in ticks]
    qty = [float(f"{lots}e-3")] * n
    options = ConvertOptions(symbol="A", venue="test", kind="linear", contract_size="1", tick_size=tick, lot_size="0.001")
    made = assemble(source([T0] * n, [T0] * n, price=price, qty=qty), options, "x")
    assert made.rows.price_ticks.tolist() == ticks
    assert made.rows.qty_lots.tolist() == [lots] * n


@pytest.mark.parametrize(
    ("price", "qty"),
    [(10.05, 1.0), (-10.0, 1.0), (0.0, 1.0), (float("nan"), 1.0), (float("inf"), 1.0), (10.0, -1.0), (10.0, 1.0005), (10.0, float("nan")), (1e300, 1.0), (10.0, 1e300)],
)
def test_a_value_that_is_no_tick_or_lot_is_refused_with_its_line(price: float, qty: float) -> None:
    bad = source([T0] * 3, [T0] * 3, price=[10.0, price, 10.0], qty=[1.0, qty, 1.0])
    code, cause = code_of(assemble, bad, OPTIONS, "x")
    assert code == "CONV-004"
    assert "line 2" in cause


def test_gaps_clears_and_funding_keep_their_own_quantities() -> None:
    ev = [DEPTH, GAP | NO_SIDE_BIT, CLEAR | NO_SIDE_BIT, CLEAR, FUNDING | NO_SIDE_BIT]
    rows = source([T0] * 5, [T0] * 5, ev, [10.0, 0.0, 0.0, 9.9, 10.034], [1.0, 7.0, 0.0, 1.0, -0.0001])
    made = assemble(rows, OPTIONS, "x")
    assert made.rows.price_ticks.tolist() == [100, 0, 0, 99, 100]
    assert made.rows.qty_lots.tolist() == [1000, 7, 0, 1, -10_000]


def test_prints_of_no_quantity_are_left_out_of_any_format_and_counted() -> None:
    """A print of nothing would fill what it passes."""
    rows = source([T0] * 4, [T0] * 4, [DEPTH, TRADE, TRADE, DEPTH], [10.0] * 4, [1.0, 0.0, 2.0, 0.0], exch_rank=np.arange(4))
    made = assemble(rows, OPTIONS, "x")
    assert made.rows.qty_lots.tolist() == [1000, 2000, 0]
    assert made.counts == {"trades_without_quantity": 1}
    assert "1 trades without a quantity were left out" in made.warnings
    assert code_of(assemble, source([T0], [T0], [TRADE], [10.0], [0.0]), OPTIONS, "x")[0] == "CONV-002"


@pytest.mark.parametrize(("tick", "price", "ticks"), [("1e-12", 4503.0, 4503 * 10**12), ("1e-8", 0.00000045, 45), ("0.000001", 1e9, 10**15), ("0.25", 1e9, 4 * 10**9)])
def test_small_ticks_and_large_prices_fit_up_to_the_integer_range(tick: str, price: float, ticks: int) -> None:
    options = ConvertOptions(**{**vars(OPTIONS), "tick_size": tick})
    assert assemble(source([T0], [T0], price=[price]), options, "x").rows.price_ticks.tolist() == [ticks]


@pytest.mark.parametrize(("tick", "price"), [("1e-12", 1e9), ("1e-12", 4504.0), ("1", 1e18)])
def test_more_ticks_than_the_integer_range_are_refused_with_the_limit(tick: str, price: float) -> None:
    options = ConvertOptions(**{**vars(OPTIONS), "tick_size": tick})
    code, cause = code_of(assemble, source([T0], [T0], price=[price]), options, "x")
    assert code == "CONV-004"
    assert f"1 to 2^52 - 1 ticks of {'0.000000000001' if tick == '1e-12' else '1'}, the most being" in cause


def test_the_exchange_s_own_order_outranks_arrival_at_one_time() -> None:
    """The rows of one time stand for the Venue as the source says, for the Node as they came."""
    rows = source([T0] * 3, [T0 + 1, T0 + 2, T0 + 3], price=[10.0, 11.0, 12.0], exch_rank=np.array([2, 0, 1]))
    made = assemble(rows, OPTIONS, "x")
    for bit, want in ((EXCH_BIT, [110, 120, 100]), (LOCAL_BIT, [100, 110, 120])):
        assert made.rows.price_ticks[(made.rows.ev & bit) != 0].tolist() == want


@pytest.mark.parametrize("ts", [0, -5, 1 << 62])
def test_a_time_that_is_none_is_refused(ts: int) -> None:
    assert code_of(assemble, source([ts], [T0]), OPTIONS, "x")[0] == "CONV-004"
    assert code_of(assemble, source([T0], [ts]), OPTIONS, "x")[0] == "CONV-004"


# --- clocks ----------------------------------------------------------------------------------------

EARLY = ([T0, T0 + 10 * MS, T0 + 20 * MS], [T0 - 5 * MS, T0 + 2 * MS, T0 + 16 * MS])  # latencies −5, −8, −4 ms


def with_clock(clock: str, min_latency_us: int = 0) -> ConvertOptions:
    return ConvertOptions(**{**vars(OPTIONS), "clock": clock, "min_latency_us": min_latency_us})


def test_auto_shifts_a_clock_that_is_behind_and_says_so() -> None:
    made = assemble(source(*EARLY), with_clock("auto", 1500), "x")
    assert made.clock["offset_ns"] == 8 * MS + 1_500_000
    assert made.clock["feed_latency_before_ns"]["min"] == -8 * MS
    assert made.clock["feed_latency_ns"] | {"p1": 0, "p99": 0} == {"min": 1_500_000, "median": 4_500_000, "p1": 0, "p99": 0}
    assert (made.rows.local_ts - np.array(EARLY[1])).tolist() == [9_500_000] * 3
    assert any("shifted by +9.500 ms" in warning for warning in made.warnings)


def test_auto_leaves_a_clock_that_is_just_right() -> None:
    """A row that was received the moment it was made is possible, whatever the least latency that a shift aims at."""
    made = assemble(source([T0, T0 + 10 * MS], [T0, T0 + 12 * MS]), with_clock("auto", 1000), "x")
    assert made.clock["offset_ns"] == 0


def test_auto_leaves_a_clock_that_is_ahead_and_shift_moves_it() -> None:
    rows = source([T0, T0 + MS], [T0 + 5 * MS, T0 + 7 * MS])
    assert assemble(rows, with_clock("auto"), "x").clock["offset_ns"] == 0
    assert assemble(rows, with_clock("shift", 1000), "x").clock["offset_ns"] == -4 * MS


def test_keep_leaves_a_clock_that_is_behind_and_counts() -> None:
    made = assemble(source(*EARLY), with_clock("keep"), "x")
    assert made.rows.local_ts.tolist() == EARLY[1]
    assert any("3 rows were received before" in warning for warning in made.warnings)


def test_local_times_that_go_back_are_raised_and_counted() -> None:
    made = assemble(source([T0] * 4, [T0 + 5, T0 + 3, T0 + 4, T0 + 6]), OPTIONS, "x")
    assert made.rows.local_ts.tolist() == [T0 + 5, T0 + 5, T0 + 5, T0 + 6]
    assert made.clock["local_times_clamped"] == 2


@pytest.mark.parametrize("missing", ["has_local_clock", "has_exch_clock"])
def test_a_missing_clock_is_made_up_and_stamped(missing: str) -> None:
    made = assemble(source([T0, T0 + 3], [T0, T0 + 3], **{missing: False}), with_clock("auto", 2), "x")
    assert (made.rows.local_ts - made.rows.exch_ts).tolist() == [2000, 2000]
    assert made.clock["synthesised"] == ("local_ts" if missing == "has_local_clock" else "exch_ts")


def test_an_unknown_policy_is_refused() -> None:
    assert code_of(assemble, source([T0], [T0]), with_clock("guess"), "x")[0] == "CONV-007"


# --- instruments -----------------------------------------------------------------------------------


def test_flags_come_before_catalogue_hints_and_data() -> None:
    rows = source([T0], [T0], venue="binance_usdm", symbol="BTCUSDT", hints={"tick_size": "1"})
    listed = assemble(rows, ConvertOptions(), "binance")
    assert listed.instrument == look_up("binance_usdm", "BTCUSDT")
    assert listed.inferred == ()
    flagged = assemble(rows, ConvertOptions(tick_size="0.50", lot_size="1e-5", maker_rate="-0.00005"), "binance").instrument
    assert (flagged.tick_size, flagged.lot_size, flagged.maker_rate) == ("0.5", "0.00001", "-0.00005")


def test_a_listed_size_that_the_data_do_not_fit_is_replaced_with_a_warning() -> None:
    rows = source([T0], [T0], price=[10.05], venue="binance_usdm", symbol="BTCUSDT")
    made = assemble(rows, ConvertOptions(), "binance")
    assert made.instrument.tick_size == "0.05"
    assert made.inferred == ("tick_size",)
    assert any("does not fit" in warning for warning in made.warnings)


def test_what_nobody_states_is_inferred_and_reported() -> None:
    rows = source([T0] * 3, [T0] * 3, price=[10.25, 10.5, 11.0], qty=[3.0, 0.0, 0.5], hints={})
    made = assemble(rows, ConvertOptions(), "x")
    assert set(made.inferred) == {"kind", "contract_size", "tick_size", "lot_size"}
    assert (made.instrument.tick_size, made.instrument.lot_size) == ("0.25", "0.5")
    hinted = assemble(source([T0], [T0], hints={"tick_size": "0.01", "lot_size": "1"}, kind="spot"), ConvertOptions(), "x")
    assert (hinted.instrument.tick_size, hinted.inferred) == ("0.01", ("contract_size",))


def test_what_the_reader_assumed_is_listed_unless_stated() -> None:
    rows = source([T0], [T0], inferred=("venue",))
    made = assemble(rows, ConvertOptions(**{**vars(OPTIONS), "venue": None}), "x")
    assert made.inferred == ("venue",)
    assert any("inferred: venue test" in warning for warning in made.warnings)
    assert assemble(rows, OPTIONS, "x").inferred == ()


def test_what_cannot_be_known_is_asked_for() -> None:
    assert code_of(assemble, source([T0], [T0], symbol=""), ConvertOptions(), "x")[0] == "CONV-005"
    assert code_of(assemble, source([T0], [T0], kind="inverse"), ConvertOptions(), "x")[0] == "CONV-005"
    assert code_of(assemble, source([T0], [T0], qty=[0.0]), ConvertOptions(), "x")[0] == "CONV-005"
    bad = ConvertOptions(**{**vars(OPTIONS), "maker_rate": "cheap"})
    assert code_of(assemble, source([T0], [T0]), bad, "x")[0] == "CONV-005"
    worse = ConvertOptions(**{**vars(OPTIONS), "tick_size": "0"})
    assert code_of(assemble, source([T0], [T0]), worse, "x")[0] == "CONV-005"


@pytest.mark.parametrize(("values", "size"), [([0.1, 0.3], "0.1"), ([2.0, 4.0], "2"), ([5e-5, 1e-4], "0.00005"), ([100.0, 300.0], "100"), ([0.25, 1.0], "0.25"), ([7.0], "1")])
def test_the_coarsest_round_step_is_inferred(values: list[float], size: str) -> None:
    assert infer_size(np.array(values), "tick_size") == size


@pytest.mark.parametrize(("symbol", "pair"), [("BTCUSDT", ("BTC", "USDT")), ("BTCUSD_PERP", ("BTC", "USD")), ("ETH-EUR", ("ETH", "EUR")), ("ESH4", ("", ""))])
def test_currencies_are_read_from_the_symbol(symbol: str, pair: tuple[str, str]) -> None:
    assert currencies(symbol) == pair


# --- the whole -------------------------------------------------------------------------------------


@pytest.fixture
def three_days(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A source whose rows lie on three days, as a format of its own."""
    class Reader:
        @staticmethod
        def read(_paths: Any, _options: Any) -> Source:
            exch = [T0 + k * NS_PER_DAY // 4 for k in range(10)]
            return source(exch, [t + MS for t in exch], [DEPTH, DEPTH | ASK_BIT, TRADE, DEPTH, DEPTH] * 2)

    monkeypatch.setitem(FORMATS, "days", "reader_of_days")
    monkeypatch.setitem(sys.modules, "reader_of_days", Reader)
    (tmp_path / "capture").write_text("x")
    return tmp_path / "capture"


def test_a_folder_gets_one_file_a_day(three_days: Path, tmp_path: Path) -> None:
    one = convert([three_days], "days", tmp_path / "one.parquet", OPTIONS)
    stages: list[tuple[str, float]] = []
    many = convert([three_days], "days", tmp_path / "days", OPTIONS, lambda what, share: stages.append((what, share)))
    assert [path.name for path in many.files] == ["2023-11-14.parquet", "2023-11-15.parquet", "2023-11-16.parquet", "2023-11-17.parquet"]
    a, b = Tape.open(tmp_path / "one.parquet"), Tape.open(tmp_path / "days")
    assert [c.tolist() for c in a.head(99)] == [c.tolist() for c in b.head(99)]
    assert one.rows == many.rows == 10
    assert stages[-1] == ("done", 1.0)
    assert a.meta.source["files"][0][0] == "capture"
    json.dumps(many.to_dict())


def test_a_folder_of_another_instrument_is_refused(three_days: Path, tmp_path: Path) -> None:
    convert([three_days], "days", tmp_path / "days", OPTIONS)
    before = sorted(path.name for path in (tmp_path / "days").iterdir())
    other = ConvertOptions(**{**vars(OPTIONS), "symbol": "CCCDDD"})
    assert code_of(convert, [three_days], "days", tmp_path / "days", other)[0] == "CONV-009"
    assert sorted(path.name for path in (tmp_path / "days").iterdir()) == before
    convert([three_days], "days", tmp_path / "days", OPTIONS)


def test_bad_arguments_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "d.parquet").mkdir()
    assert code_of(convert, [tmp_path / "a"], "cuneiform", tmp_path / "o")[0] == "CONV-008"
    assert code_of(convert, [], "binance", tmp_path / "o")[0] == "CONV-001"
    assert code_of(convert, [tmp_path / "no"], "binance", tmp_path / "o")[0] == "CONV-001"
    assert code_of(convert, [tmp_path / "a"], "binance", tmp_path / "a")[0] == "CONV-009"
    assert code_of(convert, [tmp_path / "a"], "binance", tmp_path / "d.parquet")[0] == "CONV-009"
