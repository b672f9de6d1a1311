"""The metrics that a run gives: their names, units and labels, and what the house once called them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from simcore.records import FloatArray

GAUGE, COUNTER, HISTOGRAM = "gauge", "counter", "histogram"
SYMBOL = ("symbol",)
# Upper bounds, s. The budgets of the stages are among them, so that a p95 near its budget is exact.
BUCKETS_S = (
    1e-7, 2e-7, 5e-7, 1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 0.001, 0.002, 0.005, 0.01, 0.012, 0.015, 0.02,
    0.035, 0.05, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0,
)  # fmt: skip


class Named(NamedTuple):
    """A metric. known_as: its name in the house's list, "" if it is not there; text: what it is."""

    name: str
    known_as: str
    kind: str
    labels: tuple[str, ...]
    text: str


METRICS = (
    Named("mm_symbol_score", "mm_symbol_score", GAUGE, SYMBOL, "Score of the symbol, 0 to 1, at the last rebalance."),
    Named("mm_symbol_net_bps", "mm_symbol_net_bps", GAUGE, SYMBOL, "Net edge of the run, basis points of turnover."),
    Named("mm_symbol_fill_ratio", "mm_symbol_fill_rate", GAUGE, SYMBOL, "Orders with a fill per order placed, 0 to 1."),
    Named("mm_symbol_slippage_bps", "mm_symbol_slippage_bps", GAUGE, SYMBOL, "Slippage of the run, basis points; positive is a cost."),
    Named("mm_symbol_ticks_total", "mm_symbol_total_ticks", COUNTER, SYMBOL, "Ticks of the pipeline."),
    Named("mm_symbol_weight", "mm_symbol_weight", GAUGE, SYMBOL, "Weight that the allocator gave last."),
    Named("mm_symbol_size_multiplier", "mm_symbol_size_multiplier", GAUGE, SYMBOL, "Factor on the size of quotes: the weight, 0 while blocked."),
    Named("mm_symbol_vol_realized_bps", "mm_symbol_vol_realized", GAUGE, SYMBOL, "Move of the mid from sample to sample, basis points, moving average."),
    Named("mm_symbol_liq_top_depth_lots", "mm_symbol_liq_top_depth", GAUGE, SYMBOL, "Mean lots of the best levels, moving average."),
    Named("mm_symbol_latency_p95_seconds", "mm_symbol_latency_p95", GAUGE, SYMBOL, "95th percentile of the last 100 times from request to answer."),
    Named("mm_symbol_pnl_dev_cash", "mm_symbol_pnl_dev", GAUGE, SYMBOL, "Deviation of PnL from sample to sample, cash, moving average."),
    Named("mm_symbol_taker_share_ratio", "mm_symbol_taker_share", GAUGE, SYMBOL, "Taker fills per fill, 0 to 1, moving average."),
    Named("mm_symbol_queue_absorb_lots_per_second", "mm_symbol_queue_absorb_rate", GAUGE, SYMBOL, "Lots ahead of our best orders that go in a second, moving average."),
    Named("mm_symbol_queue_eta_seconds", "mm_symbol_queue_eta_ms", GAUGE, SYMBOL, "Time until the queue ahead is gone, moving average."),
    Named("mm_symbol_adverse_move_bps", "mm_symbol_adverse_move_bps", GAUGE, SYMBOL, "Move of the mid against fills, basis points; positive is against us, moving average."),
    Named("mm_symbol_fills_total", "mm_symbol_fills_total", COUNTER, SYMBOL, "Fills."),
    Named("mm_symbol_fills_maker_total", "mm_symbol_fills_maker", COUNTER, SYMBOL, "Fills of resting orders."),
    Named("mm_symbol_fills_taker_total", "mm_symbol_fills_taker", COUNTER, SYMBOL, "Fills that took liquidity."),
    Named("mm_allocator_rebalances_total", "mm_allocator_rebalance_total", COUNTER, (), "Rebalances of the portfolio."),
    Named("mm_allocator_active_symbols", "mm_allocator_active_symbols", GAUGE, (), "Symbols that are not blocked, at the last rebalance."),
    Named("mm_allocator_blacklist_size", "mm_allocator_blacklist_size", GAUGE, (), "Symbols that are blocked, at the last rebalance."),
    Named("mm_md_cache_hit_ratio", "mm_md_cache_hit_ratio", GAUGE, SYMBOL, "Hits per look-up of the market-data cache, 0 to 1."),
    Named("mm_md_cache_size", "mm_md_cache_size", GAUGE, SYMBOL, "Views in the market-data cache: one a symbol once it was used."),
    Named("mm_md_cache_inflight_refreshes", "mm_md_cache_inflight_refreshes", GAUGE, SYMBOL, "Refreshes of the view that ran at the end."),
    Named("mm_md_cache_hits_total", "mm_md_cache_total_hits", COUNTER, SYMBOL, "Look-ups that the cache answered."),
    Named("mm_md_cache_misses_total", "mm_md_cache_total_misses", COUNTER, SYMBOL, "Look-ups that it did not."),
    Named("mm_md_cache_refresh_latency_p95_seconds", "mm_md_cache_refresh_latency_p95_ms", GAUGE, SYMBOL, "95th percentile of the traced waits for a refresh."),
    Named("mm_stage_duration_seconds", "mm_stage_duration_ms", HISTOGRAM, ("symbol", "stage"), "Time of a stage in traced ticks; stage tick_total is all of the tick."),
    Named("mm_deadline_misses_total", "", COUNTER, SYMBOL, "Traced ticks that took longer than 200 ms."),
    Named("mm_traced_ticks_total", "", COUNTER, SYMBOL, "Ticks that were traced."),
    Named("mm_latency_breakdown_seconds", "latency_breakdown_ms", HISTOGRAM, ("symbol", "component"), "Time of requests to the exchange (place, amend, cancel), of reports back (response), and from request to answer (round_trip)."),
    Named("mm_guard_triggers_total", "guard_trigger_details", COUNTER, ("symbol", "level", "reason", "threshold_breached"), "Ticks at which a guard's reason held; threshold_breached is the parameter of stage guards that it reached."),
    Named("mm_adaptive_spread_score_ratio", "adaptive_spread_score", GAUGE, ("symbol", "score_type"), "Score of the adaptive spread at the last traced tick, 0 to 1."),
)  # fmt: skip


