"""What the pages of an A/B test show: the figures of ab.json as text, in the order of reading; and the table on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from simcore.calibrate.ab.gates import ALL_SYMBOLS
from simcore.calibrate.ab.stats import BETTER, NO_DIFFERENCE, NOT_JUDGED, WORSE
from simcore.door.shown import rich_text
from simcore.report.pages import Table
from simcore.report.wording import ABSENT, plain, shown, signed_text

if TYPE_CHECKING:
    from rich.console import RenderableType

_UNITS = {"share": "%"}
_UNIT_ROWS_MAX = 200
_SHORT = {
    "net_bps": "net", "fill_ratio": "filled", "taker_share": "takers", "adverse_bps_1s": "adverse", "slippage_bps": "slippage", "drawdown_bps": "drawdown",
}  # fmt: skip
GATE_LABELS = {
    "slippage": "slippage", "taker_share": "taker share of fills", "tick_p95": "tick p95", "deadline_misses": "deadline misses",
}  # fmt: skip


def context(figures: Mapping[str, Any], captions: Mapping[str, str], watched: str) -> dict[str, Any]:
    """Return what the templates use. captions: the pictures by name; watched: whose gates the picture shows."""
    settings = figures["settings"]
    return {
        "figures": figures,
        "title": "A/B test",
        "arms": [(name, f"{figures[key]['strategy']}, configuration {figures[key]['config_hash'][:12]}") for name, key in (("A", "a"), ("B", "b"))],
        "reason": decision_text(figures),
        "metrics": metric_table(figures, "metrics", "Paired: both on all of the market"),
        "routed": metric_table(figures, "routed", "Routed: each on the units that went to it"),
        "profit": profit_table(figures),
        "live": live_table(figures),
        "gates": gate_table(figures),
        "rollbacks": rollback_texts(figures),
        "gate_text": gate_text(figures),
        "watched": "all symbols" if watched == ALL_SYMBOLS else watched,
        "symbols": symbol_table(figures),
        "units": unit_table(figures),
        "missing": [f"{row['symbol']} {row['day']}" for row in figures["missing"]],
        "differs": differ_table(figures),
        "settings": [(key, str(value)) for key, value in _flat(settings)],
        "level": f"{100 * settings['level']:g} %",
        "captions": captions,
        "passes": "as two lanes of one pass" if figures["one_pass"] else "one after the other, since they cannot share a pass",
        "routing": routing_text(figures),
        "handover": handover_text(figures),
    }


def decision_text(figures: Mapping[str, Any]) -> str:
    """Say in a sentence what the decision rests on."""
    rows = figures["metrics"]
    named = {verdict: [row["label"].lower() for row in rows if row["verdict"] == verdict] for verdict in (BETTER, WORSE)}
    backs = [watch for watch in figures["gates"] if watch["rollback"]]
    parts = [f"B is {verdict} in {_listed(names)}" for verdict, names in named.items() if names]
    if not parts:
        parts.append("no metric of B is shown to be better or worse")
    if backs:
        first = min(backs, key=lambda watch: watch["rollback"]["ts"])
        parts.append(f"the gate of {GATE_LABELS[first['rollback']['gate']]} rolled B back at {first['rollback']['time']}")
    text = "; ".join(parts)
    return text[0].upper() + text[1:] + "."


def metric_table(figures: Mapping[str, Any], name: str, title: str) -> Table:
    """The six metrics with verdicts."""
    level = f"{100 * figures['settings']['level']:g} % interval"
    rows = [
        (
            f"{row['label']}, {_UNITS.get(row['unit'], row['unit'])}", _shown(row["a"], row["unit"]),
            _shown(row["b"], row["unit"]), _signed(row["difference"], row["unit"]), _interval(row["low"], row["high"], row["unit"]), _p(row["p_holm"]), row["verdict"] if not row["why"] else f"{row['verdict']}: {row['why']}",
        )
        for row in figures[name]
    ]  # fmt: skip
    head = ("", "A", "B", "B − A", level, "p, Holm", "B is")
    return Table(title, head, rows, (False, True, True, True, True, True, False))


def profit_table(figures: Mapping[str, Any]) -> Table:
    """Profit of both arms by currency."""
    level = f"{100 * figures['settings']['level']:g} % interval"
    rows = [
        (row["cash"], shown(row["a"]), shown(row["b"]), _plus(row["difference"]), ABSENT if row["low"] is None else f"{_plus(row['low'])} … {_plus(row['high'])}")
        for row in figures["profit"]
    ]
    return Table("Profit after fees", ("", "A", "B", "B − A", level), rows, (False, True, True, True, True))


def live_table(figures: Mapping[str, Any]) -> Table:
    """What each way of trading would have brought."""
    currencies = list(figures["live"][0]["pnl"])
    keys = [(row["key"], f"{_SHORT[row['key']]}, {_UNITS.get(row['unit'], row['unit'])}", row["unit"]) for row in figures["metrics"]]
    rows = [
        (row["name"], shown(row["cells_of_b"], "count"), *(shown(row["pnl"][cash]) for cash in currencies), *(_shown(row[key], unit) for key, _, unit in keys))
        for row in figures["live"]
    ]
    head = ("", "windows of B", *(f"profit, {cash}" for cash in currencies), *(label for _, label, _ in keys))
    return Table("What was live", head, rows, (False, *(True,) * (len(head) - 1)))


def gate_table(figures: Mapping[str, Any]) -> Table:
    """What the gates saw."""
    rows = []
    for watch in figures["gates"]:
        for gate in watch["gates"]:
            tripped = watch["rollback"] is not None and watch["rollback"]["gate"] == gate["gate"]
            verdict = "rolled back" if tripped else "never judged" if not gate["judged"] else "held"
            name = "all symbols" if watch["name"] == ALL_SYMBOLS else watch["name"]
            rows.append((name, GATE_LABELS[gate["gate"]], *(shown(gate[key], "count") for key in ("judged", "broken", "longest")), verdict))
    return Table("Gates", ("", "gate", "windows judged", "broken", "in a row", ""), rows, (False, False, True, True, True, False))


def gate_text(figures: Mapping[str, Any]) -> str:
    """Say what the gates ask for."""
    gates, window_s = figures["settings"]["gates"], figures["settings"]["window_s"]
    limits = [
        (gates["slippage_bps"], "slippage above A's by more than {:g} bps", 1),
        (gates["taker_share"], "taker share above A's by more than {:g} percentage points", 100),
        (gates["tick_p95"], "tick p95 more than {:g} % above A's", 100),
        (gates["deadline_misses"], f"more than {{:g}} % of ticks over {gates['deadline_ms']:g} ms", 100),
    ]
    asked = [text.format(limit * scale) for limit, text, scale in limits if limit is not None]
    if not asked:
        return "All gates are switched off."
    held = "A on the same symbols" if gates["compare"] == "paired" else "the symbols that are routed to A"
    return (
        f"B is rolled back when one of these holds in {figures['gate_windows']} windows of {window_s:,} s in a row ({gates['sustain_s']:g} s): "
        f"{'; '.join(asked)}. It is held against {held}. Tick times are {gates['ticks']}."
    )


def rollback_texts(figures: Mapping[str, Any]) -> list[str]:
    """Say of each rollback when, why, and what led to it."""
    texts = []
    for watch in figures["gates"]:
        back = watch["rollback"]
        if back is None:
            continue
        unit = {"slippage": ("bps", 1), "tick_p95": ("ms", 1)}.get(back["gate"], ("%", 100))
        seen = ", ".join(
            f"B {plain(each['b'] * unit[1], 4)} {unit[0]}" + (f" (A {plain(each['a'] * unit[1], 4)} {unit[0]})" if each["a"] is not None else "")
            for each in back["windows"]
        )
        name = "All symbols" if watch["name"] == ALL_SYMBOLS else watch["name"]
        texts.append(f"{name}: back to A at {back['time']}, by the gate of {GATE_LABELS[back['gate']]}. The windows before: {seen}.")
    return texts


def handover_text(figures: Mapping[str, Any]) -> str:
    """Say what the figures after a rollback leave out; nothing without one."""
    backs = [(row["cash"], row["rollback"]["handover"]) for row in figures["symbols"] if row["rollback"] is not None]
    if not backs:
        return ""
    costs = [f"{plain(sum(cost for cash, cost in backs if cash == name and cost is not None), 4)} {name}" for name in sorted({cash for cash, _ in backs})]
    return (
        "After the rollback the units of B trade with A as if they always had. To bring B's positions to A's would have cost about "
        f"{_listed(costs)} (half the spread, and taker fees), which is not in these figures."
    )


def symbol_table(figures: Mapping[str, Any]) -> Table:
    """One row a symbol."""
    rows = [_symbol_row(row) for row in figures["symbols"]]
    head = (
        "", "days", "net A, bps", "net B, bps", "B − A", "interval", "profit A", "profit B", "", "fills A", "fills B", "windows to B",
        "rolled back, UTC", "B (A) held then",
    )  # fmt: skip
    shown_columns = len(head) if any(row["rollback"] for row in figures["symbols"]) else len(head) - 2
    numeric = (False, *(True,) * 7, False, True, True, True, False, True)
    return Table("Symbols", head[:shown_columns], [row[:shown_columns] for row in rows], numeric[:shown_columns])


def _symbol_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    back = row["rollback"]
    held = ABSENT if back is None or back["position_b"] is None else f"{plain(back['position_b'])} ({plain(back['position_a'])})"
    return (
        row["symbol"], shown(row["days"], "count"), shown(row["a_net_bps"], "bps"), shown(row["b_net_bps"], "bps"),
        _signed(row["net_difference"], "bps"), _interval(row["net_low"], row["net_high"], "bps"), shown(row["a_pnl"]), shown(row["b_pnl"]), row["cash"],
        f"{row['a_fills']:,.0f}", f"{row['b_fills']:,.0f}", f"{row['windows_to_b']:,} / {row['windows']:,}",
        ABSENT if back is None else back["time"][5:19], held,
    )  # fmt: skip


def unit_table(figures: Mapping[str, Any]) -> Table:
    """One row a symbol and day; of many the first."""
    rows = [
        (
            row["day"], row["symbol"], row["arm"], shown(row["a_net_bps"], "bps"), shown(row["b_net_bps"], "bps"), shown(row["a_pnl"]),
            shown(row["b_pnl"]), row["cash"], shown(row["a_max_drawdown"]), shown(row["b_max_drawdown"]),
        )
        for row in figures["units"][:_UNIT_ROWS_MAX]
    ]  # fmt: skip
    more = len(figures["units"]) - len(rows)
    head = ("", "", "routed to", "net A, bps", "net B, bps", "profit A", "profit B", "", "drawdown A", "drawdown B")
    return Table("Days", head, rows, (False, False, False, True, True, True, True, False, True, True), f"{more} more are in ab.json." if more else "")


def differ_table(figures: Mapping[str, Any]) -> Table:
    """The keys in which the configurations differ."""
    rows = [(row["key"], _value(row["a"]), _value(row["b"])) for row in figures["differs"]]
    return Table("Where A and B differ", ("key", "A", "B"), rows, (False, True, True))


def routing_text(figures: Mapping[str, Any]) -> str:
    """Say how units were routed."""
    settings = figures["settings"]
    units = {"symbol": "each symbol", "day": "each symbol's day", "window": "each time window of a symbol"}[settings["route"]]
    counts = [sum(row[key] for row in figures["units"]) for key in ("windows_to_b", "windows")]
    share = counts[0] / counts[1]
    return f"{units[0].upper()}{units[1:]} goes to B with {settings['split']:g} % by a hash with salt {settings['salt']!r}: {counts[0]:,} of {counts[1]:,} windows ({100 * share:.3g} %) did."


def console(figures: Mapping[str, Any]) -> RenderableType:
    """Return the main tables for a terminal: `rich.console.Console().print(…)`."""
    from rich.console import Group

    from simcore.report.terminal import Sheet

    def drawn(table: Table, columns: Sequence[int]) -> Sheet:
        rows = [[rich_text(_short(row[i]), {BETTER: "green", WORSE: "red"}.get(row[i], "")) for i in columns] for row in table.rows]
        return Sheet(table.title, [table.head[i] for i in columns], rows, [table.numeric[i] for i in columns])

    metric, live = metric_table(figures, "metrics", "A against B, paired"), live_table(figures)
    currencies = len(figures["live"][0]["pnl"])
    return Group(
        drawn(metric, (0, 1, 2, 3, 4, 6)), drawn(profit_table(figures), range(5)), drawn(live, range(3 + currencies)),
        *(rich_text(text, "bold red") for text in rollback_texts(figures)), *(rich_text(f"! {text}", "yellow") for text in figures["warnings"]),
        rich_text(f"{figures['decision'][0].upper()}{figures['decision'][1:]}. {decision_text(figures)}", "bold"),
    )  # fmt: skip


def _short(text: str) -> str:
    """Return a cell of a table for a terminal, which is 80 wide: why a metric was not judged is in the report."""
    return "not shown" if text == NO_DIFFERENCE else NOT_JUDGED if text.startswith(NOT_JUDGED) else text


def _shown(value: float | None, unit: str) -> str:
    """Return a metric: bps, or a share in percent with two decimals."""
    if value is None:
        return ABSENT
    return signed_text(100.0 * value, 2) if unit == "share" else signed_text(value, 3)


def _signed(value: float | None, unit: str) -> str:
    """Return a difference of metrics, with its sign."""
    text = _shown(value, unit)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.") else text


def _interval(low: float | None, high: float | None, unit: str) -> str:
    return ABSENT if low is None or high is None else f"{_signed(low, unit)} … {_signed(high, unit)}"


def _plus(value: float) -> str:
    return f"+{plain(value, 5)}" if value > 0 else plain(value, 5)


def _p(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.3f}"


def _value(value: Any) -> str:
    return ABSENT if value is None else str(value)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in tree.items():
        rows += _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(prefix + key, value)]
    return rows


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
