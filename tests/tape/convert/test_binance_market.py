"""Which market, which instrument: decided from all that messages show, contradictions refused, two never merged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simcore.tape.convert import ConvertOptions, ConvertReport
from tests.tape.convert import binance_lines
from tests.tape.convert.binance_lines import T0, code_of, line

SIZES = {"tick_size": "0.1", "lot_size": "0.001"}
STATED = ConvertOptions(**SIZES)


def made(folder: Path, lines: list[str], options: ConvertOptions = STATED) -> tuple[ConvertReport, list[str]]:
    return binance_lines.made(folder, lines, options)


def diff(first: int, stream: str | None = "btcusdt@depth@100ms", symbol: str = "BTCUSDT", **rest: Any) -> str:
    ids = {"U": first, "u": first + 1}
    message = {"e": "depthUpdate", "E": T0 + first, "s": symbol, **ids, "b": [["100.0", "6"]], "a": [["100.1", "6"]]}
    return line(first + 5, {**message, **rest}, stream)


def usdm(first: int, **rest: Any) -> str:
    return diff(first, T=T0 + first, pu=first - 1, **rest)


def bbo(u: int, **rest: Any) -> str:
    return line(u + 5, {"u": u, "s": "BTCUSDT", "b": "100.0", "B": "4", "a": "100.1", "A": "3", **rest}, "btcusdt@bookTicker")


def rest_snapshot(last: int, **rest: Any) -> str:
    return line(last + 5, {"lastUpdateId": last, "bids": [["100.0", "5"]], "asks": [["100.1", "5"]], **rest}, None)


def venue_of(folder: Path, lines: list[str], options: ConvertOptions = STATED) -> str:
    report, _ = made(folder, lines, options)
    (folder / "t.parquet").unlink()
    return report.instrument.venue


def test_usdm_messages_with_a_pair_are_linear(tmp_path: Path) -> None:
    """Case 01. Since 2026 USD-M payloads carry ps too; st says which market. Fees, kind and lot are USD-M's."""
    lines = [rest_snapshot(10, E=T0, T=T0), usdm(11, ps="BTCUSDT", st=1), usdm(13, ps="BTCUSDT", st=1)]
    report, _ = made(tmp_path, lines, ConvertOptions())
    one = report.instrument
    assert (one.venue, one.kind, one.tick_size, one.lot_size, one.contract_size) == ("binance_usdm", "linear", "0.1", "0.001", "1")
    assert (one.maker_rate, one.taker_rate) == ("0.0002", "0.0005")
    assert report.inferred == ()  # st states it


def test_usdm_messages_with_a_pair_and_no_type_are_linear_and_that_is_inferred(tmp_path: Path) -> None:
    report, _ = made(tmp_path, [usdm(11, ps="BTCUSDT"), usdm(13, ps="BTCUSDT")], ConvertOptions())
    assert (report.instrument.venue, report.inferred) == ("binance_usdm", ("venue",))
    assert any(warning.startswith("the market is binance_usdm: usdm by line 1 (") for warning in report.warnings)


def test_best_quotes_with_a_time_are_futures(tmp_path: Path) -> None:
    """Case 16. bookTicker with e, E, T exists on futures only: linear, 2 and 5 bps, tick 0.1."""
    agg = {"e": "aggTrade", "E": T0 + 20, "s": "BTCUSDT", "a": 5, "p": "100.1", "q": "1", "f": 5, "l": 5, "T": T0 + 20, "m": False}
    lines = [bbo(1, e="bookTicker", E=T0 + 1, T=T0 + 1), line(25, agg, "btcusdt@aggTrade")]
    report, _ = made(tmp_path, lines, ConvertOptions())
    one = report.instrument
    assert (one.venue, one.kind, one.tick_size, one.maker_rate, one.taker_rate) == ("binance_usdm", "linear", "0.1", "0.0002", "0.0005")


SPOT_TRADE = {"e": "trade", "E": T0, "s": "BTCUSDT", "t": 1, "p": "100.0", "q": "1", "T": T0, "m": True, "M": True}


