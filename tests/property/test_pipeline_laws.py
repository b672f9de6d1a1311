"""The laws with all six stages: signals, own queues, batches, refreshes and guards, on random tapes and real captures."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as hyp

from simcore import engine
from simcore.config.load import load_config
from simcore.journal.store import STREAMS
from simcore.parity import NODE_STREAMS, compare_node
from tests.property.real import real_case
from tests.property.runs import cases, make_case, outputs
from tests.property.test_law_causality import first_later_time, last_time, up_to
from tests.property.test_law_lanes import lane_rows
from tests.property.test_law_replay import hash_in_process
from tests.property.test_law_resume import go_on, stop_at

P = "strategy.params"
# A maker that trades on the random tapes: every stage has something to do.
PIPELINE = (
    "strategy.name=adaptive", "node.trace_every=0", f"{P}.spread.base_bps=0.2", f"{P}.spread.min_bps=0.1", f"{P}.spread.max_bps=2",
    f"{P}.spread.cooloff_ms=0.00001", f"{P}.inventory.max_position_lots=40", f"{P}.guards.max_position_lots=40",
    f"{P}.guards.inventory_soft_pct=40", f"{P}.guards.inventory_hard_pct=90", f"{P}.guards.halt_ms=0.00002",
    f"{P}.guards.vol_soft_bps=1", f"{P}.guards.vol_hard_bps=60", f"{P}.emit.order_lots=3", f"{P}.emit.levels=2",
    f"{P}.emit.lots_factor=1.5", f"{P}.emit.max_batch=3", f"{P}.fetch_md.refresh_ms=0.000004", f"{P}.fetch_md.ttl_ms=0.000003",
    f"{P}.queue_aware.headroom_ms=0",
)  # fmt: skip
REAL = (
    "strategy.name=adaptive", f"{P}.spread.base_bps=0.3", f"{P}.spread.min_bps=0.1", f"{P}.inventory.max_position_lots=60",
    f"{P}.guards.max_position_lots=60", f"{P}.emit.order_lots=5", f"{P}.emit.levels=2", "latency.place.model=lognormal",
    "latency.place.ms=9", "latency.cancel.model=feed", "latency.cancel.ms=3", "latency.response.ms=4",
)  # fmt: skip
PROGRAM = """
from tests.property.test_pipeline_laws import hashes
print(hashes())
"""


def pipeline(case):
    """Return a case's settings with the pipeline in place of its strategy."""
    own = getattr(case, "sets", ())
    kept = [text for text in own if not text.startswith("strategy.")]
    return load_config(None, [*kept, *(PIPELINE if own else (*REAL, *capture_sets(case.name)))])


def capture_sets(name):
    return {"es": ("venue.queue_model=fifo", "node.tick_interval_ms=100")}.get(name, ("node.tick_interval_ms=50",))


def played(case, chunk_rows=1 << 18):
    return engine.simulate(case.tape(chunk_rows), [pipeline(case)])


def check_parity(case, outcome):
    journal = {stream: outcome.journal.rows(stream) for stream in NODE_STREAMS}
    assert compare_node(case.tape(), [pipeline(case)], journal).first_difference is None


def test_the_random_makers_trade():
    """Laws about nothing would prove nothing."""
    fills = [len(played(make_case(seed, 600)).journal.rows("fills")) for seed in range(6)]
    assert sum(fills) > 60


@given(cases(), hyp.sampled_from((1, 7, 33)))
@settings(max_examples=30)
def test_chunks_and_the_node_alone_change_nothing(case, chunk_rows):
    """Laws 1 and 2."""
    whole = played(case)
    assert outputs(played(case, chunk_rows)) == outputs(whole)
    check_parity(case, whole)


@given(cases(max_rows=200), hyp.data())
@settings(max_examples=25)
def test_later_rows_change_nothing_before_them(case, data):
    """Law 6."""
    cut = data.draw(hyp.integers(min(15, len(case.rows.ev) - 1), len(case.rows.ev) - 1))
    part = case.with_rows([column[:cut] if len(column) else column for column in case.rows])
    end = last_time(part)
    until = min(first_later_time(case, cut) - 1, end)
    assert up_to(played(part), until, end) == up_to(played(case), until, end)


@given(cases(max_rows=250), hyp.lists(hyp.sampled_from(("spread", "guards", "inventory", "queue_aware", "fetch_md")), max_size=3))
@settings(max_examples=25)
def test_each_lane_is_a_run(case, switched_off):
    """Law 3: also where lanes have different stages switched on, and different batches."""
    config = pipeline(case)
    params = {f"{stage}.enabled": 0.0 for stage in switched_off} | {"emit.max_batch": 0.0}
    other = config.model_copy(update={"strategy": config.strategy.model_copy(update={"params": config.strategy.params | params})})
    together = engine.simulate(case.tape(), [config, other, config])
    for lane, each in enumerate((config, other, config)):
        assert lane_rows(together, lane) == outputs(engine.simulate(case.tape(), [each]))


@pytest.mark.real
@pytest.mark.parametrize("name", ["usdm", "coinm", "es"])
def test_the_laws_on_captures(name):
    """Chunks, the Node alone, lanes, and a run that goes on from a checkpoint."""
    case = real_case(name)
    config, whole = pipeline(case), played(case)
    expected = outputs(whole)
    assert len(whole.journal.rows("requests")) > 100
    assert outputs(played(case, 4_999)) == expected
    check_parity(case, whole)
    together = engine.simulate(case.tape(), [config, config])
    assert lane_rows(together, 1) == expected
    arrays, starts, before = stop_at(case.tape(5_000), config, len(case.rows.ev) // 10_000)
    after = go_on(case, 5_000, config, arrays, starts)
    assert {stream: before[stream] + after[stream] for stream in STREAMS} == expected


def hashes() -> str:
    """Return a hash of all journal rows of some random runs."""
    found = [b"".join(outputs(played(make_case(seed, 400, l3=seed % 2 == 1))).values()) for seed in range(4)]
    return hashlib.sha256(b"".join(found)).hexdigest()


def test_without_the_jit_the_journal_is_the_same():
    assert hash_in_process(PROGRAM, NUMBA_DISABLE_JIT="1") == hashes()
