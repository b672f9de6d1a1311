"""A finished run from Python: figures, journal as pandas or Arrow, plots."""

from __future__ import annotations

from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simcore.door.arguments import FLAG, PATH, TEXT, optional, public
from simcore.errors import ConfigError
from simcore.journal.store import STREAMS, read_stream, to_table
from simcore.records import (
    NO_PRICE,
    REASON_LABELS,
    REPORT_LABELS,
    REQUEST_LABELS,
    SIDE_LABELS,
    STATE_LABELS,
    TIF_LABELS,
    Record,
)
from simcore.report import sums
from simcore.report.build import ReportFiles, build_report
from simcore.report.edge import FILL_TERMS, fill_bps, fill_edge
from simcore.report.folder import RunFolder, open_run
from simcore.report.stages import run_times_ms
from simcore.report.statistics import headline, summarise
from simcore.report.wording import CONSOLE, FIGURES, line

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from simcore.report.canvas import Picture

_TIMES = ("ts", "exch_ts")
_PRICES = ("price_ticks", "bid_ticks", "ask_ticks", "quote_bid_ticks", "quote_ask_ticks")
_SIZES = ("qty_lots", "leaves_lots", "position_lots", "ahead_entry_lots", "ahead_lots")
_MONEY = ("fee_units", "cash_units", "equity_units")
_KINDS = {"requests": REQUEST_LABELS, "reports": REPORT_LABELS}
_LIQUIDITY_LABELS = ("", "maker", "taker")


class RunResult:
    """The result of a replay: a run folder, read when asked.

    Tables hold prices and quantities in units of the instrument and money in its cash currency, as floats, beside
    the exact integers (ticks, lots, cash units); times are UTC. `arrow` gives the journal as it is on disk.
    """

    @public(run_dir=PATH)
    def __init__(self, run_dir: Path | str) -> None:
        self.run_dir = Path(run_dir)

    @cached_property
    def folder(self) -> RunFolder:
        """The opened run folder."""
        return open_run(self.run_dir)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """All figures by name (docs/reports.md)."""
        return summarise(self.folder)

    @property
    def headline(self) -> dict[str, Any]:
        """The figures that `mmsim replay --json` prints."""
        return headline(self.summary)

    @cached_property
    def fills(self) -> pd.DataFrame:
        """One row a fill, in exchange order."""
        return self._frame("fills")

    @cached_property
    def requests(self) -> pd.DataFrame:
        """One row a request that was sent."""
        return self._frame("requests")

    @cached_property
    def reports(self) -> pd.DataFrame:
        """One row a report that arrived."""
        return self._frame("reports")

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row a sample of the ledger."""
        return self._frame("samples")

    @cached_property
    def markouts(self) -> pd.DataFrame:
        """One row a fill and horizon: the exchange's mid then."""
        return self._frame("markouts")

    @cached_property
    def guards(self) -> pd.DataFrame:
        """One row a change of the guards' verdict, with the values that it was made of."""
        return self._frame("guards")

    @cached_property
    def features(self) -> pd.DataFrame:
        """One row a sample: the ten features (docs/metrics.md)."""
        return self._frame("features")

    @cached_property
    def traces(self) -> pd.DataFrame:
        """One row a traced tick (node.trace_every), with the stages' times in ms, and what was decided."""
        rows = self._rows("traces")
        frame = self._frame("traces").drop(columns=[name for name in rows.dtype.names if name.startswith("mark")])
        return frame.assign(**{f"{name}_ms": times for name, times in run_times_ms(self.run_dir, rows).items()} if len(rows) else {})

    @cached_property
    def edge(self) -> pd.DataFrame:
        """One row a fill: its edge in cash and in bps of its value at the mid (docs/reports.md)."""
        run = self.folder
        terms = fill_edge(run)
        frame = self.fills[["exch_ts", "seq", "order_id", "side", "price", "qty", "liquidity"]].copy()
        half_unit = float(run.money.unit) / 2
        for name in FILL_TERMS:
            halves = getattr(terms, name)
            frame[name] = float("nan") if halves is None else sums.floats(halves) * half_unit
        return frame.assign(**fill_bps(run, terms))

    @public(name=TEXT)
    def arrow(self, name: str) -> pa.Table:
        """Return a stream of the journal as an Arrow table of integers. CONF-014 for an unknown name."""
        return to_table(self._rows(name))

    @public(name=TEXT)
    def plot(self, name: str = "equity") -> Picture:
        """Return a plot as a matplotlib Figure: equity, edge, quotes, inventory, markouts or queue. CONF-014 for another name."""
        from simcore.report import plots

        return plots.draw(name, self.folder, self.summary)

    @public(pictures=optional(FLAG))
    def report(self, pictures: bool | None = None) -> ReportFiles:
        """Write summary.json, report.html, report.md and, unless pictures is False, the plots into the run folder."""
        return build_report(self.run_dir, pictures)

    def __repr__(self) -> str:
        return f"RunResult({str(self.run_dir)!r})"

    def _repr_html_(self) -> str:
        figures = self.summary
        rows = [line(figures, FIGURES[key]) for key in CONSOLE]
        cells = "".join(
            f"<tr><td>{escape(row.label)}</td><td style='text-align:right'>{escape(row.value)}</td>"
            f"<td>{escape(row.unit)}</td><td>{escape(row.why or row.note)}</td></tr>"
            for row in rows
        )
        notes = "".join(f"<li>{escape(text)}</li>" for text in figures["warnings"])
        head = f"{figures['strategy'] or 'run'} on {figures['venue']} {figures['symbol']}, {figures['start']}"
        return f"<p><b>{escape(head)}</b></p><table>{cells}</table><ul>{notes}</ul><p><code>{escape(str(self.run_dir))}</code></p>"

    @public()
    def _rows(self, name: str) -> Record:
        if name not in STREAMS:
            raise ConfigError("CONF-014", f"RunResult.arrow: name is {name!r}; expected one of {', '.join(STREAMS)}")
        return read_stream(self.folder.path, name)

    def _frame(self, name: str) -> pd.DataFrame:
        import pandas as pd

        rows, money = self._rows(name), self.folder.money
        frame = pd.DataFrame({field: rows[field] for field in rows.dtype.names})
        scales = (
            (_PRICES, "_ticks", float(money.tick_size)),
            (_SIZES, "_lots", money.quantity(1)),
            (_MONEY, "_units", float(money.unit)),
        )
        for fields, suffix, scale in scales:
            for field in (field for field in fields if field in frame):
                value = frame[field] * scale
                known = frame[field] != NO_PRICE if suffix == "_ticks" else None
                frame[field.removesuffix(suffix)] = value if known is None else value.where(known)
        for field in (field for field in _TIMES if field in frame):
            frame[field] = pd.to_datetime(frame[field], utc=True)
        labels: dict[str, Any] = {
            "side": SIDE_LABELS, "tif": TIF_LABELS, "state": STATE_LABELS, "liquidity": _LIQUIDITY_LABELS, "kind": _KINDS.get(name),
            "reason": None if name == "requests" else REASON_LABELS,
        }  # fmt: skip
        for field in (field for field, words in labels.items() if words and field in frame):
            words = labels[field]
            named = dict(enumerate(words)) if isinstance(words, tuple) else words
            frame[field] = frame[field].map(named)
        return frame
