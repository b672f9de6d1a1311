"""The state of a synthetic market as one flat record, and the output buffers of its two views.

One record means one pointer per kernel call: tuples of arrays cost a reference count an array and a call.
"""

from __future__ import annotations

import numpy as np

WINDOW = 16_384  # ticks that the book can span, a power of two
ORDERS_MAX = 32_768  # orders that can rest at once
ROWS_MAX = 262_144  # rows that an output buffer holds
REGIMES = 3
LEVELS_MIN = 2  # nothing takes or cancels the last levels of a side
LOG_CELLS, EXP_CELLS, NORMAL_CELLS, POWERS = 256, 64, 4096, 64  # sizes of the tables of synth_draw
PATIENT, FAST = 0, 1  # pools of orders by how long they mean to stay


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text: long lists of names read better so."""
    return tuple(text.split())


# Parameters of the flow: names, units and defaults are those of SynthSpec.
PARAMETERS = words(
    "fair_vol_ticks fair_jump_per_s fair_jump_ticks drift_ticks_per_s drift_reversion_s maker_lag_s "
    "half_spread_ticks trade_per_s trade_informed_gain impact_ticks limit_per_s requote_per_s cancel_fast_per_s "
    "cancel_patient_per_s cancel_stale_per_s excite_trade_hot excite_trade_warm excite_trade_cross "
    "excite_book_by_trade excite_book_by_book hot_decay_s warm_decay_s imbalance_tilt imbalance_reversion_s "
    "fast_share depth_scale_ticks depth_tail depth_max_ticks limit_size_lots limit_size_tail trade_size_lots "
    "trade_size_tail size_max_lots round_size_lots round_share sweep_share sweep_levels sweep_reach_ticks "
    "rest_share reduce_share day_activity_swing day_volatility_swing session_open_s step_max_s latency_floor_ns "
    "latency_median_ns latency_sigma latency_load disorder_median_ns disorder_sigma"
)
REGIME_PARAMETERS = ("regime_activity", "regime_volatility", "regime_spread", "regime_mean_s")

# now, next_*, *_ts: ns.  best, edge: ticks, [bid, ask]; no bid is below edge[0], no ask above edge[1].
# levels: levels in use.  free: first free place of the order table, -1 if none.  regime: 0 quiet to 2 stressed.
_SCALARS = words(
    "seed draws now regime trades emit next_snapshot next_funding funding_interval_ns exch_step_ns local_step_ns "
    "message exch_ts book_ts trade_ts touched_count free next_id"
)
# fair value, what makers believe of it, its drift, imbalance; excitation in events per second, [buy, sell] or book.
_LATENTS = words("fair belief drift imbalance hot_book")
# An order's place in its level (links are places, -1 ends a list) and in its pool.
_ORDER = words("order_id order_side order_price order_lots order_next order_prev order_pool order_spot")
# Per side and price & (WINDOW - 1).
_LEVEL = words("level_lots level_orders level_head level_tail level_stamp")

RATES = 8  # kinds of events
SIM = np.dtype(
    [(name, "<f8") for name in (*PARAMETERS, *_LATENTS)]
    + [(name, "<f8", (REGIMES,)) for name in REGIME_PARAMETERS]
    + [("hot_trade", "<f8", (2,)), ("warm_trade", "<f8", (2,)), ("rates", "<f8", (RATES,))]
    + [("log_table", "<f8", (LOG_CELLS,)), ("mid_table", "<f8", (LOG_CELLS,)), ("exp_table", "<f8", (EXP_CELLS,))]
    + [("power_table", "<f8", (POWERS,)), ("normal_table", "<f8", (NORMAL_CELLS + 1,))]
    + [(name, "<i8") for name in _SCALARS]
    + [(name, "<i8", (2,)) for name in ("best", "edge", "levels", "pool_used")]
    + [(name, "<i8", (ORDERS_MAX,)) for name in _ORDER]
    + [("pools", "<i8", (2, ORDERS_MAX)), ("touched", "<i8", (2 * WINDOW,))]
    + [(name, "<i8", (2, WINDOW)) for name in _LEVEL]
)

# One tape's output: rows in use, rows that may be used, and whether anybody wants this view.
ROWS = np.dtype(
    [("used", "<i8"), ("room", "<i8"), ("wanted", "<i8")]
    + [(name, "<i8", (ROWS_MAX,)) for name in ("exch_ts", "local_ts", "price_ticks", "qty_lots", "order_id")]
    + [("ev", "u1", (ROWS_MAX,))]
)