@pytest.mark.parametrize(
    ("lines", "venue"),
    [
        ([diff(1)], "binance_spot"),
        ([bbo(1)], "binance_spot"),
        ([line(1, SPOT_TRADE)], "binance_spot"),
        ([line(1, {**SPOT_TRADE, "E": T0 * 1000, "T": T0 * 1000})], "binance_spot"),
        ([diff(1, "btcusdt@depth@1000ms"), rest_snapshot(1)], "binance_spot"),
        ([usdm(1)], "binance_usdm"),
        ([usdm(1, stream=None)], "binance_usdm"),
        ([usdm(1, stream="btcusdt@depth@0ms"), rest_snapshot(1, E=T0, T=T0)], "binance_usdm"),
        ([usdm(1, symbol="BTCUSDT_260626")], "binance_usdm"),
        ([line(1, {**{k: v for k, v in SPOT_TRADE.items() if k != "M"}, "X": "MARKET"})], "binance_usdm"),
        ([usdm(1, symbol="BTCUSD_PERP")], "binance_coinm"),
        ([usdm(1, symbol="BTCUSD_PERP", ps="BTCUSD")], "binance_coinm"),
        ([usdm(1, symbol="BTCUSD_PERP", ps="BTCUSD", st=2)], "binance_coinm"),
    ],
)
def test_each_market_is_told_by_what_only_it_sends(tmp_path: Path, lines: list[str], venue: str) -> None:
    options = ConvertOptions(**SIZES, contract_size="100")
    assert venue_of(tmp_path, lines, options) == venue


@pytest.mark.parametrize(
    ("message", "pieces"),
    [
        (usdm(1, st=2), ("symbol BTCUSDT", "st 2")),
        (usdm(1, symbol="BTCUSD_PERP", st=1), ("symbol BTCUSD_PERP", "st 1")),
        (usdm(1, stream="btcusdt@depth@1000ms"), ("btcusdt@depth@1000ms", "depth with pu")),
        (diff(1, "btcusdt@depth@0ms"), ("btcusdt@depth@0ms", "depth without pu")),
        (bbo(1, e="bookTicker", E=T0 * 1000, T=T0 * 1000), ("times in µs", "bookTicker with a time")),
        (diff(1, symbol="BTCUSD_PERP"), ("symbol BTCUSD_PERP", "depth without pu")),
        (line(1, {**SPOT_TRADE, "X": "MARKET"}), ("a trade with X", "a trade with M")),
    ],
)
def test_a_message_that_contradicts_itself_is_refused_naming_both_pieces(tmp_path: Path, message: str, pieces: tuple[str, str]) -> None:
    code, cause = code_of(tmp_path, [message], STATED)
    assert code == "CONV-010"
    assert all(piece in cause for piece in pieces), cause
    assert "line 1" in cause


@pytest.mark.parametrize(
    ("lines", "options", "pieces"),
    [
        ([usdm(1)], {"venue": "binance_spot"}, ("--venue binance_spot", "depth with pu")),
        ([diff(1)], {"venue": "binance_usdm"}, ("--venue binance_usdm", "depth without pu")),
        ([usdm(1)], {"kind": "inverse", "contract_size": "1"}, ("--kind inverse", "symbol BTCUSDT")),
        ([usdm(1)], {"kind": "spot"}, ("--kind spot", "depth with pu")),
        ([usdm(1)], {"venue": "binance_usdm", "kind": "inverse"}, ("--venue binance_usdm", "--kind inverse")),
    ],
)
def test_a_stated_market_that_the_messages_contradict_is_refused(
    tmp_path: Path, lines: list[str], options: dict[str, str], pieces: tuple[str, str]
) -> None:
    code, cause = code_of(tmp_path, lines, ConvertOptions(**SIZES, **options))
    assert code == "CONV-010"
    assert all(piece in cause for piece in pieces), cause


def test_a_venue_of_another_name_is_a_label(tmp_path: Path) -> None:
    report, _ = made(tmp_path, [usdm(1)], ConvertOptions(**SIZES, venue="lab"))
    assert (report.instrument.venue, report.instrument.kind) == ("lab", "linear")


TWO = [usdm(11), bbo(13), usdm(15), line(20, SPOT_TRADE, "btcusdt@trade"), rest_snapshot(16), rest_snapshot(18, E=T0 + 17, T=T0 + 17)]


def test_two_markets_of_one_symbol_are_refused(tmp_path: Path) -> None:
    """Spot quotes among USD-M depth of the same symbol: never merged."""
    code, cause = code_of(tmp_path, TWO, STATED)
    assert code == "CONV-006"
    assert "spot by line 2" in cause
    assert "usdm by line 1" in cause


