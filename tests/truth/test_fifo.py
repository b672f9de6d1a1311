"""Exact FIFO against the exchanges: shadows of real orders fill when, and only when, the real ones did."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from simcore.records import ASK_BIT, BOTH_BITS, L3_ADD, L3_EXEC, L3_REDUCE, TRADE
from tests.support import INSTRUMENT, rows
from tests.truth.captures import CAPTURES, converted, has_captures
from tests.truth.shadow import (
    AUCTION,
    CROSSED,
    JUMPED,
    LISTED,
    SELF_MATCH,
    THROUGH,
    Life,
    Outcome,
    lives_of,
    shadow_all,
)

needs_captures = pytest.mark.skipif(not has_captures(), reason="no order captures (MMSIM_REAL_DATA)")


@cache
def lives(name: str) -> list[Life]:
    return lives_of(converted(name).rows, CAPTURES[name].auction_ts)


def outcome(name: str, queue_model: str = "fifo", chosen: slice = slice(None)) -> Outcome:
    made = converted(name)
    return shadow_all(made.rows, made.instrument, lives(name)[chosen], queue_model)


@pytest.mark.real
@needs_captures
def test_es_orders_fill_when_the_exchange_filled_them() -> None:
    """(lives, shadows that filled exactly alike) by reason: all that price-time priority explains agree."""
    assert outcome("es").table() == {
        ("", "executed"): (2724, 2724),
        ("", "unfilled"): (22603, 22603),
        (AUCTION, "executed"): (28, 0),
        (CROSSED, "executed"): (92, 61),
        (CROSSED, "unfilled"): (1430, 1407),
        (SELF_MATCH, "executed"): (140, 0),
        (SELF_MATCH, "unfilled"): (52, 12),
        (LISTED, "executed"): (104, 21),
    }


@pytest.mark.real
@needs_captures
def test_bitstamp_orders_fill_when_the_exchange_filled_them() -> None:
    assert outcome("bitstamp").table() == {
        ("", "executed"): (380, 380), ("", "unfilled"): (24319, 24319),
        (CROSSED, "executed"): (61, 3), (CROSSED, "unfilled"): (88, 86),
    }  # fmt: skip


@pytest.mark.real
@needs_captures
def test_amzn_orders_fill_when_the_exchange_filled_them() -> None:
    assert outcome("amzn").table() == {
        ("", "executed"): (4033, 4033), ("", "unfilled"): (15007, 15007),
        (SELF_MATCH, "executed"): (5, 0), (SELF_MATCH, "unfilled"): (4, 0),
        (JUMPED, "executed"): (161, 0), (JUMPED, "unfilled"): (55, 19), (LISTED, "executed"): (39, 14),
    }  # fmt: skip


@pytest.mark.real
@needs_captures
def test_a_shadow_alone_fills_as_it_does_among_all_others() -> None:
    """Every 50th life of ES (witnesses), and ten executed ones each in a run of its own: the same fills."""
    everyone = outcome("es")
    few = outcome("es", chosen=slice(7, None, 50))
    for life, fills, before in zip(few.lives, few.shadow_fills, everyone.shadow_fills[7::50], strict=True):
        assert life.reason or fills == before
    executed = [k for k, life in enumerate(everyone.lives) if life.fills and not life.reason]
    for k in executed[:: len(executed) // 10]:
        assert outcome("es", chosen=slice(k, k + 1)).shadow_fills == [everyone.real_fills[k]]


@pytest.mark.real
@needs_captures
def test_models_of_levels_guess_what_exact_fifo_knows() -> None:
    """Every 20th life of ES: (witnesses that filled exactly alike, of how many) for executed and for unfilled ones."""
    found = {}
    for model in ("fifo", "power", "risk_averse", "front"):
        table = outcome("es", model, slice(3, None, 20)).table()
        found[model] = [table["", kind][::-1] for kind in ("executed", "unfilled")]
    assert found == {
        "fifo": [(152, 152), (1125, 1125)],
        "power": [(106, 152), (1125, 1125)],
        "risk_averse": [(72, 152), (1125, 1125)],
        "front": [(63, 152), (1052, 1125)],
    }


def test_shadows_of_a_small_book_fill_as_price_time_priority_says() -> None:
    """Three bids at one price; a sale of 5 takes the first whole and part of the second; the third stays empty."""
    tape = rows(
        (10, 10, L3_ADD, 100, 3, 1), (20, 20, L3_ADD, 100, 4, 2), (30, 30, L3_ADD, 100, 1, 3), (35, 35, L3_ADD | ASK_BIT, 102, 9, 4),
        (40, 40, TRADE | ASK_BIT, 100, 5), (40, 40, L3_EXEC, 100, 3, 1), (40, 40, L3_EXEC, 100, 2, 2),
        (50, 50, L3_REDUCE, 100, 1, 2), (60, 60, L3_REDUCE, 100, 1, 3),
    )  # fmt: skip
    found = shadow_all(tape, INSTRUMENT, lives_of(tape))
    assert found.shadow_fills == found.real_fills == [[(40, 3)], [(40, 2)], [], []]
    assert not any(life.reasons for life in found.lives)


def test_an_order_that_jumps_the_queue_is_named() -> None:
    """The second order is executed while the first rests: no witness, and the shadows differ."""
    tape = rows(
        (10, 10, L3_ADD, 100, 3, 1), (20, 20, L3_ADD, 100, 4, 2), (30, 30, L3_ADD, 99, 4, 3),
        (40, 40, L3_EXEC, 100, 4, 2), (50, 50, L3_EXEC, 99, 1, 3),
    )  # fmt: skip
    found = shadow_all(tape, INSTRUMENT, lives_of(tape))
    assert [life.reason for life in found.lives] == [JUMPED, JUMPED, ""]
    assert THROUGH in found.lives[0].reasons
    assert found.real_fills[0] == []
    assert found.shadow_fills[0] == [(40, 3)]


def test_the_clock_of_rows_keeps_their_order() -> None:
    """Rows of one exchange time stay in file order, one step apart."""
    from tests.truth.shadow import STEP_NS, row_clock

    clocked = row_clock(rows((10, 10, L3_ADD, 100, 3, 1), (10, 10, L3_ADD, 100, 4, 2)))
    assert clocked.exch_ts.tolist() == [STEP_NS, 2 * STEP_NS, 3 * STEP_NS]
    assert clocked.order_id.tolist() == [0, 1, 2]
    assert np.all(clocked.ev & BOTH_BITS == BOTH_BITS)
