"""All mutants by area."""

from __future__ import annotations

from tests.mutants import calibrate, kernels_node, kernels_venue, portfolio, tape
from tests.mutants.harness import Mutant

AREAS: dict[str, tuple[Mutant, ...]] = {
    "tape": tape.MUTANTS, "venue": kernels_venue.MUTANTS, "node": kernels_node.MUTANTS, "calibrate": calibrate.MUTANTS,
    "portfolio": portfolio.MUTANTS,
}  # fmt: skip
TITLES = {
    "tape": "Tapes: read, written, checked, validated, converted",
    "venue": "Kernels of the exchange: matching, queues, taken levels, money, limits",
    "node": "Kernels of the Node: order manager, stages, signals",
    "calibrate": "Calibration: cross-validation, luck, plateaus, intervals, verdicts",
    "portfolio": "Portfolios and reports: allocator, scoreboard, sums, edge, markouts",
}
