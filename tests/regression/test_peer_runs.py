"""Faults that users met in other engines, as whole runs: time and latency, money, determinism, memory, files.

Names as in test_peer_faults.py; BT = kernc/backtesting.py, NB = rodrigo-brito/ninjabot, numba = numba/numba.
docs/peer-faults.md lists them all.
"""

from __future__ import annotations

import os
import shutil
import weakref
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simcore import engine, growth, jit
from simcore import records as r
from simcore import state as states
from simcore.config.load import load_config
from simcore.report.build import build_report
from simcore.runner import run
from simcore.tape.read import Tape
from simcore.tape.schema import TapeMeta
from simcore.tape.write import TapeWriter
from simcore.units import NS_PER_DAY, NS_PER_S
from tests.oracle.wire import uniform
from tests.property.runs import make_case, outputs, simulated
from tests.support import INSTRUMENT, MemoryTape, rows, run_script, session_of

BOOK = ((1_000, 1_000, r.DEPTH, 10_000, 10), (1_000, 1_000, r.DEPTH | r.ASK_BIT, 10_001, 10))
SELL = r.TRADE | r.ASK_BIT
SETS = ("book.window_ticks=256", "venue.queue_model=front")


def script(*steps: tuple[int, int, int, int, int, int, int]) -> Any:
    """Return requests (ts, kind, order, side, tif, price, lots)."""
    requests = np.zeros(len(steps), r.REQUEST)
    for i, (ts, kind, order, side, tif, price, lots) in enumerate(steps):
        values = {"ts": ts, "kind": kind, "order_id": (order + 1) << 16 | order, "side": side, "tif": tif, "price_ticks": price, "qty_lots": lots}
        for name, value in values.items():
            requests[name][i] = value
    return requests


def said(session: Any) -> list[tuple[str, int, int]]:
    """Return (kind, exchange time, arrival) of every report."""
    return [(r.REPORT_LABELS[int(a["kind"])], int(a["exch_ts"]), int(a["ts"])) for a in session.journal.rows("reports")]


# --- time and latency --------------------------------------------------------------------------------------


def test_hb177_latencies_are_applied_exactly_both_ways():
    """Sent at 1100, there at 1200, answered at 1250: a trade through at 1199 misses the order, one at 1200 too, at 1201 not."""
    for trade_ts, filled in ((1_199, False), (1_200, False), (1_201, True)):
        tape = rows(*BOOK, (trade_ts, trade_ts, SELL, 9_990, 5), (2_000, 2_000, r.DEPTH, 9_000, 1))
        sets = [*SETS, "latency.place.ms=0.0001", "latency.response.ms=0.00005"]
        session = run_script(MemoryTape(tape), script((1_100, r.PLACE, 0, r.BID, r.POST_ONLY, 10_000, 1)), sets)
        assert said(session) == [("ACKED", 1_200, 1_250), *([("TRADED", 1_201, 1_251)] if filled else [])]


def test_hb_pr49_a_quick_cancel_does_not_overtake_its_slow_place():
    """The cancel is ten times as fast; the exchange gets it right behind the order."""
    tape = rows(*BOOK, (3_000, 3_000, r.DEPTH, 9_000, 1))
    sets = [*SETS, "latency.place.ms=0.0005", "latency.cancel.ms=0.00005", "latency.response.ms=0"]
    steps = ((1_100, r.PLACE, 0, r.BID, r.POST_ONLY, 10_000, 1), (1_110, r.CANCEL, 0, r.BID, 0, 10_000, 1))
    assert said(run_script(MemoryTape(tape), script(*steps), sets)) == [("ACKED", 1_600, 1_601), ("ENDED", 1_600, 1_601)]


@pytest.mark.parametrize("chunk_rows", [1, 3, 1 << 18])
def test_nt5054_nothing_happens_at_a_midnight_without_data(chunk_rows: int):
    """Orders that travel over a night without rows arrive when they arrive; one fills there and then, one by tomorrow's print."""
    evening = 19_000 * NS_PER_DAY - 1_000 * NS_PER_S
    morning = 19_000 * NS_PER_DAY + 9_000 * NS_PER_S
    tape = rows(
        *((evening, evening, *row[2:]) for row in BOOK),
        (morning, morning, SELL, 9_990, 5),
        (morning + 1, morning + 1, r.DEPTH, 9_000, 1),
    )
    sets = [*SETS, "latency.place.ms=3600000", "latency.response.ms=0"]
    steps = ((evening, r.PLACE, 0, r.BID, r.POST_ONLY, 10_000, 1), (evening, r.PLACE, 1, r.BID, r.GTC, 10_001, 2))
    session = run_script(MemoryTape(tape, chunk_rows=chunk_rows), script(*steps), sets)
    arrived = evening + 3_600 * NS_PER_S
    assert said(session) == [
        ("ACKED", arrived, arrived + 1), ("ACKED", arrived, arrived + 1), ("TRADED", arrived, arrived + 1), ("TRADED", morning, morning + 1),
    ]  # fmt: skip


