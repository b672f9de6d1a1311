"""How figures are shown, compared and handed to Python."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from simcore.errors import ConfigError
from simcore.journal.store import STREAMS
from simcore.report import RunResult, compare, console_table, summary
from simcore.report import wording as w
from simcore.report.pages import feature_table
from tests.report.conftest import Maker
from tests.report.test_edge import CASES
from tests.sealing import reseal


def printed(renderable: Any) -> str:
    console = Console(file=io.StringIO(), width=140)
    console.print(renderable)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "cash", "—"), (0.0, "cash", "0"), (-0.459306412, "cash", "−0.459306"), (170_821.764, "cash", "170,821.76"),
        (1e-7, "cash", "0.0000001"), (0.1 + 0.2, "cash", "0.3"), (123_456_789.123, "size", "123,456,789.12"),
        (-1.5e16, "cash", "−1.50000e+16"), (1234, "count", "1,234"), (-3, "count", "−3"), (0.12345, "share", "12.3"),
        (-0.00001, "bps", "0.000"), (-1.23456, "bps", "−1.235"), (2_469_134.0, "rows/s", "2,469,134"), (999_999.9999, "cash", "1,000,000"),
    ],
)  # fmt: skip
def test_numbers_are_rounded_for_reading(value: float | None, unit: str, text: str) -> None:
    assert w.shown(value, unit) == text


def test_speeds_are_in_millions_where_they_reach_one() -> None:
    assert w.speed_text(None) == ("—", "rows/s")
    assert w.speed_text(7_742.3) == ("7,742", "rows/s")
    assert w.speed_text(162_400_000.0) == ("162.4", "M rows/s")


@pytest.mark.parametrize("fields", CASES.values(), ids=CASES)
def test_the_console_table_prints(make: Maker, fields: dict[str, Any]) -> None:
    """Every run has a table with its warnings and digest."""
    figures = summary(make(**fields))
    text = printed(console_table(figures))
    assert figures["digest"] in text
    assert len(re.findall(r"^! ", text, re.MULTILINE)) == len(figures["warnings"])
    assert f"{figures['fills']:,}" in text
    assert figures["unit_cash"] in text


def test_every_figure_of_the_tables_is_in_the_summary(make: Maker) -> None:
    figures = summary(make())
    assert set(w.FIGURES) <= set(figures)
    assert set(w.CONSOLE) <= set(w.FIGURES)


def test_equal_runs_have_no_differences(make: Maker) -> None:
    """Wall time differs by nature and does not count."""
    a, b = make("a"), make("b")
    counts = (b / "counts.json").read_text().replace('"wall_s": 0.5', '"wall_s": 0.9')
    (b / "counts.json").write_text(counts)
    reseal(b)
    found = compare(a, b)
    assert found.same_digest
    assert found.differences == ()
    assert "no figure differs" in printed(found.table())


def test_differences_are_named_with_their_change(make: Maker) -> None:
    a, b = make("a"), make("b", seed=2, note={"digest": "e2" * 32})
    found = compare(a, b)
    rows = {row.key: row for row in found.differences}
    assert not found.same_digest
    assert rows["digest"].change is None
    assert rows["pnl"].change == found.b["pnl"] - found.a["pnl"]
    assert "wall_s" not in rows
    assert "PnL after fees" in printed(found.table())


def test_figures_in_different_money_have_no_change(make: Maker) -> None:
    """Coins are not subtracted from dollars; counts are."""
    rows = {row.key: row for row in compare(make("a"), make("b", kind="inverse", fill_count=50)).differences}
    assert rows["pnl"].change is None
    assert rows["volume"].change is None
    assert rows["fills"].change == -10


def test_a_missing_figure_has_no_change(make: Maker) -> None:
    rows = {row.key: row for row in compare(make("a"), make("b", fill_count=0)).differences}
    assert rows["net_bps"].change is None
    assert "—" in printed(compare(make("c"), make("d", fill_count=0)).table())


def test_frames_hold_units_beside_integers(make: Maker) -> None:
    """Prices, quantities and money are in the instrument's units; codes are words; times are UTC."""
    result = RunResult(make())
    fills = result.fills
    assert len(fills) == result.summary["fills"]
    assert (fills["price"] == fills["price_ticks"] * 0.1).all()
    assert (fills["qty"] == fills["qty_lots"] * 0.001).all()
    assert (fills["fee"] == fills["fee_units"] * 1e-8).all()
    assert set(fills["side"]) == {"buy", "sell"}
    assert set(fills["liquidity"]) == {"maker", "taker"}
    assert set(fills["reason"]) <= {"queue", "trade_through", "book_cross", "take"}
    assert str(fills["exch_ts"].dt.tz) == "UTC"
    assert result.samples["quote_bid"].isna().sum() == (result.samples["quote_bid_ticks"] == 0).sum() > 0
    assert set(result.requests["kind"]) == {"PLACE", "CANCEL"}
    assert set(result.reports["kind"]) == {"ACKED", "TRADED", "REFUSED"}
    assert len(result.markouts) > 0


