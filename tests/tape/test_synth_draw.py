"""Table-driven draws agree with the slow exact functions."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from simcore.jit import expose
from simcore.tape import synth_draw
from simcore.tape.synth_state import SIM


@pytest.fixture(scope="module")
def sim():
    sim = np.zeros(1, SIM).view(np.recarray)[0]
    sim.seed = 42
    expose(synth_draw.fill_tables)(sim)
    return sim


def test_fast_log_is_log(sim) -> None:
    fast_log = expose(synth_draw.fast_log)
    for x in [2.0**-52, 1e-12, 1e-5, 0.003, 0.25, 0.4999999, 0.5, 0.7, 0.999999, 1.0 - 2.0**-53]:
        assert fast_log(sim, x) == pytest.approx(math.log(x), abs=1e-12)


def test_fast_exp_is_exp(sim) -> None:
    fast_exp = expose(synth_draw.fast_exp)
    for x in [-62.9, -10.0, -1.0, -0.3, -1e-9, 0.0, 1e-9, 0.5, 0.99999, 1.0, 7.3, 40.0]:
        assert fast_exp(sim, x) == pytest.approx(math.exp(x), rel=1e-12)
    assert fast_exp(sim, -700.0) == 0.0
    assert fast_exp(sim, 100.0) == fast_exp(sim, 40.0)


def test_fast_normal_is_the_quantile(sim) -> None:
    fast_normal = expose(synth_draw.fast_normal)
    for p in [1e-9, 0.0005, 0.00196, 0.01, 0.3, 0.5, 0.77, 0.998, 0.9999, 1 - 1e-9]:
        assert fast_normal(sim, p) == pytest.approx(NormalDist().inv_cdf(p), rel=2e-3, abs=1e-6)


def test_draws_have_their_moments(sim) -> None:
    two_normals, pareto = expose(synth_draw.two_normals), expose(synth_draw.pareto)
    pairs = np.array([two_normals(sim) for _ in range(20_000)])
    assert np.abs(pairs.mean(axis=0)).max() < 0.03
    assert np.abs(pairs.std(axis=0) - 1.0).max() < 0.03
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 0.03
    sizes = np.array([pareto(sim, 2.0) for _ in range(20_000)])
    assert sizes.min() >= 1.0
    assert np.mean(sizes > 3.0) == pytest.approx(1 / 9, abs=0.01)
