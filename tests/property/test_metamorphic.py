"""Changes of the input that must change the output in a known way, or not at all."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore import engine
from simcore import records as r
from simcore.journal.store import STREAMS
from simcore.runner import run
from simcore.tape.read import Tape
from simcore.tape.schema import TapeMeta
from simcore.tape.write import TapeWriter
from simcore.units import NS_PER_DAY
from tests.property.real import real_case
from tests.property.runs import Case, cases, make_case, make_sets, outputs, simulated
from tests.property.strategies import SeedPick
from tests.support import MemoryTape, run_script, session_of

TIMES = {"requests": ["ts"], "reports": ["ts", "exch_ts"], "fills": ["ts", "exch_ts"], "markouts": ["exch_ts"], "samples": ["ts"], "features": ["ts"], "traces": ["ts"], "guards": ["ts"]}
MONEY = ("pnl_dev", "fee_units", "cash_units", "equity_units")


def journal(outcome):
    return {stream: outcome.journal.rows(stream) for stream in STREAMS}


def without(rows, names):
    kept = rows.copy()
    for name in names:
        if name in kept.dtype.names:
            kept[name] = 0
    return kept


@given(cases(), st.integers(1, 400))
@settings(max_examples=40)
def test_a_shift_by_whole_days_shifts_every_time(case, days):
    """Times of the journal move by the days, and nothing else changes."""
    shift = days * NS_PER_DAY
    later = simulated(case.with_rows([case.rows.exch_ts + shift, case.rows.local_ts + shift, *case.rows[2:]]))
    for stream, rows in journal(later).items():
        for name in TIMES[stream]:
            rows[name] -= shift
        assert rows.tobytes() == simulated(case).journal.rows(stream).tobytes()


@given(cases(), st.integers(-900, 10**12))
@settings(max_examples=40)
def test_a_shift_in_time_shifts_every_time(case, shift):
    """By any number of nanoseconds, where no rate limit counts in windows of the clock on the wall."""
    usual = journal(simulated(case, "venue.rate_limits=[]"))
    moved = case.with_rows([case.rows.exch_ts + shift, case.rows.local_ts + shift, *case.rows[2:]])
    for stream, rows in journal(simulated(moved, "venue.rate_limits=[]")).items():
        for name in TIMES[stream]:
            rows[name] -= shift
        assert rows.tobytes() == usual[stream].tobytes()


@given(cases(), st.sampled_from(("10", "0.5")))
@settings(max_examples=40)
def test_prices_and_ticks_scaled_together_change_money_alone(case, factor):
    """The same ticks of another size: the same requests, fills and quotes; cash in proportion (inverse: rounded anew)."""
    tick = float(case.instrument.tick_size) * float(factor)
    tape = MemoryTape(case.rows, case.instrument_with(tick_size=repr(tick)), case.level)
    usual, other = simulated(case), engine.simulate(tape, [case.config()])
    for stream in STREAMS:
        first, second = usual.journal.rows(stream), other.journal.rows(stream)
        assert without(first, MONEY).tobytes() == without(second, MONEY).tobytes()
    if case.instrument.kind == "inverse":
        return
    scales = [int(outcome.state.ints[0][2]) for outcome in (usual, other)]
    traded = [int(o.state.lanes["cash_units"][0] + o.state.lanes["funding_units"][0]) for o in (usual, other)]
    assert traded[0] * scales[1] == traded[1] * scales[0]


def scripted(seed, rows, l3, count=25):
    """Return random requests at prices near those of the rows, of all kinds, in order of sending."""
    pick = SeedPick(seed)
    seen = sorted(pick.whole(0, len(rows.ev) - 1) for _ in range(count))
    requests = np.zeros(count, r.REQUEST)
    floor = int(rows.local_ts[0])
    for i, place in enumerate(seen):
        floor = max(floor, int(rows.local_ts[place]))
        kind = pick.of((r.PLACE, r.PLACE, r.PLACE, r.AMEND, r.CANCEL)) if i else r.PLACE
        target = i if kind == r.PLACE else pick.whole(0, i - 1)
        price = int(rows.price_ticks[place]) or 61_700
        requests[i]["ts"] = floor
        requests[i]["kind"] = kind
        requests[i]["order_id"] = (target + 1) << 16 | target
        requests[i]["side"] = pick.whole(0, 1) if kind == r.PLACE else requests[target]["side"]
        requests[i]["tif"] = pick.of((r.GTC, r.POST_ONLY, r.IOC, r.FOK)) if kind == r.PLACE else requests[target]["tif"]
        requests[i]["price_ticks"] = price + pick.whole(-3, 3)
        requests[i]["qty_lots"] = pick.whole(1, 9)
    return requests


@given(cases(max_rows=200), st.integers(0, 10_000))
@settings(max_examples=40)
def test_all_prices_doubled_doubles_the_prices_of_the_journal(case, seed):
    """Orders at doubled prices on a tape of doubled prices meet the same fate."""
    requests = scripted(seed, case.rows, case.l3)
    sets = [text for text in case.sets if text.startswith(("venue.", "book.", "fees."))]
    usual = run_script(case.tape(), requests, sets)
    doubled = requests.copy()
    doubled["price_ticks"] *= 2
    columns = list(case.rows)
    columns[3] = columns[3] * 2
    other = run_script(case.with_rows(columns).tape(), doubled, sets)
    for stream in ("reports", "fills", "markouts"):
        first, second = usual.journal.rows(stream), other.journal.rows(stream)
        for name in ("price_ticks", "bid_ticks", "ask_ticks"):
            if name in first.dtype.names:
                first[name] *= 2
        assert without(first, MONEY).tobytes() == without(second, MONEY).tobytes()


@given(cases(max_rows=300), st.data())
@settings(max_examples=15)
def test_a_tape_in_two_files_is_the_tape(tmp_path_factory, case, data):
    folder = tmp_path_factory.mktemp("split")
    cut = data.draw(st.integers(1, len(case.rows.ev) - 1))
    parts = {"whole": slice(None), "a": slice(0, cut), "b": slice(cut, None)}
    for name, part in parts.items():
        with TapeWriter(folder / f"{name}.parquet", TapeMeta(case.instrument, case.level)) as writer:
            writer.append(r.Chunk(*(np.ascontiguousarray(column[part]) for column in case.rows)))
    whole = engine.simulate(Tape.open(folder / "whole.parquet"), [case.config()])
    halves = engine.simulate(Tape.open([folder / "a.parquet", folder / "b.parquet"]), [case.config()])
    assert outputs(halves) == outputs(whole)
    assert outputs(whole) == outputs(simulated(case))


@given(cases(), st.lists(st.integers(1, 400), min_size=2, max_size=2, unique=True))
@settings(max_examples=40)
def test_other_chunking_changes_nothing(case, sizes):
    first, second = (simulated(case, chunk_rows=size) for size in sizes)
    assert outputs(first) == outputs(second) == outputs(simulated(case))
    assert first.digest == second.digest


@given(cases(), cases())
@settings(max_examples=20)
def test_a_run_of_another_instrument_before_changes_nothing(case, unrelated):
    alone = outputs(simulated(case))
    simulated(unrelated)
    assert outputs(simulated(case)) == alone


@given(cases(max_rows=200), cases(max_rows=200))
@settings(max_examples=20)
def test_another_tape_in_between_changes_nothing(case, unrelated):
    """Two runs, chunk by chunk in turns: each gives its own journal."""
    alone = [outputs(simulated(each)) for each in (case, unrelated)]
    sessions = [session_of(each.tape(13), [each.config()]) for each in (case, unrelated)]
    turns = [_in_turns(session) for session in sessions]
    while turns:
        turns = [turn for turn in turns if next(turn, None) is not None]
    assert [outputs(session) for session in sessions] == alone


def _in_turns(session):
    """Run a session, and yield whenever the Node has taken a chunk."""

    def pause(_):
        raise Pause

    while True:
        try:
            run(session, pause)
        except Pause:
            yield True
        else:
            return


class Pause(Exception):
    """Ends a turn."""


@given(cases(), st.integers(0, 10_000))
@settings(max_examples=20)
def test_an_unrelated_lane_changes_nothing(case, seed):
    """A second maker on the same tape, with parameters of its own: the first does what it does alone."""
    other = case.config(*make_sets(SeedPick(seed), case.l3, case.unit_ns)[2:])
    beside = engine.simulate(case.tape(), [case.config(), other])
    alone = simulated(case)
    for stream in STREAMS:
        rows = beside.journal.rows(stream)
        assert rows[rows["lane"] == 0].tobytes() == alone.journal.rows(stream).tobytes()


@given(cases(max_rows=120), st.integers(2, 4))
@settings(max_examples=15)
def test_a_repeated_tape_is_the_tape_written_out(case, times):
    """`run.repeat` equals a tape that holds the rows again, each pass later by the span."""
    tape = case.tape()
    columns = [np.tile(column, times) for column in case.rows]
    for k in range(times):
        part = slice(k * len(case.rows.ev), (k + 1) * len(case.rows.ev))
        columns[0][part] += k * tape.span_ns
        columns[1][part] += k * tape.span_ns
    slow = ["node.tick_interval_ms=200", "node.sample_interval_ms=400"]
    assert outputs(simulated(case, f"run.repeat={times}", *slow)) == outputs(simulated(case.with_rows(columns), *slow))


@given(cases(), st.integers(-1_000, 1_000), st.sampled_from((1, 7, 1 << 18)))
@settings(max_examples=40)
def test_a_time_on_a_clock_that_does_not_see_the_row_does_not_matter(case, late, chunk_rows):
    """An EXCH row has no local time, a LOCAL row no exchange time; only a feed latency could ask for it."""
    constant = [f"latency.{leg}.model=constant" for leg in ("place", "amend", "cancel", "response")]
    columns = [column.copy() for column in case.rows]
    for times, bit in ((columns[0], r.EXCH_BIT), (columns[1], r.LOCAL_BIT)):
        times[(columns[2] & bit) == 0] += late * case.unit_ns
    other = engine.simulate(case.with_rows(columns).tape(chunk_rows), [case.config(*constant)])
    assert outputs(other) == outputs(simulated(case, *constant))


# --- queue models ------------------------------------------------------------------------------------------


def resting_quotes(case: Case, seed: int):
    """Return one post-only order a level, both sides, all sent when the run starts."""
    pick = SeedPick(seed)
    requests = np.zeros(8, r.REQUEST)
    for i in range(8):
        away = i // 2
        price = 61_700 - away if i % 2 == 0 else 61_701 + away
        values = {"ts": int(case.rows.local_ts[14]), "kind": r.PLACE, "order_id": (i + 1) << 16 | i, "side": i % 2}
        values |= {"tif": r.POST_ONLY, "price_ticks": price, "qty_lots": pick.whole(1, 20)}
        for name, value in values.items():
            requests[name][i] = value
    return requests


def filled_by_time(fills):
    """Return order -> [(time, lots filled so far)]."""
    progress = defaultdict(list)
    for fill in fills:
        steps = progress[int(fill["order_id"])]
        steps.append((int(fill["exch_ts"]), (steps[-1][1] if steps else 0) + int(fill["qty_lots"])))
    return progress


def filled_at(steps, ts):
    return max([lots for at, lots in steps if at <= ts], default=0)


def assert_nested(fills):
    """Each order has at all times at most the lots that a more hopeful model gives it; fills: least hopeful first."""
    for low, high in pairwise(fills):
        for order_id, steps in low.items():
            for ts, lots in steps:
                assert lots <= filled_at(high[order_id], ts), (order_id, ts)


def total(fills):
    return sum(steps[-1][1] for steps in fills.values())


HOPEFUL = ("power", "power2", "power3", "log", "log2")


@pytest.mark.parametrize("model", HOPEFUL)
def test_fills_grow_from_risk_averse_to_front_of_queue(model):
    """Risk-averse fills ⊆ the model's fills ⊆ front-of-queue fills, for the same quotes."""
    less = more = 0
    for seed in range(30):
        case = make_case(seed, 300)
        requests = resting_quotes(case, seed)
        fills = []
        for name in ("risk_averse", model, "front"):
            sets = ["book.window_ticks=256", "latency.place.ms=0", f"venue.queue_model={name}", f"venue.queue_n={(1.0, 3.0, 0.5)[seed % 3]}"]
            fills.append(filled_by_time(run_script(case.tape(), requests, sets).journal.rows("fills")))
        assert_nested(fills)
        less += total(fills[0])
        more += total(fills[2])
    assert 0 < less < more


