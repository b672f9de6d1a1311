"""Counter-based random draws: `draw(seed, stream, index)` depends on its arguments only.

Evaluation order, lanes and chunking cannot change a draw. The mixer is the 32-bit `lowbias32` permutation
(C. Wellons, "Prospecting for Hash Functions", 2018), chained over the words of the arguments. Products are
masked to 32 bits, so that int64 machine code and unbounded Python integers agree.
"""

from __future__ import annotations

from simcore.jit import kernel

_MASK = 0xFFFFFFFF
_TO_UNIT = 1.0 / 4503599627370496.0  # 2^-52


@kernel
def mix32(word: int) -> int:
    """Return a bijective scramble of a 32-bit word (0 <= word < 2^32)."""
    word ^= word >> 16
    word = (word * 0x21F0AAAD) & _MASK
    word ^= word >> 15
    word = (word * 0x735A2D97) & _MASK
    return word ^ (word >> 15)


@kernel
def draw(seed: int, stream: int, index: int) -> float:
    """Return a uniform draw in the open interval (0, 1), 52 bits."""
    hashed = mix32((int(seed) & _MASK) ^ 0x9E3779B9)
    hashed = mix32(hashed ^ ((int(seed) >> 32) & _MASK))
    hashed = mix32(hashed ^ (int(stream) & _MASK))
    hashed = mix32((hashed + 0x85EBCA6B) & _MASK ^ (int(index) & _MASK))
    high = mix32(hashed ^ ((int(index) >> 32) & _MASK))
    low = mix32((high + 0xC2B2AE35 + hashed) & _MASK)
    return ((high << 20 | low >> 12) + 0.5) * _TO_UNIT