def test_arrow_tables_are_the_journal(make: Maker) -> None:
    result = RunResult(make())
    for name, dtype in STREAMS.items():
        assert result.arrow(name).column_names == list(dtype.names or ())
    with pytest.raises(ConfigError, match=r"CONF-014.*expected one of"):
        result.arrow("orders")


def test_a_result_plots_reports_and_shows_itself(make: Maker) -> None:
    result = RunResult(make(note={"strategy": "<b>"}))
    assert result.plot("queue").axes
    with pytest.raises(ConfigError, match=r"CONF-014.*expected one of equity"):
        result.plot("nothing")
    assert result.report().html.is_file()
    assert next(iter(result.headline)) == "digest"
    assert "&lt;b&gt; on fake BTCUSDT" in result._repr_html_()
    assert repr(result).startswith("RunResult(")


def test_an_inverse_result_is_in_contracts_and_coins(make: Maker) -> None:
    result = RunResult(make(kind="inverse", lots=50))
    assert (result.fills["qty"] == result.fills["qty_lots"]).all()
    assert result.summary["unit_cash"] == "BTC"


def test_the_docs_define_every_figure(make: Maker) -> None:
    """docs/reports.md names each key of the summary, of its rows, and each plot; it names no other key."""
    text = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")
    figures = summary(make())
    keys = {*figures, "missing"}
    for name in ("markouts", "fees_by_liquidity", "fills_by_reason", "rejects_by_reason"):
        keys |= {key for row in figures[name] for key in row}
    named = set(re.findall(r"`([a-z_0-9]+)`", text))
    assert keys - named == set()
    defined = set(re.findall(r"^\| `([a-z_0-9]+)`", text, re.MULTILINE))
    assert defined - keys == set()


def test_features_are_summed_up(make: Maker) -> None:
    """Last, mean, least and largest of each; lots as size; a run that kept none has no section."""
    result = RunResult(make(traces=5))
    rows = {row["feature"]: row for row in result.summary["features"]}
    assert len(rows) == 10
    depth, first = result.features["liq_top_depth"] * 0.001, rows["liq_top_depth"]
    assert (first["last"], first["min"], first["max"]) == pytest.approx((depth.iloc[-1], depth.min(), depth.max()))
    assert rows["pnl_dev"]["mean"] == pytest.approx(result.features["pnl_dev"].mean())
    table = feature_table(result.summary)
    assert len(table.rows) == 10
    assert table.rows[6][-1] == "BTC/s"
    quiet = RunResult(make("quiet")).summary
    assert quiet["features"] == []
    assert feature_table(quiet).rows == []


def test_traces_as_a_frame(make: Maker) -> None:
    """Times in ms instead of marks."""
    frame = RunResult(make(traces=9)).traces
    assert len(frame) == 9
    assert {"a_ms", "tick_total_ms", "cache_hit", "spread_bps"} <= set(frame)
    assert not any(name.startswith("mark") for name in frame)
    assert len(RunResult(make("quiet")).traces) == 0
