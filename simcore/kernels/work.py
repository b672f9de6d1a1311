"""How much the engine may do before it returns to Python, which looks at signals and keeps checkpoints meanwhile.

Work is counted, not timed, so that it costs next to nothing; `simcore.pace.Pace` learns how many units fill a moment.
Where the engine returns for it changes nothing: it goes on exactly there.
"""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at
from simcore.kernels.book import STEPS
from simcore.kernels.state import WORK_LEFT, State

STEPS_BITS = 9  # so many places that a search looks at are a unit of work: 512
PLAIN_ROWS = 1 << 13  # rows that the short loops take at a time; each may search the window for a best price
PLAIN_UNITS = 64  # work of so many rows
SLOW_ROWS = 64  # rows that take the long way are counted together: a count of each would be felt


@kernel
def spend(state: State, units: int) -> bool:
    """Count work, and what the books' searches have looked at; return whether any is left to be done before a return."""
    exch, local = at.meta(state.exch), at.meta(state.local)
    at.clock(state)[WORK_LEFT] -= units + ((exch[STEPS] + local[STEPS]) >> STEPS_BITS)
    exch[STEPS] = 0
    local[STEPS] = 0
    return at.clock(state)[WORK_LEFT] > 0
