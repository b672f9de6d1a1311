"""The safety gates, watched in time: when B is rolled back, why, and what trades with A from then on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.calibrate.ab.gates import (
    DEADLINE_MISSES,
    SLIPPAGE,
    TAKER_SHARE,
    TICK_P95,
    nearest_rank,
    rolled_back,
    watch_all,
    windows_to_break,
)
from simcore.calibrate.ab.settings import AbSettings, load_settings
from tests.calibrate.ab.fake import FIRST, WINDOW_NS, fake_cells


def settings(**gates: Any) -> AbSettings:
    return load_settings(None, {f"gates.{name}": value for name, value in gates.items()})


def takers(b_takers: Sequence[float], fills: float = 100, **more: Any) -> Any:
    """Cells in which A has one taker fill of a hundred, and B as many as are given."""
    count = len(b_takers)
    same = {"fills": [fills] * count, "priced": [1000.0] * count}
    return fake_cells({**same, "taker_fills": [fills / 100] * count}, {**same, "taker_fills": b_takers}, **more)


def everywhere(cells: Any) -> Any:
    return np.ones(len(cells.window), bool)


def test_a_gate_must_be_broken_for_as_long_as_it_says() -> None:
    """Two windows of 300 s make 600 s: B trades with A from the end of the second on."""
    cells = takers([1, 5, 1, 5, 5, 5, 1])
    (watch,) = watch_all(cells, everywhere(cells), settings())
    back = watch.rollback
    assert back is not None
    assert (back.gate, back.window, back.ts) == (TAKER_SHARE, FIRST + 5, (FIRST + 5) * WINDOW_NS)
    assert [(each.window - FIRST, each.a, each.b, each.row) for each in back.readings] == [(3, 0.01, 0.05, 1), (4, 0.01, 0.05, 2)]
    assert rolled_back(cells, everywhere(cells), [watch]).tolist() == [True] * 5 + [False] * 2
    assert (watch.judged(TAKER_SHARE), watch.broken(TAKER_SHARE), watch.longest(TAKER_SHARE)) == (5, 3, 2)


def test_nothing_happens_at_the_limit_itself() -> None:
    """One percentage point above A is allowed; more is not."""
    assert watch_all(cells := takers([2, 2, 2, 2]), everywhere(cells), settings())[0].rollback is None
    assert watch_all(cells := takers([2.1, 2.1]), everywhere(cells), settings())[0].rollback is not None


@pytest.mark.parametrize(("sustain_s", "needed"), [(0, 1), (1, 1), (300, 1), (301, 2), (600, 2), (900.5, 4)])
def test_how_many_windows(sustain_s: float, needed: int) -> None:
    """As many as last at least so long."""
    assert windows_to_break(settings(sustain_s=sustain_s)) == needed
    cells = takers([1, *[5] * needed, 1])
    assert watch_all(cells, everywhere(cells), settings(sustain_s=sustain_s))[0].rollback is not None
    if needed > 1:
        cells = takers([1, *[5] * (needed - 1), 1, *[5] * (needed - 1), 1])
        assert watch_all(cells, everywhere(cells), settings(sustain_s=sustain_s))[0].rollback is None


def test_a_window_that_cannot_be_judged_ends_the_row() -> None:
    """With too few fills in either arm there is no figure."""
    good = {"fills": [100.0, 100, 100], "priced": [1.0] * 3}
    for few in ({"fills": [100.0, 4, 100]}, {"priced": [1.0, 0, 1]}):
        cells = fake_cells({**good, "slipped": [0.0] * 3}, {**good, **few, "slipped": [1.0] * 3})
        (watch,) = watch_all(cells, everywhere(cells), settings())
        assert watch.rollback is None
        assert watch.judged(SLIPPAGE) == 2
    cells = fake_cells({**good, "slipped": [0.0] * 3}, {**good, "slipped": [1.0] * 3})
    assert watch_all(cells, everywhere(cells), settings())[0].rollback is not None


def test_windows_in_which_b_does_not_trade_say_nothing() -> None:
    """Only what is live is seen: a short pause is passed over, one longer than sustain_s ends the row."""
    cells = takers([5, 5, 5, 5, 5, 5])
    at = np.array([True, False, True, False, False, False])
    assert watch_all(cells, at, settings())[0].rollback.window == FIRST + 3  # type: ignore[union-attr]
    at = np.array([True, False, False, False, True, False])
    assert watch_all(cells, at, settings())[0].rollback is None
    assert watch_all(cells, np.zeros(6, bool), settings())[0].readings == ()


def test_all_symbols_are_rolled_back_together_unless_each_is_watched() -> None:
    """With scope all the sums of all count; with scope symbol each has its own time."""
    cells = takers([5, 5, 5, 5, 1, 1, 1, 1], symbols=("X", "Y"))
    (watch,) = watch_all(cells, everywhere(cells), settings())
    assert next((each.a, each.b) for each in watch.readings if each.gate == TAKER_SHARE) == (0.01, 0.03)
    assert rolled_back(cells, everywhere(cells), [watch]).tolist() == [True, True, False, False] * 2
    watches = watch_all(cells, everywhere(cells), settings(scope="symbol"))
    assert [(each.name, each.rollback is None) for each in watches] == [("X", False), ("Y", True)]
    assert rolled_back(cells, everywhere(cells), watches).tolist() == [True, True, False, False, *[True] * 4]


def test_b_may_be_held_against_what_is_routed_to_a() -> None:
    """A live test has no twin: with compare routed, the other symbols are A's figures, and without any there are none."""
    cells = takers([5, 5, 1, 1], symbols=("X", "Y"))
    cells.a.values["taker_fills"][2:] = 9  # where A trades, it takes more than B
    to_x = np.array([True, True, False, False])
    assert watch_all(cells, to_x, settings())[0].rollback is not None
    assert watch_all(cells, to_x, settings(compare="routed"))[0].rollback is None
    assert watch_all(cells, everywhere(cells), settings(compare="routed"))[0].judged(TAKER_SHARE) == 0


