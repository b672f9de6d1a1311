"""An A/B test on recorded days: both configurations on the same tapes, who would have traded with which, and what the gates would have done.

`run_ab` simulates and works everything out; `simcore.calibrate.ab.report` writes it down. docs/ab.md says what each part means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simcore.calibrate.ab import gates, stats
from simcore.calibrate.ab.cells import BoolArray, Cells, join, pair
from simcore.calibrate.ab.gates import Watch
from simcore.calibrate.ab.lanes import may_share, play
from simcore.calibrate.ab.settings import AbSettings
from simcore.calibrate.ab.stats import BETTER, WORSE, Judged
from simcore.calibrate.ab.units import Plan, plan_units
from simcore.config.load import config_hash
from simcore.config.model import Config
from simcore.engine import Progress, ProgressCallback
from simcore.portfolio.members import Source, find

ADOPT, MIXED, KEEP = "adopt B", "mixed: better and worse", "keep A"
ROLLED_BACK, NOTHING_SHOWN = "keep A: rolled back", "keep A: no better net edge shown"


@dataclass(frozen=True)
class AbResult:
    """What a test found.

    is_aa     A and B are the same configuration.
    arms      mask [n] of the cells that are routed to B; live: those where B trades after rollbacks.
    paired    the metrics over all cells of both arms; routed: each arm over the cells that are routed to it.
    decision  one of the module's constants.
    """

    a: Config
    b: Config
    settings: AbSettings
    plan: Plan
    cells: Cells
    arms: BoolArray
    live: BoolArray
    paired: tuple[Judged, ...]
    routed: tuple[Judged, ...]
    watches: tuple[Watch, ...]
    is_aa: bool
    one_pass: bool
    decision: str


def run_ab(
    sources: Sequence[Source], a: Config, b: Config, settings: AbSettings | None = None, *, progress: ProgressCallback | None = None
) -> AbResult:  # fmt: skip
    """Test configuration B against A on tapes of one or several symbols and days. Raises MmsimError (docs/ab.md lists what is refused).

    sources: tapes, their paths, or folders of them, in any order. progress: is called while tapes are played.
    """
    settings = settings or AbSettings()
    plan = plan_units(sources, a, b, settings.window_ns)
    names = {unit.key: unit.name for unit in plan.units}
    for symbol in (*settings.whitelist, *settings.blacklist):
        find(symbol, names, "ab.whitelist, ab.blacklist")
    steps = _Steps(plan, progress)
    measured = settings.gates.ticks == "measured"
    pairs = []
    for unit in plan.units:
        first, second = play(unit, settings.trace_every, steps.shown)
        pairs.append(pair(unit, first, second, settings.window_ns, measured))
        steps.unit_done(unit.tape.rows, 1 if may_share(unit.a, unit.b) else 2)
    cells = join(pairs, settings.window_ns)
    return judged(a, b, settings, plan, cells)


def judged(a: Config, b: Config, settings: AbSettings, plan: Plan, cells: Cells) -> AbResult:
    """Return the result of a test whose cells are there."""
    arms = routes(cells, settings)
    everywhere = np.ones(len(arms), bool)
    paired = stats.judge(cells, everywhere, everywhere, settings)
    routed = stats.judge(cells, ~arms, arms, settings)
    watches = gates.watch_all(cells, arms, settings)
    is_aa = all(config_hash(unit.a) == config_hash(unit.b) for unit in plan.units)
    return AbResult(
        a, b, settings, plan, cells, arms, gates.rolled_back(cells, arms, watches), tuple(paired), tuple(routed),
        tuple(watches), is_aa, all(may_share(unit.a, unit.b) for unit in plan.units), decide(paired, watches),
    )  # fmt: skip


def routes(cells: Cells, settings: AbSettings) -> BoolArray:
    """Return the mask [n] of the cells that are routed to B."""
    router = settings.router
    units = [cells.units[i] for i in cells.unit.tolist()]
    placed = [router.is_b(unit.key, unit.name, unit.day, window) for unit, window in zip(units, cells.window.tolist(), strict=True)]
    return np.array(placed, np.bool_)


def decide(paired: Sequence[Judged], watches: Sequence[Watch]) -> str:
    """Return the decision: B if its net edge is better, no metric is worse, and no gate rolled it back."""
    if any(each.rollback is not None for each in watches):
        return ROLLED_BACK
    verdicts = [each.verdict for each in paired]
    if WORSE in verdicts:
        return MIXED if BETTER in verdicts else KEEP
    return ADOPT if verdicts[0] == BETTER else NOTHING_SHOWN  # METRICS begins with the net edge


class _Steps:
    """Progress over all units: rows of tapes, each counted as often as it is played."""

    def __init__(self, plan: Plan, progress: ProgressCallback | None) -> None:
        self._progress = progress
        self._total = sum(unit.tape.rows * (1 if may_share(unit.a, unit.b) else 2) for unit in plan.units)
        self._done = 0

    def shown(self, now: Progress) -> None:
        """Pass on how far a unit is."""
        if self._progress is not None:
            self._progress(Progress(self._done + now.rows, self._total, now.rows_per_s, now.tape_ts, None, now.compiling))

    def unit_done(self, rows: int, passes: int) -> None:
        """Count a unit that was played."""
        self._done += rows * passes
