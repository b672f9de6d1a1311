"""The order manager: ladders, batches, orders that are too far, icebergs and protective orders, ticks that wait."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simcore import engine
from simcore import records as r
from simcore.config.load import load_config
from simcore.kernels import reasons
from tests.oracle.rows import Row
from tests.property.runs import columns
from tests.support import INSTRUMENT, MemoryTape

QUOTER = Path(__file__).parents[1] / "property" / "quoter.py"
MS = 1_000_000


def market(count=60, gap_ms=100, start=1_000, drift=0):
    """Rows of a book of ten levels a side around a mid that moves by `drift` ticks a row, then stands."""
    rows, anchor = [], 10_000
    for away in range(10):
        rows.append(Row(start, start, r.SNAPSHOT, r.BID, anchor - away, 10 + away))
        rows.append(Row(start, start, r.SNAPSHOT, r.ASK, anchor + 1 + away, 20 + away))
    for i in range(count):
        ts = start + (i + 1) * gap_ms * MS
        anchor += drift
        rows.append(Row(ts, ts, r.BEST, r.BID, anchor, 10 + i % 3))
        rows.append(Row(ts, ts, r.BEST, r.ASK, anchor + 1, 20))
    return rows


def play(rows, *sets):
    tape = MemoryTape(columns(rows, False), INSTRUMENT, "l2")
    common = [f"strategy.name={QUOTER}", "latency.place.ms=1", "latency.cancel.ms=1", "latency.response.ms=1"]
    params = [text if "." in text.partition("=")[0] else f"strategy.params.quote.{text}" for text in sets]
    return engine.simulate(tape, [load_config(None, [*common, *params])])


def requests(outcome):
    return outcome.journal.rows("requests")


def test_a_ladder_has_its_levels_and_sizes():
    """levels prices, step apart, away from the market; lots of level i are floor(lots x factor^i), at least 1."""
    sent = requests(play(market(5), "levels=4", "step=2", "factor=1.5", "bid_lots=3", "ask_lots=1"))
    placed = sent[sent["kind"] == r.PLACE][:8]
    assert placed["price_ticks"].tolist() == [10_000, 9_998, 9_996, 9_994, 10_001, 10_003, 10_005, 10_007]
    assert placed["qty_lots"].tolist() == [3, 4, 6, 10, 1, 1, 2, 3]


def test_a_ladder_may_shrink():
    sent = requests(play(market(5), "levels=3", "factor=0.4", "bid_lots=5", "ask_lots=0"))
    assert sent[sent["kind"] == r.PLACE]["qty_lots"].tolist()[:3] == [5, 2, 1]


def test_requests_say_why_and_what_was_seen():
    """Quote reasons in the low bits, the manager's action above; the local best quotes of the tick."""
    sent = requests(play(market(20, drift=1), "until_s=1.5"))
    actions = sent["reason"] >> reasons.ACTION_SHIFT
    assert set(actions[sent["kind"] == r.PLACE].tolist()) == {reasons.QUOTED}
    assert set(actions[sent["kind"] == r.CANCEL].tolist()) == {reasons.NOT_WANTED}
    assert set((sent["reason"] & ((1 << reasons.ACTION_SHIFT) - 1)).tolist()) == {5}
    placed = sent[sent["kind"] == r.PLACE]
    bids = placed[placed["side"] == r.BID]
    assert bids["bid_ticks"].tolist() == bids["price_ticks"].tolist()
    assert np.all(placed["ask_ticks"] == placed["bid_ticks"] + 1)


def test_a_batch_takes_no_more_than_its_places():
    """max_batch requests a tick, cancels before places; what is left goes at later ticks."""
    sent = requests(play(market(30, drift=2), "levels=3", "batch=4"))
    per_tick = np.unique(sent["ts"], return_counts=True)[1]
    assert per_tick.max() == 4
    for ts in np.unique(sent["ts"]):
        kinds = sent[sent["ts"] == ts]["kind"].tolist()
        assert kinds == sorted(kinds, key=lambda kind: kind == r.PLACE)
    free = requests(play(market(30, drift=2), "levels=3"))
    assert np.unique(free["ts"], return_counts=True)[1].max() > 4


def test_a_batch_travels_as_one():
    """All requests of a tick arrive together, with one draw of the latency; without batches each draws."""
    random = ["latency.place.model=lognormal", "latency.place.ms=5", "latency.place.sigma=1"]
    for batch, together in ((20, True), (0, False)):
        reports = play(market(3), "levels=3", f"batch={batch}", *random).journal.rows("reports")
        acked = reports[(reports["kind"] == r.ACKED)][:6]["exch_ts"]
        assert (len(set(acked.tolist())) == 1) == together


def test_orders_that_are_too_far_go_at_once():
    """Beyond far_ticks of the mid an order is cancelled although its price is wanted, and none is placed there."""
    sent = requests(play(market(10), "levels=4", "far=2.0", "ask_lots=0"))
    assert sent["price_ticks"].tolist() == [10_000, 9_999]  # mid 10,000.5
    moved = requests(play(market(20, drift=3), "bid_away=0", "ask_lots=0", "far=2.0"))
    why = moved[moved["kind"] == r.CANCEL]["reason"] >> reasons.ACTION_SHIFT
    assert set(why.tolist()) == {reasons.TOO_FAR}


