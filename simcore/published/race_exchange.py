"""Queue races through our book and exchange: tapes of episodes, and what samples and fills say of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from simcore import engine
from simcore.published import race_flow as rf
from simcore.published.exchange import START_TS, TICK_NS, model_config, write_tape
from simcore.published.races import Flow
from simcore.records import ASK, BID, BOTH_BITS, DEPTH, Chunk, IntArray, Record
from simcore.tape.read import Tape

SHOWN = 5  # the papers' tables: 1 to 5 orders at bid and ask


@dataclass(frozen=True)
class Races:
    """What became of the episodes of each pair of queues, [episodes a pair, bid 1..SHOWN, ask 1..SHOWN] each.

    bid_filled, ask_filled: whether our orders filled, by the exchange's fills; up, down: whether the mid had moved
    when the episode was over, by the Node's book; ends: what the simulated market says (bits of race_flow).
    """

    bid_filled: IntArray
    ask_filled: IntArray
    up: IntArray
    down: IntArray
    ends: IntArray


def run_races(
    folder: Path, flow: Flow, own_bid: bool, own_ask: bool, rounds: int, seed: int, queue_model: str = "fifo", queue_n: float = 1.0
) -> Races:
    """Run `rounds` episodes of each pair of queues, with our order last in the queue of the sides asked for.

    The tape is of single orders for the queue model fifo, else of levels and trades; of levels where nothing is ours.
    """
    pairs = np.array([(bid, ask, own_bid, own_ask) for bid in range(1, SHOWN + 1) for ask in range(1, SHOWN + 1)], np.int64)
    ends = np.zeros(rounds * len(pairs), np.int64)
    shows = rf.LENGTHS if not own_bid and not own_ask else rf.ORDERS if queue_model == "fifo" else rf.TRADES
    tape = _tape(folder, flow, pairs, ends, seed, shows)
    config = model_config(
        queue_model if shows != rf.LENGTHS else "risk_averse",
        {
            "patient.enabled": 1, "patient.half_ns": TICK_NS, "patient.bid_ticks": rf.BID_TICKS,
            "patient.ask_ticks": rf.ASK_TICKS, "patient.bid_lots": int(own_bid), "patient.ask_lots": int(own_ask),
        },
        {"venue.queue_n": queue_n, "book.window_ticks": 256, "node.sample_interval_ms": rf.SLOT_NS // 1_000_000},
    )  # fmt: skip
    journal = engine.simulate(tape, [config]).journal
    samples = journal.rows("samples")
    samples = samples[(samples["ts"] - START_TS) % rf.SLOT_NS == 0]  # not the first tick's and the end's
    assert len(samples) == len(ends), f"{len(samples)} samples of {len(ends)} episodes"
    fills = journal.rows("fills")
    slots = (fills["exch_ts"] - START_TS) // rf.SLOT_NS
    filled = np.zeros((2, len(ends)), np.int64)
    for side in (BID, ASK):
        np.add.at(filled[side], slots[fills["side"] == side], 1)
    shape = (rounds, SHOWN, SHOWN)
    up, down = samples["ask_ticks"] > rf.ASK_TICKS, samples["bid_ticks"] < rf.BID_TICKS
    return Races(*(np.asarray(part, np.int64).reshape(shape) for part in (filled[BID], filled[ASK], up, down, ends)))


def _tape(folder: Path, flow: Flow, pairs: IntArray, ends: IntArray, seed: int, shows: int) -> Tape:
    """Write a tape of episodes; ends (mutated) says how they ended."""
    level = "l3" if shows == rf.ORDERS else "l2"
    what = {"format": "model", "model": "queue race", **asdict(flow), "episodes": len(ends), "seed": seed}
    return write_tape(folder / f"races-{level}.parquet", level, _chunks(flow, pairs, ends, seed, shows), what)


def _chunks(flow: Flow, pairs: IntArray, ends: IntArray, seed: int, shows: int) -> Iterator[Chunk]:
    world = rf.new_world()
    of_orders = shows == rf.ORDERS
    given = {"seed": seed, "shows": shows, "episodes": len(ends), "start_ns": START_TS}
    for name, value in (asdict(flow) | given).items():
        world[name] = value
    done = 0
    while done < len(ends):
        done = rf.run_episodes(world, pairs, ends)
        yield _rows(world, of_orders)
        world["used"] = 0
    over = np.full(1, START_TS + len(ends) * rf.SLOT_NS + rf.SETUP_NS)  # the last episode is read before the tape ends
    yield Chunk(
        over, over, np.full(1, DEPTH | BOTH_BITS, np.uint8), np.full(1, rf.BID_TICKS - 1), np.full(1, 1_000_000),
        np.zeros(int(of_orders), np.int64),
    )  # fmt: skip


def _rows(world: Record, of_orders: bool) -> Chunk:
    used = int(world["used"])
    ids = world["order_id"][:used].copy() if of_orders else np.zeros(0, np.int64)
    return Chunk(
        world["ts"][:used].copy(), world["ts"][:used].copy(), world["ev"][:used].copy(), world["price_ticks"][:used].copy(),
        world["qty_lots"][:used].copy(), ids,
    )  # fmt: skip
