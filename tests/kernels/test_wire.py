"""Latencies: what each model says, and the order that a connection keeps."""

from dataclasses import replace

import numpy as np
import pytest

from simcore import engine
from simcore import records as r
from simcore import state as states
from simcore.config.load import load_config
from simcore.jit import JIT, entry
from simcore.kernels import state as st
from simcore.kernels import wire
from simcore.params import draw_stream
from tests.property.runs import make_case, simulated
from tests.support import INSTRUMENT

LEGS = ("place", "amend", "cancel", "response")
BUSY = ("node.use_amend=false", "venue.rate_limits=[]", "venue.max_open_orders=64")


def arrivals(outcome):
    """Return (send time, exchange time, arrival of the answer) of each request that was answered, in order of sending."""
    sent = {}
    for request in outcome.journal.rows("requests"):
        sent[int(request["order_id"]), int(request["kind"])] = int(request["ts"])
    first = {r.ACKED: r.PLACE, r.REFUSED: r.PLACE, r.CANCEL_REFUSED: r.CANCEL}
    found = []
    for report in outcome.journal.rows("reports"):
        kind = first.get(int(report["kind"]))
        if kind is not None:
            found.append((sent[int(report["order_id"]), kind], kind, int(report["exch_ts"]), int(report["ts"])))
    return found


def all_legs(*settings):
    return [f"latency.{leg}.{setting}" for leg in LEGS for setting in settings]


@pytest.mark.parametrize("unit_ns", [1, 1_000_000])
def test_constant_latencies_are_exact(unit_ns):
    ms = 7 * unit_ns / 1e6
    outcome = simulated(make_case(4, 400, unit_ns=unit_ns), *BUSY, *all_legs("model=constant", f"ms={ms:.9f}"))
    found = arrivals(outcome)
    assert len(found) > 20
    for sent, _, exch, back in found:
        assert exch - sent == 7 * unit_ns
        assert back - exch == 7 * unit_ns


def test_a_response_takes_a_nanosecond_at_least():
    outcome = simulated(make_case(4, 400), *BUSY, *all_legs("model=constant", "ms=0"))
    found = arrivals(outcome)
    assert len(found) > 20
    assert all(exch == sent and back == exch + 1 for sent, _, exch, back in found)


def test_no_message_overtakes_another():
    """Under latencies that vary by orders of magnitude, both directions keep the order of sending."""
    waited = 0
    for seed in range(10):
        case = make_case(seed, 400, unit_ns=1_000_000)
        outcome = simulated(case, *BUSY, *all_legs("model=lognormal", "ms=20", "sigma=2"))
        reports = outcome.journal.rows("reports")
        assert np.all(np.diff(reports["ts"]) >= 0)
        assert np.all(np.diff(reports["seq"]) == 1)
        assert np.all(np.diff(reports["exch_ts"]) >= 0)
        assert np.all(reports["ts"] > reports["exch_ts"])
        found = arrivals(outcome)
        assert [sent for sent, *_ in found] == sorted(sent for sent, *_ in found)
        waited += int((np.diff(reports["ts"]) == 0).sum())
    assert waited > 0


def test_lognormal_latencies_have_their_median_and_spread():
    """Taken from orders that waited for no other."""
    logs = []
    for seed in range(30):
        case = make_case(seed, 400, unit_ns=1_000_000)
        rare = [*BUSY, "node.tick_interval_ms=50", f"run.seed={seed}", *all_legs("model=lognormal", "ms=5", "sigma=0.3")]
        last = 0
        for sent, kind, exch, _ in arrivals(simulated(case, *rare, "latency.cancel.ms=0", "latency.cancel.sigma=0")):
            if kind == r.PLACE and last <= sent:
                logs.append(np.log((exch - sent) / 5e6))
            last = max(last, exch)
    logs = np.array(logs)
    assert len(logs) > 300
    assert abs(np.median(logs)) < 0.15
    assert 0.2 < logs.std() < 0.4


def test_recorded_latencies_are_interpolated_in_time(tmp_path):
    case = make_case(4, 400, unit_ns=1_000_000)
    times = np.array([0, 200_000_000, 500_000_000, 900_000_000])
    values = np.array([1_000_000, 3_000_000, 2_000_000, 9_000_000])
    lines = ["time_ns,latency_ns", *(f"{t},{v}" for t, v in zip(times, values, strict=True))]
    (tmp_path / "latency.csv").write_text("\n".join(lines) + "\n")
    sets = [text for text in case.sets if not text.startswith("latency.")]
    recorded = ["latency.place.model=recorded", f"latency.place.file={tmp_path / 'latency.csv'}", "latency.response.ms=1", "latency.cancel.ms=0"]
    outcome = engine.simulate(case.tape(), [load_config(None, ["strategy.name=demo_maker", *sets, *BUSY, *recorded])])
    origin = case.tape().start_ts
    last = 0
    checked = 0
    for sent, kind, exch, _ in arrivals(outcome):
        if kind == r.PLACE:
            expected = sent + int(np.interp(sent - origin, times, values))
            assert abs(exch - max(expected, last)) <= 1
            checked += 1
        last = max(last, exch)
    assert checked > 10


