"""Run the peer (hftbacktest 2.4.4) in an environment of its own: `run_peer.py convert|fills|once|bench '<JSON>'`.

Standalone on purpose: it imports nothing of mmsim, because the peer pins an older numpy. It reads one JSON
object from its argument and prints one as the last line of stdout. docs/peers.md explains the maker and the keys.

    convert  source, out, repeat, gap_ns                       the peer's own converter on a raw capture
    fills    data, out + the keys of DEFAULTS                  the demo maker; every fill, and the best prices at every tick;
             data, runs: a list of such                        several runs on the same rows, compiled once
    once     data, depth + the keys of DEFAULTS                one pass from file, as a user's script would: its process is timed
    bench    data, sets + the keys of DEFAULTS                 replay speed, load, first call, memory
"""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from hftbacktest import BUY, FILLED, GTX, LIMIT, BacktestAsset, HashMapMarketDepthBacktest, ROIVectorMarketDepthBacktest
from numba import njit

EXCH_EVENT = 1 << 31
LOCAL_EVENT = 1 << 30
NO_BID_TICKS = -(2**63)  # what the peer shows for an empty side
NO_ASK_TICKS = 2**63 - 1
MAX_FILLS = 2_000_000
DRAIN_NS = 3_600_000_000_000  # after the last tick, to let the last rows and messages through

FILL = np.dtype([("exch_ts", "<i8"), ("side", "<i8"), ("price_ticks", "<i8"), ("qty_lots", "<i8"), ("order_id", "<i8")])
QUOTE = np.dtype([("ts", "<i8"), ("bid_ticks", "<i8"), ("ask_ticks", "<i8")])

DEFAULTS: dict[str, Any] = {
    "tick_size": 0.1,
    "lot_size": 0.001,
    "contract_size": 1.0,
    "inverse": False,
    "entry_latency_ns": 10_000_000,
    "response_latency_ns": 10_000_000,
    "queue_model": "power",  # risk_averse, power, power2, power3, log, log2
    "queue_n": 3.0,
    "maker_fee": -0.00005,
    "taker_fee": 0.0007,
    "depth": "hashmap",  # hashmap, roivector
    "roi_low": 0.0,
    "roi_high": 0.0,
    "exchange": "no_partial",  # no_partial, partial
    "units": "lots",  # lots: prices and quantities become integers first; native: as in the file
    "order_lots": 1,
    "max_position_lots": 10,
    "half_spread_ticks": 5.0,
    "skew_ticks_per_lot": 0.5,
    "tick_interval_ns": 100_000_000,
    "start_ts": 0,  # 0: the first LOCAL row
}


@njit
def collect_fills(hbt: Any, lot_size: float, fills: Any, count: int) -> int:
    """Append the orders that the trading side has learnt are filled, then forget all ended orders."""
    values = hbt.orders(0).values()
    while values.has_next():
        order = values.get()
        if order.status == FILLED:
            fills[count].exch_ts = order.exch_timestamp
            fills[count].side = 0 if order.side == BUY else 1
            fills[count].price_ticks = order.exec_price_tick
            fills[count].qty_lots = round(order.exec_qty / lot_size)
            fills[count].order_id = order.order_id
            count += 1
    hbt.clear_inactive_orders(0)
    return count


