"""How figures are shown: one table of labels, units and signs, and the only place where they are rounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from simcore.units import NS_PER_DAY, NS_PER_S

ABSENT = "—"
MINUS = "\u2212"
_SIGNIFICANT = 6


@dataclass(frozen=True)
class Figure:
    """One line of a table: the key of the summary, its label, its unit, and what a reader must know of its sign.

    unit  "cash", "size" or "price" (named by the summary's unit_* keys), "count", "share", or the unit itself.
    """

    key: str
    label: str
    unit: str
    note: str = ""


class Line(NamedTuple):
    """A figure as text. why: the reason of a missing one."""

    key: str
    label: str
    value: str
    unit: str
    note: str
    why: str


SECTIONS: dict[str, tuple[Figure, ...]] = {
    "Result": (
        Figure("pnl", "PnL after fees", "cash", "final position at the last mid"),
        Figure("net_bps", "Net edge", "bps", "PnL ÷ turnover"),
        Figure("gross_bps", "Gross edge", "bps", "captured half-spread ÷ turnover"),
        Figure("adverse_bps_1s", "Adverse move, 1 s", "bps", "positive is against us"),
        Figure("fees", "Fees", "cash", "positive is a cost, negative a rebate"),
        Figure("funding", "Funding", "cash", "positive is paid"),
        Figure("max_drawdown", "Largest drawdown", "cash", "of sampled equity, from its highest"),
        Figure("position", "Position at the end", "size"),
        Figure("turnover", "Turnover", "cash"),
        Figure("volume", "Volume", "size"),
    ),
    "Orders and fills": (
        Figure("orders", "Orders placed", "count"),
        Figure("amends", "Amends", "count"),
        Figure("cancels", "Cancels", "count"),
        Figure("rejects", "Refused by the exchange", "count"),
        Figure("fills", "Fills", "count"),
        Figure("maker_fills", "Maker fills", "count"),
        Figure("taker_fills", "Taker fills", "count"),
        Figure("partial_fills", "Partial fills", "count"),
        Figure("buy_fills", "Buys among the fills", "count"),
        Figure("fill_ratio", "Orders with a fill", "share", "of orders placed"),
        Figure("maker_share", "Maker share", "share", "of fills"),
        Figure("taker_share", "Taker share", "share", "of fills"),
        Figure("cancel_to_fill", "Cancels per fill", "ratio"),
        Figure("slippage_bps", "Slippage", "bps", "fill price against our order's; positive is a cost"),
        Figure("fill_gap_mean_s", "Time between fills, mean", "s"),
        Figure("fill_gap_median_s", "Time between fills, median", "s"),
        Figure("open_orders", "Orders open at the end", "count"),
        Figure("late_reports", "Late reports", "count"),
    ),
    "Quotes": (
        Figure("quote_uptime", "Time with a live quote", "share", "of samples, either side"),
        Figure("two_sided_uptime", "Quotes on both sides", "share", "of samples"),
        Figure("quoted_spread_bps", "Our spread, mean", "bps", "where both sides are out"),
        Figure("quoted_spread_ticks", "Our spread, mean", "ticks", "where both sides are out"),
        Figure("market_spread_bps", "Market's spread, mean", "bps"),
        Figure("queue_entry_mean", "Queue ahead at joining, mean", "size", "maker fills"),
        Figure("queue_entry_median", "Queue ahead at joining, median", "size", "maker fills"),
        Figure("queue_fill_mean", "Queue ahead before the fill, mean", "size", "maker fills"),
        Figure("queue_fill_median", "Queue ahead before the fill, median", "size", "maker fills"),
        Figure("guards_soft_s", "Guards SOFT", "s", "smaller and wider quotes"),
        Figure("guards_hard_s", "Guards HARD", "s", "no quotes"),
        Figure("ticks", "Times the strategy ran", "count", "each tick, and again after a wait for data"),
        Figure("skipped_ticks", "Ticks skipped", "count", "book empty or crossed"),
    ),
    "Inventory and risk": (
        Figure("inventory_mean", "Position, mean over time", "size", "positive is long"),
        Figure("inventory_abs_mean", "Size of position, mean over time", "size"),
        Figure("inventory_max", "Largest long position", "size"),
        Figure("inventory_min", "Largest short position", "size"),
        Figure("samples", "Samples of the ledger", "count"),
        Figure("sharpe_per_interval", "Mean ÷ st. dev. of equity changes", "ratio", "per interval"),
        Figure("sharpe_interval_s", "… length of the interval", "s"),
        Figure("sharpe_intervals", "… intervals", "count"),
        Figure("sharpe_t", "… t statistic", "ratio", "× √intervals; below 2 is little evidence"),
        Figure("sharpe_annualised", "… annualised", "ratio", "× √intervals in 365 days"),
    ),
    "Run": (
        Figure("rows", "Tape rows", "count"),
        Figure("wall_s", "Wall time", "s"),
        Figure("rows_per_s", "Speed", "rows/s"),
        Figure("duration_s", "Market time", "s"),
    ),
}
EDGE = (
    Figure("edge_quoted", "Quoted: half-spread at our price", "cash", "positive is good"),
    Figure("edge_slippage", "− Slippage: fill against our price", "cash", "positive is a cost"),
    Figure("edge_gross", "= Gross: captured half-spread", "cash", "positive is good"),
    Figure("edge_adverse", "− Adverse: mid move in 1 s", "cash", "positive is against us"),
    Figure("edge_fees", "− Fees", "cash", "negative is a rebate"),
    Figure("edge_funding", "− Funding", "cash", "positive is paid"),
    Figure("edge_inventory", "+ Inventory: mid move after 1 s", "cash", "what the position did"),
    Figure("edge_net", "= Net", "cash", "PnL after fees"),
)
CONSOLE = (
    "pnl", "net_bps", "gross_bps", "adverse_bps_1s", "fees", "max_drawdown", "position", "turnover", "volume",
    "orders", "cancels", "fills", "maker_fills", "taker_fills", "partial_fills", "rejects",
)  # fmt: skip
FIGURES: dict[str, Figure] = {figure.key: figure for group in (*SECTIONS.values(), EDGE) for figure in group}


def lines(figures: Mapping[str, Any], chosen: Sequence[Figure]) -> list[Line]:
    """Return figures as text, in the given order."""
    return [line(figures, figure) for figure in chosen]


def line(figures: Mapping[str, Any], figure: Figure) -> Line:
    """Return one figure as text."""
    value = figures[figure.key]
    unit = unit_text(figures, figure.unit)
    why = figures["missing"].get(figure.key, "") if value is None else ""
    return Line(figure.key, figure.label, shown(value, figure.unit), unit, figure.note, why)


def unit_text(figures: Mapping[str, Any], unit: str) -> str:
    """Return the unit as a reader sees it."""
    if unit in ("cash", "size", "price"):
        return str(figures[f"unit_{unit}"])
    return {"count": "", "share": "%", "ratio": ""}.get(unit, unit)


def shown(value: Any, unit: str = "") -> str:
    """Return a figure rounded for reading, with a true minus; a missing one is a dash."""
    if value is None:
        return ABSENT
    if unit == "share":
        return signed_text(100 * value, 1)
    if unit == "count" or isinstance(value, int):
        return f"{value:,}".replace("-", MINUS)
    if unit == "bps":
        return signed_text(value, 3)
    if unit in ("s", "rows/s", "ratio", "ticks"):
        return plain(value, 4)
    return plain(value, _SIGNIFICANT)


def plain(value: float, significant: int = _SIGNIFICANT) -> str:
    """Return a number with so many significant digits (two decimals at least), thousands separated, no exponent below 1e15."""
    if value == 0:
        return "0"
    if abs(value) >= 1e15:
        return f"{value:.{significant - 1}e}".replace("-", MINUS)
    digits = significant - 1 - int(f"{abs(value):e}".partition("e")[2])
    text = f"{value:,.{max(digits, 2)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return ("0" if text in ("-0", "") else text).replace("-", MINUS)


def signed_text(value: float, decimals: int) -> str:
    """Return a number with fixed decimals."""
    text = f"{value:,.{decimals}f}"
    return (text[1:] if float(text.replace(",", "")) == 0 and text.startswith("-") else text).replace("-", MINUS)


def with_error(value: float | None, error: float | None) -> str:
    """Return bps with their standard error."""
    if value is None:
        return ABSENT
    return f"{shown(value, 'bps')} ± {signed_text(error, 3) if error is not None else ABSENT}"


def speed_text(rows_per_s: float | None) -> tuple[str, str]:
    """Return (number, unit) of a speed, in millions where it reaches one."""
    if rows_per_s is None:
        return ABSENT, "rows/s"
    if rows_per_s < 1e6:
        return f"{rows_per_s:,.0f}", "rows/s"
    return f"{rows_per_s / 1e6:,.1f}", "M rows/s"


def fee_sentence(figures: Mapping[str, Any]) -> str:
    """Say what the sign of the fees means in this run."""
    fees = figures["fees"]
    amount = f"{plain(abs(fees))} {figures['unit_cash']}"
    if fees < 0:
        return f"Fees are {MINUS}{amount}: negative, so the exchange paid us a rebate, and PnL includes it."
    if fees > 0:
        return f"Fees are {amount}: positive, so we paid them, and PnL is after them. A negative rate is a rebate."
    return "No fees were paid. A positive fee is a cost, a negative one a rebate."


def day_text(day: int) -> str:
    """Return a UTC day, counted since 1970, as 2024-05-01."""
    return f"{datetime.fromtimestamp(day * (NS_PER_DAY // NS_PER_S), UTC):%Y-%m-%d}"


def utc_text(ts_ns: int) -> str:
    """Return a time as 2024-08-08 12:00:00.123 UTC (milliseconds cut off)."""
    whole, rest = divmod(ts_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%d %H:%M:%S}.{rest // 1_000_000:03d} UTC"
