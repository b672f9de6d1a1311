"""One measurement, in a process of its own: `python -m simcore.bench.measures NAME '<JSON>'` prints one JSON object."""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from simcore import engine, jit, runner
from simcore.bench.maker import MAKER, maker
from simcore.bench.process import FEW_LANES, peak_rss_mb
from simcore.bench.shape import shape
from simcore.config.load import load_config
from simcore.config.model import Config, StrategyConfig
from simcore.errors import MmsimError
from simcore.journal.store import JournalStore
from simcore.kernels import state as st
from simcore.link import link
from simcore.records import EXCH_BIT, KIND_MASK, LOCAL_BIT, STAGES_MAX, TRADE, Chunk
from simcore.tape.convert import convert
from simcore.tape.export import export_npz
from simcore.tape.read import Tape
from simcore.units import NS_PER_S

STEADY_UNTIL_S = 2.0
PIPELINE_ROUNDS = 4
HELD_ROWS = 1 << 25  # rows of a tape that are held in memory at most, 33 bytes each; the peer's take 64
ROI_MARGIN = 0.03  # the peer's range-limited depth reaches so far beyond the trades

def adaptive(lane: int = 0, *more: str) -> Config:
    """Return the configuration of all six stages for a lane: the base spread is what differs."""
    common = [text for text in MAKER if not text.startswith("strategy")]
    spread = f"strategy.params.spread.base_bps={0.5 + 0.002 * (10 * lane % 1000):.3f}"
    return load_config(None, ["strategy.name=adaptive", *common, spread, "strategy.params.inventory.max_position_lots=10", *more])


class HeldTape(Tape):
    """The first rows of a tape, repeated, decoded and held in memory."""

    def __init__(self, tape: Tape, repeat: int) -> None:
        super().__init__(tape.files)
        self._held: list[Chunk] = []
        self.rows = 0
        for chunk in tape.chunks(repeat=repeat):
            self._held.append(chunk)
            self.rows += len(chunk.ev)
            if self.rows >= HELD_ROWS:
                break

    @property
    def end_ts(self) -> int:
        """Time of the last held row on either clock, ns."""
        last = self._held[-1]
        return max(
            int(times[rows[-1]])
            for times, rows in ((last.exch_ts, np.flatnonzero(last.ev & EXCH_BIT)), (last.local_ts, np.flatnonzero(last.ev & LOCAL_BIT)))
            if len(rows)
        )

    def chunks(self, *_args: Any, **_options: Any) -> Iterator[Chunk]:
        """Yield the held chunks as they are, whatever is asked for."""
        yield from self._held


def speed(tape: str, repeat: int, lanes: int) -> dict[str, Any]:
    """Time decode, book, replay and lanes."""
    engine.warmup(maker())
    source = Tape.open(tape)
    held = HeldTape(source, repeat)
    found: dict[str, Any] = {"rows": held.rows}
    found["decode_s"] = steady(lambda: sum(len(chunk.ev) for chunk in source.chunks(repeat=repeat))) * held.rows / (source.rows * repeat)
    found["book_s"] = steady(lambda: book_only(held))
    outcomes: list[engine.Outcome] = []
    found["replay_s"] = steady(lambda: outcomes.append(engine.simulate(held, [maker()])))
    totals = outcomes[0].state.lanes[0]
    found |= {name: int(totals[name]) for name in ("ticks", "orders", "cancels", "fills")}
    configs = [maker(half_spread_ticks=5.0 + 0.5 * k) for k in range(lanes)]
    before = peak_rss_mb()
    found["lanes_s"] = found["replay_s"] if lanes == 1 else steady(lambda: engine.simulate(held, configs, journal=False))
    found["few_lanes_s"] = found["lanes_s"] if lanes <= FEW_LANES else steady(lambda: engine.simulate(held, configs[:FEW_LANES], journal=False))
    found["lanes_rss_mb"] = peak_rss_mb() - before
    return found