def test_each_gate_by_itself() -> None:
    """Slippage above A's, ticks slower than A's by more than a tenth, ticks over the deadline; null switches one off."""
    even = {"fills": [100.0, 100], "priced": [1e6, 1e6]}
    ten = [[10.0] * 100] * 2
    cases = {
        SLIPPAGE: fake_cells({**even, "slipped": [1.0, 1]}, {**even, "slipped": [1.1, 1.1]}),
        TICK_P95: fake_cells(even, even, ticks_a=ten, ticks_b=[[10.0] * 94 + [11.5] * 6] * 2),
        DEADLINE_MISSES: fake_cells(even, even, ticks_a=[[201.0] * 97 + [0.0] * 3] * 2, ticks_b=[[0.0] * 97 + [201.0] * 3] * 2),
    }
    for gate, cells in cases.items():
        (watch,) = watch_all(cells, everywhere(cells), settings())
        assert watch.rollback is not None, gate
        assert watch.rollback.gate == gate
        off = {SLIPPAGE: "slippage_bps", TICK_P95: "tick_p95", DEADLINE_MISSES: "deadline_misses"}[gate]
        assert watch_all(cells, everywhere(cells), settings(**{off: None}))[0].rollback is None
    at_limit = fake_cells(even, even, ticks_a=ten, ticks_b=[[10.0] * 98 + [201.0] * 2] * 2)
    assert watch_all(at_limit, everywhere(at_limit), settings())[0].rollback is None
    few = fake_cells(even, even, ticks_a=ten, ticks_b=[[300.0] * 19] * 2)
    assert watch_all(few, everywhere(few), settings())[0].judged(DEADLINE_MISSES) == 0


def test_limits_may_be_changed() -> None:
    """A looser limit holds, a tighter one breaks."""
    cells = takers([5, 5])
    assert watch_all(cells, everywhere(cells), settings(taker_share=0.05))[0].rollback is None
    cells = takers([1.5, 1.5])
    assert watch_all(cells, everywhere(cells), settings(taker_share=0.001))[0].rollback is not None


def test_a_rollback_is_for_good() -> None:
    """What happens later, on the same or another day, is not seen any more."""
    cells = takers([5, 5, 1, 1, 1], windows=[0, 1, 2, 400, 401])
    (watch,) = watch_all(cells, everywhere(cells), settings())
    assert max(each.window for each in watch.readings) == FIRST + 1
    assert rolled_back(cells, everywhere(cells), [watch]).tolist() == [True, True, False, False, False]


def test_the_same_in_both_arms_breaks_no_gate() -> None:
    """A against itself, whatever its figures are."""
    same = {"fills": [7.0] * 50, "priced": [1.3] * 50, "slipped": [0.1 * k for k in range(50)], "taker_fills": [3.0] * 50}
    ticks = [[float(k)] * 30 for k in range(50)]
    cells = fake_cells(same, same, ticks_a=ticks, ticks_b=ticks)
    (watch,) = watch_all(cells, everywhere(cells), settings())
    assert watch.rollback is None
    assert not any(each.broken for each in watch.readings)


@given(
    st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.sampled_from((5.0, 5.0, 1.0, -1.0))), min_size=1, max_size=25),
    st.sampled_from((0, 300, 600, 900)),
)
def test_a_rollback_comes_at_the_first_end_of_enough_broken_windows(seen: list[tuple[int, bool, float]], sustain_s: int) -> None:
    """As a plain search finds it. seen: steps between windows, whether B is live, and B's taker fills (-1: too few fills)."""
    windows = np.cumsum([step for step, _, _ in seen]).tolist()
    count = [4.0 if takers < 0 else 100.0 for _, _, takers in seen]
    same = {"fills": count, "priced": [1.0] * len(seen)}
    cells = fake_cells({**same, "taker_fills": [0.0] * len(seen)}, {**same, "taker_fills": [max(takers, 0) for _, _, takers in seen]}, windows=windows)
    live = np.array([is_live for _, is_live, _ in seen])
    (watch,) = watch_all(cells, live, settings(sustain_s=sustain_s))
    needed = max(sustain_s // 300, 1)
    judged = [(window, takers == 5) for window, (_, is_live, takers) in zip(windows, seen, strict=True) if is_live]
    found = None
    for last in range(needed, len(judged) + 1):
        row = judged[last - needed : last]
        if all(broken for _, broken in row) and all(b[0] - a[0] <= needed + 1 for a, b in pairwise(row)):
            found = FIRST + row[-1][0] + 1
            break
    assert (watch.rollback.window if watch.rollback else None) == found
    assert rolled_back(cells, live, [watch]).tolist() == [is_live and (found is None or FIRST + w < found) for w, is_live in zip(windows, live.tolist(), strict=True)]


def test_percentiles_are_by_nearest_rank() -> None:
    """The ceil(0.95 n)-th smallest, as of the stages' timings."""
    assert nearest_rank(np.arange(1.0, 101.0), 95) == 95
    assert nearest_rank(np.arange(1.0, 21.0), 95) == 19
    assert nearest_rank(np.array([3.0]), 95) == 3
