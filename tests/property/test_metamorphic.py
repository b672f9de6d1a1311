"""Changes of the input that must change the output in a known way, or not at all."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore import engine
from simcore import records as r
from simcore.journal.store import STREAMS
from simcore.tape.read import Tape
from simcore.tape.schema import TapeMeta
from simcore.tape.write import TapeWriter
from simcore.units import NS_PER_DAY
from tests.property.runs import Case, cases, make_case, outputs, simulated
from tests.property.strategies import SeedPick
from tests.support import MemoryTape, run_script

TIMES = {"requests": ["ts"], "reports": ["ts", "exch_ts"], "fills": ["ts", "exch_ts"], "markouts": ["exch_ts"], "samples": ["ts"]}
MONEY = ("fee_units", "cash_units", "equity_units")


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


@given(cases(), st.sampled_from(("10", "0.5")))
@settings(max_examples=40)
def test_a_larger_tick_changes_money_alone(case, factor):
    """The same ticks of another size: the same requests, fills and quotes; cash in proportion."""
    tick = float(case.instrument.tick_size) * float(factor)
    if case.instrument.kind == "inverse":
        return
    tape = MemoryTape(case.rows, case.instrument_with(tick_size=repr(tick)), case.level)
    usual, other = simulated(case), engine.simulate(tape, [case.config()])
    for stream in STREAMS:
        first, second = usual.journal.rows(stream), other.journal.rows(stream)
        assert without(first, MONEY).tobytes() == without(second, MONEY).tobytes()
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


@given(cases(), cases())
@settings(max_examples=20)
def test_a_run_of_another_instrument_before_changes_nothing(case, unrelated):
    alone = outputs(simulated(case))
    simulated(unrelated)
    assert outputs(simulated(case)) == alone


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
@settings(max_examples=60)
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


@pytest.mark.parametrize("model", ["power", "power2", "power3", "log", "log2"])
def test_fills_grow_from_risk_averse_to_front_of_queue(model):
    """With the same quotes, each order has at all times at most the lots of the more hopeful model."""
    less = more = 0
    for seed in range(60):
        case = make_case(seed, 300)
        requests = resting_quotes(case, seed)
        fills = {}
        for name in ("risk_averse", model, "front"):
            sets = ["book.window_ticks=256", "latency.place.ms=0", f"venue.queue_model={name}", f"venue.queue_n={(1.0, 3.0, 0.5)[seed % 3]}"]
            session = run_script(case.tape(), requests, sets)
            fills[name] = filled_by_time(session.journal.rows("fills"))
        for low, high in (("risk_averse", model), (model, "front")):
            for order_id, steps in fills[low].items():
                for ts, lots in steps:
                    assert lots <= filled_at(fills[high][order_id], ts), (seed, order_id, ts)
        less += sum(steps[-1][1] for steps in fills["risk_averse"].values())
        more += sum(steps[-1][1] for steps in fills["front"].values())
    assert 0 < less < more
