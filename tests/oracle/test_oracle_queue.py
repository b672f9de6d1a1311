"""Facts about queue positions, semantics 4.2, 4.3 and 4.5."""

import pytest

from simcore import records as r
from tests.oracle import queue
from tests.oracle.cases import A, B, book, cancel, fills, place, play, row
from tests.oracle.messages import Fill

# Front 60, level 100 -> 70 lots, nothing traded: model, n, P, ahead after (hand-checked published values).
GOLDEN = [
    ("power", 1.0, 0.4, 42.0),
    ("power", 2.0, 0.307692, 39.230769),
    ("power", 3.0, 0.228571, 36.857143),
    ("log", 0.0, 0.474612, 44.238345),
    ("log2", 0.0, 0.804653, 54.139600),
    ("power2", 2.0, 0.16, 34.8),
    ("power2", 3.0, 0.064, 31.92),
    ("power3", 2.0, 0.64, 49.2),
    ("power3", 3.0, 0.784, 53.52),
]


@pytest.mark.parametrize(("model", "n", "p", "ahead"), GOLDEN)
def test_golden_vectors(model, n, p, ahead):
    assert queue.prob(model, n, 60.0, 40.0) == pytest.approx(p, abs=1e-6)
    ours = queue.Place(60.0)
    queue.level_changes(model, n, ours, 100, 70)
    assert ours.ahead == pytest.approx(ahead, abs=1e-6)


def test_the_risk_averse_model_moves_only_when_the_level_is_smaller():
    ours = queue.Place(60.0)
    queue.level_changes("risk_averse", 0.0, ours, 100, 70)
    assert ours.ahead == 60.0
    queue.level_changes("risk_averse", 0.0, ours, 70, 20)
    assert ours.ahead == 20.0


def test_a_level_that_grows_does_not_push_us_back():
    ours = queue.Place(60.0)
    queue.level_changes("power", 2.0, ours, 100, 500)
    assert ours.ahead == 60.0


def test_what_traded_is_not_counted_again_as_a_cancel():
    ours = queue.Place(60.0)
    assert queue.trade_reaches(ours, 30) == 0
    queue.level_changes("power", 1.0, ours, 100, 70)
    assert (ours.ahead, ours.traded) == (30.0, 0.0)


@pytest.mark.parametrize("model", sorted(queue.PROBABILITIES))
@pytest.mark.parametrize("n", [0.5, 1.0, 2.0, 3.0])
def test_an_undefined_probability_counts_as_one(model, n):
    assert queue.prob(model, n, 0.0, 0.0) in (0.0, 1.0)
    assert queue.prob(model, n, 5.0, -5.0) <= 1.0
    ours = queue.Place(5.0)
    queue.level_changes(model, n, ours, 0, 0)
    assert ours.ahead == 0.0


def test_zero_over_zero_is_one():
    assert [queue.prob(m, 2.0, 0.0, 0.0) for m in ("power", "power2", "power3", "log", "log2")] == [1.0] * 5


def test_halves_round_to_even():
    ours = queue.Place(0.5)
    assert queue.trade_reaches(ours, 1) == 0
    assert ours.ahead == -0.5
    ours = queue.Place(0.5)
    assert queue.trade_reaches(ours, 2) == 2
    assert ours.ahead == 0.0


def test_prints_at_our_price_fill_what_exceeds_the_queue():
    run = play([*book(), row(10, r.TRADE, A, 100, 8), row(11, r.TRADE, A, 100, 5)], place(2, 1, B, 100, 4))
    assert fills(run) == [(1, 100, 3, r.FILL_QUEUE)]
    fill = run.of(Fill)[0]
    assert (fill.ahead_entry_lots, fill.ahead_lots, fill.leaves_lots) == (10.0, 2.0, 1)


def test_fill_whole_fills_all_leaves_once_reached():
    run = play([*book(), row(10, r.TRADE, A, 100, 11)], place(2, 1, B, 100, 4), fill_whole=True)
    assert fills(run) == [(1, 100, 4, r.FILL_QUEUE)]