@pytest.mark.parametrize("latency_ns", [901, 1_000_000])
def test_nt4062_a_run_ends_with_requests_in_flight(latency_ns: int):
    """What has not arrived by the last row never happens; the request stays on the wire, and the run ends."""
    tape = rows(*BOOK, (2_000, 2_000, SELL, 9_000, 5))
    sets = [*SETS, f"latency.place.ms={latency_ns / 1e6:.6f}"]
    session = run_script(MemoryTape(tape), script((1_100, r.PLACE, 0, r.BID, r.POST_ONLY, 10_000, 1)), sets)
    assert said(session) == []
    assert int(session.state.lanes["request_count"][0]) == 1
    assert int(session.state.lanes["fills"][0]) == 0


def test_hb_a_maker_that_is_refused_at_every_tick_still_ends():
    """Requests are in flight all the time, and every one is refused."""
    case = make_case(5, 400, unit_ns=1_000_000)
    outcome = simulated(case, "venue.min_notional=1000000000", "venue.max_open_orders=16", "strategy.params.emit.levels=1", "latency.place.ms=9")
    reports = outcome.journal.rows("reports")
    assert len(reports) > 20
    assert set(reports["reason"].tolist()) == {r.MIN_NOTIONAL}
    assert len(outcome.journal.rows("fills")) == 0


# --- money -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bps", [-0.5, 0.0, 1.5])
def test_hb67_nb287_bt301_rebates_and_fees_are_charged_exactly_and_reach_equity(bps: float):
    """Each fill pays its rate to the nearest unit, negative ones included; Venue, Node and samples say the same sum."""
    case = make_case(5, 800)
    outcome = simulated(case, f"fees.maker_bps={bps}", "fees.tiers=[]", "fees.per_contract=0", "latency.response.ms=0")
    fills, samples = outcome.journal.rows("fills"), outcome.journal.rows("samples")
    assert len(fills) > 50
    scale, kind = int(outcome.state.ints[0][2]), int(outcome.state.ints[0][1])
    values = [ledger_value(kind, scale, int(f["price_ticks"]), int(f["qty_lots"])) for f in fills]
    exact = [Fraction(value) * Fraction(str(bps)) / 10_000 for value in values]
    assert all(abs(Fraction(int(f["fee_units"])) - e) <= Fraction(1, 2) for f, e in zip(fills, exact, strict=True))
    total = int(fills["fee_units"].sum())
    assert (total < 0, total > 0) == (bps < 0, bps > 0)
    assert int(outcome.state.lanes["fee_units"][0]) == total
    heard = outcome.journal.rows("reports")
    assert int(samples[-1]["fee_units"]) == int(heard["fee_units"][heard["kind"] == r.TRADED].sum())
    free = simulated(case, "fees.maker_bps=0", "fees.tiers=[]", "fees.per_contract=0", "latency.response.ms=0")
    without = free.journal.rows("samples")
    assert np.array_equal(samples["equity_units"], without["equity_units"] - samples["fee_units"])


