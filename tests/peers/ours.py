"""Our engine as users call it, under the peer's rules of docs/peer-rules.yaml; the same numbers for the peer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from simcore import Config, Tape
from simcore.config import load_config
from simcore.engine import simulate
from tests.peers.twin import Fill

RULES = Path(__file__).parents[2] / "docs" / "peer-rules.yaml"
MODELS = ("risk_averse", "power", "power2", "power3", "log", "log2")
Quote = tuple[int, int, int]  # local time of a tick, best bid, best ask


class Side(NamedTuple):
    """What one engine made of the rows: its fills, in time order, and the best prices that its maker saw."""

    fills: list[Fill]
    quotes: list[Quote]


def rules(model: str, *sets: str) -> Config:
    """Return the peer's rules with a queue model, and other values by `key=value`."""
    return load_config(RULES, [f"venue.queue_model={model}", *sets])


def run_ours(tape: Tape, config: Config) -> Side:
    """Replay a tape; return the fills of the Venue, and the samples of the Node, one a tick."""
    journal = simulate(tape, [config]).journal
    fills = journal.rows("fills")[["exch_ts", "side", "price_ticks", "qty_lots"]].tolist()
    samples = journal.rows("samples")
    on_tick = (samples["ts"] - tape.start_ts) % round(config.node.tick_interval_ms * 1e6) == 0  # not the one at the end
    return Side(sorted(Fill(*row) for row in fills), samples[on_tick][["ts", "bid_ticks", "ask_ticks"]].tolist())


def as_peer(config: Config, tape: Tape) -> dict[str, Any]:
    """Return the configuration in the words of run_peer.py, which the twin shares."""
    latency, params = config.latency, config.strategy.params
    assert latency.place.ms == latency.cancel.ms, "the peer has one latency for all requests"
    assert config.fees.maker_bps is not None
    assert config.fees.taker_bps is not None
    return {
        "tick_size": float(tape.instrument.tick_size), "lot_size": float(tape.instrument.lot_size),
        "contract_size": float(tape.instrument.contract_size), "inverse": tape.instrument.kind == "inverse",
        "entry_latency_ns": round(latency.place.ms * 1e6), "response_latency_ns": round(latency.response.ms * 1e6),
        "queue_model": config.venue.queue_model, "queue_n": config.venue.queue_n, "units": "lots",
        "maker_fee": float(config.fees.maker_bps) / 1e4, "taker_fee": float(config.fees.taker_bps) / 1e4,
        "tick_interval_ns": round(config.node.tick_interval_ms * 1e6), "start_ts": tape.start_ts,
        "half_spread_ticks": float(params["spread.half_spread_ticks"]), "order_lots": int(params["emit.order_lots"]),
        "skew_ticks_per_lot": float(params["inventory.skew_ticks_per_lot"]),
        "max_position_lots": int(params["inventory.max_position_lots"]),
    }  # fmt: skip