@njit
def run_maker(
    hbt: Any, first_ns: int, span_ns: int, interval_ns: int, half_spread: float, skew: float, order_lots: int,
    max_lots: int, tick_size: float, lot_size: float, fills: Any, counts: Any, quotes: Any,
) -> int:  # fmt: skip
    """Quote one bid and one ask at every tick (docs/peers.md, "The maker"); return the number of fills.

    first_ns  from the peer's first event to our start; span_ns  from our start to the last row. Ticks lie inside: a
              peer with requests in flight never reports the end of the data.
    counts : int64 [4], mutated: ticks, places, cancels, ticks without a two-sided book.
    quotes : QUOTE, mutated: time and best prices of every tick with a two-sided book, in order.
    """
    filled = 0
    order_id = 1
    if first_ns > 0 and hbt.elapse(first_ns) != 0:
        return collect_fills(hbt, lot_size, fills, filled)
    for _ in range((span_ns - 1) // interval_ns):
        if hbt.elapse(interval_ns) != 0:
            break
        filled = collect_fills(hbt, lot_size, fills, filled)
        counts[0] += 1
        depth = hbt.depth(0)
        best_bid = depth.best_bid_tick
        best_ask = depth.best_ask_tick
        if best_bid == NO_BID_TICKS or best_ask == NO_ASK_TICKS or best_bid >= best_ask:
            counts[3] += 1
            continue
        quote = quotes[counts[0] - counts[3] - 1]
        quote.ts = hbt.current_timestamp
        quote.bid_ticks = best_bid
        quote.ask_ticks = best_ask
        position = round(hbt.position(0) / lot_size)
        reservation = (best_bid + best_ask) / 2.0 - skew * position
        bid = min(math.floor(reservation - half_spread), best_bid)
        ask = max(math.ceil(reservation + half_spread), best_ask)
        place_bid = position < max_lots
        place_ask = position > -max_lots
        wanted_bid = place_bid
        wanted_ask = place_ask
        values = hbt.orders(0).values()
        while values.has_next():
            order = values.get()
            if order.side == BUY:
                wanted = wanted_bid and order.price_tick == bid
                if wanted:
                    place_bid = False
            else:
                wanted = wanted_ask and order.price_tick == ask
                if wanted:
                    place_ask = False
            if not wanted and order.cancellable:
                hbt.cancel(0, order.order_id, False)
                counts[2] += 1
        if place_bid:
            hbt.submit_buy_order(0, order_id, bid * tick_size, order_lots * lot_size, GTX, LIMIT, False)
            order_id += 1
            counts[1] += 1
        if place_ask:
            hbt.submit_sell_order(0, order_id, ask * tick_size, order_lots * lot_size, GTX, LIMIT, False)
            order_id += 1
            counts[1] += 1
    hbt.elapse(interval_ns + DRAIN_NS)
    return collect_fills(hbt, lot_size, fills, filled)


@njit
def run_nothing(hbt: Any, span_ns: int) -> int:
    """Replay to the end in one step, without a strategy; the peer's status: 1 is the end of the data."""
    return hbt.elapse(span_ns)


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or arguments[0] not in MODES:
        print(__doc__, file=sys.stderr)
        return 2
    config = {**DEFAULTS, **json.loads(arguments[1])}
    print(json.dumps(MODES[arguments[0]](config)))
    return 0


def convert(config: dict[str, Any]) -> dict[str, Any]:
    """Convert a raw combined-stream capture with the peer's converter, then repeat it in time."""
    from hftbacktest.data.utils import binancefutures

    begin = time.perf_counter()
    data = binancefutures.convert(config["source"], base_latency=0)
    seconds = time.perf_counter() - begin
    repeats = int(config.get("repeat", 1))
    begin = time.perf_counter()
    np.savez_compressed(config["out"], data=repeat_in_time(data, repeats, int(config.get("gap_ns", 1_000_000_000))))
    return {
        "rows": len(data), "rows_out": len(data) * repeats, "convert_s": seconds, "save_s": time.perf_counter() - begin,
        "bytes": Path(config["out"]).stat().st_size, "bids_from": int(data["exch_ts"][0]),
    }  # fmt: skip


def repeat_in_time(data: Any, times: int, gap_ns: int) -> Any:
    """Return `times` copies of the rows, each shifted past the one before by its span plus gap_ns."""
    first = min(int(data["exch_ts"].min()), int(data["local_ts"].min()))
    last = max(int(data["exch_ts"].max()), int(data["local_ts"].max()))
    parts = []
    for k in range(times):
        part = data.copy()
        part["exch_ts"] += k * (last - first + gap_ns)
        part["local_ts"] += k * (last - first + gap_ns)
        parts.append(part)
    return np.concatenate(parts)


def load(paths: str | list[str]) -> Any:
    """Return the rows of one or more .npz files as one array of the peer's dtype."""
    parts = []
    for path in [paths] if isinstance(paths, str) else paths:
        with np.load(path) as archive:
            parts.append(archive["data"])
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def to_lots(data: Any, config: dict[str, Any]) -> dict[str, Any]:
    """Turn prices into ticks and quantities into lots, in place; return the config of the scaled instrument.

    Every sum of quantities is exact then, and the logarithmic queue models see the numbers that mmsim's see.
    """
    tick, lot = config["tick_size"], config["lot_size"]
    data["px"] = np.rint(data["px"] / tick)
    data["qty"] = np.rint(data["qty"] / lot)
    contract = config["contract_size"] * (lot / tick if config["inverse"] else lot * tick)
    scaled = {"tick_size": 1.0, "lot_size": 1.0, "contract_size": contract}
    return {**config, **scaled, **{name: round(config[name] / tick) for name in ("roi_low", "roi_high")}}


def build(data: Any, config: dict[str, Any]) -> Any:
    """Return a backtest of one instrument; data is an array or a list of paths."""
    asset = BacktestAsset().data(data)
    asset = (asset.inverse_asset if config["inverse"] else asset.linear_asset)(config["contract_size"])
    asset = asset.constant_order_latency(config["entry_latency_ns"], config["response_latency_ns"])
    asset = set_queue_model(asset, config["queue_model"], config["queue_n"])
    asset = asset.no_partial_fill_exchange() if config["exchange"] == "no_partial" else asset.partial_fill_exchange()
    asset = asset.trading_value_fee_model(config["maker_fee"], config["taker_fee"])
    asset = asset.tick_size(config["tick_size"]).lot_size(config["lot_size"]).last_trades_capacity(0)
    if config["depth"] == "hashmap":
        return HashMapMarketDepthBacktest([asset])
    return ROIVectorMarketDepthBacktest([asset.roi_lb(config["roi_low"]).roi_ub(config["roi_high"])])


def set_queue_model(asset: Any, name: str, n: float) -> Any:
    if name == "risk_averse":
        return asset.risk_adverse_queue_model()
    if name == "log":
        return asset.log_prob_queue_model()
    if name == "log2":
        return asset.log_prob_queue_model2()
    return {
        "power": asset.power_prob_queue_model,
        "power2": asset.power_prob_queue_model2,
        "power3": asset.power_prob_queue_model3,
    }[name](n)


def times(data: Any, start_ts: int) -> tuple[int, int]:
    """Return how far to elapse to stand at start_ts (or the first LOCAL row), and from there to the last row."""
    first_exch = int(data["exch_ts"][np.argmax(data["ev"] & EXCH_EVENT != 0)])
    first_local = int(data["local_ts"][np.argmax(data["ev"] & LOCAL_EVENT != 0)])
    begin = min(first_exch, first_local)
    last_exch = int(data["exch_ts"][data["ev"] & EXCH_EVENT != 0][-1])
    last_local = int(data["local_ts"][data["ev"] & LOCAL_EVENT != 0][-1])
    start = max(start_ts or first_local, begin)
    return start - begin, max(last_exch, last_local) - start


def drive(hbt: Any, config: dict[str, Any], when: tuple[int, int]) -> tuple[Any, Any, Any]:
    """Run the maker; return its fills in time order, its counts, and the best prices that it saw."""
    fills = np.zeros(MAX_FILLS, FILL)
    counts = np.zeros(4, np.int64)
    quotes = np.zeros(max(when[1], 0) // config["tick_interval_ns"] + 1, QUOTE)
    filled = run_maker(
        hbt, when[0], when[1], config["tick_interval_ns"], float(config["half_spread_ticks"]),
        float(config["skew_ticks_per_lot"]), config["order_lots"], config["max_position_lots"],
        config["tick_size"], config["lot_size"], fills, counts, quotes,
    )  # fmt: skip
    order = np.lexsort((fills[:filled]["order_id"], fills[:filled]["side"], fills[:filled]["exch_ts"]))
    return fills[:filled][order], counts, quotes[: counts[0] - counts[3]]


def run_fills(config: dict[str, Any]) -> dict[str, Any]:
    data = load(config["data"])
    asked = config.get("runs") or [config]
    runs = [{**config, **run} for run in asked]
    when = [times(data, run["start_ts"]) for run in runs]
    if config["units"] == "lots":
        scaled = to_lots(data, runs[0])
        sizes = {name: scaled[name] for name in ("tick_size", "lot_size", "contract_size", "roi_low", "roi_high")}
        if any(run["tick_size"] != runs[0]["tick_size"] or run["lot_size"] != runs[0]["lot_size"] for run in runs):
            raise ValueError("runs on the same rows need the same tick and lot size")
        runs = [{**run, **sizes} for run in runs]
    answers = [fills_of(data, run, span) for run, span in zip(runs, when, strict=True)]
    return {"runs": answers} if config.get("runs") else answers[0]


def fills_of(data: Any, config: dict[str, Any], when: tuple[int, int]) -> dict[str, Any]:
    """Run the maker once on rows that are already in the units of config; write its fills and quotes to `out`."""
    hbt = build(data, config)
    fills, counts, quotes = drive(hbt, config, when)
    values = hbt.state_values(0)
    summary = {
        "fills": len(fills), "ticks": int(counts[0]), "places": int(counts[1]), "cancels": int(counts[2]),
        "skipped_ticks": int(counts[3]), "position_lots": round(values.position / config["lot_size"]),
        "balance": values.balance, "fee": values.fee, "volume": values.trading_volume, "turnover": values.trading_value,
        "rows": len(data), "first_step_ns": when[0], "span_ns": when[1],
    }  # fmt: skip
    hbt.close()
    if config.get("out"):
        np.savez_compressed(config["out"], fills=fills, quotes=quotes)
    return summary


def run_once(config: dict[str, Any]) -> dict[str, Any]:
    """Run the maker once, from file to its last fill."""
    when = times(load(config["data"]), config["start_ts"])
    fills, counts, _ = drive(build([config["data"]], config), config, when)
    return {"fills": len(fills), "ticks": int(counts[0])}


def run_bench(config: dict[str, Any]) -> dict[str, Any]:
    """Time every step on one tape; the keys end in their unit. `sets` parameter sets run one after the other."""
    begin = time.perf_counter()
    data = load(config["data"])
    result: dict[str, Any] = {"load_s": time.perf_counter() - begin, "rows": len(data)}
    when = times(data, config["start_ts"])
    paths = config["data"] if isinstance(config["data"], list) else [config["data"]]
    for depth in config.get("depths", ["hashmap", "roivector"]):
        chosen = {**config, "depth": depth}
        begin = time.perf_counter()
        run_nothing(build(data[:1000].copy(), chosen), DRAIN_NS)
        drive(build(data[:1000].copy(), chosen), chosen, times(data[:1000], 0))
        result[f"{depth}_first_call_s"] = time.perf_counter() - begin
        result[f"{depth}_empty_s"] = steady(lambda c=chosen: run_nothing(build(data, c), sum(when) + DRAIN_NS))
        result[f"{depth}_maker_s"] = steady(lambda c=chosen: drive(build(data, c), c, when))
        if config.get("from_file", True):
            result[f"{depth}_maker_from_file_s"] = steady(lambda c=chosen: drive(build(paths, c), c, when))
        sets = int(config.get("sets", 0))
        if sets:
            spreads = [{**chosen, "half_spread_ticks": config["half_spread_ticks"] + k} for k in range(sets)]
            result[f"{depth}_{sets}_sets_s"] = timed(lambda s=spreads: [drive(build(data, c), c, when) for c in s])
        for step in ("empty", "maker"):
            result[f"{depth}_{step}_rows_per_s"] = len(data) / result[f"{depth}_{step}_s"]
    result["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result


def steady(function: Any) -> float:
    """Return the least seconds of four calls; of calls over 2 s the first counts."""
    first = timed(function)
    return first if first > 2.0 else min(first, *(timed(function) for _ in range(3)))


def timed(function: Any) -> float:
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


MODES = {"convert": convert, "fills": run_fills, "once": run_once, "bench": run_bench}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
