"""The engine against the oracle on random order flow: the hash after every event is the same.

Scripts of random requests drive the Venue with whatever a trader might send; the demo maker, written twice, drives
the whole: Node, Wire and Venue under random configurations. The default run compares more than 100,000 events, and
`-m slow` more than a million.
"""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from simcore import records as r
from simcore.config.load import load_config
from simcore.records import ASK_BIT, DEPTH
from tests.oracle import engine_side, node_side
from tests.oracle.timeline import difference
from tests.property import runs
from tests.property.strategies import L2_MODELS, SeedPick, cases, seeded_case
from tests.support import MemoryTape, configured
from tests.support import rows as make_rows

NS_PER_MS = 1_000_000


# --- cases -------------------------------------------------------------------------------------------------


def slow_motion(case, unit):
    """Return a scripted case with all times in units of so many ns: in ms, markouts fall due within the tape."""
    rows, p, script = case
    rows = [row._replace(exch_ts=row.exch_ts * unit, local_ts=row.local_ts * unit) for row in rows]
    latency = p.latency
    limits = tuple((count, unit * window, unit * ban) for count, window, ban in p.rate_limits)
    p = replace(
        p, latency=lambda *what: unit * latency(*what), rate_limits=limits, margin_interval_ns=unit * p.margin_interval_ns,
        funding_interval_ns=unit * p.funding_interval_ns,
    )  # fmt: skip
    return rows, p, [step._replace(ts=step.ts * unit) for step in script]