class Families:
    """Collects samples of METRICS; what nobody observes is not exposed."""

    def __init__(self) -> None:
        self._known = {metric.name: metric for metric in METRICS}
        self._made: dict[str, Metric] = {}

    def put(self, name: str, value: float | None, *labels: str) -> None:
        """Add a sample of a gauge or counter; None is not observed."""
        if value is not None:
            self._family(name).add_metric(labels, float(value))  # type: ignore[attr-defined]

    def observe(self, name: str, seconds: FloatArray, *labels: str) -> None:
        """Add a histogram of times [n], s; no times are not observed."""
        if not len(seconds):
            return
        counts = np.searchsorted(np.sort(seconds), BUCKETS_S, side="right")
        buckets = [(repr(bound), int(count)) for bound, count in zip(BUCKETS_S, counts, strict=True)]
        self._family(name).add_metric(labels, [*buckets, ("+Inf", len(seconds))], float(seconds.sum()))  # type: ignore[attr-defined]

    def collect(self) -> list[Metric]:
        """Return the families, in the order of METRICS: what a registry of prometheus_client asks for."""
        return [self._made[name] for name in self._known if name in self._made]

    def _family(self, name: str) -> Metric:
        if name not in self._made:
            metric = self._known[name]
            makers = {GAUGE: GaugeMetricFamily, COUNTER: CounterMetricFamily, HISTOGRAM: HistogramMetricFamily}
            self._made[name] = makers[metric.kind](name, metric.text, labels=metric.labels)
        return self._made[name]
