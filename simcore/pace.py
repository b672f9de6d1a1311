"""How much work the engine does at a call. It reads the clock: where the engine returns changes no result (`kernels.work`)."""

from __future__ import annotations

import time

from simcore.kernels import state as st
from simcore.state import State


class Pace:
    """How much work the engine may do at a call, so that it returns after a moment: signals wait for that, and checkpoints.

    Units of work cost from 50 ns to what a strategy takes, so the pace is learned, and never set high.
    """

    AIM_S = 0.02
    FIRST, LEAST, MOST, FASTER = 1 << 10, 1, 1 << 17, 4

    def __init__(self) -> None:
        self.units = self.FIRST
        self._begun = 0.0

    def begin(self, state: State) -> None:
        """Give the engine its work."""
        state.clock[st.WORK_LEFT] = self.units
        self._begun = time.perf_counter()

    def learn(self) -> None:
        """Draw a conclusion from a call that did all of its work."""
        spent_s = max(time.perf_counter() - self._begun, 1e-9)
        units = int(self.units * min(self.AIM_S / spent_s, self.FASTER))
        self.units = min(max(units, self.LEAST), self.MOST)
