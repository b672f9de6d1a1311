"""The maker of Avellaneda and Stoikov through our book, venue and engine, on the flow of their model.

The mid is that of two far quotes and moves by MOVE_TICKS at each step. In between one buyer and one seller come,
who trade through to a depth of ln(A dt) / k + an exponential of mean 1 / k from the mid: so a quote at distance d is
reached with probability min(A exp(-k d) dt, 1), exactly, on any grid. Lanes are makers on the same flow; paths follow
each other on one tape, and a path's profit is what cash and position changed over it, at its last mid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from simcore import engine
from simcore.config.model import Config
from simcore.journal.store import JournalStore
from simcore.link import link
from simcore.published.avellaneda import Maker, Market, Moments, moments_of
from simcore.published.exchange import MAKER, START_TS, TICK_NS, model_config, rows_of, write_tape
from simcore.records import ASK_BIT, BEST, TRADE, Chunk, IntArray
from simcore.runner import run_until
from simcore.tape.read import Tape

MOVE_TICKS = 200  # of the mid, a step: the paper's sigma sqrt(dt) = 0.1414, so a tick is 0.0007 and 1/k 943 ticks
MID_TICKS = 1 << 20
FAR_TICKS = 1 << 16  # from the mid to the quotes of the tape: 46 of the paper's units, where our quotes never are
PATHS_AT_ONCE = 200
PATH_SETTINGS = {"book.window_ticks": 1 << 18, "node.use_amend": "true"}
_AFTER_TICKS = 7  # class after all others in the keys of `run_until`


def tape_of(folder: Path, market: Market, paths: int, seed: int) -> tuple[Tape, IntArray]:
    """Write the model's flow for some paths; return the tape and the last mid of each path, in ticks."""
    last_mids: list[IntArray] = []
    tape = write_tape(
        folder / "paths.parquet", "l2", _chunks(market, paths, seed, last_mids),
        {"format": "model", "model": "diffusion with exponential reach", "paths": paths, "seed": seed},
    )  # fmt: skip
    return tape, np.concatenate(last_mids)


def _chunks(market: Market, paths: int, seed: int, last_mids: list[IntArray]) -> Iterator[Chunk]:
    random = np.random.default_rng(seed)
    opening = [MID_TICKS - FAR_TICKS, MID_TICKS + FAR_TICKS]
    yield rows_of(np.full(2, START_TS), np.array([BEST, BEST | ASK_BIT]), np.array(opening), np.ones(2, np.int64))
    per_tick = market.move / MOVE_TICKS
    nearest = math.log(market.arrival_scale * market.dt) / market.k / per_tick
    steps = market.steps
    for first in range(0, paths, PATHS_AT_ONCE):
        count = min(PATHS_AT_ONCE, paths - first)
        up = random.random((count, steps)) < 0.5
        reach = nearest + random.standard_exponential((2, count, steps)) / (market.k * per_tick)
        mids = np.full((count, steps + 1), MID_TICKS)
        mids[:, 1:] += np.cumsum(np.where(up, MOVE_TICKS, -MOVE_TICKS), axis=1)
        last_mids.append(mids[:, -1])
        price = np.zeros((count, steps + 1, 4), np.int64)
        price[:, :steps, 0] = mids[:, :steps] + np.floor(reach[0]).astype(np.int64)  # buyers: up to here
        price[:, :steps, 1] = mids[:, :steps] - np.floor(reach[1]).astype(np.int64)
        after = np.concatenate([mids[:, 1:], np.full((count, 1), MID_TICKS)], axis=1)
        price[:, :, 2:] = after[:, :, None] + np.array([-FAR_TICKS, FAR_TICKS])
        tick = first * (steps + 1) + np.arange(1, count * (steps + 1) + 1).reshape(count, steps + 1, 1)
        ts = START_TS + tick * TICK_NS + np.array([1, 1, 2, 2]) * TICK_NS // 4
        kinds = np.broadcast_to(np.array([TRADE, TRADE | ASK_BIT, BEST, BEST | ASK_BIT]), price.shape)
        real = np.ones(price.shape, bool)
        real[:, steps, :2] = False  # nobody trades at the tick that reads a path
        yield rows_of(ts[real], kinds[real], price[real], np.ones(int(real.sum()), np.int64))


def through_the_exchange(
    folder: Path, market: Market, makers: Sequence[Maker], paths: int, seed: int
) -> list[Moments]:
    """Return each maker's moments over `paths` paths that our engine ran. Profit is in the paper's money."""
    tape, last_mids = tape_of(folder, market, paths, seed)
    configs = [maker_config(market, maker) for maker in makers]
    cash, held = path_ends(tape, configs, market.steps, paths)
    inventory = np.diff(held, axis=0, prepend=0)
    profit = (np.diff(cash, axis=0, prepend=0) + inventory * last_mids[:, None]) * (market.move / MOVE_TICKS)
    return [moments_of(np.asarray(profit[:, i], np.float64), inventory[:, i].astype(np.float64)) for i in range(len(makers))]


def maker_config(market: Market, maker: Maker) -> Config:
    """Return the run of one maker, with the paper's parameters in ticks and steps."""
    per_tick = market.move / MOVE_TICKS
    params = {
        "enabled": 1, "steps": market.steps, "gamma": maker.gamma * per_tick, "k": market.k * per_tick,
        "sigma_ticks": MOVE_TICKS, "symmetric": int(maker.symmetric),
    }  # fmt: skip
    return model_config(
        "risk_averse", {f"avellaneda_stoikov.{name}": value for name, value in params.items()}, PATH_SETTINGS
    )


def path_ends(tape: Tape, configs: Sequence[Config], steps: int, paths: int) -> tuple[IntArray, IntArray]:
    """Run a tape of paths, one lane a config; return cash (ticks x lots) and position at the end of each, [paths, lanes]."""
    session = engine.new_session(tape, configs, link(str(MAKER)), JournalStore(None), journal=False)
    cash, held = np.zeros((paths, len(configs)), np.int64), np.zeros((paths, len(configs)), np.int64)
    for path in range(paths):
        run_until(session, (path + 1) * (steps + 1) * TICK_NS * 8 + _AFTER_TICKS)
        cash[path] = session.state.lanes["node_cash_units"]
        held[path] = session.state.lanes["node_position_lots"]
    refused = int((session.state.lanes["refused"] + session.state.lanes["expired"]).sum())
    assert refused == 0, f"{refused} quotes were refused: they reached the tape's far quotes"
    return cash, held