def test_an_iceberg_shows_a_part():
    sent = requests(play(market(3), "bid_lots=7", "display=2", "ask_lots=2"))
    placed = sent[sent["kind"] == r.PLACE]
    assert placed["display_lots"].tolist() == [2, 0]  # what is no larger than the part shown is no iceberg


def bought(drift, *sets):
    """A market in which our bid is filled early, and which then drifts; only the first ticks quote."""
    rows = market(3)
    ts = rows[-1].local_ts
    rows.append(Row(ts + MS, ts + MS, r.TRADE, r.ASK, 9_990, 50))
    for i in range(40):
        ts += 100 * MS
        price = 10_000 + drift * i
        rows += [
            Row(ts, ts, r.BEST, r.BID, price, 10), Row(ts, ts, r.BEST, r.ASK, price + 1, 20),
            Row(ts, ts, r.TRADE, r.BID, price + 1, 1), Row(ts, ts, r.TRADE, r.ASK, price, 1),
        ]  # fmt: skip
    return play(rows, "ask_lots=0", "until_s=0.25", *sets)


@pytest.mark.parametrize(("drift", "kind"), [(-1, "stop_away"), (1, "profit_away")])
def test_a_position_gets_its_protective_order(drift, kind):
    """One reduce-only order for the position, which closes it when its price trades; and no second one."""
    outcome = bought(drift, f"{kind}=6")
    sent = requests(outcome)
    tif = r.STOP_MARKET if kind == "stop_away" else r.TAKE_PROFIT_MARKET
    guard = sent[sent["tif"] == tif]
    assert guard["kind"].tolist() == [r.PLACE]
    assert (int(guard["side"][0]), int(guard["qty_lots"][0]), int(guard["reduce_only"][0])) == (r.ASK, 3, 1)
    assert int(guard["trigger_ticks"][0]) == (9_994 if drift < 0 else 10_006)
    assert int(outcome.state.lanes["position_lots"][0]) == 0
    assert int(outcome.state.lanes["taker_fills"][0]) > 0


def test_a_protective_order_follows_the_position():
    """Our bid of three lots is filled twice: the stop of three lots goes, and one of six takes its place."""
    rows = market(3)
    ts = rows[-1].local_ts
    for _ in range(2):
        rows.append(Row(ts + MS, ts + MS, r.TRADE, r.ASK, 9_990, 50))
        for _ in range(5):
            ts += 100 * MS
            rows += [Row(ts, ts, r.BEST, r.BID, 10_000, 10), Row(ts, ts, r.BEST, r.ASK, 10_001, 20)]
    sent = requests(play(rows, "ask_lots=0", "stop_away=500"))
    guard = sent[sent["tif"] == r.STOP_MARKET]
    assert guard["kind"].tolist()[:3] == [r.PLACE, r.CANCEL, r.PLACE]
    assert guard["qty_lots"].tolist()[:3] == [3, 3, 6]


def test_an_amend_adds_what_was_filled_to_what_is_wanted():
    """One of three lots is filled, and the market moves: the amend asks for four, which leaves three."""
    rows = market(3)
    ts = rows[-1].local_ts
    rows.append(Row(ts + MS, ts + MS, r.TRADE, r.ASK, 10_000, 1))
    for i in range(4):
        ts += 100 * MS
        price = 10_000 + (i > 1)
        rows += [Row(ts, ts, r.BEST, r.BID, price, 10), Row(ts, ts, r.BEST, r.ASK, price + 1, 20)]
    sent = requests(play(rows, "ask_lots=0", "node.use_amend=true", "venue.queue_model=front"))
    assert [(int(row["kind"]), int(row["price_ticks"]), int(row["qty_lots"])) for row in sent] == [(r.PLACE, 10_000, 3), (r.AMEND, 10_001, 4)]


def test_a_stop_that_is_due_leaves_at_market():
    """An exchange refuses a stop that would trigger at once: the position is closed by one market order instead."""
    outcome = bought(-1, "stop_away=0.4")
    sent = requests(outcome)
    closing = sent[sent["reduce_only"] == 1]
    assert closing["tif"].tolist() == [r.MARKET]
    assert int(outcome.state.lanes["position_lots"][0]) == 0
    assert r.REFUSED not in outcome.journal.rows("reports")["kind"]


def test_no_position_gets_no_protective_order():
    sent = requests(play(market(10), "stop_away=6", "profit_away=6", "bid_away=3", "ask_away=3"))
    assert set(sent["tif"].tolist()) == {r.POST_ONLY}


def test_a_tick_that_waits_runs_again():
    """The second run comes after the wait; the next tick is on the grid again."""
    usual, late = requests(play(market(20))), requests(play(market(20), "wait_ms=30"))
    assert (int(usual["ts"][0]) - 1_000, int(late["ts"][0]) - 1_000) == (100 * MS, 130 * MS)
    outcome = play(market(20), "wait_ms=130")
    assert int(outcome.state.lanes["ticks"][0]) == 19  # at 100, 230, 300, 430, … 1,830 and 1,900 ms of 2,000