def test_feed_latencies_follow_the_feed():
    """place = scale x (local - exchange time of the last row that the Node saw) + ms."""
    case = make_case(4, 400)
    sets = [*BUSY, "latency.place.model=feed", "latency.place.scale=3", "latency.place.ms=0.000002", "latency.cancel.model=constant", "latency.cancel.ms=0"]
    outcome = simulated(case, *sets)
    is_local = (case.rows.ev & r.LOCAL_BIT) != 0
    local, exch = case.rows.local_ts[is_local], case.rows.exch_ts[is_local]
    last = checked = 0
    for sent, kind, arrived, _ in arrivals(outcome):
        if kind == r.PLACE:
            row = int(np.searchsorted(local, sent, "right")) - 1
            assert arrived == max(sent + max(2 + 3 * int(local[row] - exch[row]), 0), last)
            checked += 1
        last = max(last, arrived)
    assert checked > 10


# --- one by one: batches and the key of the draws ----------------------------------------------------------------


@entry
def _send(state, now_ns, kind, batched):
    wire.send_request(state, 0, now_ns, kind, 0, 0, 0, 0, 0, 0, 0, 0, batched)
    return 0


def wire_state(stream=0, seed=1, place_ns=1_000, cancel_ns=50, model=st.LOGNORMAL):
    """Return the state of one lane with random request latencies."""
    ints = np.zeros((1, st.INTS_SIZE), np.int64)
    ints[0, st.P_SEED], ints[0, st.P_STREAM] = seed, stream
    ints[0, st.P_LAT_MODEL : st.P_LAT_MODEL + 3] = model
    ints[0, st.P_LAT_NS : st.P_LAT_NS + 3] = place_ns, 7, cancel_ns
    none = np.zeros((1, 1))
    return states.new_state(1, 16, 4096, 0, ints, np.ones((1, st.FLOATS_SIZE)), none, none.copy(), [])


def arrivals_of(state, *sent):
    """Send (time, kind, batched) one by one; return when each arrives."""
    empty = np.zeros(0, np.int64)
    rows = r.Chunk(empty, empty, empty.astype(np.uint8), empty, empty, empty)
    out = states.new_output(state)
    for each in sent:
        handle = states.handle(state, out, rows, rows)
        _send(handle[0] if JIT else handle, *each)
    return [int(state.requests[0, i]["arrive_ns"]) for i in range(len(sent))]


def test_a_batch_arrives_as_one_message():
    """Its first request's latency holds for all of it; the next batch, and whatever is sent alone, has its own."""
    place, cancel = (10, r.PLACE, 1), (10, r.CANCEL, 1)
    constant = {"place_ns": 1_000, "cancel_ns": 50, "model": st.CONSTANT}
    assert arrivals_of(wire_state(**constant), cancel, place, place) == [60, 60, 60]
    assert arrivals_of(wire_state(**constant), place, cancel) == [1_010, 1_010]
    assert arrivals_of(wire_state(**constant), cancel, (10, r.PLACE, 0), place) == [60, 1_010, 1_010]
    assert arrivals_of(wire_state(**constant), cancel, place, (20, r.CANCEL, 1)) == [60, 60, 70]


def test_a_batch_takes_one_draw():
    state = wire_state()
    first = arrivals_of(state, *[(10, r.PLACE, 1)] * 20)
    assert len(set(first)) == 1
    assert state.lanes["draws"][0] == 1
    alone = wire_state()
    arrivals_of(alone, *[(10, r.PLACE, 0)] * 20)
    assert alone.lanes["draws"][0] == 20


def test_draws_belong_to_an_instrument():
    """Another instrument with the same seed draws other latencies; the same one draws the same."""
    sent = [(10_000 * k, r.PLACE, 0) for k in range(1, 30)]
    one, again, other = (arrivals_of(wire_state(stream=stream), *sent) for stream in (5, 5, 6))
    assert one == again
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 3


def test_the_key_of_draws_names_venue_and_symbol():
    btc = INSTRUMENT
    keys = {draw_stream(replace(btc, venue=venue, symbol=symbol)) for venue in ("A", "B") for symbol in ("X", "Y")}
    assert len(keys) == 4
    assert all(0 <= key < 1 << 30 for key in keys)
    assert draw_stream(replace(btc, tick_size="0.5")) == draw_stream(btc)