def ledger_value(kind: int, scale: int, price: int, lots: int) -> int:
    """Return the value of a fill in cash units (semantics 4.6)."""
    return (lots * scale + price // 2) // price if kind == 1 else price * lots * scale


def test_hu8157_a_run_without_orders_says_so(tmp_path: Path):
    """Zero trades are no silent result: the report warns."""
    case = make_case(9, 300, unit_ns=1_000_000)
    with TapeWriter(tmp_path / "tape.parquet", TapeMeta(case.instrument)) as writer:
        writer.append(case.rows)
    folder = engine.replay(tmp_path / "tape.parquet", case.config("strategy.params.emit.levels=0"), tmp_path / "run")
    build_report(folder)
    assert "No fills: the run says nothing about edge." in (folder / "report.md").read_text()


def test_hb_pr310_every_field_of_an_instrument_survives_the_tape(tmp_path: Path):
    """Tick, lot and contract size come back as what they are, not as one another."""
    case = make_case(3, 50)
    instrument = case.instrument_with(tick_size="0.5", lot_size="0.002", contract_size="7", maker_rate="-0.00003", taker_rate="0.0004")
    with TapeWriter(tmp_path / "tape.parquet", TapeMeta(instrument)) as writer:
        writer.append(case.rows)
    assert Tape.open(tmp_path / "tape.parquet").instrument == instrument


# --- determinism -------------------------------------------------------------------------------------------


def test_nt4891_another_instrument_in_the_same_process_changes_nothing():
    """Between all chunks of one run, chunks of another instrument's run are played."""
    case, unrelated = make_case(4, 300), make_case(8, 300)
    alone, other_alone = outputs(simulated(case)), outputs(simulated(unrelated))
    others = []

    def play_the_other(session: Any) -> None:
        if len(others) < 12:
            others.append(outputs(simulated(unrelated, chunk_rows=31)))

    session = session_of(case.tape(17), [case.config()])
    run(session, play_the_other)
    assert outputs(session) == alone
    assert len(others) == 12
    assert all(other == other_alone for other in others)


def test_nt_pr4813_every_leg_of_the_wire_draws_from_its_own_stream():
    """The same model and median on all legs: latencies of orders, cancels and answers are not copies of one another."""
    draws = [[uniform(7, leg, i) for i in range(200)] for leg in range(4)]
    for a in range(4):
        for b in range(a):
            assert abs(np.corrcoef(draws[a], draws[b])[0, 1]) < 0.25
            assert not set(draws[a]) & set(draws[b])


def test_nt_pr4813_another_lane_does_not_shift_the_draws():
    """With random latencies on all legs, a lane beside others draws what it draws alone."""
    case = make_case(4, 300, unit_ns=1_000_000)
    random_legs = [f"latency.{leg}.{key}" for leg in ("place", "amend", "cancel", "response") for key in ("model=lognormal", "ms=9", "sigma=1")]
    first = case.config(*random_legs)
    other = case.config(*random_legs, "run.seed=99", "strategy.params.emit.levels=3")
    alone = engine.simulate(case.tape(), [first]).journal.rows("reports")
    beside = engine.simulate(case.tape(), [first, other]).journal.rows("reports")
    assert len(alone) > 20
    assert np.array_equal(beside[beside["lane"] == 0], alone)


# --- memory and files --------------------------------------------------------------------------------------


class CountedTape(MemoryTape):
    """A tape that knows how many of its chunks are alive."""

    def __init__(self, *what: Any, **named: Any) -> None:
        super().__init__(*what, **named)
        self.alive = self.most = self.made = 0

    def chunks(self, *what: Any, **named: Any) -> Any:
        """Yield the chunks, counted."""
        for chunk in super().chunks(*what, **named):
            self.made += 1
            self.alive += 1
            self.most = max(self.most, self.alive)
            weakref.finalize(chunk.ev, self._gone)
            yield chunk

    def _gone(self) -> None:
        self.alive -= 1


def test_hb262_nt1554_nt_pr3215_nt4542_memory_is_flat_in_the_length_of_the_tape():
    """Twenty times the tape: no more chunks held at a time, and no larger tables."""
    case = make_case(5, 400, unit_ns=1_000_000)
    seen = []
    for repeat in (2, 20):
        tape = CountedTape(case.rows, case.instrument, chunk_rows=20)
        outcome = engine.simulate(tape, [case.config(f"run.repeat={repeat}")], journal=False)
        assert tape.made == repeat * 20
        seen.append((tape.most, growth.sizes(outcome.state)))
        assert int(outcome.state.lanes["fills"][0]) > 0
    assert seen[1] == seen[0]
    assert seen[0][0] <= 6


def test_hb190_prices_far_apart_cost_levels_not_ranges():
    """Levels from 1 to a trillion ticks: the books stay as small as the window, and the levels are all there."""
    prices = [1, 560, 621_368, 10**9, 10**12]
    tape = rows(*BOOK, *((1_001, 1_001, r.DEPTH | (r.ASK_BIT if price > 10_000 else 0), price, 7) for price in prices))
    session = run_script(MemoryTape(tape), script((1_001, r.CANCEL_ALL, 0, 0, 0, 0, 0)), SETS)
    for book in (session.state.exch, session.state.local):
        assert sum(part.nbytes for part in vars(book).values()) < 200_000
        levels = {(int(s), int(p)): int(q) for s, p, q in zip(*states.levels(book), strict=True)}
        assert {(int(price > 10_000), price): 7 for price in prices}.items() <= levels.items()


def open_files() -> int:
    """Return how many files this process has open; 0 where the system does not say."""
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.is_dir() else 0


def test_nt_pr3215_many_files_are_not_open_at_a_time(tmp_path: Path):
    """A tape of sixty files is read with a few open."""
    paths = []
    for i in range(60):
        ts = 1_000 * (i + 1)
        paths.append(tmp_path / f"{i:03}.parquet")
        with TapeWriter(paths[-1], TapeMeta(INSTRUMENT)) as writer:
            writer.append(rows(*((ts, ts, *row[2:4], i + 1) for row in BOOK)))
    before = open_files()
    most = count = 0
    for chunk in Tape.open(paths).chunks():
        count += len(chunk.ev)
        most = max(most, open_files() - before)
    assert count == 120
    assert most < 20


def test_numba8359_numba10776_a_change_in_any_kernel_names_another_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Machine code of a changed callee cannot be found again: the cache folder is named by all sources, not by times."""
    copy = tmp_path / "simcore"
    shutil.copytree(Path(jit.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(jit, "__file__", str(copy / "jit.py"))
    usual = jit._hash_sources()
    for path in (*sorted((copy / "kernels").glob("*.py")), copy / "rng.py", copy / "records.py"):
        text = path.read_text()
        os.utime(path, (1, 1))
        assert jit._hash_sources() == usual, "a time is no change"
        path.write_text(text + "\n# another comment\n")
        assert jit._hash_sources() != usual, path.name
        path.write_text(text)
    assert jit._hash_sources() == usual


def test_bt301_negative_fees_are_a_rebate_in_the_configuration():
    """A maker fee below zero is read, and is kept as it is."""
    assert float(load_config(None, ["fees.maker_bps=-0.5"]).fees.maker_bps or 0) == -0.5
