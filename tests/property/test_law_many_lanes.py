"""Law 3 for many lanes: whatever their order, their number and the split over processes, each is the single run."""

from __future__ import annotations

import hashlib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from simcore import engine
from simcore.config.load import load_config
from simcore.config.model import Config
from simcore.tape.read import Tape
from tests.property.real import real_case
from tests.property.runs import outputs
from tests.property.test_law_lanes import lane_rows

DATASETS = Path(__file__).parents[2] / "datasets"
SAMPLES = {"l2": "synbtc-perp-20240101-l2.parquet", "l3": "synes-20240101-l3.parquet"}
QUEUES = {"l2": ("power", "risk_averse", "log2", "front", "power3"), "l3": ("fifo", "pro_rata", "risk_averse", "log", "front")}
WINDOW_NS = 20 * 10**9
COUNTS = (1, 7, 64, 1000)
CHOSEN = 3  # lanes of each pass that are played alone


def made(strategy: str, number: int, level: str, end_ts: int) -> Config:
    """Return the configuration of a number: all that lanes may differ in differs."""
    sets = [
        f"strategy.name={strategy}", f"node.tick_interval_ms={(50, 100, 130)[number % 3]}", "node.sample_interval_ms=500",
        f"venue.queue_model={QUEUES[level][number % 5]}", f"venue.queue_n={1 + number % 4}", f"fees.maker_bps={(number - 50) / 100}",
        f"latency.place.ms={1 + number % 40}", f"latency.cancel.ms={2 + number % 7}", f"run.seed={number}",
        f"latency.response.model={('constant', 'lognormal')[number % 2]}", f"latency.response.ms={1 + number % 11}",
        f"node.queue_levels={1 + number % 6}", f"node.depth_levels={1 + number % 5}", f"node.use_amend={number % 4 == 0}",
        f"strategy.params.inventory.max_position_lots={3 + number % 9}",
    ]  # fmt: skip
    if strategy == "demo_maker":
        sets += [f"strategy.params.spread.half_spread_bps={0.02 * (number % 50)}", f"strategy.params.emit.levels={1 + number % 3}"]
    else:
        sets += [f"strategy.params.spread.base_bps={0.1 + 0.02 * (number % 50)}", f"strategy.params.spread.min_bps={0.05}"]
    return load_config(None, sets, {"run.to": end_ts})


def chosen(count: int) -> list[int]:
    """Return lanes to look at: both ends, and one that a digest of the count picks."""
    return sorted({0, count - 1, int(hashlib.sha256(str(count).encode()).hexdigest(), 16) % count})[:CHOSEN]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(("strategy", "level"), [("demo_maker", "l2"), ("adaptive", "l2"), ("demo_maker", "l3")])
def test_chosen_lanes_are_single_runs(strategy, level, count):
    tape = Tape.open(DATASETS / SAMPLES[level])
    configs = [made(strategy, number, level, tape.start_ts + WINDOW_NS) for number in range(count)]
    together = engine.simulate(tape, configs)
    for lane in chosen(count):
        assert lane_rows(together, lane) == outputs(engine.simulate(tape, [configs[lane]]))
    assert together.state.lanes["fills"].sum() > 0


def test_the_order_of_lanes_does_not_matter():
    tape = Tape.open(DATASETS / SAMPLES["l2"])
    configs = [made("adaptive", number, "l2", tape.start_ts + WINDOW_NS) for number in range(70)]
    there = engine.simulate(tape, configs)
    back = engine.simulate(tape, configs[::-1])
    for lane in (0, 1, 35, 63, 64, 69):
        assert lane_rows(there, lane) == lane_rows(back, 69 - lane)


def play(numbers: list[int]) -> list[dict[str, bytes]]:
    """Return the journals of the lanes of some numbers, in one pass; run in a process of its own."""
    tape = Tape.open(DATASETS / SAMPLES["l2"])
    together = engine.simulate(tape, [made("demo_maker", number, "l2", tape.start_ts + WINDOW_NS) for number in numbers])
    return [lane_rows(together, lane) for lane in range(len(numbers))]


def test_processes_do_not_matter():
    numbers = list(range(9))
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        first, second = pool.map(play, (numbers[:4], numbers[4:]))
    assert first + second == play(numbers)


@pytest.mark.parametrize("name", ["usdm", "coinm", "es"])
def test_lanes_of_captures_are_single_runs(name):
    """64 lanes on a part of a real capture; chosen ones alone."""
    case = real_case(name).part(0, 60_000)
    configs = [
        case.config(f"strategy.params.spread.half_spread_bps={0.02 + 0.01 * k}", f"fees.maker_bps={k / 10}", f"run.seed={k}")
        for k in range(64)
    ]
    together = engine.simulate(case.tape(), configs)
    assert together.state.lanes["fills"].sum() > 100
    for lane in chosen(64):
        assert lane_rows(together, lane) == outputs(engine.simulate(case.tape(), [configs[lane]]))


def test_a_row_that_crosses_the_orders_of_a_hundred_lanes():
    """Each lane's fill takes from the level that crossed it: more entries than the table begins with, from one row."""
    tape = Tape.open(DATASETS / SAMPLES["l2"])
    configs = [
        load_config(
            None,
            [
                "strategy.name=demo_maker", f"strategy.params.spread.half_spread_bps={k / 20:.2f}",
                f"strategy.params.inventory.skew_bps={skew}", "strategy.params.emit.levels=4", "venue.max_open_orders=8",
            ],
            {"run.to": tape.start_ts + 150 * 10**9},
        )
        for k in range(1, 21)
        for skew in (0, 0.5, 1, 1.5, 2)
    ]  # fmt: skip
    together = engine.simulate(tape, configs)
    assert len(together.state.taken) > 256, "the table had to grow"
    for lane in (0, 17, 60, 99):
        assert lane_rows(together, lane) == outputs(engine.simulate(tape, [configs[lane]]))
