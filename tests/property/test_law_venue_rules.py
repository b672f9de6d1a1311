"""The laws where the Venue acts by itself: waiting orders, icebergs, timed funding, liquidations."""

from dataclasses import replace

import pytest

from simcore import engine
from simcore import records as r
from simcore import state as states
from simcore.errors import ConfigError
from simcore.params import lane_params
from simcore.parity import NODE_STREAMS, compare_node
from simcore.runner import run
from tests.oracle import engine_side
from tests.oracle.test_oracle_lockstep import maker, scripted
from tests.property.runs import INSTRUMENTS, loaded
from tests.property.test_law_conservation import check_venue_orders
from tests.support import INSTRUMENT


def restored_at_every_chunk(seed, chunk_rows):
    """Run a script; whenever the Node takes a chunk, audit the Venue's orders, take the state apart and put it together again."""
    rows, p, script = scripted(seed, 600, 200)
    linked = engine_side.linked_strategy("demo_maker", None)
    session = engine_side.session_of(rows, replace(p, tick_interval_ns=0), script, linked, chunk_rows)

    def after_chunk(session):
        check_venue_orders(session.state)
        session.state = states.restore(states.save(session.state))

    run(session, after_chunk)
    return {stream: session.journal.rows(stream).tobytes() for stream in engine_side.ANSWERS}


@pytest.mark.parametrize("seed", range(12))
def test_a_run_that_is_taken_apart_goes_on_the_same(seed):
    """Triggers, parts to be shown, windows and bans, due times: all is in the state."""
    assert restored_at_every_chunk(seed, 5) == restored_at_every_chunk(seed, 1 << 16)


def test_the_node_alone_books_liquidations_and_funding(tmp_path):
    """Fed with the journal's reports, without a Venue whose clock they follow."""
    found = set()
    for seed in range(24):
        tape, _, config = maker(seed, 500, tmp_path)
        outcome = engine.simulate(tape, [config])
        journal = {stream: outcome.journal.rows(stream) for stream in NODE_STREAMS}
        assert compare_node(tape, [config], journal).first_difference is None, seed
        reports = journal["reports"]
        if (reports["reason"] == r.FILL_LIQUIDATION).any():
            found.add("liquidation")
        if ((reports["kind"] == r.FUNDED) & (config.venue.funding_interval_h > 0)).any():
            found.add("funding")
    assert found == {"liquidation", "funding"}


# --- what the configuration says --------------------------------------------------------------------------------


def params_of(*sets, instrument=INSTRUMENT):
    config = loaded(("strategy.name=demo_maker", *sets))
    return lane_params(config, instrument, engine_side.linked_strategy("demo_maker", None), False, []).ints


def test_rules_become_integers():
    ints = params_of(
        "venue.rate_limits=[{count: 5, window_ms: 10, penalty_ms: 0.5}, {count: 7}]", "venue.price_band_bps=12.5", "venue.min_qty=0.0021",
        "venue.amend=refused", "venue.amend_keeps_place=false", "venue.max_trigger_orders=3", "venue.maintenance_bps=50",
        "venue.liquidation_fee_bps=1.25", "venue.margin_check_ms=20", "venue.funding_interval_h=8", "venue.funding_rate_bps=-1",
    )  # fmt: skip
    st = engine_side.st
    assert ints[st.P_RATE : st.INTS_SIZE].tolist() == [5, 10_000_000, 500_000, 7, 1_000_000_000, 0, 0, 0, 0]
    names = ("PRICE_BAND", "MIN_QTY", "NO_AMEND", "AMEND_TO_BACK", "MAX_TRIGGER", "MAINTENANCE", "LIQUIDATION_FEE", "MARGIN_NS", "FUNDING_NS", "FUNDING_RATE")
    assert [int(ints[getattr(st, f"P_{name}")]) for name in names] == [
        125_000, 3, 1, 1, 3, 500_000, 12_500, 20_000_000, 28_800_000_000_000, -10_000,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["venue.maintenance_bps=40", "venue.funding_interval_h=8"])
def test_spot_has_neither_margin_nor_funding(text):
    params_of(text)
    with pytest.raises(ConfigError, match=r"CONF-003.*is spot"):
        params_of(text, instrument=INSTRUMENTS[2])


@pytest.mark.parametrize(
    "text", ["venue.price_band_bps=1000001", "venue.maintenance_bps=10001", "venue.maintenance_bps=0.00001", "venue.min_qty=1e15"]
)
def test_rules_out_of_range_are_refused(text):
    with pytest.raises(ConfigError, match="CONF-003"):
        params_of(text)
