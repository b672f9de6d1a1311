"""The counter-based draws: uniform, independent between streams, a function of their arguments alone."""

import numpy as np
import pytest

from simcore import rng
from simcore.jit import expose

draw = expose(rng.draw)
mix32 = expose(rng.mix32)
COUNT = 20_000


def stream_of(seed: int, stream: int, count: int = COUNT) -> np.ndarray:
    return np.array([draw(seed, stream, i) for i in range(count)])


def reference(seed: int, stream: int, index: int) -> float:
    """The definition, in Python's unbounded integers."""
    mask = 0xFFFFFFFF

    def mix(word: int) -> int:
        word ^= word >> 16
        word = word * 0x21F0AAAD & mask
        word ^= word >> 15
        word = word * 0x735A2D97 & mask
        return word ^ word >> 15

    words = (seed & mask ^ 0x9E3779B9, seed >> 32 & mask, stream & mask)
    hashed = mix(words[0])
    for word in words[1:]:
        hashed = mix(hashed ^ word)
    hashed = mix((hashed + 0x85EBCA6B & mask) ^ (index & mask))
    high = mix(hashed ^ (index >> 32 & mask))
    low = mix(high + 0xC2B2AE35 + hashed & mask)
    return ((high << 20 | low >> 12) + 0.5) / 2**52


@pytest.mark.parametrize("seed", [0, 1, 42, (1 << 63) - 1, 1 << 40])
@pytest.mark.parametrize("stream", [0, 1, 3, 1 << 31])
def test_draws_follow_their_definition(seed, stream):
    for index in (0, 1, 2, 1000, (1 << 32) - 1, 1 << 32, 1 << 62):
        assert draw(seed, stream, index) == reference(seed, stream, index)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ((0, 0, 0), "0x1.42f0f4642557dp-1"),
        ((0, 0, 1), "0x1.cdf72ea75dad3p-1"),
        ((0, 1, 0), "0x1.3414908e6f657p-1"),
        ((1, 0, 0), "0x1.e9e14dd04bd83p-1"),
        ((42, 3, 1000), "0x1.d49f86b6d7847p-1"),
        (((1 << 63) - 1, 2, 1 << 40), "0x1.590e478f1da08p-4"),
    ],
)
def test_golden_draws(arguments, value):
    """Recorded runs rest on these: they never change."""
    assert float(draw(*arguments)).hex() == value


def test_mixing_is_one_to_one():
    words = list(range(20_000)) + [0xFFFFFFFF - i for i in range(20_000)]
    assert len({mix32(word) for word in words}) == len(words)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_draws_are_uniform(seed):
    values = stream_of(seed, 3)
    assert 0.0 < values.min()
    assert values.max() < 1.0
    counts = np.histogram(values, 100, (0.0, 1.0))[0]
    chi_square = ((counts - COUNT / 100) ** 2 / (COUNT / 100)).sum()
    assert 50 < chi_square < 160  # 99 degrees of freedom: 1e-4 on either side is 51 and 160
    assert abs(values.mean() - 0.5) < 4 * np.sqrt(1 / 12 / COUNT)


def test_streams_seeds_and_neighbours_are_uncorrelated():
    bound = 4.5 / np.sqrt(COUNT)
    base = stream_of(5, 0)
    for other in (stream_of(5, 1), stream_of(6, 0), stream_of(5 + (1 << 32), 0)):
        assert abs(np.corrcoef(base, other)[0, 1]) < bound
    for lag in (1, 2, 7, 64):
        assert abs(np.corrcoef(base[:-lag], base[lag:])[0, 1]) < bound


def test_every_bit_of_a_draw_is_a_coin():
    bits = (stream_of(9, 2) * 2**52).astype(np.int64)
    for place in range(52):
        assert abs((bits >> place & 1).mean() - 0.5) < 4.5 * 0.5 / np.sqrt(COUNT), place


def test_draws_differ():
    assert len({draw(seed, stream, i) for seed in range(10) for stream in range(10) for i in range(100)}) == 10_000
