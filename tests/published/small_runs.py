"""Small runs of the simulations of `mmsim published`, as one JSON object: for a process with the JIT off, which compiles nothing.

`python -m tests.published.small_runs`
"""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from simcore.published import avellaneda_exchange as ax
from simcore.published import race_flow as rf
from simcore.published.avellaneda import Maker, Market, average_spread
from simcore.published.race_exchange import Races, run_races
from simcore.published.races import DE_LARRARD, STOIKOV_TALREJA, TRADES_ONLY
from simcore.records import KIND_MASK, TRADE

PATHS, ROUNDS = 2, 2
MAKERS = (Maker(0.1), Maker(1.0), Maker(0.1, symmetric=True))


def model_by_hand(folder: Path, market: Market, maker: Maker) -> list[tuple[int, int]]:
    """Return (cash, position) at the end of each path, by a loop over the tape's trades with the paper's formulas."""
    tape, _ = ax.tape_of(folder, market, PATHS, seed=1)
    rows = tape.head(tape.rows)
    unit = market.move / ax.MOVE_TICKS
    reaches = iter(rows.price_ticks[(rows.ev & KIND_MASK) == TRADE].tolist())
    mids = iter((rows.price_ticks[2:][(rows.ev[2:] & KIND_MASK) != TRADE].reshape(-1, 2).sum(axis=1) // 2).tolist())
    cash = position = 0
    ends = []
    mid = ax.MID_TICKS
    for _ in range(PATHS):
        held = 0
        for step in range(market.steps):
            left = market.horizon - step * market.dt
            spread = maker.gamma * market.sigma**2 * left + 2.0 / maker.gamma * math.log(1.0 + maker.gamma / market.k)
            centre = mid - held * maker.gamma * market.sigma**2 * left / unit
            if maker.symmetric:
                spread, centre = average_spread(market, maker.gamma), float(mid)
            bid, ask = (math.floor(centre + sign * 0.5 * spread / unit + 0.5) for sign in (-1, 1))
            if next(reaches) >= ask:
                held -= 1
                cash += ask
            if next(reaches) <= bid:
                held += 1
                cash -= bid
            mid = next(mids)
        position += held
        ends.append((cash, position))
        mid = next(mids)
    return ends


def same_paths(folder: Path) -> dict[str, list[list[list[int]]]]:
    """Return (cash, position) at path ends, of each maker: through the exchange, and by hand on the same tape."""
    market = Market()
    tape, _ = ax.tape_of(folder, market, PATHS, seed=1)
    cash, held = ax.path_ends(tape, [ax.maker_config(market, maker) for maker in MAKERS], market.steps, PATHS)
    ours = [np.stack([cash[:, lane], held[:, lane]], axis=1).tolist() for lane in range(len(MAKERS))]
    return {"ours": ours, "by_hand": [[list(pair) for pair in model_by_hand(folder, market, maker)] for maker in MAKERS]}


def wrong_fills(races: Races) -> int:
    """Count the episodes whose fills are not those of the simulated market."""
    bid = races.bid_filled != (races.ends & rf.BID_FILLED > 0)
    return int((bid | (races.ask_filled != (races.ends & rf.ASK_FILLED > 0))).sum())


def small_runs() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        races = {
            "levels": run_races(folder, STOIKOV_TALREJA, False, False, ROUNDS, 1),
            "one": run_races(folder, STOIKOV_TALREJA, True, False, ROUNDS, 2),
            "both": run_races(folder, STOIKOV_TALREJA, True, True, ROUNDS, 3),
            "trades": run_races(folder, TRADES_ONLY, True, False, ROUNDS, 6, "power"),
            "balanced": run_races(folder, DE_LARRARD, False, False, ROUNDS, 4),
        }
        return {
            "wrong_fills": {name: wrong_fills(each) for name, each in races.items()},
            "fills": {name: int(each.bid_filled.sum() + each.ask_filled.sum()) for name, each in races.items()},
            "wrong_moves": {
                name: int(((each.up != (each.ends & rf.ASK_GONE > 0)) | (each.down != (each.ends & rf.BID_GONE > 0))).sum())
                for name, each in races.items()
                if name in {"levels", "balanced"}
            },
            "moves": {name: int(each.up.sum() + each.down.sum()) for name, each in races.items()},
            "wrong_fills_at_the_front": wrong_fills(run_races(folder, STOIKOV_TALREJA, True, False, ROUNDS, 2, "front")),
            "again": bool(np.array_equal(races["one"].ends, run_races(folder, STOIKOV_TALREJA, True, False, ROUNDS, 2).ends)),
            "paths": same_paths(folder),
        }


if __name__ == "__main__":
    print(json.dumps(small_runs()))
