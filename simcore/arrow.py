"""Arrow's columns from and to numpy, by the short way.

Arrow's own `array` and `to_numpy` load pandas: a quarter of a second, which a replay does not need.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

_KINDS = (
    (pa.int8(), "i1"), (pa.int16(), "i2"), (pa.int32(), "i4"), (pa.int64(), "i8"), (pa.uint8(), "u1"), (pa.uint16(), "u2"),
    (pa.uint32(), "u4"), (pa.uint64(), "u8"), (pa.float16(), "f2"), (pa.float32(), "f4"), (pa.float64(), "f8"),
)  # fmt: skip
_TO_NUMPY = {kind: np.dtype(name) for kind, name in _KINDS}
_TO_ARROW = {dtype: kind for kind, dtype in _TO_NUMPY.items()}


def numbers(column: pa.ChunkedArray) -> Any:
    """Return a column of numbers, read-only, and without a copy where Arrow holds it in one piece.

    ValueError for nulls and other types.
    """
    dtype = _TO_NUMPY.get(column.type)
    if dtype is None or column.null_count:
        raise ValueError(f"it holds {column.type} with {column.null_count} nulls; expected numbers")
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    values = array.buffers()[1]
    if values is None or not len(array):
        return np.empty(0, dtype)
    return np.frombuffer(values, dtype, len(array), array.offset * dtype.itemsize)


def column_of(values: Any) -> pa.Array:
    """Return an array of numbers as a column; it shares the memory if the numbers lie side by side. KeyError for other types."""
    kept = np.ascontiguousarray(values)
    return pa.Array.from_buffers(_TO_ARROW[kept.dtype], len(kept), [None, pa.py_buffer(kept)])

