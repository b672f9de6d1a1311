"""One block of work: some trials over one day in one pass, here, in a worker process or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from simcore.calibrate.days import Day
from simcore.calibrate.outcomes import COUNTS, Part, counts_of, joined
from simcore.config.model import Config
from simcore.engine import Progress
from simcore.errors import EngineError, MmsimError, StrategyError
from simcore.lanes import run_lanes
from simcore.report.folder import money_of
from simcore.tape.read import Tape
from simcore.units import NS_PER_MS

# What a single parameter set can do wrong while it runs; anything else is wrong for all of them.
_OF_ONE_SET = ("STRAT-004", "ENG-003")

Told = Callable[[float], None]  # share of a block that is done


@dataclass(frozen=True)
class Block:
    """Trials of one day that ride one pass. number: counts blocks; configs are those of the trials, for that day."""

    number: int
    day_number: int
    day: Day
    trials: tuple[int, ...]
    configs: tuple[Config, ...]
    step_ns: int


def play(block: Block, told: Told | None = None) -> Part:
    """Play a block and return its results. Raises MmsimError for what concerns more than one parameter set.

    A set that fails while it runs ends the pass of all; so the block is halved until the set is alone, and is lost alone.
    """
    tape = block.day.tape()

    def show(now: Progress) -> None:
        if told is not None and not now.compiling:
            told(now.rows / max(now.total_rows, 1))

    return _play(tape, block, range(len(block.trials)), show)


def _play(tape: Tape, block: Block, places: Sequence[int], progress: Callable[[Progress], None]) -> Part:
    trials = np.array([block.trials[place] for place in places], np.int64)
    try:
        run = run_lanes(tape, [block.configs[place] for place in places], curve_ms=block.step_ns / NS_PER_MS, progress=progress)
    except (StrategyError, EngineError) as exc:
        if exc.code not in _OF_ONE_SET:
            raise
        if len(places) == 1:
            return _lost(block, trials, exc)
        half = len(places) // 2
        return joined([_play(tape, block, part, progress) for part in (places[:half], places[half:])])
    counts = counts_of(run, money_of(tape.instrument))
    return Part(block.day_number, trials, counts, ("",) * len(trials), run.equity_units, run.position_lots)


def _lost(block: Block, trials: np.ndarray[tuple[int], np.dtype[np.int64]], exc: MmsimError) -> Part:
    length = block.day.intervals(block.step_ns)
    empty = np.zeros((1, length), np.int64)
    return Part(block.day_number, trials, np.zeros(1, COUNTS), (f"{exc.code} {exc.title}: {exc.cause}",), empty, empty)
