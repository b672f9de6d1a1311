"""The order flow behind synthetic tapes: who sends what when, in one resumable kernel.

Mechanisms and their sources are in docs/synthetic.md. Draws are counter-based: stream FLOW moves the market,
stream LATENCY the feed, so that neither the view (L2, L3) nor the latency changes the sim.
"""

from __future__ import annotations

import math

from simcore.jit import entry, kernel
from simcore.records import ASK, BID, FUNDING, L3_REDUCE, NO_SIDE_BIT, Record
from simcore.tape.synth_book import (
    MASK,
    add_order,
    begin_message,
    end_message,
    match,
    may_remove,
    purge_far,
    reduce_order,
    write_row,
    write_snapshot,
)
from simcore.tape.synth_draw import (
    LATENCY,
    TRADE_LATENCY,
    fast_exp,
    fast_log,
    fast_normal,
    feed_normal,
    fill_tables,
    pareto,
    two_normals,
    uniform,
)
from simcore.tape.synth_state import FAST, PATIENT, RATES, REGIMES

DAY_NS = 86_400_000_000_000
NEVER = 1 << 62
FACTOR_CAP = 50.0

# Why run_flow returned.
OUT_FULL, REACHED_END, REACHED_ROWS, TABLE_FULL = range(4)

# Kinds of events, indices of Sim.rates.
RATE_BUY, RATE_SELL, RATE_LIMIT, RATE_REQUOTE, RATE_FAST, RATE_PATIENT, RATE_STALE_BID, RATE_STALE_ASK = range(RATES)


