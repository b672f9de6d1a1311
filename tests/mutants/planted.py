"""All mutants by area, and the page that lists them (docs/mutants.md)."""

from __future__ import annotations

from tests.mutants import calibrate, kernels_node, kernels_venue, portfolio, tape
from tests.mutants.harness import Mutant

AREAS: dict[str, tuple[Mutant, ...]] = {
    "tape": tape.MUTANTS, "venue": kernels_venue.MUTANTS, "node": kernels_node.MUTANTS, "calibrate": calibrate.MUTANTS, "portfolio": portfolio.MUTANTS,
}  # fmt: skip