def pipeline(tape: str, repeat: int, lanes: int = 1) -> dict[str, Any]:
    """Time a replay with all six stages: as it is, without features, and with every 100th tick traced; and a tick's stages.

    tick_ns_*: percentiles of the time that the stages of a traced tick take; manager included in tick_all_ns_*.
    pipeline_lanes_s: so many parameter sets of them in one pass, without journals.
    """
    every = "strategy.params.spread.base_bps=1.0"
    plain, bare, traced = adaptive(0, every), adaptive(0, every, "node.features=false"), adaptive(0, every, "node.trace_every=100")
    engine.warmup(plain)
    held = HeldTape(Tape.open(tape), repeat)
    runs = {"pipeline_s": plain, "pipeline_bare_s": bare, "pipeline_traced_s": traced}
    best: dict[str, Any] = dict.fromkeys(runs, float("inf"))
    for _ in range(PIPELINE_ROUNDS):  # in turn, so that noise falls on all alike
        for name, config in runs.items():
            best[name] = min(best[name], timed(partial(engine.simulate, held, [config])))
    if lanes > 1:
        configs = [adaptive(k) for k in range(lanes)]
        best["pipeline_lanes_s"] = steady(lambda: engine.simulate(held, configs, journal=False))
    else:
        best["pipeline_lanes_s"] = best["pipeline_s"]
    rows = engine.simulate(held, [traced]).journal.rows("traces")
    stages = int(rows["stages"][0])
    per_ns = jit.cycles_per_ns()
    for name, last in (("tick_ns", stages), ("tick_all_ns", STAGES_MAX + 1)):
        spent = (rows[f"mark{last}"] - rows["mark0"]) / per_ns
        best |= {f"{name}_p{q}": round(float(np.percentile(spent, q))) for q in (50, 95, 99)}
    return best


def lane_cost(tape: str, repeat: int, lanes: int, stages: bool, rounds: int = 3) -> dict[str, Any]:
    """Time a pass of so many lanes of the maker, or of all six stages, CPU seconds, and say what memory it takes."""
    configs = [adaptive(k) if stages else maker(half_spread_ticks=5.0 + 0.5 * (k % 100)) for k in range(lanes)]
    engine.warmup(configs[0])
    held = HeldTape(Tape.open(tape), repeat)
    book_only(held)
    before = peak_rss_mb()
    seconds = []
    for _ in range(rounds):
        begin = time.thread_time()
        engine.simulate(held, configs, journal=False)
        seconds.append(time.thread_time() - begin)
    return {"rows": held.rows, "lanes": lanes, "cpu_s": min(seconds), "rss_mb": peak_rss_mb() - before}


def book_only(tape: Tape, *, node_only: bool = False) -> None:
    """Play a tape through both books (or the Node's), without ticks."""
    config = maker()
    session = engine.new_session(tape, [config], link(config.strategy.name), JournalStore(None))
    session.state.keys[:] = session.state.blocks[:] = st.NEVER
    session.state.clock[st.NODE_ONLY] = node_only
    runner.run(session)


def parts(tape: str, repeat: int, rounds: int = 7) -> dict[str, Any]:
    """Say where the time of a replay goes, ns of one core a row, by leaving parts out; the least of some rounds each."""
    engine.warmup(maker())
    held = HeldTape(Tape.open(tape), repeat)
    still = maker().model_copy(update={"strategy": StrategyConfig(name="demo_maker", params={"inventory.max_position_lots": 0})})
    variants: dict[str, Callable[[], Any]] = {
        "node_book": lambda: book_only(held, node_only=True),
        "both_books": lambda: book_only(held),
        "ticks_without_orders": lambda: engine.simulate(held, [still]),
        "orders_without_journal": lambda: engine.simulate(held, [maker()], journal=False),
        "replay": lambda: engine.simulate(held, [maker()]),
    }
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, run in variants.items():
            begin = time.thread_time()
            run()
            seconds[name].append(time.thread_time() - begin)
    return {name: round(min(each) / held.rows * 1e9, 3) for name, each in seconds.items()}


