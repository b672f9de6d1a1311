"""One order in three queue worlds: filled first where all cancels stood ahead, last where all stood behind, exact FIFO between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simcore import engine
from simcore.calibrate.sweeps import band as bd
from simcore.config.load import load_config
from simcore.records import ASK, BID, PLACE, POST_ONLY, REQUEST
from simcore.tape.read import Tape
from tests.support import run_script

L3 = Path(__file__).parents[3] / "datasets" / "synes-20240101-l3.parquet"
NEVER_FILLED = 1 << 62
WAIT_NS = 900_000_000_000
WORLDS = {"front": bd.AT_FRONT, "all ahead": bd.ALL_AHEAD, "fifo": ("fifo", 1.0), "power": ("power", 3.0), "all behind": bd.ALL_BEHIND}


@pytest.fixture(scope="module")
def quotes():
    """Best prices at 30 times of the first hours of the sample."""
    tape = Tape.open(L3)
    config = load_config(None, [], {"strategy.name": "demo_maker", "run.to": tape.start_ts + 14_400 * 10**9})
    samples = engine.simulate(tape, [config]).journal.rows("samples")
    return tape, samples[np.linspace(60, len(samples) - 1, 30).astype(int)]


def fill_ts(tape, sample, side, model, n):
    """Return when an order of 2 lots, placed at the best price when it was sampled, is filled first, and how many lots in all."""
    request = np.zeros(1, REQUEST)
    price = sample["bid_ticks"] if side == BID else sample["ask_ticks"]
    values = {"ts": sample["ts"], "kind": PLACE, "order_id": 1, "side": side, "tif": POST_ONLY, "price_ticks": price, "qty_lots": 2}
    for name, value in values.items():
        request[name] = value
    until = f"run.to={int(sample['ts']) + WAIT_NS}"
    session = run_script(tape, request, [f"venue.queue_model={model}", f"venue.queue_n={n}", "latency.place.ms=1", until])
    fills = session.journal.rows("fills")
    return (int(fills["exch_ts"][0]) if len(fills) else NEVER_FILLED), int(fills["qty_lots"].sum())


@pytest.mark.parametrize("side", [BID, ASK])
def test_an_order_is_filled_in_the_order_of_the_worlds(quotes, side):
    """On a tape with order ids, where the truth is known: at no time later than in the world behind it, and no fewer lots."""
    tape, samples = quotes
    times = {name: [] for name in WORLDS}
    for sample in samples:
        found = {name: fill_ts(tape, sample, side, *model) for name, model in WORLDS.items()}
        for name, (ts, _) in found.items():
            times[name].append(ts)
        for early, late in (("front", "all ahead"), ("all ahead", "fifo"), ("fifo", "all behind"), ("all ahead", "power"), ("power", "all behind")):
            assert found[early][0] <= found[late][0], (early, late, sample["ts"])
            assert found[early][1] >= found[late][1], (early, late, sample["ts"])
    assert times["all ahead"] != times["fifo"], "the worlds differ"
    assert times["fifo"] != times["all behind"], "the worlds differ"
    assert any(ts < NEVER_FILLED for ts in times["all behind"])
