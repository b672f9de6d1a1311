"""The queue model with a memory: its formula, its memory, and `power` as a special case."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from simcore.jit import expose
from simcore.kernels import queue, queue_matched
from simcore.kernels.queue_matched import AHEAD_MAX, PARTS

step, store = expose(queue_matched.step), expose(queue_matched.store)
after_change, lots_ahead, memory = expose(queue_matched.after_change), expose(queue_matched.lots_ahead), expose(queue_matched.memory)
remembered, place_of, forgotten = expose(queue_matched.remembered), expose(queue_matched.place_of), expose(queue_matched.forgotten)
power_change = expose(queue.after_change)

LOTS = some.integers(1, 10**6)


def test_a_cancel_as_large_as_the_last_join_is_taken_for_it() -> None:
    """Ten lots ahead, seven join behind; a cancel of seven is of those, one of six of any."""
    joined = after_change(10.0, 10, 17, 0.0, 1.0, 1.0, 1e6, 0.0, 0.0)
    assert lots_ahead(joined) == 10.0
    gone = after_change(joined, 17, 10, 0.0, 1.0, 1.0, 1e6, 0.0, 0.0)
    assert lots_ahead(gone) == 10.0
    assert memory(gone) == 0
    other, share, cancelled = step(joined, 17, 11, 0.0, 1.0, 1.0, 1e6, 0.0, 0.0)
    assert (share, cancelled) == (10 / 17, 6.0)
    assert memory(other) == memory(joined)


def test_a_trade_leaves_the_memory_and_takes_whole_lots() -> None:
    joined = after_change(10.0, 10, 17, 0.0, 1.0, 1.0, 5.0, 0.0, 0.0)
    assert lots_ahead(joined - 4) == 6.0
    assert memory(joined - 4) == memory(joined) > 0
    traded = after_change(joined - 4, 17, 13, 4.0, 1.0, 1.0, 5.0, 0.0, 0.0)
    assert lots_ahead(traded) == 6.0
    assert lots_ahead(joined - 12) < 0.0
    assert after_change(joined - 12, 17, 5, 12.0, 1.0, 1.0, 5.0, 0.0, 0.0) == 0.0


def test_a_cancel_larger_than_one_side_is_of_the_other() -> None:
    """With strong `small` and `large`, one order cannot stand on both sides of us."""
    assert lots_ahead(after_change(3.0, 20, 10, 0.0, 1.0, 1.0, 1.0, 20.0, 0.0)) == 3.0
    assert step(15.0, 20, 10, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0)[1] > step(15.0, 20, 10, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0)[1]


@given(some.lists(LOTS, min_size=1, max_size=8))
def test_the_last_three_sizes_are_remembered(sizes: list[int]) -> None:
    """Each of the last three is found, in its place or a later join's of the same code; a removed one is gone."""
    held = 0
    for size in sizes:
        held = remembered(held, size)
    codes = [1 + size % 255 for size in reversed(sizes)][:3]
    for size in sizes[-3:]:
        assert place_of(held, size) == codes.index(1 + size % 255)
    without = forgotten(held, place_of(held, sizes[-1]))
    assert [without >> shift & 255 for shift in (0, 8, 16)] == [*codes[1:], 0, 0, 0][:3]


@given(some.integers(0, int(AHEAD_MAX * PARTS) - 1), some.integers(0, 2**24 - 1))
def test_lots_and_memory_come_back_as_they_were_stored(sixteenths: int, sizes: int) -> None:
    stored = store(sixteenths / PARTS, sizes)
    assert lots_ahead(stored) == sixteenths / PARTS
    assert sixteenths == 0 or memory(stored) == sizes


@given(LOTS, LOTS, LOTS, some.integers(0, 10**6), some.floats(0.1, 8.0))
def test_without_its_own_parameters_it_is_the_model_power(front: int, back: int, new: int, traded: int, n: float) -> None:
    """To a sixteenth of a lot, which is what it keeps; what traded is no part of the lots behind."""
    previous = front + back
    traded = min(traded, back)
    ours = lots_ahead(after_change(float(front), previous, new, float(traded), 1.0, n, 1.0, 0.0, 0.0))
    theirs = power_change(queue.POWER, n, float(front), previous - traded, new, 0.0)
    assert abs(ours - theirs) <= 1 / 16


@given(some.floats(0.0, 1e7), LOTS, some.integers(0, 10**6), some.integers(0, 10**6), some.floats(0.01, 50.0), some.floats(0.1, 5.0))
def test_an_order_is_never_behind_more_than_its_level_nor_moves_back(
    stored: float, previous: int, new: int, traded: int, bias: float, n: float
) -> None:
    ahead = lots_ahead(stored)
    after = lots_ahead(after_change(stored, previous, new, float(traded), bias, n, 5.0, 0.5, 0.5))
    assert 0.0 <= after <= max(min(ahead, new) + 1 / 16, 0.0)