def end_to_end(tape: str, repeat: int) -> dict[str, Any]:
    """Time a replay from file to the finished run folder, without the report."""
    config = maker(repeat)
    engine.warmup(config)
    with tempfile.TemporaryDirectory() as folder:
        runs = (Path(folder) / f"run-{k}" for k in itertools.count())
        seconds = steady(lambda: engine.replay(tape, config, next(runs)))
    return {"rows": Tape.open(tape).rows * repeat, "end_to_end_s": seconds, "peak_rss_mb": peak_rss_mb()}


def start(tape: str, began: float) -> dict[str, Any]:
    """Say when the engine was ready to take rows, then replay a minute of tape into a run folder."""
    engine.warmup(maker())
    ready = time.time() - began
    config = maker(to_ts=Tape.open(tape).start_ts + 60 * NS_PER_S)
    with tempfile.TemporaryDirectory() as folder:
        engine.replay(tape, config, Path(folder) / "run")
    return {"ready_s": ready}


def export(tape: str, repeat: int, out: str) -> dict[str, Any]:
    """Write the peer's rows, repeated with the same shift as ours, and say what the peer needs to know of the tape."""
    source = Tape.open(tape)
    passes = min(repeat, max(1, HELD_ROWS // source.rows))
    path = Path(out)
    export_npz(source, path)
    if passes > 1:
        with np.load(path) as archive:
            once = archive["data"]
        parts = [once.copy() for _ in range(passes)]
        for k, part in enumerate(parts):
            part["exch_ts"] += k * source.span_ns
            part["local_ts"] += k * source.span_ns
        np.savez_compressed(path, data=np.concatenate(parts))
    tick = float(source.instrument.tick_size)
    low, high = _traded(source)
    return {
        "tape_rows": source.rows * passes, "start_ts": source.start_ts, "tick_size": tick,
        "lot_size": float(source.instrument.lot_size), "contract_size": float(source.instrument.contract_size),
        "inverse": source.instrument.kind == "inverse", "roi_low": round(low * (1 - ROI_MARGIN)) * tick,
        "roi_high": round(high * (1 + ROI_MARGIN)) * tick,
    }  # fmt: skip


def converts(source: str, fmt: str) -> dict[str, Any]:
    """Time the conversion of a capture to a tape on disk."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "tape.parquet"
        seconds = timed(lambda: convert([source], fmt, out))
        return {"convert_s": seconds, "rows": Tape.open(out).rows, "bytes": out.stat().st_size, "peak_rss_mb": peak_rss_mb()}


def named(tape: str) -> dict[str, Any]:
    """Say what the tape is of, how many rows it has, and what they are like."""
    source = Tape.open(tape)
    instrument = source.instrument
    return {"capture": f"{instrument.venue} {instrument.symbol}", "level": source.level, "tape_rows": source.rows, **shape(source)}


def _traded(tape: Tape) -> tuple[int, int]:
    """Return the lowest and highest traded price, ticks; of a tape without trades: of all rows."""
    lows, highs = [], []
    for kind in (TRADE, None):
        for chunk in tape.chunks(columns=("ev", "price_ticks")):
            prices = chunk.price_ticks if kind is None else chunk.price_ticks[(chunk.ev & KIND_MASK) == kind]
            prices = prices[prices > 0]
            if len(prices):
                lows.append(int(prices.min()))
                highs.append(int(prices.max()))
        if lows:
            break
    return min(lows), max(highs)


def steady(function: Callable[[], Any]) -> float:
    """Return the least seconds of four calls; of calls over 2 s the first counts. The peer is measured alike."""
    first = timed(function)
    return first if first > STEADY_UNTIL_S else min(first, *(timed(function) for _ in range(3)))


def timed(function: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


MEASURES: dict[str, Callable[..., dict[str, Any]]] = {
    "speed": speed, "end_to_end": end_to_end, "start": start, "parts": parts, "export": export,
    "converts": converts, "named": named, "pipeline": pipeline, "lane_cost": lane_cost,
}  # fmt: skip


def main(arguments: list[str]) -> int:
    """Run one measurement; user errors end with their code on stderr."""
    try:
        answer = MEASURES[arguments[1]](**json.loads(arguments[2]))
    except MmsimError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
