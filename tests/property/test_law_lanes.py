"""Law 3: each lane's journal is that of the single run with its parameters."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore import engine
from simcore.journal.store import STREAMS
from simcore.kernels import state as engine_state
from simcore.runner import run
from tests.property.runs import cases, make_sets, outputs
from tests.property.strategies import SeedPick
from tests.support import session_of


def lane_configs(case, seed, count):
    """Return configurations that share what lanes must share: strategy, windows and sampling."""
    shared = list(case.sets[:2])
    sets = [make_sets(SeedPick(seed + k), case.l3, case.unit_ns)[2:] for k in range(count)]
    return [case.config(), *(case.config(*each, *shared) for each in sets[1:])]


def lane_rows(outcome, lane):
    """Return the journal of one lane, named lane 0."""
    found = {}
    for stream in STREAMS:
        rows = outcome.journal.rows(stream)
        rows = rows[rows["lane"] == lane]
        rows["lane"] = 0
        found[stream] = rows.tobytes()
    return found


@given(cases(), st.integers(0, 10_000), st.sampled_from((1, 3, 7)))
@settings(max_examples=40)
def test_a_lane_is_a_run(case, seed, count):
    configs = lane_configs(case, seed, count)
    together = engine.simulate(case.tape(), configs)
    for lane in sorted({0, count // 2, count - 1}):
        alone = engine.simulate(case.tape(), [configs[lane]])
        assert lane_rows(together, lane) == outputs(alone)


@given(cases(max_rows=150), st.integers(0, 10_000), st.sampled_from((2, 5, 70)))
@settings(max_examples=20)
def test_the_next_event_is_found(case, seed, count):
    """After every row each block of lanes knows the least key of its lanes, and there is none beyond the last lane."""
    session = session_of(case.tape(1), lane_configs(case, seed, count))
    seen = []

    def check(session):
        keys, blocks = session.state.keys, session.state.blocks
        assert blocks.tolist() == [int(part.min()) for part in np.split(keys, len(blocks))]
        assert (keys[count:] == engine_state.NEVER).all()
        seen.append(int(np.argmin(keys)))

    run(session, check)
    assert len(seen) > 5