def test_two_markets_of_one_symbol_are_separated_by_venue(tmp_path: Path) -> None:
    report, rows = made(tmp_path, TWO, ConvertOptions(**SIZES, venue="binance_usdm"))
    assert report.counts["other_market"] == 3
    assert any("3 messages of another market" in warning for warning in report.warnings)
    assert not any("trade" in row or "best" in row for row in rows)
    (tmp_path / "t.parquet").unlink()
    report, rows = made(tmp_path, TWO, ConvertOptions(**SIZES, kind="spot"))
    assert (report.instrument.venue, report.counts["other_market"]) == ("binance_spot", 3)
    assert not any("depth" in row for row in rows)


def test_two_instruments_of_two_markets_need_a_symbol(tmp_path: Path) -> None:
    lines = [usdm(11), usdm(13, symbol="BTCUSD_PERP")]
    code, cause = code_of(tmp_path, lines, STATED)
    assert (code, "BTCUSDT, BTCUSD_PERP" in cause or "BTCUSD_PERP" in cause) == ("CONV-006", True)
    report, _ = made(tmp_path, lines, ConvertOptions(**SIZES, symbol="BTCUSD_PERP", contract_size="100"))
    assert (report.instrument.venue, report.counts["other_symbol"]) == ("binance_coinm", 1)


def test_what_shows_no_market_is_assumed_and_said(tmp_path: Path) -> None:
    """A stream of partial depth without a symbol's own fields: the choice is a guess, and called one."""
    lines = [line(5, {"e": "depthUpdate", "E": T0, "s": "BTCUSDT", "b": [["1.0", "1"]], "a": []}, "btcusdt@depth5")]
    code, _ = code_of(tmp_path, lines)
    assert code == "CONV-003"  # neither update id: it cannot be placed
    report, _ = made(tmp_path, [usdm(1)], ConvertOptions(**SIZES))
    assert "venue" in report.inferred


def test_a_message_of_another_symbol_than_its_stream_is_counted(tmp_path: Path) -> None:
    report, _ = made(tmp_path, [usdm(1, stream="ethusdt@depth@0ms")])
    assert report.counts["stream_of_other_symbol"] == 1
    assert any("BTCUSDT in ethusdt@depth@0ms" in warning for warning in report.warnings)


def test_base_and_quote_come_from_the_longest_known_quote(tmp_path: Path) -> None:
    """Case 30."""
    report, _ = made(tmp_path, [usdm(1, symbol="BTCTUSD", stream=None)])
    assert (report.instrument.base, report.instrument.quote) == ("BTC", "TUSD")
    assert "base" not in report.inferred


def test_an_unclear_symbol_is_inferred_and_base_and_quote_can_be_given(tmp_path: Path) -> None:
    report, _ = made(tmp_path, [usdm(1, symbol="QQTUSD", stream=None)])
    assert (report.instrument.base, report.instrument.quote) == ("QQ", "TUSD")
    assert {"base", "quote"} <= set(report.inferred)
    assert any("QQT/USD" in warning for warning in report.warnings)
    (tmp_path / "t.parquet").unlink()
    report, _ = made(tmp_path, [usdm(1, symbol="QQTUSD", stream=None)], ConvertOptions(**SIZES, quote="USD"))
    assert (report.instrument.base, report.instrument.quote) == ("QQT", "USD")
    assert "base" not in report.inferred


def test_a_symbol_that_tells_nothing_asks_for_both(tmp_path: Path) -> None:
    report, _ = made(tmp_path, [usdm(1, symbol="QQQ", stream=None)])
    assert (report.instrument.base, report.instrument.quote) == ("", "")
    assert any("give --base and --quote" in warning for warning in report.warnings)
    (tmp_path / "t.parquet").unlink()
    report, _ = made(tmp_path, [usdm(1, symbol="QQQ", stream=None)], ConvertOptions(**SIZES, base="Q", quote="QQ"))
    assert (report.instrument.base, report.instrument.quote) == ("Q", "QQ")
    assert not any("--base" in warning for warning in report.warnings)


def test_odd_types_of_the_market_field_are_no_evidence(tmp_path: Path) -> None:
    assert venue_of(tmp_path, [usdm(1, st=[1]), usdm(3, st=7), usdm(5, st=None)]) == "binance_usdm"
    assert json.loads(usdm(1, st="1").partition(" ")[2])["data"]["st"] == "1"
    assert venue_of(tmp_path, [usdm(1, st="1")]) == "binance_usdm"
