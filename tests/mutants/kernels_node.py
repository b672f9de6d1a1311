"""Mutants of the Node: the order manager, the stages of the pipeline, signals, places in queues."""

from tests.mutants.harness import Mutant

RECONCILE, VIEW, SIGNALS = (("kernels/test_settled.py", "kernels/test_reconcile.py"), ("kernels/test_own_queue.py",), ("kernels/test_signals.py",))
EMIT, FETCH, GUARDS, INVENTORY, QUEUE_AWARE, SPREAD = (
    (f"kernels/stages/test_{name}.py",) for name in ("emit", "fetch_md", "guards", "inventory", "queue_aware", "spread")
)
LADDER = (*EMIT, "property/test_stage_emit.py")

MUTANTS = (
    Mutant("kernels/reconcile.py", "        and quote.lots_factor == last.lots_factor\n", "", "a settled quote whose size factor changes stays as it was", RECONCILE),
    Mutant("kernels/reconcile.py", " and quote.max_batch == last.max_batch\n", "\n", "a settled quote whose batch changes is not looked at", RECONCILE),
    Mutant("kernels/reconcile.py", "and quote.display_lots == last.display_lots", "", "a settled quote whose shown part changes is not looked at", RECONCILE),
    Mutant("kernels/reconcile.py", "and quote.levels == last.levels and quote.step_ticks == last.step_ticks", "and quote.levels == last.levels", "a settled quote whose step changes stays as it was", RECONCILE),
    Mutant("kernels/reconcile.py", "if record.request_seq != sent:", "if record.request_seq < sent:", "a quote that sent requests is settled", RECONCILE),
    Mutant("kernels/reconcile.py", "return max(int(math.floor(bounded(lots))), 1)", "return max(int(math.ceil(bounded(lots))), 1)", "lots of a level are rounded up", RECONCILE),
    Mutant("kernels/reconcile.py", "0 <= away < quote.levels * quote.step_ticks", "0 <= away <= quote.levels * quote.step_ticks", "an order one level behind the last is wanted", RECONCILE),
    Mutant("kernels/reconcile.py", "abs(2 * price - mid2) > 2.0 * quote.far_ticks", "abs(2 * price - mid2) >= 2.0 * quote.far_ticks", "an order just as far as allowed is too far", RECONCILE),
    Mutant("kernels/reconcile.py", "at.lanes(state)[lane].batch_used < quote.max_batch", "at.lanes(state)[lane].batch_used <= quote.max_batch", "a batch has a place more than it may", RECONCILE),
    Mutant("kernels/reconcile.py", "shown = quote.display_lots if quote.display_lots < lots else 0", "shown = quote.display_lots", "an order that its shown part covers is an iceberg", RECONCILE),
    Mutant("kernels/reconcile.py", "order.leaves_lots == abs(position)", "order.leaves_lots <= abs(position)", "a protective order that is too small stays", RECONCILE),
    Mutant("kernels/reconcile.py", "+ order.qty_lots - order.leaves_lots", "", "an amend of a part-filled order asks for too few lots", RECONCILE),
    Mutant("kernels/reconcile.py", "return price <= trigger if (tif == STOP_MARKET) == (side == ASK) else price >= trigger", "return price < trigger if (tif == STOP_MARKET) == (side == ASK) else price > trigger", "a protective order at its trigger is sent as a stop, not at market", RECONCILE),
    Mutant("kernels/stages/emit.py", "return min(bid, had_bid), max(ask, had_ask)", "return bid, ask", "a stricter guard may move held prices towards the market", LADDER),
    Mutant("kernels/stages/emit.py", "is_near = memory.far_ticks == 0.0 or", "is_near = True or", "prices stand although the market has gone away", LADDER),
    Mutant("kernels/stages/emit.py", "math.sqrt(max(context.control.weight, 0.0))", "max(context.control.weight, 0.0)", "the refresh interval goes with the weight, not its root", LADDER),
    Mutant("kernels/stages/emit.py", "smallest * context.market.lot_value * price_ratio < params.min_notional", "smallest * context.market.lot_value * price_ratio <= params.min_notional", "an order of just the least value is too small", LADDER),
    Mutant("kernels/stages/emit.py", "if may_take(context.signals, params, 2 * levels):", "if may_take(context.signals, params, levels):", "the taker cap counts the new orders of one side", LADDER),
    Mutant("kernels/stages/emit.py", "min(int(math.floor(bounded(bid_at))), int(math.ceil(mid)) - 1)", "min(int(math.ceil(bounded(bid_at))), int(math.ceil(mid)) - 1)", "bids are rounded towards the market", LADDER),
    Mutant("kernels/stages/ladder.py", "int(math.floor(max_order_lots / largest))", "int(math.ceil(max_order_lots / largest))", "the largest level of a ladder is larger than an order may be", LADDER),
    Mutant("kernels/stages/ladder.py", "if ladder_lots(middle, factor, levels) <= room_lots:", "if ladder_lots(middle, factor, levels) < room_lots:", "a ladder never fills its room", LADDER),
    Mutant("kernels/stages/protection.py", "if abs(position) > abs(had_position):", "if position != had_position:", "a position that shrinks changes its entry", LADDER),
    Mutant("kernels/stages/protection.py", "if had_position * position <= 0.0:", "if had_position == 0.0:", "a position that turns keeps its old entry", LADDER),
    Mutant("kernels/stages/cooling.py", "return max(until_ns, now_ns", "return min(until_ns, now_ns", "a cool-down is never renewed", (*EMIT, *QUEUE_AWARE)),
    Mutant("kernels/stages/taker_cap.py", "100.0 * worst <= params.taker_share_max_pct * (signals.fills_1h + pending)", "100.0 * worst <= params.taker_share_max_pct * (signals.fills_1h + worst)", "the taker share counts taker fills twice", LADDER),
    Mutant("kernels/stages/guards.py", "and latency > latency_was:", "and latency >= latency_was:", "a latency that was served for halts again and again", GUARDS),
    Mutant("kernels/stages/guards.py", "loss = had.loss_reached if day == had.day else 0.0", "loss = had.loss_reached", "a day's loss cap stays for ever", GUARDS),
    Mutant("kernels/stages/guards.py", "0.0 < params.max_open_orders < signals.open_orders", "0.0 < params.max_open_orders <= signals.open_orders", "as many orders as are allowed are too many", GUARDS),
    Mutant("kernels/stages/guards.py", "    if pct > 0.0:\n        context = _only_reducing(context)\n", "", "beyond the hard point of inventory both sides have room", GUARDS),
    Mutant("kernels/stages/guards.py", "since = had.invalid_ns if had.invalid_ns >= 0.0 else now", "since = now", "a view that stays invalid never halts", GUARDS),
    Mutant("kernels/stages/guards.py", "size = min(size, min(max(params.size_scale, 0.0), 1.0))", "size = min(max(params.size_scale, 0.0), 1.0)", "a second guard undoes the first one's size", GUARDS),
    Mutant("kernels/stages/fetch_md.py", "if _mends(m) or running >= min(params.max_inflight_refresh, INFLIGHT_MAX):", "if _mends(m) or running > min(params.max_inflight_refresh, INFLIGHT_MAX):", "a refresh more than may run", FETCH + ("property/test_stage_fetch.py",)),
    Mutant("kernels/stages/fetch_md.py", "memory.started_ns >= memory.broken_ns)", "memory.started_ns > 0.0)", "a refresh that began before a gap mends it", FETCH + ("property/test_stage_fetch.py",)),
    Mutant("kernels/stages/inventory.py", "bid_shift, ask_shift = (far, near) if skew_bps > 0.0 else (near, far)", "bid_shift, ask_shift = (near, far) if skew_bps > 0.0 else (far, near)", "the other quote leans more", INVENTORY),
    Mutant("kernels/stages/inventory.py", "min(had.room_bid_lots, max(limit - position, 0))", "max(limit - position, 0)", "the last of several limits counts, not the least", INVENTORY + ("property/test_pipeline_laws.py",)),
    Mutant("kernels/stages/inventory.py", "if abs(excess) <= params.clamp_pct:", "if abs(pct) <= params.clamp_pct:", "no skew near a flat position, whatever the target", INVENTORY),
    Mutant("kernels/stages/queue_aware.py", "return min(had_ticks + way_ticks if is_due else had_ticks, most)", "return min(way_ticks if is_due else had_ticks, most)", "a second nudge forgets the first", QUEUE_AWARE),
    Mutant("kernels/stages/queue_aware.py", "now - nudged_ns >= params.headroom_ms * NS_PER_MS", "now - nudged_ns > params.headroom_ms * NS_PER_MS", "a nudge waits one tick longer than it must", QUEUE_AWARE),
    Mutant("kernels/stages/spread.py", "spread = min(max(spread, memory.spread_bps - step), memory.spread_bps + step)", "spread = min(spread, memory.spread_bps + step)", "a spread narrows in one step", SPREAD),
    Mutant("kernels/stages/spread.py", "changed = now if memory.decided == 0.0 or spread != memory.spread_bps else memory.changed_ns", "changed = now", "a spread that stays begins its cool-off anew", SPREAD),
    Mutant("kernels/stages/spread.py", "depth = 0.5 * (context.market.bid_depth_lots + context.market.ask_depth_lots)", "depth = context.market.bid_depth_lots", "the depth of the bids alone", SPREAD),
    Mutant("kernels/signals.py", "return 1e4 * math.sqrt(squares / count)", "return 1e4 * math.sqrt(squares / (count - 1))", "the deviation of a sample, not of the ring", SIGNALS),
    Mutant("kernels/signals.py", "(95 * count + 99) // 100 - 1", "95 * count // 100 - 1", "the percentile by the rank below", SIGNALS),
    Mutant("kernels/signals.py", "QUARTER_BUCKETS = 91", "QUARTER_BUCKETS = 90", "a quarter of an hour ends one bucket early", SIGNALS),
    Mutant("kernels/signals.py", "record.pnl_sum_units += change - at.whole(state)[lane, place]", "record.pnl_sum_units += change", "changes of equity never leave their window", SIGNALS),
    Mutant("kernels/signals.py", "equity if record.day == 0 else record.last_equity_units", "equity", "a day begins at its first tick, not at what the last one left", SIGNALS),
    Mutant("kernels/signals.py", "while gap + 1 < W_SORTED + count and whole[gap + 1] < latency:", "while False:", "a latency that is larger than what leaves stays in its place", SIGNALS),
    Mutant("kernels/signals.py", "if record.runs_again == 0:\n        record.last_equity_units = equity", "if True:\n        record.last_equity_units = equity", "a tick that runs again loses a change of equity", SIGNALS),
    Mutant("kernels/own_queue.py", "elif (order.price_ticks > price) == (order.side == BID):", "elif False:", "a trade through a level leaves the queue as it was", VIEW),
    Mutant("kernels/own_queue.py", "order.ahead_lots = max(order.ahead_lots - lots, 0.0)\n        order.traded_lots += lots", "order.ahead_lots = max(order.ahead_lots - lots, 0.0)", "the Node counts what traded as cancelled, too", VIEW),
)  # fmt: skip
