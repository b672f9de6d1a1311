"""Uniform draws by counter, many at a time: the same numbers as `simcore.rng.draw`, in arrays.

A draw depends on (seed, stream, index) only, so neither the order of work nor the size of a batch can change a result.
"""

from __future__ import annotations

import numpy as np

from simcore.records import FloatArray, IntArray

_MASK = 0xFFFFFFFF
_TO_UNIT = 1.0 / 4503599627370496.0  # 2^-52


def uniforms(seed: int, stream: int, indices: IntArray) -> FloatArray:
    """Return the draws in (0, 1) of these indices, shaped like them; each equals `rng.draw(seed, stream, index)`."""
    index = np.asarray(indices, np.int64)
    word = _mix(np.array((seed & _MASK) ^ 0x9E3779B9, np.int64))
    word = _mix(word ^ ((seed >> 32) & _MASK))
    word = _mix(word ^ (stream & _MASK))
    word = _mix(((word + 0x85EBCA6B) & _MASK) ^ (index & _MASK))
    high = _mix(word ^ ((index >> 32) & _MASK))
    low = _mix((high + 0xC2B2AE35 + word) & _MASK)
    return np.asarray((((high << 20) | (low >> 12)) + 0.5) * _TO_UNIT, np.float64)


def picks(seed: int, stream: int, indices: IntArray, count: int) -> IntArray:
    """Return whole numbers from 0 to count - 1, each as likely, of these indices."""
    return (uniforms(seed, stream, indices) * count).astype(np.int64)


def _mix(word: IntArray) -> IntArray:
    """Return `rng.mix32` of each word; products stay below 2^63."""
    word = word ^ (word >> 16)
    word = (word * 0x21F0AAAD) & _MASK
    word = word ^ (word >> 15)
    word = (word * 0x735A2D97) & _MASK
    return word ^ (word >> 15)
