"""Rows of float64 to and from a strategy's Params and Memory; `simcore.link` generates this file for each strategy."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import chain
from simcore.records import FloatArray


@kernel
def load_params(row: FloatArray) -> chain.Params:
    """Build the parameters from a lane's row."""
    return chain.Params(row[0])


@kernel
def load_memory(row: FloatArray) -> chain.Memory:
    """Build the memory from a lane's row."""
    return chain.Memory(row[0])


@kernel
def save_memory(row: FloatArray, memory: chain.Memory) -> None:
    """Write the memory to a lane's row (mutated)."""
    row[0] = memory.unused