def test_buyers_do_not_reach_bids():
    assert fills(play([*book(), row(10, r.TRADE, B, 100, 99)], place(2, 1, B, 100, 4))) == []


def test_own_orders_share_a_print_in_order():
    run = play(
        [row(1, r.DEPTH, A, 102, 5), row(10, r.TRADE, A, 100, 5), row(11, r.TRADE, A, 100, 2)],
        place(2, 1, B, 100, 3),
        place(3, 2, B, 100, 3),
    )
    assert fills(run) == [(1, 100, 3, 1), (2, 100, 2, 1), (2, 100, 1, 1)]


def test_the_front_model_waits_for_nobody():
    run = play([*book(lots=1000), row(10, r.TRADE, A, 100, 1)], place(2, 1, B, 100, 4), queue_model="front")
    assert fills(run) == [(1, 100, 1, 1)]


def test_a_best_row_takes_removed_levels_to_zero_for_the_queue():
    rows = [*book(), row(2, r.DEPTH, B, 99, 5), row(10, r.BEST, B, 99, 5), row(11, r.TRADE, A, 100, 1)]
    assert fills(play(rows, place(3, 1, B, 100, 2))) == [(1, 100, 1, 1)]


def test_a_clear_and_snapshot_that_restore_the_level_keep_our_place():
    rows = [
        *book(),
        row(10, r.CLEAR, B, 0, 0),
        row(10, r.SNAPSHOT, B, 100, 12),
        row(11, r.TRADE, A, 100, 10),
        row(12, r.TRADE, A, 100, 1),
    ]
    assert fills(play(rows, place(2, 1, B, 100, 2), queue_model="power")) == [(1, 100, 1, 1)]
    assert play(rows, place(2, 1, B, 100, 2)).of(Fill)[0].exch_ts == 12


def fifo(rows, *script):
    return play(rows, *script, queue_model="fifo", l3=True)


L3 = [row(1, r.L3_ADD, A, 102, 5, 90), row(1, r.L3_ADD, B, 100, 4, 1), row(1, r.L3_ADD, B, 100, 3, 2)]


def test_fifo_stands_behind_all_that_came_before_and_before_all_after():
    rows = [
        *L3,
        row(10, r.L3_ADD, B, 100, 9, 3),
        row(11, r.L3_REDUCE, B, 100, 9, 3),  # behind us: does not help
        row(11, r.L3_ADD, B, 100, 9, 4),
        row(12, r.L3_REDUCE, B, 100, 3, 2),  # before us
        row(13, r.L3_EXEC, B, 100, 4, 1),  # before us: now we are first
        row(14, r.L3_EXEC, B, 100, 2, 4),  # would have been ours
        row(15, r.L3_EXEC, B, 100, 9, 4),
    ]
    run = fifo(rows, place(2, 7, B, 100, 5))
    assert fills(run) == [(7, 100, 2, 1), (7, 100, 3, 1)]
    assert [f.exch_ts for f in run.of(Fill)] == [14, 15]
    assert [f.ahead_entry_lots for f in run.of(Fill)] == [7.0, 7.0]


def test_an_execution_behind_us_while_others_are_ahead_is_not_ours():
    rows = [*L3, row(10, r.L3_ADD, B, 100, 9, 3), row(11, r.L3_EXEC, B, 100, 9, 3)]
    assert fills(fifo(rows, place(2, 7, B, 100, 5))) == []


def test_fifo_shares_an_execution_among_own_orders():
    rows = [row(1, r.L3_ADD, A, 102, 5, 90), row(10, r.L3_ADD, B, 100, 9, 3), row(11, r.L3_EXEC, B, 100, 4, 3)]
    assert fills(fifo(rows, place(2, 7, B, 100, 3), place(3, 8, B, 100, 3))) == [(7, 100, 3, 1), (8, 100, 1, 1)]


