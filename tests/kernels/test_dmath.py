"""exp, log, power and the normal quantile against libm, and with the JIT off against themselves."""

import hashlib
import math
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest

from simcore.jit import expose
from simcore.kernels import dmath
from tests.property.test_law_replay import hash_in_process

exp, log, power, normal_quantile = (
    expose(kernel) for kernel in (dmath.exp, dmath.log, dmath.power, dmath.normal_quantile)
)
_random = np.random.default_rng(1)
EXPONENTS = [*_random.uniform(-700, 700, 4000), *_random.uniform(-1e-3, 1e-3, 500), 0.0, -0.0, 1.0, -1.0, 700.0, -700.0]
POSITIVE = [*np.exp(_random.uniform(-200, 200, 4000)), *_random.uniform(0.5, 1.5, 2000), 1.0, 2.0, 5e-324, 1.7e308]


def relative_error(found: float, expected: float) -> float:
    return abs(found - expected) / abs(expected) if expected else abs(found)


def test_exp_is_within_1e15_of_libm():
    assert max(relative_error(exp(x), math.exp(x)) for x in map(float, EXPONENTS)) < 1e-15


def test_exp_is_bounded():
    assert exp(-701.0) == 0.0
    assert exp(-math.inf) == 0.0
    assert exp(701.0) == exp(700.0) < math.inf


def test_log_is_within_1e15_of_libm():
    assert max(relative_error(log(x), math.log(x)) for x in map(float, POSITIVE)) < 1e-15
    assert log(1.0) == 0.0


@pytest.mark.parametrize("exponent", range(65))
def test_whole_powers_are_repeated_products(exponent):
    for base in (0.0, 1.0, 1.5, 3.0, 0.7, 12.0):
        product = 1.0
        for _ in range(exponent):
            product *= base
        assert power(base, float(exponent)) == product


def test_other_powers_follow_libm():
    for base, exponent in zip(_random.uniform(1e-3, 1e4, 3000).tolist(), _random.uniform(0.01, 20, 3000).tolist(), strict=True):
        expected = math.pow(base, exponent)
        assert relative_error(power(base, exponent), expected) < 1e-15 * (2.0 + abs(exponent * math.log(base)))
    assert power(0.0, 0.5) == 0.0
    assert relative_error(power(1.01, 65.0), 1.01**65) < 1e-14


def test_the_quantile_is_within_its_bound():
    normal = NormalDist()
    for p in [*_random.uniform(1e-12, 1.0, 5000).tolist(), 0.02425, 0.97575, 0.5, 1e-15]:
        assert abs(normal_quantile(p) - normal.inv_cdf(p)) <= 1.2e-9 * max(abs(normal.inv_cdf(p)), 1e-6) + 1e-15


def test_the_quantile_grows():
    points = np.linspace(1e-6, 1.0 - 1e-6, 20_001).tolist()
    values = [normal_quantile(p) for p in points]
    assert all(a < b for a, b in pairwise(values))


def all_values() -> str:
    """Return a hash of many values of the four functions, to the last bit."""
    found = [exp(float(x)) for x in EXPONENTS] + [log(float(x)) for x in POSITIVE]
    found += [power(b, n) for b in (0.0, 0.3, 7.0, 1e3) for n in (0.5, 1.0, 1.7, 3.0, 64.0, 65.0)]
    found += [normal_quantile((i + 0.5) / 3000) for i in range(3000)]
    return hashlib.sha256(np.array(found).tobytes()).hexdigest()


def test_bits_are_the_same_without_the_jit():
    program = "from tests.kernels.test_dmath import all_values\nprint(all_values())"
    assert hash_in_process(program, NUMBA_DISABLE_JIT="1") == all_values()