@entry
def run_flow(sim: Record, l2: Record, l3: Record, stop_ns: int, rows_max: int) -> int:
    """Simulate until stop_ns, until rows_max rows are in the outputs, or until an output may oversim."""
    while True:
        rows = l2.used if l2.wanted != 0 else l3.used
        if rows >= rows_max:
            return REACHED_ROWS
        if _is_full(sim, l2) or _is_full(sim, l3):
            return OUT_FULL
        if sim.free < 0:
            return TABLE_FULL
        if sim.now >= sim.next_snapshot:
            _start_message(sim)
            write_snapshot(sim, l2, l3)
            sim.next_snapshot = (sim.now // DAY_NS + 1) * DAY_NS
        if sim.now >= sim.next_funding:
            _funding(sim, l2, l3)
        if not step(sim, l2, l3, stop_ns):
            return REACHED_END


@entry
def seed_book(sim: Record, l2: Record, l3: Record, order_count: int) -> int:
    """Place the first orders, before any time passes."""
    fill_tables(sim)
    start = math.floor(sim.fair)
    begin_message(sim, 0, 0, 0)
    for side in range(2):
        for away in range(4):
            add_order(sim, l3, side, start - away if side == BID else start + 1 + away, 1, PATIENT)
    for _ in range(order_count):
        if sim.free < 0:
            return TABLE_FULL
        _limit_order(sim, l2, l3)
    return REACHED_END


@kernel
def _is_full(sim: Record, rows: Record) -> bool:
    """Whether the next message, at worst a snapshot or a purge of all orders, might not fit."""
    return bool(rows.wanted != 0 and rows.used + 2 * (sim.pool_used[0] + sim.pool_used[1]) + 64 > rows.room)


@kernel
def step(sim: Record, l2: Record, l3: Record, stop_ns: int) -> bool:
    """Advance to the next candidate event and, if it is one, play it. False when stop_ns comes first.

    Source of the exact thinning of a decaying intensity: Ogata 1981. Between candidates nothing but the
    excitation changes, and that only decays, so the total at the start is an upper bound.
    """
    total = _set_rates(sim)
    dt = -fast_log(sim, uniform(sim)) / total
    happens = dt <= sim.step_max_s
    if not happens:
        dt = sim.step_max_s
    now = sim.now + int(dt * 1e9) + 1
    if now >= stop_ns:
        return False
    appointment = min(sim.next_snapshot, sim.next_funding)
    if now > appointment:
        happens = False
        now = appointment
        dt = (now - sim.now) * 1e-9
    sim.now = now
    _decay(sim, dt)
    if happens:
        pick = uniform(sim) * total
        _set_rates(sim)
        kind = 0
        while kind < RATES and pick >= sim.rates[kind]:
            pick -= sim.rates[kind]
            kind += 1
        _move_latents(sim, dt)
        if kind < RATES:
            _play(sim, l2, l3, kind)
    else:
        _move_latents(sim, dt)
    return True


@kernel
def _set_rates(sim: Record) -> float:
    """Fill sim.rates (events per second) from the state; return their sum."""
    regime = sim.regime
    active = _day_shape(sim, sim.day_activity_swing) * sim.regime_activity[regime]
    half = sim.half_spread_ticks * sim.regime_spread[regime]
    mid = 0.5 * (sim.best[BID] + sim.best[ASK])
    edge = min(max((sim.fair - mid) / half, -3.0), 3.0)
    base = 0.5 * active * sim.trade_per_s
    tilt = sim.imbalance_tilt * min(max(sim.imbalance, -2.0), 2.0) * 0.5
    buy = base * (1.0 + tilt + sim.trade_informed_gain * max(edge, 0.0))
    sell = base * (1.0 - tilt + sim.trade_informed_gain * max(-edge, 0.0))
    sim.rates[RATE_BUY] = buy + sim.hot_trade[0] + sim.warm_trade[0]
    sim.rates[RATE_SELL] = sell + sim.hot_trade[1] + sim.warm_trade[1]
    sim.rates[RATE_LIMIT] = active * sim.limit_per_s + sim.hot_book
    hurry = active + sim.hot_book / sim.limit_per_s
    sim.rates[RATE_REQUOTE] = hurry * sim.requote_per_s * sim.pool_used[FAST]
    sim.rates[RATE_FAST] = hurry * sim.cancel_fast_per_s * sim.pool_used[FAST]
    sim.rates[RATE_PATIENT] = hurry * sim.cancel_patient_per_s * sim.pool_used[PATIENT]
    for side in range(2):
        late = _late_ticks(sim, half, side)
        count = sim.level_orders[side, sim.best[side] & MASK]
        sim.rates[RATE_STALE_BID + side] = hurry * sim.cancel_stale_per_s * count * min(late / half, 5.0)
    total = 0.0
    for kind in range(RATES):
        total += sim.rates[kind]
    return total


@kernel
def _late_ticks(sim: Record, half: float, side: int) -> float:
    """Ticks by which the best quote of a side is better than its makers want by now, at least 0."""
    if side == BID:
        return float(max(sim.best[BID] - (sim.belief - half + 0.5), 0.0))
    return float(max(sim.belief + half - 0.5 - sim.best[ASK], 0.0))


@kernel
def _day_shape(sim: Record, swing: float) -> float:
    """U shape over the session, mean 1: 1 - swing at noon, 1 + 2 swing at open and close."""
    since = (sim.now - int(sim.session_open_s) * 1_000_000_000) % DAY_NS
    u = 2.0 * (since / 86400e9) - 1.0
    return float(1.0 - swing + 3.0 * swing * u * u)


@kernel
def _decay(sim: Record, dt: float) -> None:
    hot = fast_exp(sim, -dt / sim.hot_decay_s)
    warm = fast_exp(sim, -dt / sim.warm_decay_s)
    sim.hot_trade[0] *= hot
    sim.hot_trade[1] *= hot
    sim.hot_book *= hot
    sim.warm_trade[0] *= warm
    sim.warm_trade[1] *= warm


@kernel
def _move_latents(sim: Record, dt: float) -> None:
    """Move regime, drift, fair value, makers' belief and imbalance over dt seconds."""
    regime = sim.regime
    wild = sim.regime_volatility[regime] * _day_shape(sim, sim.day_volatility_swing)
    z_drift, z_imbalance = two_normals(sim)
    h = dt / sim.drift_reversion_s
    sim.drift = (sim.drift + sim.drift_ticks_per_s * math.sqrt(2.0 * h) * z_drift) / (1.0 + h)
    z_fair = fast_normal(sim, uniform(sim))
    fair = sim.fair + sim.drift * dt + wild * sim.fair_vol_ticks * math.sqrt(dt) * z_fair
    rare = uniform(sim)
    if rare < dt / sim.regime_mean_s[regime]:
        up = regime == 0 or (regime < REGIMES - 1 and uniform(sim) < 0.5)
        sim.regime = regime + 1 if up else regime - 1
    elif 1.0 - rare < sim.fair_jump_per_s * dt * wild:
        jump = sim.fair_jump_ticks * min(pareto(sim, 3.0), 6.0)
        fair += jump if uniform(sim) < 0.5 else -jump
    sim.fair = fair
    h = dt / sim.maker_lag_s
    sim.belief = (sim.belief + h * fair) / (1.0 + h)
    h = dt / sim.imbalance_reversion_s
    sim.imbalance = (sim.imbalance + math.sqrt(2.0 * h) * z_imbalance) / (1.0 + h)


@kernel
def _play(sim: Record, l2: Record, l3: Record, kind: int) -> None:
    if kind <= RATE_SELL:
        _market_order(sim, l2, l3, kind)
    elif kind == RATE_LIMIT:
        _limit_order(sim, l2, l3)
    elif kind == RATE_REQUOTE:
        _requote(sim, l2, l3)
    elif kind == RATE_FAST:
        _cancel(sim, l2, l3, _random_order(sim, FAST))
    elif kind == RATE_PATIENT:
        _cancel(sim, l2, l3, _random_order(sim, PATIENT))
    else:
        side = kind - RATE_STALE_BID
        _cancel(sim, l2, l3, sim.level_tail[side, sim.best[side] & MASK])


@kernel
def _market_order(sim: Record, l2: Record, l3: Record, aggressor: int) -> None:
    """Play a taker: limited to the best level, or a sweep; what is left of a limited one may rest."""
    other = 1 - aggressor
    lots = _size(sim, sim.trade_size_lots, sim.trade_size_tail)
    sweeps = uniform(sim) < sim.sweep_share
    rests = uniform(sim) < sim.rest_share
    price = sim.best[other]
    _start_message(sim)
    left = match(sim, l2, l3, aggressor, lots, int(sim.sweep_levels) if sweeps else 1)
    if left > 0 and rests and not sweeps and sim.best[other] != price:
        add_order(sim, l3, aggressor, price, left, PATIENT)
    _finish_message(sim, l2, l3)
    sim.trades += 1
    sim.fair += sim.impact_ticks if aggressor == BID else -sim.impact_ticks
    sim.hot_trade[aggressor] += sim.excite_trade_hot / sim.hot_decay_s
    sim.warm_trade[aggressor] += sim.excite_trade_warm / sim.warm_decay_s
    sim.hot_trade[other] += sim.excite_trade_cross / sim.hot_decay_s
    sim.hot_book += sim.excite_book_by_trade / sim.hot_decay_s


@kernel
def _limit_order(sim: Record, l2: Record, l3: Record) -> None:
    tilt = sim.imbalance_tilt * min(max(sim.imbalance, -2.0), 2.0) * 0.25
    side = BID if uniform(sim) < 0.5 + tilt else ASK
    pool = FAST if uniform(sim) < sim.fast_share else PATIENT
    price = _limit_price(sim, side)
    lots = _size(sim, sim.limit_size_lots, sim.limit_size_tail)
    sim.hot_book += sim.excite_book_by_book / sim.hot_decay_s
    if price <= 0:
        return
    _start_message(sim)
    add_order(sim, l3, side, price, lots, pool)
    _finish_message(sim, l2, l3)


@kernel
def _limit_price(sim: Record, side: int) -> int:
    """Makers' belief, less half a spread, less a heavy-tailed distance; never crossing."""
    half = sim.half_spread_ticks * sim.regime_spread[sim.regime]
    depth = sim.depth_scale_ticks * (pareto(sim, sim.depth_tail) - 1.0)
    away = half + min(depth, sim.depth_max_ticks)
    if side == BID:
        return int(min(math.floor(sim.belief - away + 0.5), sim.best[ASK] - 1))
    return int(max(math.floor(sim.belief + away + 0.5), sim.best[BID] + 1))


@kernel
def _size(sim: Record, scale: float, tail: float) -> int:
    """A heavy-tailed number of lots, often rounded to what people type."""
    lots = int(min(scale * pareto(sim, tail), sim.size_max_lots))
    unit = int(sim.round_size_lots)
    if uniform(sim) < sim.round_share and lots > unit:
        lots = lots // unit * unit
    return max(lots, 1)


@kernel
def _random_order(sim: Record, pool: int) -> int:
    size = sim.pool_used[pool]
    return int(sim.pools[pool, min(int(uniform(sim) * size), size - 1)])


@kernel
def _cancel(sim: Record, l2: Record, l3: Record, place: int) -> None:
    """Cancel an order, or take a part of it off."""
    lots = sim.order_lots[place]
    if uniform(sim) < sim.reduce_share and lots > 1:
        lots = 1 + int(uniform(sim) * (lots - 1))
    if lots >= sim.order_lots[place] and not may_remove(sim, place):
        return
    _start_message(sim)
    reduce_order(sim, l3, place, min(lots, sim.order_lots[place]), L3_REDUCE)
    _finish_message(sim, l2, l3)


@kernel
def _requote(sim: Record, l2: Record, l3: Record) -> None:
    """A maker moves a quote: cancel and new order in one message."""
    place = _random_order(sim, FAST)
    side = sim.order_side[place]
    lots = sim.order_lots[place]
    price = _limit_price(sim, side)
    if price == sim.order_price[place] or price <= 0 or not may_remove(sim, place):
        return
    _start_message(sim)
    reduce_order(sim, l3, place, lots, L3_REDUCE)
    add_order(sim, l3, side, price, lots, FAST)
    _finish_message(sim, l2, l3)


@kernel
def _funding(sim: Record, l2: Record, l3: Record) -> None:
    """Write a funding row: mark = fair value, rate in 1e-8 from the imbalance, within 0.05 %."""
    mark = max(math.floor(sim.fair + 0.5), 1)
    rate = math.floor(10_000.0 * (1.0 + 2.0 * sim.imbalance) + 0.5)
    rate = min(max(rate, -50_000), 50_000)
    _start_message(sim)
    write_row(sim, l2, FUNDING | NO_SIDE_BIT, mark, rate, 0)
    write_row(sim, l3, FUNDING | NO_SIDE_BIT, mark, rate, 0)
    sim.next_funding = (sim.now // sim.funding_interval_ns + 1) * sim.funding_interval_ns


@kernel
def _start_message(sim: Record) -> None:
    """Begin a message now: exchange time on the exchange's clock grid, arrival after the feed's latency.

    The book channel never reorders, nor does the trade channel; with disorder the trade channel is the slower.
    """
    exch_ts = sim.now - sim.now % sim.exch_step_ns
    book_ts = 0
    trade_ts = 0
    if sim.emit != 0:
        load = 1.0 + sim.latency_load * min(sim.hot_book / sim.limit_per_s, FACTOR_CAP)
        scale = sim.latency_median_ns * load
        latency = sim.latency_floor_ns + scale * fast_exp(sim, sim.latency_sigma * feed_normal(sim, LATENCY))
        book_ts = max(_arrival(sim, latency), sim.book_ts)
        trade_ts = book_ts
        if sim.disorder_median_ns > 0.0:
            extra = sim.disorder_median_ns * fast_exp(sim, sim.disorder_sigma * feed_normal(sim, TRADE_LATENCY))
            trade_ts = max(_arrival(sim, latency + extra), sim.trade_ts, book_ts)
    begin_message(sim, exch_ts, book_ts, trade_ts)


@kernel
def _arrival(sim: Record, latency_ns: float) -> int:
    """Return the local time, rounded up to the local clock's grid."""
    return int((sim.now + int(latency_ns)) // sim.local_step_ns * sim.local_step_ns + sim.local_step_ns)


@kernel
def _finish_message(sim: Record, l2: Record, l3: Record) -> None:
    for side in range(2):
        purge_far(sim, l3, side)
    end_message(sim, l2)