def quotes_of_a_day(case):
    """Return orders at the best prices of a real capture, at forty moments; no two at one price of a side."""
    seen = simulated(case).journal.rows("samples")
    places = {}
    for sample in seen[:: max(len(seen) // 40, 1)]:
        for side, name in ((r.BID, "bid_ticks"), (r.ASK, "ask_ticks")):
            places.setdefault((side, int(sample[name])), int(sample["ts"]))
    requests = np.zeros(len(places), r.REQUEST)
    for i, ((side, price), ts) in enumerate(sorted(places.items(), key=lambda item: item[1])):
        values = {"ts": ts, "kind": r.PLACE, "order_id": (i + 1) << 16 | i, "side": side, "tif": r.POST_ONLY}
        for name, value in (values | {"price_ticks": price, "qty_lots": 50}).items():
            requests[name][i] = value
    return requests


@pytest.mark.real
@pytest.mark.parametrize("capture", ["usdm", "coinm", "spot"])
def test_fills_grow_from_risk_averse_to_front_of_queue_on_real_captures(capture):
    case = real_case(capture)
    requests = quotes_of_a_day(case)
    found = {}
    for name in ("risk_averse", *HOPEFUL, "front"):
        session = run_script(case.tape(), requests, ["latency.place.ms=5", f"venue.queue_model={name}", "venue.max_open_orders=256"])
        found[name] = filled_by_time(session.journal.rows("fills"))
    for model in HOPEFUL:
        assert_nested([found["risk_averse"], found[model], found["front"]])
    assert 0 < total(found["risk_averse"]) < total(found["front"])