def scripted(seed, rows, steps, unit=None):
    unit = unit or (1, NS_PER_MS)[seed // 2 % 2]
    return slow_motion(seeded_case(seed, rows, steps, seed % 2 == 1), unit)


def recorded_file(folder, seed, unit):
    """Write recorded latencies, in the times of a case; return the file."""
    pick = SeedPick(seed)
    lines, time = ["time_ns,latency_ns"], 0
    for _ in range(40):
        time += pick.whole(1, 60) * unit
        lines.append(f"{time},{pick.whole(0, 50) * unit}")
    path = folder / f"latency-{seed}.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def more_sets(seed, unit, folder):
    """Return settings that `runs.make_sets` leaves alone, and limits that some orders meet."""
    pick = SeedPick(seed + 1_000)
    lot, lot_value = ((0.001, 6), (1, 0.003), (0.00001, 0.006))[seed % 3]  # of the instruments of `runs`

    def ms(count):
        return f"{count * unit / NS_PER_MS:.9f}"

    sets = [
        f"venue.self_trade={pick.of(('refuse', 'cancel_resting', 'ignore'))}",
        f"venue.max_open_orders={pick.of((64, 64, 16, 16, 16, 4, 2, 1))}",
        f"strategy.params.emit.levels={pick.of((1, 2, 3, 4, 1, 2, 3, 4, 7, 0))}",
        f"strategy.params.emit.level_step_ticks={pick.of((1, 2, 0))}",
        f"strategy.params.inventory.skew_bps={pick.of((0, 0, 0.1, 1))}",
        f"strategy.params.spread.vol_window_ticks={pick.of((600, 5))}",
        f"run.seed={pick.whole(0, 2**62)}",
    ]
    limit = pick.whole(0, 9)
    if limit == 1:
        sets += [f"venue.balance={pick.of((5, 20)) * lot_value:.9f}", f"venue.leverage={pick.of((1, 5))}"]
    elif limit == 2:
        sets.append(f"venue.max_order_qty={5 * lot:.9f}")
    elif limit == 3:
        sets.append(f"venue.min_notional={2 * lot_value:.9f}")
    elif limit == 4:
        sets.append("fees.initial_turnover=300")
    sets += venue_rules(pick, seed, lot, lot_value, ms)
    if pick.whole(0, 5) == 5:
        sets += [f"run.from={1_200 * unit}", f"run.to={1_900 * unit}"]
    if pick.whole(0, 2) == 2:
        leg = pick.of(("place", "amend", "cancel", "response"))
        sets += [
            f"latency.{leg}.model=recorded", f"latency.{leg}.sampling={pick.of(('interpolate', 'sample'))}",
            f"latency.{leg}.file={recorded_file(folder, seed, unit)}", f"latency.{leg}.min_ms={ms(pick.of((0, 9)))}",
        ]  # fmt: skip
    return sets


def venue_rules(pick, seed, lot, lot_value, ms):
    """Return rules that exchanges have and few orders meet; margin and funding where the instrument has them."""
    sets = []
    which = pick.whole(0, 9)
    if which == 0:
        sets.append(f"venue.rate_limits=[{{count: 9, window_ms: {ms(100)}, penalty_ms: {ms(70)}}}, {{count: 40, window_ms: {ms(900)}}}]")
    elif which == 1:
        sets.append(f"venue.price_band_bps={pick.of((1, 5))}")
    elif which == 2:
        sets.append(f"venue.min_qty={2 * lot:.9f}")
    elif which == 3:
        sets.append(f"venue.amend={pick.of(('refused', 'allowed'))}")
    elif which == 4:
        sets.append("venue.amend_keeps_place=false")
    elif which == 5:
        sets.append("venue.self_trade=cancel_both")
    if seed % 3 != 2 and which >= 6:
        sets += [
            f"venue.balance={pick.of((3, 8)) * lot_value:.9f}", "venue.leverage=10", "venue.maintenance_bps=3000",
            f"venue.liquidation_fee_bps={pick.of((0, 20))}", f"venue.margin_check_ms={ms(pick.of((50, 333)))}",
        ]  # fmt: skip
    if seed % 3 != 2 and which in (8, 9) and float(ms(1)) >= 1:
        sets += [f"venue.funding_interval_h={250 / 3_600_000:.15f}", f"venue.funding_rate_bps={pick.of((5, -3))}"]
    return sets


def maker(seed, rows, folder, chunk_rows=1 << 18):
    """Return tape, its rows and a configuration of a seed; neighbours have all queue models in turn."""
    unit = (1, NS_PER_MS)[seed % 2]
    case = runs.make_case(seed, rows, seed % 3 == 2, unit)
    models = ("fifo", *L2_MODELS) if case.l3 else L2_MODELS
    model = models[seed // 3 % len(models)]
    return case.tape(chunk_rows), case.rows, case.config(*more_sets(seed, unit, folder), f"venue.queue_model={model}")


# --- lockstep ----------------------------------------------------------------------------------------------


@settings(max_examples=120)
@given(cases())
def test_small_scripts_agree(case):
    assert engine_side.first_difference(*case)[0] is None


@settings(max_examples=100)
@given(runs.cases(max_rows=150))
def test_small_makers_agree(case):
    assert node_side.first_difference(case.tape(), case.rows, case.config())[0] is None


def test_long_scripts_agree():
    total = 0
    for seed in range(80):
        found, count = engine_side.first_difference(*scripted(seed, 1_000, 250))
        assert found is None, seed
        total += count
    assert total >= 28_000


def test_long_makers_agree(tmp_path):
    total = 0
    for seed in range(60):
        found, count = node_side.first_difference(*maker(seed, 1_000, tmp_path))
        assert found is None, seed
        total += count
    assert total >= 46_000


def lane_configs(seed, folder, count):
    """Return tape, rows and a configuration a lane; lanes share what they must: the tape, the windows and the sampling."""
    unit = (1, NS_PER_MS)[seed % 2]
    case = runs.make_case(seed, 500, seed % 3 == 2, unit)
    shared = case.sets[:2]
    own = [
        [*runs.make_sets(SeedPick(seed + 31 * lane), case.l3, unit)[2:], *lane_sets(seed + 31 * lane, seed, unit, folder)]
        for lane in range(count)
    ]
    return case.tape(64), case.rows, [configured([*shared, *each]) for each in own]


def lane_sets(seed, of_tape, unit, folder):
    """Return further settings of a lane; its limits in the units of the tape's instrument, its window that of the run."""
    sets = more_sets(seed // 3 * 3 + of_tape % 3, unit, folder)
    return [text for text in sets if not text.startswith(("run.from", "run.to"))]


def test_lanes_agree(tmp_path):
    """Several makers over one pass of the tape: each is the oracle's run with its parameters."""
    total = 0
    for seed in range(20):
        tape, rows, configs = lane_configs(seed, tmp_path, (2, 3, 5)[seed % 3])
        found, count = node_side.first_difference_of_lanes(tape, rows, configs)
        assert found is None, seed
        total += count
    assert total >= 33_000


@pytest.mark.slow
def test_a_million_events_agree(tmp_path):
    totals = [0, 0]
    seeds = iter(range(1_000, 1_000_000))
    while sum(totals) < 1_000_000:
        seed = next(seeds)
        found, count = engine_side.first_difference(*scripted(seed, 6_000, 3_000))
        assert found is None, seed
        totals[0] += count
        found, count = node_side.first_difference(*maker(seed, 4_000, tmp_path))
        assert found is None, seed
        totals[1] += count
    print(f"{totals[0]} events of scripts, {totals[1]} of makers, seeds 1000 to {seed}")
    assert min(totals) > 100_000


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_chunks_do_not_matter(seed, tmp_path):
    for chunk_rows in (1, 7, 1 << 16):
        assert engine_side.first_difference(*scripted(seed, 600, 150), chunk_rows=chunk_rows)[0] is None
        assert node_side.first_difference(*maker(seed, 300, tmp_path, chunk_rows))[0] is None


def test_a_tape_of_one_instant_has_one_sample():
    rows = make_rows((5, 5, DEPTH, 100, 5), (5, 5, DEPTH | ASK_BIT, 102, 5))
    tape = MemoryTape(rows)
    assert node_side.first_difference(tape, rows, load_config(None, ["strategy.name=demo_maker"])) == (None, 1)


# --- without the JIT -----------------------------------------------------------------------------------------

PROGRAM = """
from pathlib import Path
from tests.oracle.test_oracle_lockstep import hash_of_small_cases
print(hash_of_small_cases(Path({folder!r})))
"""


def hash_of_small_cases(folder):
    """Return the hash of all events of small cases on which both sides agree."""
    chain = hashlib.sha256()
    for seed in range(12):
        mine = engine_side.engine_timeline(*scripted_without_ticks(seed))
        theirs = engine_side.oracle_timeline(*scripted_without_ticks(seed))
        assert difference(mine, theirs) is None
        chain.update(mine.hashes()[-1])
        tape, rows, config = maker(seed, 120, folder)
        assert node_side.first_difference(tape, rows, config)[0] is None
        chain.update(node_side.engine_run(tape, config)[0].hashes()[-1])
    return chain.hexdigest()


def scripted_without_ticks(seed):
    rows, p, script = scripted(seed, 120, 60)
    return rows, replace(p, tick_interval_ns=0), script


def test_small_cases_agree_without_the_jit(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(folder=str(tmp_path))],
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), "NUMBA_DISABLE_JIT": "1"},
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.stdout.strip() == hash_of_small_cases(tmp_path)


# --- the comparison itself -----------------------------------------------------------------------------------


def test_the_comparison_of_scripts_notices_a_difference():
    """With another fee on one side the first fill's report differs, in the fee alone."""
    for seed in range(20):
        rows, p, script = scripted_without_ticks(seed)
        mine = engine_side.engine_timeline(rows, p, script)
        other = replace(p, fee_per_lot_units=p.fee_per_lot_units + 1)
        found = difference(mine, engine_side.oracle_timeline(rows, other, script))
        assert (found is None) == (len(mine.streams["fills"]) == 0), seed
        if found is not None:
            assert found.engine._replace(fee_units=0) == found.oracle._replace(fee_units=0)
            return
    raise AssertionError("none of the cases trades")


def test_the_comparison_of_makers_names_the_first_event_that_differs(tmp_path):
    for seed in range(20):
        tape, rows, config = maker(seed, 600, tmp_path)
        p = node_side.params_of(config, tape.instrument, tape.level == "l3")
        mine, _ = node_side.engine_run(tape, config)
        other = replace(p, fee_per_lot_units=p.fee_per_lot_units + 1)
        found = difference(mine, node_side.oracle_run(node_side.rows_from_columns(*rows), other, config)[0])
        assert (found is None) == (len(mine.streams["fills"]) == 0), seed
        if found is not None:
            assert (found.stream, found.index) == ("fills", 0)
            assert found.engine.fee_units + found.engine.qty_lots == found.oracle.fee_units
            return
    raise AssertionError("none of the cases trades")


def test_makers_reach_what_the_comparison_is_about(tmp_path):
    """Amends, cancels and refusals; every way to fill; late reports; every model of latency and queue; markouts."""
    kinds, reasons, models, queues, styles, late, markouts = set(), set(), set(), set(), set(), 0, 0
    for seed in range(60):
        tape, _, config = maker(seed, 1_000, tmp_path)
        timeline, counters = node_side.engine_run(tape, config)
        kinds |= set(timeline.streams["reports"]["kind"].tolist())
        reasons |= set(timeline.streams["fills"]["reason"].tolist())
        markouts += len(timeline.streams["markouts"])
        late += counters[0]
        p = node_side.params_of(config, tape.instrument, tape.level == "l3")
        models |= {leg.model for leg in p.latency.legs}
        if len(timeline.streams["fills"]):
            queues.add((p.queue_model, p.l3))
            styles.add((p.use_amend, p.wait_cancel))
    assert kinds == set(range(8))
    assert reasons == {1, 2, 3, 5, 6}  # post-only orders never take
    assert queues == {(model, l3) for model in L2_MODELS for l3 in (False, True)} | {("fifo", True)}
    assert styles == {(amend, wait) for amend in (False, True) for wait in (False, True)}
    assert models == {"constant", "lognormal", "feed", "interpolated", "sampled"}
    assert late > 0
    assert markouts > 1_000


def test_scripts_reach_what_the_comparison_is_about():
    """Every report, every reason to fill, and every reason to end or refuse that a script can meet."""
    kinds, fills, others = set(), set(), set()
    for seed in range(80):
        rows, p, script = scripted(seed, 1_000, 250)
        streams = engine_side.oracle_timeline(rows, replace(p, tick_interval_ns=0), script).streams
        kinds |= set(streams["reports"]["kind"].tolist())
        fills |= set(streams["fills"]["reason"].tolist())
        others |= set(streams["reports"]["reason"].tolist())
    assert kinds == set(range(len(r.REPORT_LABELS))) - {r.CONTROL}
    assert fills == {reason for reason in r.REASON_LABELS if 0 < reason <= r.FILL_LIQUIDATION}
    assert others == set(r.REASON_LABELS)