def test_an_order_ahead_that_executes_is_gone_even_if_an_earlier_own_order_took_its_lots():
    rows = [row(1, r.L3_ADD, A, 102, 5, 90), row(3, r.L3_ADD, B, 100, 2, 1), row(10, r.L3_EXEC, B, 100, 2, 1)]
    run = fifo([*rows, row(11, r.L3_EXEC, B, 99, 1, 9)], place(2, 7, B, 100, 5), place(4, 8, B, 100, 5))
    assert fills(run) == [(7, 100, 2, 1), (7, 100, 3, r.FILL_THROUGH), (8, 100, 5, r.FILL_THROUGH)]
    assert run.of(Fill)[2].ahead_lots == 0.0


def test_a_whole_fill_never_pushes_a_later_own_order_back():
    rows = [*book(lots=3), row(10, r.TRADE, A, 100, 4), row(11, r.TRADE, A, 99, 1)]
    run = play(rows, place(2, 1, B, 100, 9), place(3, 2, B, 100, 9), fill_whole=True)
    assert fills(run) == [(1, 100, 9, r.FILL_QUEUE), (2, 100, 9, r.FILL_THROUGH)]
    assert run.of(Fill)[1].ahead_lots == 3.0


def test_prints_of_market_by_order_tapes_are_for_the_node_only():
    assert fills(fifo([*L3, row(10, r.TRADE, A, 99, 50)], place(2, 7, B, 100, 5))) == []
    assert fills(fifo([*L3, row(10, r.L3_EXEC, B, 99, 1, 5)], place(2, 7, B, 100, 5))) == [(7, 100, 5, r.FILL_THROUGH)]


def test_level_models_read_executions_as_trades_and_level_changes():
    rows = [*L3, row(10, r.L3_EXEC, B, 100, 4, 1), row(11, r.L3_REDUCE, B, 100, 1, 2), row(12, r.L3_EXEC, B, 100, 3, 2)]
    assert fills(play(rows, place(2, 7, B, 100, 5), l3=True)) == [(7, 100, 1, 1)]


def test_pro_rata_gives_our_share_and_then_the_queue():
    rows = [*book(lots=30), row(10, r.TRADE, A, 100, 20), row(11, r.TRADE, A, 100, 40)]
    run = play(rows, place(2, 1, B, 100, 10), queue_model="pro_rata")
    # 20 * 10 // 40 = 5 are ours, 15 go by the queue (30 -> 15). Then 40 * 5 // 35 = 5: the rest of us.
    assert fills(run) == [(1, 100, 5, r.FILL_PRO_RATA), (1, 100, 5, r.FILL_PRO_RATA)]
    rows = [*book(lots=30), row(10, r.TRADE, A, 100, 20), row(11, r.TRADE, A, 100, 20)]
    run = play(rows, place(2, 1, B, 100, 10), queue_model="pro_rata", pro_rata_min_lots=6)
    assert fills(run) == [(1, 100, 10, r.FILL_QUEUE)]


def test_own_orders_have_pro_rata_shares_of_the_whole_trade_while_it_lasts():
    rows = [*book(lots=10), row(10, r.TRADE, A, 100, 12)]
    run = play(rows, place(2, 1, B, 100, 10), place(3, 2, B, 100, 30), queue_model="pro_rata")
    # 12 * 10 // 20 = 6, and 12 * 30 // 40 = 9 of which 6 are left.
    assert fills(run) == [(1, 100, 6, r.FILL_PRO_RATA), (2, 100, 6, r.FILL_PRO_RATA)]


def test_a_pro_rata_share_is_never_more_than_the_order():
    run = play(
        [row(1, r.DEPTH, A, 102, 5), row(10, r.TRADE, A, 100, 50)], place(2, 1, B, 100, 3), queue_model="pro_rata"
    )
    assert fills(run) == [(1, 100, 3, r.FILL_PRO_RATA)]


def test_a_cancelled_order_is_no_longer_in_the_queue():
    rows = [*book(), row(10, r.TRADE, A, 100, 50)]
    assert fills(play(rows, place(2, 1, B, 100, 4), cancel(3, 1))) == []
